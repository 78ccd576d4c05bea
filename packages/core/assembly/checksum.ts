// The Internet checksum (RFC 1071) and CRC32c (RFC 9260 appendix A).
/**
 * One's complement sum of `n` bytes, not folded, in network order as loaded. 32 bytes a step: u16 lanes are added in pairs
 * to u32 ones, two sums side by side, so 2^15 steps fit.
 */
export function sumBytes(p: usize, n: u32): u64 {
  let even = i64x2.splat(0);
  let odd = i64x2.splat(0);
  const end = p + (n & ~31);
  for (; p < end; p += 32) {
    even = i32x4.add(even, i32x4.extadd_pairwise_i16x8_u(v128.load(p)));
    odd = i32x4.add(odd, i32x4.extadd_pairwise_i16x8_u(v128.load(p, 16)));
  }
  if (n & 16) {
    even = i32x4.add(even, i32x4.extadd_pairwise_i16x8_u(v128.load(p)));
    p += 16;
  }
  const all = i32x4.add(even, odd);
  return <u64><u32>i32x4.extract_lane(all, 0) + <u64><u32>i32x4.extract_lane(all, 1) + <u64><u32>i32x4.extract_lane(all, 2) +
    <u64><u32>i32x4.extract_lane(all, 3) + sumRest(p, n);
}

// The last 0 to 15 bytes. Sums of u32 fold to the same as sums of u16.
// @ts-ignore: decorator
@inline
function sumRest(p: usize, n: u32): u64 {
  let sum: u64 = 0;
  if (n & 8) {
    sum = <u64>load<u32>(p) + <u64>load<u32>(p, 4);
    p += 8;
  }
  if (n & 4) {
    sum += load<u32>(p);
    p += 4;
  }
  if (n & 2) {
    sum += load<u16>(p);
    p += 2;
  }
  return n & 1 ? sum + load<u8>(p) : sum;
}

/** Folds a sum to 16 bits; a correct packet gives 0xffff. */
export function foldSum(sum: u64): u32 {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return <u32>sum;
}

/** True if the checksum of an IPv4 header is right. Sums of u32 fold to the same as sums of u16. */
export function headerSumOk(ip: usize, header: u32): bool {
  let sum: u64 = 0;
  for (let i: u32 = 0; i < header; i += 4) sum += load<u32>(ip + i);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

/** The same of a header without options: every packet of the fast decoder. */
// @ts-ignore: decorator
@inline
export function shortHeaderSumOk(ip: usize): bool {
  return foldsToOnes(<u64>load<u32>(ip) + <u64>load<u32>(ip, 4) + <u64>load<u32>(ip, 8) + <u64>load<u32>(ip, 12) + <u64>load<u32>(ip, 16));
}

/**
 * True if a sum folds to 0xffff: when it is divisible by 0xffff, and not 0, which the caller's cannot be. One multiplication tells
 * (Warren, Hacker's Delight, §10-17).
 */
// @ts-ignore: decorator
@inline
export function foldsToOnes(sum: u64): bool {
  return sum * 0xfffefffefffeffff <= 0x0001000100010001;
}

/** The pseudo header: addresses of `addressBytes` each (4 or 16), protocol and length (RFC 793, RFC 8200 §8.1). */
export function pseudoSum(src: usize, dst: usize, addressBytes: u32, l4proto: u32, length: u32): u64 {
  const big = bswap<u32>(length);
  const sum = <u64>load<u32>(src) + <u64>load<u32>(dst) + <u64>(l4proto << 8) + <u64>(big & 0xffff) + <u64>(big >> 16);
  return addressBytes == 4 ? sum : sum + restOfAddress(src) + restOfAddress(dst);
}

// What an IPv6 address has more than an IPv4 one. Sums of u32 fold to the same as sums of u16.
// @ts-ignore: decorator
@inline
function restOfAddress(at: usize): u64 {
  return <u64>load<u32>(at, 4) + <u64>load<u32>(at, 8) + <u64>load<u32>(at, 12);
}

const CRC_TABLE: usize = memory.data(256 * 4, 4);
let crcReady: bool = false;

function makeCrcTable(): void {
  for (let i: u32 = 0; i < 256; ++i) {
    let c = i;
    for (let k = 0; k < 8; ++k) c = c & 1 ? (c >> 1) ^ 0x82f63b78 : c >> 1;
    store<u32>(CRC_TABLE + (<usize>i << 2), c);
  }
  crcReady = true;
}

function crcStep(crc: u32, byte: u32): u32 {
  return (crc >> 8) ^ load<u32>(CRC_TABLE + (<usize>((crc ^ byte) & 255) << 2));
}

/** True if the CRC32c of an SCTP packet, its own field taken as zero, is the one in the field. */
export function sctpChecksumOk(p: usize, n: u32): bool {
  if (!crcReady) makeCrcTable();
  let crc: u32 = 0xffffffff;
  for (let i: u32 = 0; i < n; ++i) crc = crcStep(crc, i - 8 < 4 ? 0 : load<u8>(p + i));
  return ~crc == load<u32>(p, 8);
}
