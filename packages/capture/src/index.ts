// conntrack-capture: pcap and pcapng, read and written as streams. Runs anywhere: no Node modules from here on.

import { gunzip } from "./gunzip-native.js";
import { openWindow, type Unpackers, windowMemory } from "./open.js";
import { againOf, type CaptureSource, windowOf } from "./source.js";
import type { Capture, OpenOptions } from "./types.js";

const unpackers: Unpackers = {
  gzip: gunzip,
  async *zstd(packed) {
    const { unzstd } = await import("./unzstd.js");
    yield* unzstd(packed);
  },
};

/**
 * Opens a capture: pcap or pcapng, plain or compressed by gzip or zstd, told apart by their first bytes. Throws
 * CaptureError when the bytes are none of these.
 */
export async function openCapture(source: CaptureSource, options: OpenOptions = {}): Promise<Capture> {
  return openWindow(windowOf(source, windowMemory(options)), againOf(source), unpackers, options);
}

export { CaptureError, type CaptureErrorCode } from "./error.js";
export type { ByteSink, PacketInput } from "./output.js";
export { type BlockPacket, packetsOfBlock } from "./packets.js";
export { encodeRecord, RECORD_HEADER, type RecordInput, recordSize } from "./record.js";
export type { BlobLike, CaptureSource, StreamLike } from "./source.js";
export type {
  BlockOptions,
  Capture,
  CaptureInterface,
  CapturePacket,
  OpenOptions,
  PacketBlock,
  PcapBlock,
  RecordBlock,
} from "./types.js";
export { PcapWriter, type PcapWriterOptions } from "./write-pcap.js";
export { type InterfaceInput, PcapngWriter, type PcapngWriterOptions } from "./write-pcapng.js";
