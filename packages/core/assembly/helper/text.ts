// Scanning text in a payload: every function takes where to look and where the text ends, and reads nothing from there on.
// What it found is in the `after` of this file.

/** Where the last number or address ended. */
export let after: usize = 0;
/** The last address: 4 or 16 bytes. */
export const ADDRESS: usize = memory.data(16, 8);
const GROUPS6: usize = memory.data(32, 8);

/** The character at `at`; 0 behind the end. */
// @ts-ignore: decorator
@inline
export function charAt(at: usize, end: usize): u32 {
  return at < end ? <u32>load<u8>(at) : 0;
}

// @ts-ignore: decorator
@inline
export function isDigit(c: u32): bool {
  return c - 0x30 < 10;
}

// @ts-ignore: decorator
@inline
export function isLetter(c: u32): bool {
  return (c | 0x20) - 0x61 < 26;
}

/** A tab or a space. */
// @ts-ignore: decorator
@inline
export function isBlank(c: u32): bool {
  return c == 0x20 || c == 0x09;
}

/** CR or LF. */
// @ts-ignore: decorator
@inline
export function isNewline(c: u32): bool {
  return c == 0x0d || c == 0x0a;
}

/** True when `word` stands at `at`. */
export function same(at: usize, end: usize, word: string): bool {
  const n = word.length;
  if (at > end || end - at < <usize>n) return false;
  for (let i = 0; i < n; ++i) {
    if (<u16>load<u8>(at + i) != load<u16>(changetype<usize>(word) + (<usize>i << 1))) return false;
  }
  return true;
}

/** The same whatever the case; `word` is in lower case. */
export function alike(at: usize, end: usize, word: string): bool {
  const n = word.length;
  if (at > end || end - at < <usize>n) return false;
  for (let i = 0; i < n; ++i) {
    let c = <u32>load<u8>(at + i);
    if (c - 0x41 < 26) c |= 0x20;
    if (c != <u32>load<u16>(changetype<usize>(word) + (<usize>i << 1))) return false;
  }
  return true;
}

/** How many digits stand at `at`. */
export function digits(at: usize, end: usize): u32 {
  let n: u32 = 0;
  while (at + n < end && isDigit(load<u8>(at + n))) ++n;
  return n;
}

/** Digits a number may have, leading zeros and all. */
const MOST_DIGITS: u32 = 11;
/** False when the last number had no digits, too many, or more than 32 bits. */
export let readable: bool = false;

/** The decimal number at `at`; 0 when it is not `readable`. `after` is behind it. */
export function decimal(at: usize, end: usize): u32 {
  const n = digits(at, end);
  let value: u64 = 0;
  if (n <= MOST_DIGITS) for (let i: u32 = 0; i < n; ++i) value = value * 10 + <u64>(<u32>load<u8>(at + i) - 0x30);
  after = at + n;
  readable = n > 0 && n <= MOST_DIGITS && value <= 0xffffffff;
  return readable ? <u32>value : 0;
}

// 16 or more: not one.
function hexDigit(c: u32): u32 {
  if (isDigit(c)) return c - 0x30;
  const letter = (c | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : 16;
}

/** Reads a dotted quad into `to`. What follows may be anything but a dot or a hexadecimal digit. */
export function parse4(at: usize, end: usize, to: usize): bool {
  for (let i: usize = 0; i < 4; ++i) {
    const n = digits(at, end);
    let value: u32 = 0;
    for (let k: u32 = 0; k < n; ++k) {
      value = value * 10 + <u32>load<u8>(at + k) - 0x30;
      if (value > 255) return false;
    }
    if (n == 0) return false;
    store<u8>(to + i, <u8>value);
    at += n;
    if (i < 3 && charAt(at++, end) != 0x2e) return false;
  }
  const next = charAt(at, end);
  after = at;
  return next != 0x2e && hexDigit(next) == 16;
}

/** Reads an IPv6 address (RFC 4291 §2.2) into ADDRESS; it ends at the first character that cannot belong to it. */
export function parse6(at: usize, end: usize): bool {
  memory.fill(GROUPS6, 0, 32);
  let filled: usize = 0;
  let gap: usize = 99; // bytes in front of `::`
  if (charAt(at, end) == 0x3a && charAt(at + 1, end) == 0x3a) {
    gap = 0;
    at += 2;
  }
  for (;;) {
    const start = at;
    let group: u32 = 0;
    for (let h = hexDigit(charAt(at, end)); h < 16; h = hexDigit(charAt(++at, end))) {
      if (group >= 0x1000) return false;
      group = (group << 4) | h;
    }
    const next = charAt(at, end);
    if (at == start) {
      if (gap != filled || next == 0x3a || next == 0x2e) return false;
      break;
    }
    if (next == 0x2e) {
      if (filled != 12 && (gap == 99 || filled > 12)) return false;
      if (!parse4(start, end, GROUPS6 + filled)) return false;
      filled += 4;
      at = after;
      break;
    }
    store<u16>(GROUPS6 + filled, bswap<u16>(<u16>group));
    filled += 2;
    if (next != 0x3a) break;
    if (filled == 16) return false;
    ++at;
    if (charAt(at, end) == 0x3a) {
      if (gap != 99) return false;
      gap = filled;
      ++at;
    }
  }
  if (gap == 99) {
    if (filled != 16) return false;
    gap = 16;
  }
  memory.fill(ADDRESS, 0, 16);
  memory.copy(ADDRESS, GROUPS6, gap);
  memory.copy(ADDRESS + 16 - (filled - min(gap, filled)), GROUPS6 + min(gap, filled), filled - min(gap, filled));
  after = at;
  return true;
}
