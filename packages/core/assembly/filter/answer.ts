// What a question about a packet can be answered with.
import { Packet } from "../packet";

export const NO: u32 = 0;
export const YES: u32 = 1;
/** No, also when the question is turned round: there is nothing to ask. */
export const NEVER: u32 = 2;
/** What was captured or told does not decide it. */
export const UNKNOWN: u32 = 3;
/** The packet is dropped: what the match reads is not in it (the kernel's hotdrop). */
export const HOT: u32 = 4;

// The first `n` bytes of the transport header: there, not part of the packet, or cut by the capture.
// @ts-ignore: decorator
@inline
export function there(p: Packet, n: u32): u32 {
  return p.l4Captured >= n ? YES : p.l4Length < n ? NEVER : UNKNOWN;
}

/** The same for `n` bytes from the network header on. */
export function within(p: Packet, n: u32): u32 {
  if (n <= captured(p)) return YES;
  return n > p.ipLength ? NEVER : UNKNOWN;
}

/** Bytes of the IP packet that are there. */
// @ts-ignore: decorator
@inline
export function captured(p: Packet): u32 {
  return p.l4 > p.ip ? p.l4 - p.ip + p.l4Captured : 0;
}
