// pcapng options: code, length, value padded to 4, until code 0 or the end of the block.
//
//   0      2        4       4 + length, padded
//   │ code │ length │ value │
//
// An option that reaches over the end of its block ends the list: the block's own lengths were checked, and a packet
// with a broken comment is still a packet.

const OPTION_END = 0;
export const OPTION_COMMENT = 1;

export interface Option {
  /** Index of the value. */
  start: number;
  length: number;
}

/** The first option with this code between `start` and `end`, or null. */
export function findOption(view: DataView, start: number, end: number, little: boolean, wanted: number): Option | null {
  let at = start;
  while (end - at >= 4) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    if (code === OPTION_END || length > end - at - 4) return null;
    if (code === wanted) return { start: at + 4, length };
    at += 4 + padded(length);
  }
  return null;
}

/** All options with this code, in order. */
export function* findOptions(
  view: DataView,
  start: number,
  end: number,
  little: boolean,
  wanted: number,
): Generator<Option> {
  let option = findOption(view, start, end, little, wanted);
  while (option) {
    yield option;
    option = findOption(view, option.start + padded(option.length), end, little, wanted);
  }
}

/** Blocks and options are padded to 32 bits. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

const utf8 = new TextDecoder();

/** UTF-8; some writers count a terminating zero. */
export function decodeText(bytes: Uint8Array, { start, length }: Option): string {
  return utf8.decode(bytes.slice(start, start + length)).replace(/\0+$/, "");
}
