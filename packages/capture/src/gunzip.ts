// gzip (RFC 1952) by our own decoder: one member after the other, each with header, data, check.
//
//   0       2        3       4      8     9    10
//   │ 1f 8b │ method │ flags │ time │ xfl │ os │ extra, name, comment, header crc │ data … │ crc32 │ size │

import { crc32 } from "./crc32.js";
import { CaptureError } from "./error.js";
import { Inflate, InflateError } from "./inflate.js";
import type { Window } from "./window.js";

const HEADER = 10;
const TRAILER = 8;
const DEFLATE = 8;

const FLAG_HEADER_CRC = 2;
const FLAG_EXTRA = 4;
const FLAG_NAME = 8;
const FLAG_COMMENT = 16;
const FLAGS_RESERVED = 0xe0;

export async function* gunzip(packed: Window): AsyncGenerator<Uint8Array, void> {
  do {
    await skipHeader(packed);
    yield* unpackMember(packed);
  } while (await hasMember(packed));
}

/** What there is to unpack from a place on, up to the end or the damage. Closes the window. */
export async function* gunzipFrom(packed: Window, place: number): AsyncGenerator<Uint8Array, void> {
  try {
    let at = 0;
    for await (const bytes of gunzip(packed)) {
      const known = Math.min(Math.max(place - at, 0), bytes.length);
      at += bytes.length;
      if (known < bytes.length) yield bytes.subarray(known);
    }
  } finally {
    await packed.close();
  }
}

/** What follows the last member and is no member (padding of tapes and block devices) is ignored, as gzip does. */
async function hasMember(packed: Window): Promise<boolean> {
  if (!(await packed.fill(2))) return false;
  return packed.view.getUint16(packed.start) === 0x1f8b;
}

async function skipHeader(packed: Window): Promise<void> {
  await need(packed, HEADER);
  const { view, start, offset } = packed;
  const method = view.getUint8(start + 2);
  const flags = view.getUint8(start + 3);
  if (method !== DEFLATE || (flags & FLAGS_RESERVED) !== 0) {
    throw damaged(offset, `the gzip header has method ${method} and flags ${flags}, which do not exist`);
  }
  packed.skip(HEADER);
  if ((flags & FLAG_EXTRA) !== 0) {
    await need(packed, 2);
    const length = packed.view.getUint16(packed.start, true);
    await need(packed, 2 + length);
    packed.skip(2 + length);
  }
  if ((flags & FLAG_NAME) !== 0) await skipText(packed);
  if ((flags & FLAG_COMMENT) !== 0) await skipText(packed);
  if ((flags & FLAG_HEADER_CRC) !== 0) {
    await need(packed, 2);
    packed.skip(2);
  }
}

async function skipText(packed: Window): Promise<void> {
  for (;;) {
    await need(packed, 1);
    const end = packed.bytes.subarray(packed.start, packed.end).indexOf(0);
    packed.skip(end < 0 ? packed.size : end + 1);
    if (end >= 0) return;
  }
}

async function* unpackMember(packed: Window): AsyncGenerator<Uint8Array, void> {
  const inflate = new Inflate();
  let crc = 0;
  let size = 0;
  let final = false;
  while (!inflate.done) {
    let failure: unknown;
    try {
      inflate.run(packed.bytes.subarray(packed.start, packed.end), final);
    } catch (error) {
      failure = error;
    }
    packed.skip(Math.min(inflate.used, packed.size));
    const bytes = inflate.take();
    if (bytes.length > 0) {
      crc = crc32(crc, bytes);
      size += bytes.length;
      yield bytes;
    }
    if (failure instanceof InflateError) {
      throw failure.ended ? cut(packed) : damaged(packed.offset, `in the gzip data ${failure.message}`);
    }
    if (failure !== undefined) throw failure;
    if (inflate.used === 0 && bytes.length === 0) {
      if (final) throw cut(packed);
      final = !(await packed.fill(packed.size + 1));
    }
  }

  await need(packed, TRAILER);
  const { view, start, offset } = packed;
  if (view.getUint32(start, true) !== crc || view.getUint32(start + 4, true) !== size % 2 ** 32) {
    throw damaged(offset, "the checksum at the end of the gzip data is not that of what was unpacked");
  }
  packed.skip(TRAILER);
}

async function need(packed: Window, count: number): Promise<void> {
  if (!(await packed.fill(count))) throw cut(packed);
}

export function cut(packed: Window, cause?: unknown): CaptureError {
  const end = packed.offset + packed.size;
  return new CaptureError(
    "cut",
    end,
    `the gzip file is cut off at byte ${end}. All packets that could be unpacked were read`,
    "gzip",
    { cause },
  );
}

export function damaged(offset: number, what: string, cause?: unknown): CaptureError {
  return new CaptureError(
    "compression",
    offset,
    `the gzip file is damaged near byte ${offset}: ${what}. All packets that could be unpacked were read`,
    "gzip",
    { cause },
  );
}
