// Captures made by hand, field by field, so that the reader is not tested against our own writer alone.

import type { Capture, CapturePacket, OpenOptions } from "../src/index.js";
import { CaptureError, openCapture } from "../src/index.js";
import type { CaptureSource } from "../src/source.js";

export function concat(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** `count` bytes that are easy to recognise: from, from + 1, … */
export function bytes(count: number, from = 0): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => from + i);
}

/** Fields in one byte order. */
export class Fields {
  constructor(readonly little: boolean) {}

  u16(...values: number[]): Uint8Array {
    const view = new DataView(new ArrayBuffer(values.length * 2));
    for (const [i, value] of values.entries()) view.setUint16(i * 2, value, this.little);
    return new Uint8Array(view.buffer);
  }

  u32(...values: number[]): Uint8Array {
    const view = new DataView(new ArrayBuffer(values.length * 4));
    for (const [i, value] of values.entries()) view.setUint32(i * 4, value, this.little);
    return new Uint8Array(view.buffer);
  }

  u64(value: bigint): Uint8Array {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt.asUintN(64, value), this.little);
    return new Uint8Array(view.buffer);
  }
}

export const LITTLE = new Fields(true);
export const BIG = new Fields(false);

interface PcapHeader {
  magic?: number;
  major?: number;
  minor?: number;
  snaplen?: number;
  link?: number;
}

export function pcapHeader(f: Fields, header: PcapHeader = {}): Uint8Array {
  const { magic = 0xa1b2c3d4, major = 2, minor = 4, snaplen = 65_535, link = 1 } = header;
  return concat(f.u32(magic), f.u16(major, minor), f.u32(0, 0, snaplen, link));
}

export function pcapRecord(
  f: Fields,
  seconds: number,
  fraction: number,
  data: Uint8Array,
  length = data.length,
): Uint8Array {
  return concat(f.u32(seconds, fraction, data.length, length), data);
}

export function padded(data: Uint8Array): Uint8Array {
  return concat(data, new Uint8Array(-data.length & 3));
}

export function block(f: Fields, type: number, ...body: Uint8Array[]): Uint8Array {
  const content = concat(...body);
  const length = 12 + content.length;
  return concat(f.u32(type, length), content, f.u32(length));
}

export function option(f: Fields, code: number, value: Uint8Array): Uint8Array {
  return concat(f.u16(code, value.length), padded(value));
}

export const endOfOptions = new Uint8Array(4);

export function section(f: Fields, ...options: Uint8Array[]): Uint8Array {
  return block(f, 0x0a0d0d0a, f.u32(0x1a2b3c4d), f.u16(1, 0), f.u64(-1n), ...options);
}

export function interfaceBlock(f: Fields, link: number, snaplen: number, ...options: Uint8Array[]): Uint8Array {
  return block(f, 1, f.u16(link, 0), f.u32(snaplen), ...options);
}

export function enhanced(
  f: Fields,
  index: number,
  ticks: bigint,
  data: Uint8Array,
  length = data.length,
  ...options: Uint8Array[]
): Uint8Array {
  const high = Number(ticks >> 32n);
  const low = Number(ticks & 0xffff_ffffn);
  return block(f, 6, f.u32(index, high, low, data.length, length), padded(data), ...options);
}

export interface Read {
  capture: Capture | null;
  packets: CapturePacket[];
  error: unknown;
}

/** Everything a source gives, copied, and the error it ends with. */
export async function readAll(source: CaptureSource, options?: OpenOptions, open = openCapture): Promise<Read> {
  const read: Read = { capture: null, packets: [], error: null };
  try {
    read.capture = await open(source, options);
    for await (const packet of read.capture.packets()) read.packets.push({ ...packet, data: packet.data.slice() });
  } catch (error) {
    read.error = error;
  }
  return read;
}

/** A stream that gives `data` in pieces of `size` bytes. */
export async function* pieces(data: Uint8Array, size: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < data.length; at += size) yield data.slice(at, at + size);
}

export function captureError(error: unknown): CaptureError {
  if (error instanceof CaptureError) return error;
  throw error ?? new Error("there was no error");
}

/** Numbers that look random and are the same every time (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
