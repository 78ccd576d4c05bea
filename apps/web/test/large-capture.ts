// A large capture for the app: the mix of the benchmarks, with whole packets or cut behind their headers.
import { closeSync, openSync, writeSync } from "node:fs";
import { mixChunks } from "../../../benchmarks/src/mix.js";

const RECORD_HEADER = 16;
const FILE_HEADER = 24;

/** Writes a pcap file; returns how many packets it holds, and its bytes. */
export function writeLarge(path: string, packets: number, whole: boolean): { packets: number; bytes: number } {
  const header = Buffer.alloc(FILE_HEADER);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const file = openSync(path, "w");
  const written = { packets: 0, bytes: FILE_HEADER };
  writeSync(file, header);
  for (const chunk of mixChunks({ flows: Math.ceil(packets / 20), packets, seed: 1 }, 8192)) {
    const bytes = whole ? withPayload(chunk.bytes) : chunk.bytes;
    writeSync(file, bytes);
    written.packets += chunk.packets;
    written.bytes += bytes.length;
  }
  closeSync(file);
  return written;
}

/** The records with the zeros they stand for. */
function withPayload(records: Uint8Array): Uint8Array {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  let size = 0;
  for (let at = 0; at < records.length; at += RECORD_HEADER + view.getUint32(at + 8, true))
    size += RECORD_HEADER + view.getUint32(at + 12, true);
  const out = Buffer.alloc(size);
  let to = 0;
  for (let at = 0; at < records.length; ) {
    const captured = view.getUint32(at + 8, true);
    const length = view.getUint32(at + 12, true);
    out.set(records.subarray(at, at + RECORD_HEADER + captured), to);
    out.writeUInt32LE(length, to + 8);
    at += RECORD_HEADER + captured;
    to += RECORD_HEADER + length;
  }
  return out;
}
