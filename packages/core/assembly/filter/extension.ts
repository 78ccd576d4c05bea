// Questions about the extension headers of IPv6.
import { be16, be32 } from "../bytes";
import { Packet } from "../packet";
import { HOT, NEVER, NO, UNKNOWN, within, YES } from "./answer";
import {
  FRAG_FIRST, FRAG_LAST, FRAG_LENGTH, FRAG_LENGTH_NOT, FRAG_MORE, FRAG_RESERVED, MATCH_AH6, MATCH_EUI64, MATCH_FRAG6, MATCH_IP6_HEADERS,
  MATCH_IP6_OPTIONS, MATCH_RT, RT_ADDRESSES, RT_LENGTH, RT_LENGTH_NOT, RT_NOT_STRICT, RT_RESERVED, RT_SEGMENTS_NOT, RT_TYPE, RT_TYPE_NOT,
} from "./numbers";

const HOP_BY_HOP: u32 = 0;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const ESP: u32 = 50;
const AUTH: u32 = 51;
const NONE: u32 = 59;
const DESTINATION: u32 = 60;

/** Offset of the header that was found, and its length. */
let header: u32 = 0;
let length: u32 = 0;

// @ts-ignore: decorator
@inline
function isExtension(next: u32): bool {
  return next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT || next == AUTH || next == NONE || next == DESTINATION;
}

function lengthOf(next: u32, p: Packet, at: u32): u32 {
  const units = <u32>load<u8>(p.ip + at, 1);
  return next == FRAGMENT ? 8 : next == AUTH ? (units + 2) << 2 : (units + 1) << 3;
}

// NEVER: there is none. HOT: the chain breaks off before.
function find(p: Packet, wanted: u32): u32 {
  let next = <u32>load<u8>(p.ip, 6);
  let at: u32 = 40;
  while (next != wanted) {
    if (!isExtension(next) || next == NONE) return NEVER;
    const answer = within(p, at + 8);
    if (answer != YES) return within(p, at + 2) == NEVER ? HOT : answer == NEVER ? NEVER : UNKNOWN;
    const size = lengthOf(next, p, at);
    next = load<u8>(p.ip + at);
    at += size;
  }
  header = at;
  const least = within(p, at + (wanted == AUTH ? 12 : wanted == FRAGMENT ? 8 : 2));
  if (least != YES) return least == NEVER ? HOT : UNKNOWN;
  length = lengthOf(wanted, p, at);
  return wanted == FRAGMENT ? YES : within(p, at + length);
}

export function askExtension(op: u32, at: usize, words: u32, p: Packet): u32 {
  switch (op) {
    case MATCH_AH6:
      return auth(p, at);
    case MATCH_RT:
      return routing(p, at, (words - 6) >> 2);
    case MATCH_IP6_OPTIONS:
      return options(p, at, words - 4);
    case MATCH_FRAG6:
      return fragment(p, at);
    case MATCH_IP6_HEADERS:
      return headers(p, at);
    case MATCH_EUI64:
      return eui64(p);
    default: // MATCH_UNDECIDED
      return UNKNOWN;
  }
}

// @ts-ignore: decorator
@inline
function inRange(value: u32, at: usize, inverted: u32): bool {
  return <u32>(value >= load<u32>(at) && value <= load<u32>(at, 4)) != inverted;
}

function auth(p: Packet, at: usize): u32 {
  const there = find(p, AUTH);
  if (there != YES) return there;
  const wanted = load<u32>(at, 12);
  return <u32>(
    inRange(be32(p.ip + header, 4), at, load<u32>(at, 8)) && (wanted == 0 || <u32>(wanted == length) != load<u32>(at, 16)) &&
    (load<u32>(at, 20) == 0 || be16(p.ip + header, 2) == 0)
  );
}

function fragment(p: Packet, at: usize): u32 {
  const there = find(p, FRAGMENT);
  if (there != YES) return there;
  const flags = load<u32>(at);
  const word = be16(p.ip + header, 2);
  const size = load<u32>(at, 16);
  return <u32>(
    inRange(be32(p.ip + header, 4), at + 4, load<u32>(at, 12)) && (!(flags & FRAG_LENGTH) || (size == 8) != ((flags & FRAG_LENGTH_NOT) != 0)) &&
    (!(flags & FRAG_RESERVED) || (load<u8>(p.ip + header, 1) == 0 && (word & 6) == 0)) && (!(flags & FRAG_FIRST) || word >> 3 == 0) &&
    (!(flags & FRAG_MORE) || (word & 1) != 0) && (!(flags & FRAG_LAST) || (word & 1) == 0)
  );
}

function routing(p: Packet, at: usize, count: u32): u32 {
  const there = find(p, ROUTING);
  if (there != YES) return there;
  const flags = load<u32>(at);
  const type = <u32>load<u8>(p.ip + header, 2);
  const left = <u32>load<u8>(p.ip + header, 3);
  if (!inRange(left, at + 8, <u32>((flags & RT_SEGMENTS_NOT) != 0))) return NO;
  if (flags & RT_LENGTH && (length == load<u32>(at, 16)) == ((flags & RT_LENGTH_NOT) != 0)) return NO;
  if (flags & RT_TYPE && (type == load<u32>(at, 4)) == ((flags & RT_TYPE_NOT) != 0)) return NO;
  if (flags & RT_RESERVED && load<u32>(p.ip + header, 4) != 0) return NO;
  return flags & RT_ADDRESSES ? addresses(p.ip + header + 8, (length - 8) >> 4, at + 20, count, (flags & RT_NOT_STRICT) != 0) : YES;
}

// The addresses in this order: exactly these, or with others between.
function addresses(have: usize, there: u32, wanted: usize, count: u32, between: bool): u32 {
  if (count > there || (!between && count != there)) return NO;
  let found: u32 = 0;
  for (let i: u32 = 0; i < there && found < count; ++i) {
    const a = have + (<usize>i << 4);
    const b = wanted + (<usize>found << 4);
    if (load<u64>(a) == load<u64>(b) && load<u64>(a, 8) == load<u64>(b, 8)) ++found;
    else if (!between) return NO;
  }
  return <u32>(found == count);
}

// The options in this order from the first on. A padding byte has no length.
function options(p: Packet, at: usize, count: u32): u32 {
  const there = find(p, load<u32>(at));
  if (there != YES) return there;
  const flags = load<u32>(at, 4);
  if (flags & 1 && <u32>(length == load<u32>(at, 8)) == ((flags >> 1) & 1)) return NO;
  if (!(flags & 4)) return YES;
  let option: usize = p.ip + header + 2;
  let left = <i32>length - 2;
  for (let i: u32 = 0; i < count; ++i) {
    if (left < 1) return NO;
    const wanted = load<u32>(at + 12 + (<usize>i << 2));
    const type = <u32>load<u8>(option);
    if (type != (wanted & 0xff)) return NO;
    let size: i32 = 1;
    if (type) {
      if (left < 2) return NO;
      const own = <u32>load<u8>(option, 1);
      if (wanted >> 8 != 0xff && wanted >> 8 != own) return NO;
      size = <i32>own + 2;
    }
    if (left < size && i + 1 < count) return NO;
    option += size;
    left -= size;
  }
  return YES;
}

const BIT_ESP: u32 = 4;
const BIT_NONE: u32 = 2;
const BIT_TRANSPORT: u32 = 1;

function headerBit(next: u32): u32 {
  return next == HOP_BY_HOP ? 0x80 : next == DESTINATION ? 0x40 : next == ROUTING ? 0x20 : next == FRAGMENT ? 0x10 : 8;
}

function headers(p: Packet, at: usize): u32 {
  let next = <u32>load<u8>(p.ip, 6);
  let offset: u32 = 40;
  let seen: u32 = 0;
  while (isExtension(next) && next != NONE) {
    if (within(p, offset + 2) != YES) return within(p, offset + 2);
    seen |= headerBit(next);
    const size = lengthOf(next, p, offset);
    next = load<u8>(p.ip + offset);
    offset += size;
    if (offset > p.ipLength) break;
  }
  if (next == NONE) seen |= BIT_NONE;
  else seen |= next == ESP ? BIT_ESP : BIT_TRANSPORT;
  const wanted = load<u32>(at);
  const inverted = load<u32>(at, 8);
  if (load<u32>(at, 4)) return <u32>(((seen ^ wanted ^ (inverted ? 0xff : 0)) & wanted) == 0);
  return <u32>(seen == wanted) ^ inverted;
}

function eui64(p: Packet): u32 {
  if (p.link != 1) return UNKNOWN;
  const mac = <usize>p.frame + 6;
  const id = <usize>p.src + 8;
  return <u32>(
    (load<u8>(mac) ^ 2) == load<u8>(id) && load<u16>(mac, 1) == load<u16>(id, 1) && load<u16>(id, 3) == 0xfeff &&
    load<u16>(mac, 3) == load<u16>(id, 5) && load<u8>(mac, 5) == load<u8>(id, 7)
  );
}
