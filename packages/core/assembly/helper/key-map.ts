// What completes the tuple of a PPTP GRE packet. The packet has the call id of its receiver; the one of its sender stands here,
// as the control connection agreed on it: (source, destination, receiver's id) -> sender's id. IPv4 only, as PPTP is.
//
//   0     4     8      10      12     14
//   │ src │ dst │ call │ other │ next │ used │ 16      heads: u16 each, place + 1; 0 none
import { IPPROTO_GRE, L3_IPV4 } from "../abi";
import { setKey } from "../decode/key";
import { KEY_BUCKETS, KEY_HEADS, KEY_MAP, KEY_PLACES } from "../memory-map";
import { KIND_ERROR, Packet, SELF } from "../packet";
import { candidateOf } from "../table";

@unmanaged
class Key {
  src: u32;
  dst: u32;
  call: u16;
  other: u16;
  next: u16;
  used: u16;
}

/** Entries in use: GRE packets ask only while there are any. */
export let keys: u32 = 0;
/** Behind the highest place ever used, and the first free one below it. */
let top: u32 = 0;
let free: u32 = 0;

export function clearKeyMap(): void {
  keys = 0;
  top = 0;
  free = 0;
  memory.fill(KEY_HEADS, 0, KEY_BUCKETS * 2);
}

// @ts-ignore: decorator
@inline
function keyAt(place: u32): Key {
  return changetype<Key>(KEY_MAP + (<usize>(place - 1) << 4));
}

function headOf(src: u32, dst: u32, call: u32): usize {
  const mixed = (src ^ rotl<u32>(dst, 13) ^ (call * 0x9e37)) * 0x9e3779b1;
  return KEY_HEADS + <usize>(mixed >> 22) * 2;
}

/** The sender's id for a packet, as it would lie in the packet; 0 when nobody agreed on one. The oldest entry counts. */
export function otherKey(src: u32, dst: u32, call: u32): u32 {
  for (let place: u32 = load<u16>(headOf(src, dst, call)); place; place = keyAt(place).next) {
    const key = keyAt(place);
    if (key.src == src && key.dst == dst && <u32>key.call == call) return key.other;
  }
  return 0;
}

/** True when the entry in a place is the one for such packets. */
export function isKey(place: u32, src: u32, dst: u32, call: u32): bool {
  const key = keyAt(place);
  return key.src == src && key.dst == dst && <u32>key.call == call;
}

/** Adds an entry, behind those that are alike; 0 when there is no room. */
export function addKey(src: u32, dst: u32, call: u32, other: u32): u32 {
  let place = free;
  if (place) free = keyAt(place).next;
  else if (top < KEY_PLACES) place = ++top;
  else return 0;
  const key = keyAt(place);
  key.src = src;
  key.dst = dst;
  key.call = <u16>call;
  key.other = <u16>other;
  key.next = 0;
  key.used = 1;
  let link = headOf(src, dst, call);
  while (load<u16>(link)) link = changetype<usize>(keyAt(load<u16>(link))) + offsetof<Key>("next");
  store<u16>(link, <u16>place);
  ++keys;
  return place;
}

export function removeKey(place: u32): void {
  const key = keyAt(place);
  assert(key.used == 1);
  let link = headOf(key.src, key.dst, key.call);
  while (<u32>load<u16>(link) != place) link = changetype<usize>(keyAt(load<u16>(link))) + offsetof<Key>("next");
  store<u16>(link, key.next);
  key.used = 0;
  key.next = <u16>free;
  free = place;
  --keys;
}

/**
 * Gives a GRE packet of a known call, or the one an ICMP error quotes, the tuple it has. Not part of decoding, since a packet
 * decoded in the same batch may have agreed on the call.
 */
export function completeGre(p: Packet): void {
  if (<u32>p.l3num != L3_IPV4 || <u32>((p.key1 >> 32) & 0xff) != IPPROTO_GRE) return;
  const quoted = p.kind == KIND_ERROR;
  if (!quoted && (p.l4Length < 8 || (load<u8>(p.l4, 1) & 7) != 1)) return;
  const src = quoted ? p.datum : p.src;
  const dst = quoted ? p.datum + 4 : p.dst;
  // the source part is still 0: what is in the key is the call id
  const call = <u32>((p.key1 | (p.key1 >> 16)) & 0xffff);
  const other = otherKey(load<u32>(src), load<u32>(dst), call);
  if (other == 0) return;
  const outerSrc = p.src;
  const outerDst = p.dst;
  p.src = src;
  p.dst = dst;
  setKey(p, other, call, IPPROTO_GRE);
  p.src = outerSrc;
  p.dst = outerDst;
  if (quoted && p.swapped != SELF) p.swapped ^= 1;
  p.candidate = candidateOf(p.hash);
}
