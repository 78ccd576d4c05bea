// What helpers read: the payload of the packet at hand.
import { IPPROTO_TCP, REASON_HELPER_CUT } from "../abi";
import { Packet } from "../packet";
import { because } from "../why";

/** First byte of the transport payload, and how many there are; all of them are in memory when hasPayload() said so. */
export let data: usize = 0;
export let length: u32 = 0;

/**
 * Finds the payload of a TCP segment, or of a datagram with an 8-byte header. False when it is empty, or when the
 * capture did not keep all of it: then the packet's reason says so and nothing may be concluded.
 */
export function hasPayload(p: Packet): bool {
  const header: u32 = p.l4proto == <u8>IPPROTO_TCP ? <u32>p.doff : 8;
  if (p.l4Length <= header) return false;
  data = <usize>p.l4 + header;
  length = p.l4Length - header;
  if (p.l4Captured >= p.l4Length) return true;
  because(REASON_HELPER_CUT, length, p.l4Captured > header ? p.l4Captured - header : 0);
  return false;
}

// @ts-ignore: decorator
@inline
export function byteAt(i: u32): u32 {
  assert(i < length);
  return load<u8>(data + i);
}

// @ts-ignore: decorator
@inline
export function isDigit(byte: u32): bool {
  return byte - 48 < 10;
}

// @ts-ignore: decorator
@inline
export function lowerCase(byte: u32): u32 {
  return byte - 65 < 26 ? byte | 32 : byte;
}
