// The Internet checksum (RFC 1071) and CRC32c (RFC 9260, appendix A).

/** One's complement sum of 16-bit words; the last odd byte counts as the high half. */
export function sum16(bytes: Uint8Array, start = 0, end = bytes.length, initial = 0): number {
  let sum = initial;
  let at = start;
  for (; at + 1 < end; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  if (at < end) sum += (bytes[at] as number) << 8;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

export const checksum16 = (bytes: Uint8Array, start = 0, end = bytes.length, initial = 0): number =>
  ~sum16(bytes, start, end, initial) & 0xffff;

/** Sum of the pseudo header: addresses, length, protocol. */
export function pseudoSum(src: Uint8Array, dst: Uint8Array, protocol: number, length: number): number {
  return sum16(src) + sum16(dst) + protocol + (length >>> 16) + (length & 0xffff);
}

const CASTAGNOLI = 0x82f63b78; // reflected
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1;
  return crc >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] as number);
  return ~crc >>> 0;
}
