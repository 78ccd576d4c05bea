// Packets as objects: one at a time from a capture, or all of a block.

import type { RecordReader } from "./reader.js";
import { RECORD_HEADER, recordSize } from "./record.js";
import { Time } from "./time.js";
import type { CapturePacket, PacketBlock, PcapBlock, RecordBlock } from "./types.js";
import { viewOf } from "./window.js";

export async function* packetsOf(reader: RecordReader): AsyncGenerator<CapturePacket, void> {
  while (await reader.advance()) {
    const { window, dataStart } = reader;
    const packet: CapturePacket = {
      time: reader.time.big,
      link: reader.link,
      interface: reader.interface,
      length: reader.length,
      data: window.bytes.subarray(dataStart, dataStart + reader.captured),
      comments: reader.comments(),
      flags: reader.flags,
      offset: window.offset,
    };
    reader.consume();
    yield packet;
  }
}

/** A packet as a block tells it: blocks leave out comments and file offsets. */
export type BlockPacket = Omit<CapturePacket, "comments" | "offset">;

/** The packets of a block, whatever its framing. Valid as long as the block is. */
export function packetsOfBlock(block: PacketBlock): Generator<BlockPacket, void> {
  return block.framing === "pcap" ? ofPcap(block) : ofRecords(block);
}

function* ofPcap(block: PcapBlock): Generator<BlockPacket, void> {
  const { bytes, link } = block;
  const view = viewOf(bytes);
  const little = !block.swapped;
  const unit = block.nanoseconds ? 1 : 1000;
  const time = new Time();
  for (let at = 0, i = 0; i < block.count; i++) {
    const captured = view.getUint32(at + 8, little);
    time.setSeconds(view.getUint32(at, little), view.getUint32(at + 4, little) * unit);
    const data = bytes.subarray(at + 16, at + 16 + captured);
    yield { time: time.big, link, interface: 0, length: view.getUint32(at + 12, little), data, flags: 0 };
    at += 16 + captured;
  }
}

function* ofRecords({ bytes, count }: RecordBlock): Generator<BlockPacket, void> {
  const view = viewOf(bytes);
  for (let at = 0, i = 0; i < count; i++) {
    const captured = view.getUint32(at + 12, true);
    yield {
      time: view.getBigUint64(at, true),
      length: view.getUint32(at + 8, true),
      link: view.getUint16(at + 16, true),
      interface: view.getUint16(at + 18, true),
      flags: view.getUint32(at + 20, true),
      data: bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + captured),
    };
    at += recordSize(captured);
  }
}
