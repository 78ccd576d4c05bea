// zstd (RFC 8878): where frames and blocks begin and end. What is inside a block is for a decoder.
//
//   frame      0       4            5        ≤ 18
//              │ magic │ descriptor │ window, dictionary, size │ block … │ checksum, if any │
//   block      3 bytes: last (1 bit), type (2), size (21), then the content
//   skippable  0       4      8
//              │ magic │ size │ anything │
//
// Walking the blocks ourselves has three reasons: decoders disagree about files of several frames, a header can ask for
// a window of terabytes, and after a cut we know exactly which blocks are whole.

import { CaptureError } from "./error.js";
import type { Window } from "./window.js";

/** As `zstd -d` without --long: a decoder keeps this much of the past. */
const MAX_WINDOW = 128 << 20;

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const RLE = 1;
const RESERVED = 3;

/** A frame header or a block with its header; the block that ends a frame has the frame's checksum behind it. */
export interface ZstdPiece {
  /** Valid until the next piece. */
  bytes: Uint8Array;
  /** Where the piece begins in the file. */
  offset: number;
  first: boolean;
  last: boolean;
}

export async function* zstdPieces(packed: Window): AsyncGenerator<ZstdPiece, void> {
  while (await packed.fill(1)) {
    await need(packed, 4);
    const magic = packed.view.getUint32(packed.start, true);
    if (magic === MAGIC) yield* pieces(packed);
    else if ((magic & 0xffff_fff0) === SKIPPABLE_MAGIC) await skipFrame(packed);
    else throw damaged(packed.offset, "there is no frame where one must begin");
  }
}

async function* pieces(packed: Window): AsyncGenerator<ZstdPiece, void> {
  await need(packed, 5);
  const descriptor = packed.view.getUint8(packed.start + 4);
  const header = headerSize(descriptor);
  await need(packed, header);
  checkHeader(packed, descriptor);
  yield take(packed, header, true, false);

  const checksum = (descriptor & 4) !== 0 ? 4 : 0;
  for (let last = false; !last; ) {
    await need(packed, 3);
    const { view, start } = packed;
    const block = view.getUint16(start, true) | (view.getUint8(start + 2) << 16);
    const type = (block >> 1) & 3;
    if (type === RESERVED) throw damaged(packed.offset, "a block has the type that is not used");
    last = (block & 1) !== 0;
    const size = 3 + (type === RLE ? 1 : block >> 3) + (last ? checksum : 0);
    if (size > 131_072 + 7) throw damaged(packed.offset, `a block claims ${size} bytes, more than 128 KiB`);
    await need(packed, size);
    yield take(packed, size, false, last);
  }
}

function headerSize(descriptor: number): number {
  return 5 + (isSingle(descriptor) ? 0 : 1) + dictionarySize(descriptor) + contentSizeSize(descriptor);
}

function isSingle(descriptor: number): boolean {
  return (descriptor & 0x20) !== 0;
}

function dictionarySize(descriptor: number): number {
  return [0, 1, 2, 4][descriptor & 3] as number;
}

function contentSizeSize(descriptor: number): number {
  return [isSingle(descriptor) ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
}

function checkHeader({ view, start, offset }: Window, descriptor: number): void {
  if ((descriptor & 8) !== 0) throw damaged(offset, "a reserved bit of the frame header is set");
  const afterWindow = start + (isSingle(descriptor) ? 5 : 6);
  for (let i = 0; i < dictionarySize(descriptor); i++) {
    if (view.getUint8(afterWindow + i) === 0) continue;
    throw new CaptureError(
      "unsupported",
      offset,
      `the zstd frame at byte ${offset} was packed with a dictionary; unpack it with zstd -d -D first`,
      "zstd",
    );
  }
  const window = isSingle(descriptor)
    ? contentSize(view, afterWindow + dictionarySize(descriptor), contentSizeSize(descriptor))
    : windowSize(view.getUint8(start + 5));
  if (window > MAX_WINDOW) {
    throw new CaptureError(
      "unsupported",
      offset,
      `the zstd frame at byte ${offset} needs a window of ${window} bytes, more than ${MAX_WINDOW}; unpack it with ` +
        "zstd -d --long=31 first",
      "zstd",
    );
  }
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentSize(view: DataView, at: number, bytes: number): number {
  switch (bytes) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

async function skipFrame(packed: Window): Promise<void> {
  await need(packed, 8);
  let left = 8 + packed.view.getUint32(packed.start + 4, true);
  while (left > 0) {
    await need(packed, 1);
    const count = Math.min(left, packed.size);
    packed.skip(count);
    left -= count;
  }
}

function take(packed: Window, size: number, first: boolean, last: boolean): ZstdPiece {
  const { bytes, start, offset } = packed;
  packed.skip(size);
  return { bytes: bytes.subarray(start, start + size), offset, first, last };
}

async function need(packed: Window, count: number): Promise<void> {
  if (await packed.fill(count)) return;
  const end = packed.offset + packed.size;
  throw new CaptureError(
    "cut",
    end,
    `the zstd file is cut off at byte ${end}. All packets that could be unpacked were read`,
    "zstd",
  );
}

export function damaged(offset: number, what: string, cause?: unknown): CaptureError {
  return new CaptureError(
    "compression",
    offset,
    `the zstd file is damaged near byte ${offset}: ${what}. All packets that could be unpacked were read`,
    "zstd",
    { cause },
  );
}
