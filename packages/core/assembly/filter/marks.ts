// A bit for each word of the program: what begins there. Needed while it is looked at, before it is accepted.
import { PROGRAM_MARKS } from "../memory-map";

export function clearMarks(size: u32): void {
  memory.fill(PROGRAM_MARKS, 0, (size >> 5) + 1);
}

/** Marks the word at a position; false if it was marked. */
export function mark(at: u32): bool {
  const byte = PROGRAM_MARKS + (at >> 5);
  const bit = <u32>1 << ((at >> 2) & 7);
  const before = <u32>load<u8>(byte);
  store<u8>(byte, <u8>(before | bit));
  return (before & bit) == 0;
}

export function isMarked(at: u32): bool {
  return ((<u32>load<u8>(PROGRAM_MARKS + (at >> 5)) >> ((at >> 2) & 7)) & 1) != 0;
}
