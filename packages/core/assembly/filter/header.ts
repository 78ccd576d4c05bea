// Questions about headers and bytes that few rules ask: IPv6 extension headers, chunks, addresses of the link, text, time.
import { IPPROTO_TCP } from "../abi";
import { be16 } from "../bytes";
import { Packet } from "../packet";
import { now } from "../timer";
import { HOT, NEVER, NO, there, UNKNOWN, within, YES } from "./answer";
import { wordNow } from "./context";
import { askExtension } from "./extension";
import {
  CHUNKS_ALL, CHUNKS_ANY, MATCH_ADDRTYPE, MATCH_CONNLIMIT, MATCH_DCCP_TYPES, MATCH_HASHLIMIT, MATCH_MAC, MATCH_MH, MATCH_PKTTYPE, MATCH_RECENT, MATCH_RPFILTER, MATCH_SCTP_CHUNKS, MATCH_SET,
  MATCH_SET_COUNT, MATCH_STRING,
  MATCH_TCPMSS, MATCH_TIME, MATCH_U32, PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, U32_AND, U32_AT, U32_LEFT,
} from "./numbers";
import { connlimit, hashlimit, recent } from "./remember";
import { askSet } from "./set";
import { addressType, isOutput, reversePath } from "./place";

const LINK_ETHERNET: u32 = 1;
const LINK_COOKED: u32 = 113;
const LINK_COOKED2: u32 = 276;
const LINK_RAW: u32 = 101;

export function askHeader(op: u32, at: usize, words: u32, p: Packet): u32 {
  switch (op) {
    case MATCH_STRING:
      return text(p, at);
    case MATCH_U32:
      return u32Tests(p, at);
    case MATCH_TIME:
      return time(at);
    case MATCH_MAC:
      return mac(p, at);
    case MATCH_PKTTYPE:
      return packetType(p, load<u32>(at));
    case MATCH_ADDRTYPE:
      return addressType(p, load<u32>(at), load<u32>(at, 4), load<u32>(at, 8));
    case MATCH_RPFILTER:
      return reversePath(p, load<u32>(at));
    case MATCH_SCTP_CHUNKS:
      return chunks(p, at, words);
    case MATCH_TCPMSS:
      return segmentSize(p, at);
    case MATCH_DCCP_TYPES:
      return there(p, 12) == YES ? (load<u32>(at) >> ((<u32>load<u8>(p.l4, 8) >> 1) & 15)) & 1 : hot(there(p, 12));
    case MATCH_MH:
      return mobility(p, at);
    case MATCH_HASHLIMIT:
      return hashlimit(p, at);
    case MATCH_RECENT:
      return recent(p, at);
    case MATCH_CONNLIMIT:
      return connlimit(p, at);
    case MATCH_SET:
    case MATCH_SET_COUNT:
      return askSet(p, at);
    default:
      return askExtension(op, at, words, p);
  }
}

// @ts-ignore: decorator
@inline
function hot(answer: u32): u32 {
  return answer == NEVER ? HOT : answer;
}

// ---- text and numbers anywhere

// @ts-ignore: decorator
@inline
function lower(byte: u32): u32 {
  return byte - 65 < 26 ? byte + 32 : byte;
}

// The first place from `from` on decides; it must end by `to`. What was not captured may hold it.
function text(p: Packet, at: usize): u32 {
  const from = load<u32>(at);
  const anyCase = load<u32>(at, 8) != 0;
  const length = load<u32>(at, 12);
  const pattern = at + 16;
  const there = min<u32>(p.l4 > p.ip ? p.l4 - p.ip + p.l4Captured : 0, p.ipLength);
  for (let i = from; i + length <= there; ++i) {
    let k: u32 = 0;
    for (; k < length; ++k) {
      const byte = <u32>load<u8>(p.ip + i + k);
      if ((anyCase ? lower(byte) : byte) != <u32>load<u8>(pattern + k)) break;
    }
    if (k == length) return <u32>(i + length <= load<u32>(at, 4));
  }
  return there < p.ipLength && there < load<u32>(at, 4) ? UNKNOWN : NO;
}

function u32Tests(p: Packet, at: usize): u32 {
  const tests = load<u32>(at);
  at += 4;
  for (let n: u32 = 0; n < tests; ++n) {
    const steps = load<u32>(at);
    const ranges = at + 4 + (<usize>steps << 3);
    let base: u32 = 0;
    let offset = load<u32>(at, 8);
    let value: u32 = 0;
    for (let i: u32 = 0; i < steps; ++i) {
      const step = at + 4 + (<usize>i << 3);
      const number = load<u32>(step, 4);
      const op = load<u32>(step);
      if (i > 0 && op != U32_AT) {
        value = op == U32_AND ? value & number : op == U32_LEFT ? value << number : value >> number;
        continue;
      }
      if (i > 0) {
        if (base + value < base) return NO;
        base += value;
        offset = number;
      }
      const end = <u64>base + <u64>offset + 4;
      if (end > <u64>p.ipLength) return NO;
      const answer = within(p, <u32>end);
      if (answer != YES) return answer;
      value = wordNow(p, base + offset);
    }
    const count = load<u32>(ranges);
    let found = false;
    for (let i: u32 = 0; i < count && !found; ++i) {
      const range = ranges + 4 + (<usize>i << 3);
      found = value >= load<u32>(range) && value <= load<u32>(range, 4);
    }
    if (!found) return NO;
    at = ranges + 4 + (<usize>count << 3);
  }
  return YES;
}

// ---- the clock, in UTC

const DAY: u64 = 86400;

// A span over midnight belongs to the day it begins when it is to be contiguous.
function time(at: usize): u32 {
  let stamp = now / 1_000_000_000;
  if (stamp < <u64>load<u32>(at) || stamp > <u64>load<u32>(at, 4)) return NO;
  const second = <u32>(stamp % DAY);
  const start = load<u32>(at, 8);
  const stop = load<u32>(at, 12);
  if (start < stop) {
    if (second < start || second > stop) return NO;
  } else {
    if (second < start && second > stop) return NO;
    if (load<u32>(at, 24) && second <= stop) stamp -= DAY;
  }
  const days = <u32>(stamp / DAY);
  // 1 January 1970 was a Thursday, 4
  if (!((load<u32>(at, 20) >> ((days + 3) % 7 + 1)) & 1)) return NO;
  const months = load<u32>(at, 16);
  return months == 0xfffffffe ? YES : (months >> dayOfMonth(days)) & 1;
}

// Eras of 400 years that begin on 1 March (Howard Hinnant, chrono-compatible date algorithms).
function dayOfMonth(days: u32): u32 {
  const day = (days + 719468) % 146097;
  const year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  const ofYear = day - (365 * year + year / 4 - year / 100);
  const month = (5 * ofYear + 2) / 153;
  return ofYear - (153 * month + 2) / 5 + 1;
}

// ---- the link

/** Where the sender's link address lies; 0: such packets have none, 1: it is not known. */
export function sourceMac(p: Packet): usize {
  if (<u32>p.link == LINK_COOKED && be16(p.frame, 4) == 6) return <usize>p.frame + 6;
  if (<u32>p.link == LINK_COOKED2 && load<u8>(p.frame, 11) == 6) return <usize>p.frame + 12;
  if (<u32>p.link == LINK_RAW) return 0;
  return <u32>p.link == LINK_ETHERNET ? <usize>p.frame + 6 : 1;
}

function mac(p: Packet, at: usize): u32 {
  const address = sourceMac(p);
  if (address < 2) return address == 0 ? NEVER : UNKNOWN;
  return <u32>(load<u32>(address) == load<u32>(at) && load<u16>(address, 4) == load<u16>(at, 4));
}

// A device without link addresses calls all its packets its own; so does a box that sends.
function packetType(p: Packet, wanted: u32): u32 {
  let type: u32 = PACKET_HOST;
  if (isOutput()) return <u32>(wanted == type);
  switch (<u32>p.link) {
    case LINK_ETHERNET:
      if (load<u32>(p.frame) == 0xffffffff && load<u16>(p.frame, 4) == 0xffff) type = PACKET_BROADCAST;
      else if (load<u8>(p.frame) & 1) type = PACKET_MULTICAST;
      break;
    case LINK_COOKED:
      type = be16(p.frame);
      break;
    case LINK_COOKED2:
      type = load<u8>(p.frame, 10);
      break;
    case LINK_RAW:
      break;
    default:
      return UNKNOWN;
  }
  return <u32>(wanted == type);
}

// ---- transport headers

// Bits of `map`, 256 of them.
// @ts-ignore: decorator
@inline
function marked(map: usize, type: u32): bool {
  return ((<u32>load<u8>(map + (type >> 3)) >> (type & 7)) & 1) != 0;
}

// The flags wanted of a chunk type; types that are not listed may have any.
function flagsFit(at: usize, words: u32, type: u32, flags: u32): bool {
  for (let i: u32 = 9; i < words - 1; ++i) {
    const wanted = load<u32>(at + (<usize>i << 2));
    if ((wanted & 0xff) == type) return (flags & ((wanted >> 16) & 0xff)) == ((wanted >> 8) & 0xff);
  }
  return true;
}

const SEEN: usize = memory.data(32, 8);

function chunks(p: Packet, at: usize, words: u32): u32 {
  if (there(p, 12) != YES) return hot(there(p, 12));
  const how = load<u32>(at);
  const map = at + 4;
  memory.fill(SEEN, 0, 32);
  let offset: u32 = 12;
  do {
    if (there(p, offset + 4) != YES) return hot(there(p, offset + 4));
    const type = <u32>load<u8>(p.l4 + offset);
    const flags = <u32>load<u8>(p.l4 + offset, 1);
    const length = be16(p.l4 + offset, 2);
    if (length == 0) return HOT;
    offset += (length + 3) & ~3;
    const fits = marked(map, type) && flagsFit(at, words, type, flags);
    if (fits && how == CHUNKS_ANY) return YES;
    if (fits) store<u8>(SEEN + (type >> 3), load<u8>(SEEN + (type >> 3)) | <u8>(1 << <u8>(type & 7)));
    else if (how > <u32>CHUNKS_ALL) return NO;
  } while (offset < p.l4Length);
  if (how != CHUNKS_ALL) return <u32>(how != CHUNKS_ANY);
  return <u32>(
    load<u64>(SEEN) == load<u64>(map) && load<u64>(SEEN, 8) == load<u64>(map, 8) && load<u64>(SEEN, 16) == load<u64>(map, 16) &&
    load<u64>(SEEN, 24) == load<u64>(map, 24)
  );
}

function segmentSize(p: Packet, at: usize): u32 {
  if (p.l4proto != IPPROTO_TCP) return NEVER;
  if (there(p, 20) != YES) return hot(there(p, 20));
  const end = (<u32>load<u8>(p.l4, 12) >> 4) << 2;
  if (end < 20) return HOT;
  if (there(p, end) != YES) return hot(there(p, end));
  let i: u32 = 20;
  while (i < end) {
    const kind = <u32>load<u8>(p.l4 + i);
    if (kind == 2 && end - i >= 4 && load<u8>(p.l4 + i, 1) == 4) {
      const size = be16(p.l4 + i, 2);
      return <u32>(size >= load<u32>(at) && size <= load<u32>(at, 4));
    }
    i += kind < 2 || i + 1 >= end ? 1 : max<u32>(load<u8>(p.l4 + i, 1), 1);
  }
  return NO;
}

function mobility(p: Packet, at: usize): u32 {
  if (there(p, 6) != YES) return hot(there(p, 6));
  if (load<u8>(p.l4) != 59) return HOT;
  const type = <u32>load<u8>(p.l4, 2);
  return <u32>(type >= load<u32>(at) && type <= load<u32>(at, 4));
}
