// The key of a packet: its tuple in the canonical form that both directions share, with protocol, family and zone.
import { L3_IPV4 } from "../abi";
import { foldAddresses, hashKey } from "../hash";
import { Packet, SELF } from "../packet";
import { candidateOf } from "../table";

/**
 * Sets key, hash and `swapped` from a source and a destination part (16 bits each, as they lie in the packet).
 * Canonical: the side whose (address, part) is smaller comes first, compared as loaded.
 */
export function setKey(p: Packet, srcPart: u32, dstPart: u32, l4proto: u32): void {
  const src = <usize>p.src;
  const dst = <usize>p.dst;
  let swapped: u32;
  if (p.l3num == L3_IPV4) {
    const a = <u64>load<u32>(src);
    const b = <u64>load<u32>(dst);
    const s = (a << 16) | <u64>srcPart;
    const d = (b << 16) | <u64>dstPart;
    swapped = <u32>(s > d);
    p.key0 = swapped ? b | (a << 32) : a | (b << 32);
    p.swapped = s == d ? SELF : <u8>swapped;
  } else {
    const order = compare6(src, dst);
    swapped = <u32>(order != 0 ? order > 0 : srcPart > dstPart);
    setAddresses6(p, swapped);
    p.swapped = order == 0 && srcPart == dstPart ? SELF : <u8>swapped;
  }
  p.key1 = portsWord(swapped ? dstPart : srcPart, swapped ? srcPart : dstPart, l4proto, p);
  p.hash = hashKey(p.key0, p.key1);
}

/** Gives a packet with a key another zone, for both directions (`dirs` 0) or one. */
export function moveToZone(p: Packet, zone: u32, dirs: u32): void {
  p.zone = <u16>zone;
  p.zoneDirs = <u8>dirs;
  p.key1 = (p.key1 & 0xffffffffffff) | (<u64>zone << 48);
  p.hash = hashKey(p.key0, p.key1);
  p.candidate = candidateOf(p.hash);
}

/** ICMP: the asking side comes first, and the type is that of the request. */
export function setQueryKey(p: Packet, id: u32, typeCode: u32, isReply: bool, l4proto: u32): void {
  const swapped = <u32>isReply;
  if (p.l3num == L3_IPV4) {
    const a = <u64>load<u32>(p.src);
    const b = <u64>load<u32>(p.dst);
    p.key0 = isReply ? b | (a << 32) : a | (b << 32);
  } else setAddresses6(p, swapped);
  p.swapped = <u8>swapped;
  p.key1 = portsWord(id, typeCode, l4proto, p);
  p.hash = hashKey(p.key0, p.key1);
}

// @ts-ignore: decorator
@inline
function portsWord(a: u32, b: u32, l4proto: u32, p: Packet): u64 {
  return <u64>(a | (b << 16)) | (<u64>(l4proto | (<u32>p.l3num << 8) | (<u32>p.zone << 16)) << 32);
}

function setAddresses6(p: Packet, swapped: u32): void {
  p.a6 = swapped ? p.dst : p.src;
  p.b6 = swapped ? p.src : p.dst;
  p.key0 = foldAddresses(p.a6, p.b6);
}

/** Which of two IPv6 addresses is the larger, as loaded. */
// @ts-ignore: decorator
@inline
export function compare6(a: usize, b: usize): i32 {
  const x = load<u64>(a);
  const y = load<u64>(b);
  if (x != y) return x > y ? 1 : -1;
  const u = load<u64>(a, 8);
  const v = load<u64>(b, 8);
  return u == v ? 0 : u > v ? 1 : -1;
}
