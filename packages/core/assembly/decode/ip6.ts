// The chain of IPv6 extension headers (RFC 8200 §4).

/** Results of ip6Walk(): the transport protocol, and how far behind the fixed header it begins. */
export let ip6Protocol: u32 = 0;
export let ip6Transport: u32 = 0;

/** A transport header was found. */
export const IP6_FOUND: u32 = 0;
/** Truncated chain, or "no next header". */
export const IP6_BAD: u32 = 1;
/** The capture ends within the chain. */
export const IP6_CUT: u32 = 2;
/** A fragment header with an offset or more to come; ip6Transport is the offset of that header. */
export const IP6_FRAGMENT: u32 = 3;
/** A fragment header of a whole packet (RFC 6946). */
export const IP6_ATOMIC: u32 = 4;

/** Walks from the header `next` at `p`, with `available` of `payload` bytes there. */
export function ip6Walk(next: u32, p: usize, available: u32, payload: u32): u32 {
  let at: u32 = 0;
  for (;;) {
    ip6Protocol = next;
    ip6Transport = at;
    if (next == 59) return IP6_BAD;
    if (next != 0 && next != 43 && next != 60 && next != 51 && next != 44) return IP6_FOUND;
    const least: u32 = next == 44 ? 8 : 2;
    if (at + least > available) return at + least > payload ? IP6_BAD : IP6_CUT;
    const following = <u32>load<u8>(p + at);
    let size: u32 = 8;
    if (next == 44) {
      ip6Protocol = following;
      return load<u16>(p + at, 2) & 0xf9ff ? IP6_FRAGMENT : IP6_ATOMIC;
    }
    const units = <u32>load<u8>(p + at, 1);
    size = next == 51 ? (units + 2) << 2 : (units + 1) << 3;
    if (at + size > payload) return IP6_BAD;
    at += size;
    next = following;
    if (at > available) {
      ip6Protocol = next;
      ip6Transport = at;
      return IP6_CUT;
    }
  }
  return IP6_BAD;
}
