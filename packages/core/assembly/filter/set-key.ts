// What a packet has of the parts of a set's elements: the key to look it up by.
//
//   lengths of the networks u8 ×2, protocol u8, spare │ port in host order, or mark │ address ×1 or ×4 │ another one │ link address ×2
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, L3_IPV4, L3_IPV6 } from "../abi";
import { be16, be32 } from "../bytes";
import { Packet } from "../packet";
import { NO, there, UNKNOWN, YES } from "./answer";
import { inInterface, leaves, mark, outInterface } from "./context";
import { sourceMac } from "./header";
import { isOutput } from "./place";
import {
  INTERFACE_NONE, INTERFACE_UNKNOWN, SET_ADDRESS, SET_ANY_FAMILY, SET_BARE_PORT, SET_DIMENSIONS_SHIFT, SET_FILLED, SET_FIRST, SET_IFACE, SET_LAST, SET_LIST,
  SET_MAC, SET_MARK, SET_MARK_MASK, SET_MASK, SET_NOT_ZERO, SET_PORT, SET_RANGE, SET_SECOND, SET_SHAPE, SET_SIX,
} from "./numbers";

const KEY_SIZE: usize = 48;
export const SET_KEY: usize = memory.data(48, 8);
/** Where the first address lies in it; the second one follows. */
export const KEY_ADDRESS: usize = 8;
/** Bit of the interface, and the link address as sets that fill it in have it. */
export let keyInterface: u32 = 0;
export let macLow: u32 = 0;
export let macHigh: u32 = 0;

// @ts-ignore: decorator
@inline
export function shapeOf(set: usize): u32 {
  return load<u32>(set, SET_SHAPE * 4);
}

/** Words of one of its addresses. */
// @ts-ignore: decorator
@inline
export function addressWords(shape: u32): u32 {
  return shape & SET_SIX ? 4 : 1;
}

/** Words of its keys. */
export function keyWords(shape: u32): u32 {
  if (shape & SET_LIST) return 1;
  const addresses: u32 = (shape & SET_ADDRESS ? 1 : 0) + (shape & SET_SECOND ? 1 : 0);
  return 2 + addresses * addressWords(shape) + ((shape & (SET_MAC | SET_FILLED)) == SET_MAC ? 2 : 0);
}

/** A rule with these directions may ask this set about the packet. */
export function fits(p: Packet, shape: u32, directions: u32): bool {
  if (((directions >> 8) & 7) < ((shape >> SET_DIMENSIONS_SHIFT) & 7)) return false;
  return (shape & SET_ANY_FAMILY) != 0 || <u32>p.l3num == (shape & SET_SIX ? <u32>L3_IPV6 : <u32>L3_IPV4);
}

/** Fills SET_KEY; networks are whole addresses. NO: the packet has no such thing; UNKNOWN: it may, and it is not known what. */
export function readKey(p: Packet, set: usize, directions: u32): u32 {
  const shape = shapeOf(set);
  const words = addressWords(shape);
  let at = SET_KEY + KEY_ADDRESS;
  let part: u32 = 0;
  let answer: u32 = YES;
  memory.fill(SET_KEY, 0, KEY_SIZE);
  if (shape & SET_ADDRESS) {
    const address: usize = directions & 1 ? p.src : p.dst;
    if (shape & SET_RANGE && !inRange(set, be32(address))) return NO;
    if (!keepAddress(set, address, at, words) && shape & SET_NOT_ZERO) return NO;
    at += <usize>words << 2;
    part = 1;
  }
  if (shape & (SET_PORT | SET_BARE_PORT)) {
    const got = readPort(p, ((directions >> part) & 1) != 0, (shape & SET_BARE_PORT) != 0);
    if (got == NO || (got == YES && shape & SET_RANGE && !inRange(set, load<u32>(SET_KEY, 4)))) return NO;
    if (got == UNKNOWN) answer = UNKNOWN;
    ++part;
  }
  if (shape & SET_SECOND) {
    keepAddress(set, (directions >> part) & 1 ? p.src : p.dst, at, words);
    at += <usize>words << 2;
  }
  if (shape & SET_MAC) {
    const got = readMac(p, ((directions >> part) & 1) != 0);
    if (got == NO) return NO;
    if (got == UNKNOWN) answer = UNKNOWN;
    if (!(shape & SET_FILLED)) {
      store<u32>(at, macLow);
      store<u32>(at, macHigh, 4);
    }
  }
  if (shape & SET_MARK) store<u32>(SET_KEY, mark & load<u32>(set, SET_MARK_MASK * 4), 4);
  if (shape & SET_IFACE) {
    const number: u32 = (directions >> part) & 1 ? inInterface : leaves ? outInterface : INTERFACE_NONE;
    if (number == INTERFACE_NONE) return NO;
    if (number == INTERFACE_UNKNOWN) answer = UNKNOWN;
    keyInterface = 1 << number;
  }
  return answer;
}

// @ts-ignore: decorator
@inline
function inRange(set: usize, value: u32): bool {
  return value >= load<u32>(set, SET_FIRST * 4) && value <= load<u32>(set, SET_LAST * 4);
}

// False: it is all zeros.
function keepAddress(set: usize, address: usize, key: usize, words: u32): bool {
  let any: u32 = 0;
  for (let i: usize = 0; i < words; ++i) {
    const word = load<u32>(address + (i << 2)) & load<u32>(set + (i << 2), SET_MASK * 4);
    store<u32>(key + (i << 2), word);
    any |= word;
  }
  return any != 0;
}

// The headers that have to be there whole: what the kernel looks at.
function portBytes(protocol: u32): u32 {
  switch (protocol) {
    case IPPROTO_TCP:
      return 20;
    case IPPROTO_SCTP:
      return 12;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return 8;
    default:
      return 0;
  }
}

// ICMP has type and code for a port; what has no ports has 0.
function readPort(p: Packet, source: bool, bare: bool): u32 {
  const protocol = <u32>p.l4proto;
  if (bare && protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return NO;
  const least = portBytes(protocol);
  if (least) {
    const icmp = protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
    // a snaplen that leaves the ports is enough
    const answer = there(p, icmp ? 2 : 4);
    if (answer != YES || p.l4Length < least) return answer == UNKNOWN && p.l4Length >= least ? UNKNOWN : NO;
    store<u32>(SET_KEY, be16(p.l4 + (icmp || source ? 0 : 2)), 4);
  }
  if (!bare) store<u8>(SET_KEY, <u8>protocol, 2);
  return YES;
}

// Nobody has written one on what the box sends itself.
function readMac(p: Packet, source: bool): u32 {
  if (isOutput()) return NO;
  const at = sourceMac(p);
  if (at < 2) return at == 0 ? NO : UNKNOWN;
  // cooked captures keep the sender's alone
  if (!source && <u32>p.link != 1) return UNKNOWN;
  const mac = source ? at : at - 6;
  macLow = load<u32>(mac);
  macHigh = <u32>load<u16>(mac, 4);
  return <u32>((macLow | macHigh) != 0);
}
