// An IPv6 address as text (RFC 4291 §2.2), read the way in6_pton does: up to a delimiter that must follow.

const GROUPS: usize = memory.data(16, 8);

// A zero byte ends it like the delimiter.
function isEnd(byte: u32, delimiter: u32): bool {
  return byte == delimiter || byte == 0;
}

function hexValue(byte: u32): u32 {
  if (byte - 48 < 10) return byte - 48;
  const low = byte | 32;
  return low - 97 < 6 ? low - 87 : 16;
}

/**
 * Reads the address at `text`, at most `length` bytes, ended by `delimiter`; a dotted IPv4 address may be its end. Writes
 * 16 bytes to `to` and returns the length of the text, or 0.
 */
export function parseIp6(text: usize, length: u32, delimiter: u32, to: usize): u32 {
  let bytes: u32 = 0; // written to GROUPS
  let gap: i32 = -1; // where the run of zeros stands
  let i: u32 = 0;
  if (length >= 2 && load<u8>(text) == 58) {
    if (load<u8>(text, 1) != 58) return 0;
    gap = 0;
    i = 2;
  }
  let ended = i < length && isEnd(load<u8>(text + i), delimiter);
  while (!ended) {
    if (bytes == 16) return 0;
    const start = i;
    let value: u32 = 0;
    while (i < length && value < 0x1000) { // any number of zeros may lead
      const digit = hexValue(load<u8>(text + i));
      if (digit > 15 || <u32>load<u8>(text + i) == delimiter) break;
      value = (value << 4) | digit;
      ++i;
    }
    if (i == start || i == length) return 0;
    const byte = <u32>load<u8>(text + i);
    if (byte == 46 && delimiter != 46) {
      const end = parseDotted(text, start, length, delimiter, bytes);
      if (end == 0) return 0;
      bytes += 4;
      i = end;
      break;
    }
    store<u16>(GROUPS + bytes, bswap<u16>(<u16>value));
    bytes += 2;
    if (isEnd(byte, delimiter)) break;
    if (byte != 58) return 0;
    ++i;
    if (i == length) return 0;
    if (load<u8>(text + i) == 58) {
      if (gap >= 0) return 0;
      gap = bytes;
      ++i;
      if (i == length) return 0;
      ended = isEnd(load<u8>(text + i), delimiter);
    }
  }
  if (gap < 0 ? bytes != 16 : bytes >= 16) return 0;
  const head = gap < 0 ? bytes : <u32>gap;
  memory.fill(to, 0, 16);
  memory.copy(to, GROUPS, head);
  memory.copy(to + 16 - (bytes - head), GROUPS + head, bytes - head);
  return i;
}

// Four decimal bytes from `i` on; the index of the delimiter behind them, or 0.
function parseDotted(text: usize, i: u32, length: u32, delimiter: u32, bytes: u32): u32 {
  if (bytes > 12) return 0;
  for (let k: u32 = 0; k < 4; ++k) {
    const start = i;
    let value: u32 = 0;
    while (i < length && <u32>load<u8>(text + i) - 48 < 10 && value < 256) {
      value = value * 10 + (<u32>load<u8>(text + i) - 48);
      ++i;
    }
    if (i == start || i == length || value > 255) return 0;
    store<u8>(GROUPS + bytes + k, <u8>value);
    const byte = <u32>load<u8>(text + i);
    if (k == 3) return isEnd(byte, delimiter) ? i : 0;
    if (byte != 46) return 0;
    ++i;
  }
  return 0;
}
