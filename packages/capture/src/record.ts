// The record: a packet in the form the engine's input block takes, the same for every capture format.
//
//   0      8        12         16     18          20      24        24 + captured, padded to 8
//   │ time │ length │ captured │ link │ interface │ flags │ bytes … │
//
// Little-endian; every record begins at a multiple of 8 from the start of its block.
//
// time       u64, nanoseconds since 1970
// length     u32, bytes on the wire
// captured   u32, bytes that follow
// link       u16, LINKTYPE_
// interface  u16, index over the whole capture
// flags      u32, bits 0-1 of epb_flags: the direction, 1 inbound, 2 outbound; the other bits are for those who feed an engine
// padding    zero

import type { RecordReader } from "./reader.js";
import { Time } from "./time.js";
import { viewOf } from "./window.js";

export const RECORD_HEADER = 24;

/** Bytes a record takes with `captured` bytes of packet. */
export function recordSize(captured: number): number {
  return (RECORD_HEADER + captured + 7) & ~7;
}

export interface RecordInput {
  time: bigint;
  link: number;
  interface?: number;
  /** Default: `data.length`. */
  length?: number;
  data: Uint8Array;
  flags?: number;
}

/**
 * Writes `packet` as a record at `offset`, a multiple of 8, and returns the offset behind it. The caller makes room:
 * `recordSize(packet.data.length)` bytes.
 */
export function encodeRecord(target: Uint8Array, offset: number, packet: RecordInput): number {
  const { data } = packet;
  const end = offset + recordSize(data.length);
  if (offset % 8 !== 0) throw new RangeError(`a record begins at a multiple of 8, not at ${offset}`);
  if (end > target.length) throw new RangeError(`a record of ${end - offset} bytes does not fit at ${offset}`);
  const time = new Time();
  time.setBig(packet.time);
  const view = viewOf(target);
  putHeader(view, offset, time, packet.length ?? data.length, data.length, packet.link, packet.interface ?? 0);
  view.setUint32(offset + 20, packet.flags ?? 0, true);
  target.set(data, offset + RECORD_HEADER);
  target.fill(0, offset + RECORD_HEADER + data.length, end);
  return end;
}

/** The same for the packet a reader has at hand: no objects are made. */
export function copyRecord(target: Uint8Array, view: DataView, offset: number, reader: RecordReader): number {
  const { bytes } = reader.window;
  const { dataStart, captured } = reader;
  putHeader(view, offset, reader.time, reader.length, captured, reader.link, reader.interface);
  // The direction alone: for engines the other bits have another meaning.
  view.setUint32(offset + 20, reader.flags & 3, true);
  const at = offset + RECORD_HEADER;
  if (captured < 48) {
    // Below this size a loop is faster than the view that `set` needs.
    for (let i = 0; i < captured; i++) target[at + i] = bytes[dataStart + i] as number;
  } else {
    target.set(bytes.subarray(dataStart, dataStart + captured), at);
  }
  const end = offset + recordSize(captured);
  for (let i = at + captured; i < end; i++) target[i] = 0;
  return end;
}

function putHeader(
  view: DataView,
  offset: number,
  time: Time,
  length: number,
  captured: number,
  link: number,
  interfaceIndex: number,
): void {
  view.setUint32(offset, time.low, true);
  view.setUint32(offset + 4, time.high, true);
  view.setUint32(offset + 8, length, true);
  view.setUint32(offset + 12, captured, true);
  view.setUint16(offset + 16, link, true);
  view.setUint16(offset + 18, interfaceIndex, true);
}
