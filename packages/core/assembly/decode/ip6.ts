// The chain of IPv6 extension headers (RFC 8200 §4).

/** Results of ip6Walk(): the transport protocol, and how far behind the fixed header it begins. */
export let ip6Protocol: u32 = 0;
export let ip6Transport: u32 = 0;

/** A transport header was found, perhaps behind what was captured. */
export const IP6_FOUND: u32 = 0;
/** Truncated chain, or "no next header". */
export const IP6_BAD: u32 = 1;
/** The capture ends within the chain. */
export const IP6_CUT: u32 = 2;
/** A fragment header; ip6Transport is the offset of that header, of which fewer than 8 bytes may be there. */
export const IP6_FRAGMENT: u32 = 3;

const FRAGMENT: u32 = 44;
const NO_NEXT: u32 = 59;
// options
const PAD1: u8 = 0;
const JUMBO: u8 = 0xc2;

// Hop-by-hop, routing, fragment, AH, none, destination options: what the kernel takes for an extension header.
// @ts-ignore: decorator
@inline
function isExtension(next: u32): bool {
  return next == 0 || next == 43 || next == FRAGMENT || next == 51 || next == NO_NEXT || next == 60;
}

/**
 * Walks from the header `next` at `p`, with `available` of `payload` bytes there. `through`: fragment headers with
 * offset 0 are passed like the others, as behind defragmentation and in quotes; without it the first one ends the walk.
 */
export function ip6Walk(next: u32, p: usize, available: u32, payload: u32, through: bool = false): u32 {
  let at: u32 = 0;
  for (;;) {
    ip6Protocol = next;
    ip6Transport = at;
    if (!isExtension(next)) return IP6_FOUND;
    if (next == NO_NEXT) return IP6_BAD;
    const fragment = next == FRAGMENT;
    if (fragment && !through) return fragmentHeader(p, at, available, payload);
    // the kernel looks at the offset of a fragment header, and at two bytes of the others
    const least: u32 = fragment ? 4 : 2;
    if (at + least > available) return at + least > payload ? IP6_BAD : IP6_CUT;
    if (fragment && load<u16>(p + at, 2) & 0xf8ff) return IP6_FRAGMENT;
    const following = <u32>load<u8>(p + at);
    const units = <u32>load<u8>(p + at, 1);
    at += fragment ? 8 : next == 51 ? (units + 2) << 2 : (units + 1) << 3;
    next = following;
    if (at > payload) {
      // the last header claims more than there is: a protocol that needs no header is tracked all the same
      ip6Protocol = next;
      ip6Transport = payload;
      return isExtension(next) ? IP6_BAD : IP6_FOUND;
    }
  }
  return IP6_BAD;
}

/**
 * What the IP layer demands of a hop-by-hop header behind the fixed one, before anybody else sees the packet: that it and
 * its options end where they say, and that none gives a jumbo length to a packet that has a length. What was not captured
 * is taken to be sound.
 */
export function hopByHopSound(p: usize, available: u32, payload: u32): bool {
  if (available < 2) return payload >= 2;
  const length = (<u32>load<u8>(p, 1) + 1) << 3;
  if (length > payload) return false;
  let at: u32 = 2;
  while (at < length) {
    if (at >= available) return true;
    const option = load<u8>(p + at);
    if (option == PAD1) {
      at++;
      continue;
    }
    if (option == JUMBO) return false;
    if (at + 1 >= length) return false;
    if (at + 1 >= available) return true;
    at += <u32>load<u8>(p + at, 1) + 2;
  }
  return at == length;
}

function fragmentHeader(p: usize, at: u32, available: u32, payload: u32): u32 {
  if (payload == 0) return IP6_BAD;
  if (at + 8 > available) return available < payload ? IP6_CUT : IP6_FRAGMENT;
  ip6Protocol = load<u8>(p + at);
  return IP6_FRAGMENT;
}
