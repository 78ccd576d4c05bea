// Several engines share the work by host pair: each sees every packet, so that the clock, the numbers of frames and the
// datagrams fragments make are the same everywhere, and says something of those of its shard. Both directions, fragments,
// and errors about them stay together.
//
// Helpers announce across host pairs. So every engine follows the connections a helper may read, whosever they are, and has
// all expectations; of a packet of another shard that fits one, only that shard's engine knows whether it opens a connection:
// it is asked (docs/decisions/0011-workers.md).
import { IPPROTO_GRE, IPPROTO_TCP, IPPROTO_UDP, L3_IPV6, RECORD_HELPER_SHIFT } from "./abi";
import { frame } from "./frame";
import { helpersAssigned, mayRead, mayReadGre } from "./helper/assign";
import { KIND_ACK, KIND_ERROR, KIND_FRAGMENT, KIND_FOREIGN, KIND_TCP, KIND_TRACK, Packet, RECORD_FOREIGN } from "./packet";

/** Tells whether the packet `index` of this call opens a connection in its own engine; waits for it. */
// @ts-ignore: decorator
@external("env", "opens")
declare function opens(index: u32, frame: u32, owner: u32): bool;

export let shard: u32 = 0;
export let shards: u32 = 1;
/** A packet named a helper: then connections of any port may have one. */
let named: bool = false;

export function setShard(index: u32, count: u32): void {
  shard = index;
  shards = count;
}

/** No helper can come to any connection, so that nothing of another shard matters here. */
export function standsAlone(): bool {
  return !named && !helpersAssigned();
}

/** True if a record with these flags names a helper; then no engine stands alone any more. */
// @ts-ignore: decorator
@inline
export function namesHelper(flags: u32): bool {
  if (((flags >> RECORD_HELPER_SHIFT) & 15) == 0) return false;
  named = true;
  return true;
}

/** ownerOf() cannot tell. */
export const NOBODY: u32 = 0xffffffff;

/**
 * Whose a frame is, by its addresses alone: Ethernet, TCP or UDP, IPv4 without options and not a fragment, or IPv6 without
 * extension headers. Whatever else may be wrong with it, its addresses say it, so that it need not be decoded.
 */
export function ownerOf(frame: usize, captured: u32): u32 {
  if (captured < 42) return NOBODY;
  const head = load<u64>(frame, 12); // ethertype, version and header length
  const next = load<u32>(frame, 20); // of IPv4: fragment word, TTL, protocol
  const proto = next >> 24;
  if ((<u32>head & 0xffffff) == 0x450008 && (next & 0xff3f) == 0 && (proto == IPPROTO_TCP || proto == IPPROTO_UDP)) {
    return spread(load<u32>(frame, 26), load<u32>(frame, 30));
  }
  return (<u32>head & 0xf0ffff) == 0x60dd86 && captured >= 54 ? ownerOf6(frame) : NOBODY;
}

function ownerOf6(frame: usize): u32 {
  const proto = <u32>load<u8>(frame, 20);
  return proto == IPPROTO_TCP || proto == IPPROTO_UDP ? shardOf6(frame + 22, frame + 38) : NOBODY;
}

/** True when another engine tracks the packet. */
export function isForeign(p: Packet): bool {
  return shards > 1 && shardOf(p) != shard;
}

/**
 * Says of a packet just decoded whose it is. One that cannot matter here is taken out of the way: an empty group and slot 0
 * cost the loops over the batch nothing.
 */
export function claim(p: Packet): void {
  if (helperNamed(p)) named = true;
  p.foreign = <u8>isForeign(p);
  if (!p.foreign || p.kind == KIND_FRAGMENT) return;
  if (named || helpersAssigned()) {
    p.record |= <u16>RECORD_FOREIGN;
    if (p.kind == KIND_ACK) p.kind = KIND_TCP;
    return;
  }
  p.kind = KIND_FOREIGN;
  p.l3num = 0;
  p.hash = 0;
}

// The same for both directions, and for an ICMP error as for the packet it quotes, whose tuple is the one it has. What
// needs no connection goes to the first shard.
function shardOf(p: Packet): u32 {
  switch (p.kind) {
    case KIND_TCP:
    case KIND_ACK:
    case KIND_TRACK:
    case KIND_ERROR:
      return p.l3num == L3_IPV6 ? shardOf6(p.a6, p.b6) : spread(<u32>p.key0, <u32>(p.key0 >> 32));
    case KIND_FRAGMENT:
      return p.l3num == L3_IPV6 ? shardOf6(p.src, p.dst) : spread(load<u32>(p.src), load<u32>(p.dst));
    default:
      return 0;
  }
}

function shardOf6(a: usize, b: usize): u32 {
  return spread(fold6(a), fold6(b));
}

// @ts-ignore: decorator
@inline
export function fold6(at: usize): u32 {
  const words = load<u64>(at) * 0x9e3779b97f4a7c15 + load<u64>(at, 8);
  return <u32>(words ^ (words >> 32));
}

// @ts-ignore: decorator
@inline
export function spread(a: u32, b: u32): u32 {
  const mixed = (<u64>(a ^ b) + (<u64>(a + b) << 32)) * 0xd6e8feb86659fd93;
  return <u32>(((mixed >> 32) * <u64>shards) >> 32);
}

// ---- what all engines follow

/** The first packet of its connection would get a helper by its record. */
export function helperNamed(p: Packet): bool {
  return ((<u32>p.record >> RECORD_HELPER_SHIFT) & 15) != 0;
}

/**
 * True when a helper may come to the packet's connection by its ports, whichever direction opened it; and for GRE when PPTP
 * may, since the end of a call ends its GRE flow.
 */
export function isShared(p: Packet): bool {
  const l4proto = <u32>(p.key1 >> 32) & 0xff;
  if (l4proto == IPPROTO_GRE) return named || mayReadGre();
  const ports = <u32>p.key1;
  return mayRead(l4proto, bswap<u16>(<u16>ports)) || mayRead(l4proto, bswap<u16>(<u16>(ports >> 16)));
}

let index: u32 = 0;

/** The place of the packet at hand in the call. */
export function setIndex(i: u32): void {
  index = i;
}

/** Whether a packet of another shard opens a connection there. */
export function opensElsewhere(p: Packet): bool {
  return opens(index, frame, shardOf(p));
}
