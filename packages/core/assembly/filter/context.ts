// What rules see of the packet at hand beside its bytes: its connection, its way through the box, and its mark.
import { L3_IPV4 } from "../abi";
import { be16, be32 } from "../bytes";
import { Conn } from "../conn";
import { Packet } from "../packet";

/** Null when the packet is INVALID, UNTRACKED, or not asked about yet. */
export let conn: Conn = changetype<Conn>(0);
export let ctDirection: u32 = 0;
/** Bit STATE_*; before connection tracking: INVALID, as for any packet without an entry. */
export let stateBit: u32 = 0;
export let inInterface: u32 = 0;
export let outInterface: u32 = 0;
/** The packet's own mark. */
export let mark: u32 = 0;

/** The hook is one in which the packet has somewhere to go: FORWARD, OUTPUT, POSTROUTING. */
export let leaves: bool = false;

export function setLeaves(yes: bool): void {
  leaves = yes;
}

/** What routing and rules did to the packet's TTL and TOS so far; the bytes of the packet stay as they came. */
let ttlAdded: i32 = 0;
let tosClear: u32 = 0;
let tosXor: u32 = 0;
/** Bytes that rules added. */
let grown: u32 = 0;

let changed: bool = false;

export function clearChanges(): void {
  ttlAdded = 0;
  if (!changed) return;
  changed = false;
  tosClear = 0;
  tosXor = 0;
  grown = 0;
  mark = 0;
}

export function addTtl(p: Packet, hops: i32): void {
  const now = ttlOf(p);
  ttlAdded += max<i32>(0, min<i32>(255, <i32>now + hops)) - <i32>now;
}

export function grow(bytes: u32): void {
  changed = true;
  grown += bytes;
}

/** Length of the IP packet. */
// @ts-ignore: decorator
@inline
export function lengthNow(p: Packet): u32 {
  return p.ipLength + grown;
}

export function changeTos(clear: u32, xor: u32): void {
  changed = true;
  tosXor = (tosXor & ~clear) ^ xor;
  tosClear |= clear;
}

/** TTL or hop limit. */
export function ttlOf(p: Packet): u32 {
  return (<u32>load<u8>(p.ip + (p.l3num == L3_IPV4 ? 8 : 7)) + ttlAdded) & 0xff;
}

/** TOS or traffic class. */
export function tosOf(p: Packet): u32 {
  const tos = p.l3num == L3_IPV4 ? <u32>load<u8>(p.ip, 1) : (be16(p.ip) >> 4) & 0xff;
  return (tos & ~tosClear) ^ tosXor;
}

/** Four bytes of the packet as they are now: TTL, TOS and the checksum over them may have changed. */
export function wordNow(p: Packet, at: u32): u32 {
  const word = be32(p.ip + at);
  if (at > 11 || (ttlAdded | tosClear | tosXor) == 0) return word;
  let value: u32 = 0;
  for (let i = at; i < at + 4; ++i) value = (value << 8) | byteNow(p, i);
  return value;
}

function byteNow(p: Packet, at: u32): u32 {
  const byte = <u32>load<u8>(p.ip + at);
  const tos = tosOf(p);
  if (p.l3num != L3_IPV4) {
    if (at == 7) return ttlOf(p);
    return at == 0 ? (byte & 0xf0) | (tos >> 4) : at == 1 ? (byte & 0x0f) | ((tos & 15) << 4) : byte;
  }
  if (at == 1) return tos;
  if (at == 8) return ttlOf(p);
  if (at != 10 && at != 11) return byte;
  // RFC 1624: the checksum follows the two words that changed
  let sum = (~be16(p.ip, 10) & 0xffff) + (~be16(p.ip) & 0xffff) + (~be16(p.ip, 8) & 0xffff);
  sum += ((be16(p.ip) & 0xff00) | tos) + ((be16(p.ip, 8) & 0xff) | (ttlOf(p) << 8));
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
  return at == 10 ? sum >> 8 : sum & 0xff;
}

// @ts-ignore: decorator
@inline
export function setConn(c: Conn, dir: u32, state: u32): void {
  conn = c;
  ctDirection = dir;
  stateBit = 1 << state;
}

// @ts-ignore: decorator
@inline
export function setInterfaces(inside: u32, outside: u32): void {
  inInterface = inside & 31;
  outInterface = outside & 31;
}

// @ts-ignore: decorator
@inline
export function setPacketMark(value: u32): void {
  changed = true;
  mark = value;
}
