// What a rule asks of a packet, one case per operation of numbers.ts. All must answer yes.
import {
  CONN_COUNTERS, DIR_ORIGINAL, DIR_REPLY, EVENT_LABEL, IPPROTO_ICMP, IPPROTO_ICMPV6, L3_IPV4, L3_IPV6,
  STATUS_CONFIRMED, STATUS_DST_NAT, STATUS_EXT, STATUS_PUBLIC, STATUS_SRC_NAT,
} from "../abi";
import { be16, be32 } from "../bytes";
import { addr6At, extOf, orientation, slotOf } from "../conn";
import { Packet } from "../packet";
import { raise } from "../proto/tracker";
import { now } from "../timer";
import { conn, ctDirection, inInterface, lengthNow, mark, outInterface, stateBit, tosOf, ttlOf } from "./context";
import { HOT, NEVER, NO, there, UNKNOWN, YES } from "./answer";
import { askHeader } from "./header";
import {
  CT_ORIG_DST, CT_REPL_SRC, INTERFACE_UNKNOWN, MATCH_ASSUME, MATCH_CONNBYTES, MATCH_CONNLABEL, MATCH_CONNMARK, MATCH_CT_ADDRESS4,
  MATCH_CT_ADDRESS6, MATCH_CT_DIRECTION, MATCH_CT_EXPIRE, MATCH_CT_PORT, MATCH_CT_PROTOCOL, MATCH_CT_STATUS, MATCH_DPORT, MATCH_DST4, MATCH_DST6,
  MATCH_DST_RANGE, MATCH_END, MATCH_FRAGMENT, MATCH_HELPER, MATCH_ICMP, MATCH_IN, MATCH_INVERT, MATCH_LENGTH, MATCH_LIMIT, MATCH_MARK, MATCH_NTH, MATCH_OUT,
  MATCH_PORTS, MATCH_PROTOCOL, MATCH_QUOTA, MATCH_RANDOM, MATCH_SET_CONNLABEL, MATCH_SPI, MATCH_SPORT, MATCH_SRC4, MATCH_SRC6, MATCH_SRC_RANGE, MATCH_STATE,
  MATCH_TCP_FLAGS, MATCH_TCP_OPTION, MATCH_TOS, MATCH_TTL, MATCH_UNDECIDED, MATCHES_PURE_HIGH, MATCHES_PURE_LOW, STATE_DNAT_BIT, STATE_SNAT_BIT,
} from "./numbers";


/** Whether the last rule asked matches depends on a question that could not be decided; it was answered as the program says. */
export let undecided: bool = false;
/** A match drops the packet: what it has to read is not there. */
export let malformed: bool = false;

/**
 * True when all matches from `at` on hold. One that cannot be decided leaves the rule open only if no other says no: those that
 * merely look are asked in any case.
 */
export function matches(at: usize, p: Packet): bool {
  let hit = true;
  let open = false;
  let spent = false; // something changed that might not have
  undecided = false;
  malformed = false;
  for (;;) {
    const head = load<u32>(at);
    const op = head & 0xff;
    if (op == MATCH_END) break;
    if (hit || isPure(op)) {
      if (open && !isPure(op)) spent = true;
      const answer = ask(op, at + 4, head >> 16, p);
      if (answer == UNKNOWN) {
        open = true;
        hit = hit && ((head >> 8) & MATCH_ASSUME) != 0;
      } else if (answer >= NEVER || (answer ^ ((head >> 8) & MATCH_INVERT)) == 0) {
        malformed = answer == HOT;
        undecided = spent;
        return false;
      }
    }
    at += (head >> 16) << 2;
  }
  undecided = open;
  return hit;
}

function isPure(op: u32): bool {
  return (((op < 32 ? MATCHES_PURE_LOW : MATCHES_PURE_HIGH) >> (op & 31)) & 1) != 0;
}

function ask(op: u32, at: usize, words: u32, p: Packet): u32 {
  switch (op) {
    case MATCH_SRC4:
      return <u32>((load<u32>(p.src) & load<u32>(at, 4)) == load<u32>(at));
    case MATCH_DST4:
      return <u32>((load<u32>(p.dst) & load<u32>(at, 4)) == load<u32>(at));
    case MATCH_SRC6:
      return under6(p.src, at);
    case MATCH_DST6:
      return under6(p.dst, at);
    case MATCH_IN:
      return inInterface == INTERFACE_UNKNOWN ? UNKNOWN : (load<u32>(at) >> inInterface) & 1;
    case MATCH_OUT:
      return outInterface == INTERFACE_UNKNOWN ? UNKNOWN : (load<u32>(at) >> outInterface) & 1;
    case MATCH_PROTOCOL:
      return <u32>(<u32>p.l4proto == load<u32>(at));
    case MATCH_SPORT:
      return there(p, 4) == YES ? within(be16(p.l4), load<u32>(at)) : there(p, 4);
    case MATCH_DPORT:
      return there(p, 4) == YES ? within(be16(p.l4, 2), load<u32>(at)) : there(p, 4);
    case MATCH_PORTS:
      return there(p, 4) == YES ? oneOf(p, load<u32>(at), at + 4, words - 2) : there(p, 4);
    case MATCH_TCP_FLAGS:
      return there(p, 14) == YES ? <u32>((<u32>load<u8>(p.l4, 13) & (load<u32>(at) & 0xff)) == load<u32>(at) >> 8) : there(p, 14);
    case MATCH_TCP_OPTION:
      return tcpOption(p, load<u32>(at));
    case MATCH_ICMP:
      return icmp(p, load<u32>(at));
    case MATCH_STATE:
      return <u32>((load<u32>(at) & states()) != 0);
    case MATCH_CT_DIRECTION:
      return tracked() ? <u32>(ctDirection == load<u32>(at)) : NEVER;
    case MATCH_CT_PROTOCOL:
      return tracked() ? <u32>(<u32>conn.l4proto == load<u32>(at)) : NEVER;
    case MATCH_CT_ADDRESS4:
      return tracked() ? ctAddress4(at) : NEVER;
    case MATCH_CT_ADDRESS6:
      return tracked() ? ctAddress6(at) : NEVER;
    case MATCH_CT_PORT:
      return tracked() ? ctPort(at) : NEVER;
    case MATCH_CT_STATUS:
      return tracked() ? <u32>((conn.status & STATUS_PUBLIC & load<u32>(at)) != 0) : NEVER;
    case MATCH_CT_EXPIRE:
      return tracked() ? ctExpire(at) : NEVER;
    case MATCH_MARK:
      return <u32>((mark & load<u32>(at, 4)) == load<u32>(at));
    case MATCH_CONNMARK:
      return tracked() ? <u32>((conn.mark & load<u32>(at, 4)) == load<u32>(at)) : NEVER;
    case MATCH_LENGTH:
      return <u32>(lengthNow(p) >= load<u32>(at) && lengthNow(p) <= load<u32>(at, 4));
    case MATCH_TTL: {
      const ttl = ttlOf(p);
      return <u32>(ttl >= load<u32>(at) && ttl <= load<u32>(at, 4));
    }
    case MATCH_TOS: {
      return <u32>((tosOf(p) & load<u32>(at, 4)) == load<u32>(at));
    }
    case MATCH_SRC_RANGE:
      return between(p, p.src, at);
    case MATCH_DST_RANGE:
      return between(p, p.dst, at);
    case MATCH_LIMIT:
      return limit(at);
    case MATCH_NTH:
      return nth(at);
    case MATCH_RANDOM:
      return random(at);
    case MATCH_QUOTA:
      return quota(at, lengthNow(p));
    case MATCH_CONNBYTES:
      return tracked() ? connbytes(at) : NEVER;
    case MATCH_SPI:
      return spi(p, at);
    case MATCH_CONNLABEL:
      return tracked() ? connlabel(load<u32>(at)) : NO;
    case MATCH_FRAGMENT:
      return NO;
    case MATCH_HELPER:
      return tracked() ? announcedBy(load<u32>(at)) : NO;
    case MATCH_SET_CONNLABEL:
      return tracked() ? setConnlabel(load<u32>(at)) : NO;
    case MATCH_UNDECIDED:
      return UNKNOWN;
    default:
      return askHeader(op, at, words, p);
  }
}

// ---- headers

function under6(address: usize, at: usize): u32 {
  return <u32>(
    (load<u64>(address) & load<u64>(at, 16)) == load<u64>(at) && (load<u64>(address, 8) & load<u64>(at, 24)) == load<u64>(at, 8)
  );
}

// @ts-ignore: decorator
@inline
function within(value: u32, range: u32): u32 {
  return <u32>(value >= (range & 0xffff) && value <= range >> 16);
}

function oneOf(p: Packet, which: u32, at: usize, count: u32): u32 {
  const sport = be16(p.l4);
  const dport = be16(p.l4, 2);
  for (let i: u32 = 0; i < count; ++i) {
    const range = load<u32>(at + (<usize>i << 2));
    if ((which & 1 && within(sport, range)) || (which & 2 && within(dport, range))) return YES;
  }
  return NO;
}

function tcpOption(p: Packet, wanted: u32): u32 {
  if (there(p, 20) != YES) return there(p, 20);
  const end = (<u32>load<u8>(p.l4, 12) >> 4) << 2;
  if (end < 20) return NEVER;
  if (end > p.l4Captured) return end > p.l4Length ? NEVER : UNKNOWN;
  let at: u32 = 20;
  while (at < end) {
    const kind = <u32>load<u8>(p.l4 + at);
    if (kind == wanted) return YES;
    at += kind < 2 || at + 1 >= end ? 1 : max<u32>(load<u8>(p.l4 + at, 1), 1);
  }
  return NO;
}

function icmp(p: Packet, wanted: u32): u32 {
  if (there(p, 2) != YES) return there(p, 2);
  const type = wanted & 0xff;
  const code = <u32>load<u8>(p.l4, 1);
  return <u32>(
    (type == 0xff && p.l4proto == IPPROTO_ICMP) ||
    (<u32>load<u8>(p.l4) == type && code >= ((wanted >> 8) & 0xff) && code <= ((wanted >> 16) & 0xff))
  );
}

function spi(p: Packet, at: usize): u32 {
  if (<u32>p.l4proto != load<u32>(at)) return NEVER;
  const offset: u32 = p.l4proto == 51 ? 4 : 0;
  if (there(p, offset + 4) != YES) return there(p, offset + 4);
  const value = be32(p.l4 + offset);
  return <u32>(value >= load<u32>(at, 4) && value <= load<u32>(at, 8));
}

function between(p: Packet, address: usize, at: usize): u32 {
  const words: u32 = p.l3num == L3_IPV4 ? 1 : 4;
  return <u32>(compare(address, at, words) >= 0 && compare(address, at + 16, words) <= 0);
}

function compare(address: usize, bound: usize, words: u32): i32 {
  for (let i: u32 = 0; i < words; ++i) {
    const a = be32(address + (<usize>i << 2));
    const b = load<u32>(bound + (<usize>i << 2));
    if (a != b) return a > b ? 1 : -1;
  }
  return 0;
}

// ---- the connection

// @ts-ignore: decorator
@inline
function tracked(): bool {
  return changetype<usize>(conn) != 0;
}

function states(): u32 {
  if (!tracked()) return stateBit;
  const nat = (conn.has(STATUS_SRC_NAT) ? <u32>1 << STATE_SNAT_BIT : 0) | (conn.has(STATUS_DST_NAT) ? <u32>1 << STATE_DNAT_BIT : 0);
  return stateBit | nat;
}

// 0 when the address or port named by CT_* is that of side A, 1 for side B. The reply's source is the original's destination.
// @ts-ignore: decorator
@inline
function sideNamed(which: u32): u32 {
  return <u32>(which == CT_ORIG_DST || which == CT_REPL_SRC) ^ orientation(conn);
}

function ctAddress4(at: usize): u32 {
  if (conn.l3num != <u8>L3_IPV4) return NO;
  const address = load<u32>(changetype<usize>(conn) + (sideNamed(load<u32>(at)) << 2));
  return <u32>((address & load<u32>(at, 8)) == load<u32>(at, 4));
}

function ctAddress6(at: usize): u32 {
  if (conn.l3num != <u8>L3_IPV6) return NO;
  return under6(addr6At(slotOf(conn)) + (sideNamed(load<u32>(at)) << 4), at + 4);
}

// ICMP has its id where the source port stands, and type and code where the destination's does.
function ctPort(at: usize): u32 {
  const which = load<u32>(at);
  const query = conn.l4proto == IPPROTO_ICMP || conn.l4proto == IPPROTO_ICMPV6;
  const side = query ? which & 1 : sideNamed(which);
  return within(be16(changetype<usize>(conn) + (side << 1), 8), load<u32>(at, 4));
}

// What is left in whole seconds. Before it is confirmed an entry has a span instead of a deadline: taken as 0.
function ctExpire(at: usize): u32 {
  const left = conn.has(STATUS_CONFIRMED) ? (conn.deadline - now) / 1_000_000_000 : 0;
  return <u32>(left >= <u64>load<u32>(at) && left <= <u64>load<u32>(at, 4));
}

// Of the conn that announced this one, which may be gone.
function announcedBy(helper: u32): u32 {
  if (!conn.has(STATUS_EXT)) return NO;
  const own = <u32>extOf(conn).masterHelper;
  return <u32>(own != 0 && (helper == 0 || helper == own));
}

function connlabel(bit: u32): u32 {
  if (!conn.has(STATUS_EXT)) return NO;
  const ext = extOf(conn);
  return <u32>((bit < 64 ? ext.labels0 >> bit : ext.labels1 >> (bit - 64)) & 1);
}

function setConnlabel(bit: u32): u32 {
  if (connlabel(bit)) return YES;
  const ext = extOf(conn);
  if (bit < 64) ext.labels0 |= <u64>1 << bit;
  else ext.labels1 |= <u64>1 << (bit - 64);
  raise(EVENT_LABEL);
  return YES;
}

function packetsOf(dir: u32): u64 {
  const at = changetype<usize>(conn) + CONN_COUNTERS + dir * 12;
  return (load<u64>(at) >> 48 << 32) | <u64>load<u32>(at, 8);
}

function bytesOf(dir: u32): u64 {
  return load<u64>(changetype<usize>(conn) + CONN_COUNTERS + dir * 12) & 0xffffffffffff;
}

function connbytes(at: usize): u32 {
  const dir = load<u32>(at);
  const packets = dir == 2 ? packetsOf(DIR_ORIGINAL) + packetsOf(DIR_REPLY) : packetsOf(dir);
  const bytes = dir == 2 ? bytesOf(DIR_ORIGINAL) + bytesOf(DIR_REPLY) : bytesOf(dir);
  const mode = load<u32>(at, 4);
  const what = mode == 0 ? packets : mode == 1 ? bytes : packets ? bytes / packets : 0;
  return <u32>(what >= load<u64>(at, 8) && what <= load<u64>(at, 16));
}

// ---- rules that remember, in their own arguments. Time is the packet clock.

// A bucket that fills by a nanosecond each nanosecond up to `cap`; a packet takes `cost`.
function limit(at: usize): u32 {
  const cost = load<u64>(at);
  const cap = load<u64>(at, 8);
  const last = load<u64>(at, 24);
  const credit = min<u64>(cap, load<u64>(at, 16) + (last && now > last ? now - last : 0));
  store<u64>(at, now, 24);
  const passes = credit >= cost;
  store<u64>(at, passes ? credit - cost : credit, 16);
  return <u32>passes;
}

function nth(at: usize): u32 {
  const count = load<u32>(at, 4);
  const next = count == load<u32>(at) ? 0 : count + 1;
  store<u32>(at, next, 4);
  return <u32>(next == 0);
}

// xorshift32, begun with the program's seed
function random(at: usize): u32 {
  let x = load<u32>(at, 4);
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  store<u32>(at, x, 4);
  return <u32>((x & 0x7fffffff) < load<u32>(at));
}

// The packet that no longer fits ends it, also for shorter ones.
function quota(at: usize, length: u32): u32 {
  const left = load<u64>(at);
  if (left >= <u64>length) {
    store<u64>(at, left - <u64>length);
    return YES;
  }
  store<u64>(at, 0);
  return NO;
}
