// The common packets of common connections, in a loop of their own: what lives in it fits the processor's registers, which
// the loop over all kinds of packets does not (docs/decisions/0010-hot-path.md).
//
// It tracks exactly what the trackers would, and leaves to them whatever is not common: core/test/fast-path.test.ts.
import {
  NOTE_CHECKSUM_SEEN, PROFILE_LINUX_6, RECORD_DROP, RECORD_NOTRACK, RESULT_FOREIGN, RESULT_SIZE, STATE_ESTABLISHED, STAT_CHECKSUM_SEEN, VERDICT_ACCEPT,
  VERDICT_DROP,
} from "./abi";
import { attention } from "./attention";
import { Conn, connAt, NIL } from "./conn";
import { deliverRaised, directionOf } from "./conntrack";
import { filterAhead, filtering, filterPacket, filterQuick, filterRaw, NOT_QUICK, rawPlain, rule } from "./filter/program";
import { nextFrame } from "./frame";
import { RESULTS, RULES } from "./memory-map";
import { KIND_ACK, KIND_FOREIGN, KIND_TRACK, Packet, RECORD_FOREIGN } from "./packet";
import { prepareQueryFast, trackQueryFast } from "./proto/query-fast";
import { clearLate, late, lateDeadline, prepareTcpFast, trackAcks } from "./proto/tcp-fast";
import { clearRaised, raised } from "./proto/tracker";
import { profile, tracing } from "./settings";
import { bump } from "./stats";
import { findExact, oneWays, sameKey } from "./table";
import { nextDue, now, refile, setNow } from "./timer";

const PACKET_BITS: u32 = 7; // a Packet is 128 bytes
const RECORD_EXACT: u32 = RECORD_NOTRACK | RECORD_DROP | RECORD_FOREIGN;

let enabled: bool = true;
/** There are rules that say how a packet is tracked. */
let asksRaw: bool = false;

/** Off for tests: everything goes the exact way. */
export function enableFastPath(on: bool): void {
  enabled = on;
}

/**
 * Takes the settings over, once per block. False when nothing is common: tracing, Linux 2.4, timeouts in an order of their own.
 */
export function prepareCommon(): bool {
  prepareQueryFast();
  asksRaw = filtering && !rawPlain;
  return prepareTcpFast() && enabled && !tracing && profile == PROFILE_LINUX_6;
}

/** Tracks the packets from the `i`-th on, the first of which has result `index`, up to one that is not common; returns its number. */
export function trackCommon(packets: usize, i: u32, n: u32, index: u32): u32 {
  if (i == n || attention || oneWays != 0) return i; // an entry with a zone for one direction is not found by its key alone
  const shift = index - i;
  for (;;) {
    const from = packets + (<usize>i << PACKET_BITS);
    if (asksRaw && !passesRaw(changetype<Packet>(from))) return i;
    const results = RESULTS + <usize>(i + shift) * RESULT_SIZE;
    const done = filtering ? trackAcks(from, from + (1 << PACKET_BITS), results) : trackAcks(from, packets + (<usize>n << PACKET_BITS), results);
    if (late) {
      refile(changetype<Conn>(late), lateDeadline);
      clearLate();
    }
    i += done;
    if (filtering && done) {
      const p = changetype<Packet>(from);
      const c = changetype<Conn>(p.candidate);
      filterCommon(c, directionOf(c, p), p, i - 1 + shift);
      if (attention) return i;
    }
    if (i == n) return n;
    const p = changetype<Packet>(packets + (<usize>i << PACKET_BITS));
    if (p.kind == KIND_ACK) {
      if (filtering && done) continue;
      if (p.time >= nextDue || isCandidate(p) || !findsOther(p)) return i;
    } else {
      if (!trackQuery(p, i + shift)) return i;
      if (++i == n || attention) return i;
    }
  }
  return i;
}

// @ts-ignore: decorator
@inline
function isCandidate(p: Packet): bool {
  return sameKey(changetype<Conn>(p.candidate), p.key0, p.key1, p.a6, p.b6);
}

// What rules of the raw table say of an ACK that trackAcks() may take. Where it does not take it, the packet goes the exact way at
// once, which knows the answer.
function passesRaw(p: Packet): bool {
  if (p.kind != KIND_ACK || p.time >= nextDue) return true;
  if (!isCandidate(p) && !findsOther(p)) return false;
  if (p.time > now) setNow(p.time);
  return filterAhead(p);
}

// UDP and ICMP, or a packet of another shard.
function trackQuery(p: Packet, index: u32): bool {
  const time = p.time;
  if (time >= nextDue || attention) return false;
  if (<u32>p.record & RECORD_EXACT) return false;
  if (p.kind == KIND_FOREIGN) {
    if (time > now) setNow(time);
    skipForeign(index);
    return true;
  }
  if (p.kind != KIND_TRACK || p.reason != 0) return false;
  if (!isCandidate(p) && !findsOther(p)) return false;
  const c = changetype<Conn>(p.candidate);
  const dir = directionOf(c, p);
  if (time > now) setNow(time);
  if (asksRaw && !filterAhead(p)) return false;
  if (!trackQueryFast(c, dir, p)) return false;
  nextFrame();
  if (p.notes & NOTE_CHECKSUM_SEEN) bump(STAT_CHECKSUM_SEEN);
  store<u64>(RESULTS + <usize>index * RESULT_SIZE, <u64>(STATE_ESTABLISHED | ((1 + dir) << 8)) | (<u64>c.serial << 32));
  if (filtering) filterCommon(c, dir, p, index);
  return true;
}

/** A packet of another shard: counted, no more. */
export function skipForeign(index: u32): void {
  nextFrame();
  store<u64>(RESULTS + <usize>index * RESULT_SIZE, RESULT_FOREIGN);
}

// The candidate was another conn with the same tag: one packet in twenty when the table is full.
function findsOther(p: Packet): bool {
  const slot = findExact(p.hash, p.key0, p.key1, p.a6, p.b6);
  if (slot == NIL) return false;
  p.candidate = <u32>changetype<usize>(connAt(slot));
  return true;
}

// Rules come behind tracking anyway, and raw ones that matter were asked ahead of it. What they change on the conn is announced
// as ever.
function filterCommon(c: Conn, dir: u32, p: Packet, index: u32): void {
  let passed = true;
  const quick = filterQuick(p);
  if (quick == NOT_QUICK) {
    clearRaised();
    passed = filterRaw(p, p.iface) && filterPacket(p, c, dir, STATE_ESTABLISHED) == VERDICT_ACCEPT;
    if (raised) deliverRaised(c, passed);
  } else passed = quick == VERDICT_ACCEPT;
  if (!passed) store<u8>(RESULTS + <usize>index * RESULT_SIZE, <u8>VERDICT_DROP, 3);
  store<u32>(RULES + (<usize>index << 2), rule);
}
