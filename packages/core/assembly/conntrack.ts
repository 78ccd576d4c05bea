// One packet through connection tracking, in the kernel's order (spec §1.7): tuple, lookup, creation, tracker, confirm.
import {
  DIR_ORIGINAL, DIR_REPLY, EVENT_HELPER, EVENT_LABEL, EVENT_MARK, EVENT_NEW, EVENT_RELATED, EVENT_REPLY, L3_IPV6, NOTE_CHECKSUM_SEEN, REASON_CLASH, REASON_EXPECTED, REASON_ICMP_OUTER_ADDRESS,
  REASON_ICMP_QUOTE_UNKNOWN, REASON_NOTRACK, REASON_RAW_DROP, REASON_TABLE_FULL, RECORD_DROP, RECORD_HELPER_SHIFT, RECORD_NOTRACK, STATE_ESTABLISHED, STATE_INVALID, STATE_NEW, STATE_NONE, STATE_RELATED,
  STATE_UNTRACKED, STATUS_ACCT, STATUS_CONFIRMED, STATUS_COPY, STATUS_EVENTS, STATUS_EVENTS_PENDING, STATUS_EXPECTED, STATUS_HELPED, STATUS_ONE_WAY, STATUS_POLICY, STATUS_SEEN_REPLY, STATUS_SWAPPED,
  STAT_CONNS_CREATED, STAT_DROP, STAT_EXPECT_NEW, STAT_EXPIRED, STAT_ICMP_ERROR, STAT_INSERT_FAILED, STAT_INVALID, VERDICT_ACCEPT, VERDICT_DROP,
} from "./abi";
import { clear64, copy16 } from "./bytes";
import { addr6At, Conn, connAt, copyConn, extOf, NIL, orientation, slotOf } from "./conn";
import { addressedToSender } from "./decode/icmp";
import { hopByHopSound } from "./decode/ip6";
import { moveToZone } from "./decode/key";
import { completeTcp } from "./decode/transport";
import { defragment } from "./defrag/index";
import { addCopy, destroy, dismissHelper } from "./destroy";
import { makeRoom, tableFull } from "./early-drop";
import { clearEvents, emitNow, hasRoomFor } from "./event";
import {
  consume, expectationAt, expectations, expireExpectation, findExpectation, nextExpectationDue,
} from "./expect";
import { attachHelper, connOfHelp, followHelp, masterIfThere } from "./help";
import { assignHelper } from "./helper/assign";
import { announcedConn, errorMetHelper, runHelper } from "./helper/index";
import { completeGre, keys } from "./helper/key-map";
import { frame, nextFrame, setFrame } from "./frame";
import { clearRule, filtering, filterPacket, filterRaw } from "./filter/program";
import { eventMask, helper, notrack, policy, zoneDirs, zoneGiven, zoneNow } from "./filter/target";
import { SLOTS } from "./memory-map";
import {
  KIND_ACK, KIND_ERROR, KIND_FRAGMENT, KIND_ICMP_INVALID, KIND_INVALID, KIND_NONE, KIND_TCP, KIND_TRACK, KIND_UNTRACKED, Packet, SELF,
} from "./packet";
import { trackProtocol } from "./proto/index";
import { ACCEPT, clearRaised, INVALID, KILL, raise, raised, REPEAT } from "./proto/tracker";
import { accounting, eventsMode, listening, timestamps, tracing } from "./settings";
import { helperNamed, isForeign, isShared, opensElsewhere } from "./shard";
import { bump, countAside } from "./stats";
import { candidateOf, entries, fileSerial, findExact, oneWays, sameKey, takeSlot, takeSlotOneWay } from "./table";
import { dueBy, file, nextDue, nextExpired, now, setNow, spend, workLeft } from "./timer";
import { because, clearReason, reason } from "./why";
import { findClash, findZoned } from "./zone";

let serials: u32 = 0;

/** The number given last. */
export function lastSerial(): u32 {
  return serials;
}

// ---- results of trackPacket()
export let state: u32 = STATE_NONE;
/** 0 none, 1 original, 2 reply. */
export let direction: u32 = 0;
export let verdict: u32 = VERDICT_ACCEPT;
/** The conn the packet belongs to, for the trace; null when it has none or it is gone. */
export let current: Conn = changetype<Conn>(0);
/** Which way the packet runs in it, also when it is INVALID. */
export let currentDir: u32 = 0;
/** Its number, also when the packet ended it; 0 none. */
export let connNumber: u32 = 0;
/** The packet found no entry and built one, whatever became of it. */
export let opened: bool = false;
/** Number of the conn of another shard that the packet entered here; 0 none. */
export let copied: u32 = 0;

export function resetConntrack(): void {
  setFrame(0);
  serials = 0;
  clearEvents();
}

// ---- time

/** Lets the clock reach `time`: entries that are due end. False when the reader or the budget stops it midway. */
export function advanceTo(time: u64): bool {
  if (time < nextDue) {
    if (time > now) setNow(time);
    return true;
  }
  if (time < now) time = now;
  for (;;) {
    if (!hasRoomFor(1)) return false;
    const expectation = nextExpectationDue();
    const slot = nextExpired(min<u64>(time, expectation));
    if (slot != NIL) {
      const c = connAt(slot);
      if (!c.has(STATUS_COPY)) bump(STAT_EXPIRED);
      destroy(c, c.deadline, 0, frame + 1);
    } else if (workLeft == 0) return false;
    else if (expectation <= time) {
      expireExpectation(frame + 1);
      spend(1);
    } else {
      dueBy(expectation);
      return true;
    }
  }
  return false;
}

// ---- the packet

export function trackPacket(p: Packet): void {
  decide(p);
  // rules see these packets too; they have no entry, so it does not matter that their verdict comes last
  if (filtering && (state == STATE_INVALID || state == STATE_UNTRACKED)) judge(p, changetype<Conn>(0), 0);
}

// Rules behind connection tracking, before the entry is confirmed or its events go out.
// @ts-ignore: decorator
@inline
function judge(p: Packet, c: Conn, dir: u32): void {
  if (filterPacket(p, c, dir, state) == VERDICT_DROP) verdict = VERDICT_DROP;
}

// The last packet of a connection: rules see the reply it may be, and change an entry that is gone: its DESTROY event,
// which in the kernel is out already, shows none of it.
function judgeLast(p: Packet, c: Conn, dir: u32): void {
  const ext = extOf(c);
  const status = c.status;
  const mark = c.mark;
  const low = ext.labels0;
  const high = ext.labels1;
  if (dir == DIR_REPLY) c.status |= STATUS_SEEN_REPLY;
  judge(p, c, dir);
  c.status = status;
  c.mark = mark;
  ext.labels0 = low;
  ext.labels1 = high;
}

// The raw table, before anything is looked up. False when it drops the packet.
function admitted(p: Packet): bool {
  if (!filterRaw(p, p.iface)) {
    because(REASON_RAW_DROP);
    verdict = VERDICT_DROP;
    state = STATE_NONE;
    return false;
  }
  if (notrack) p.record |= <u16>RECORD_NOTRACK;
  if (policy) p.policy = <u16>policy;
  if (helper) p.record |= <u16>(helper << RECORD_HELPER_SHIFT);
  if (zoneGiven) moveToZone(p, zoneNow(), zoneDirs);
  return true;
}

function decide(p: Packet): void {
  nextFrame();
  clearReason();
  clearRaised();
  verdict = VERDICT_ACCEPT;
  direction = 0;
  connNumber = 0;
  current = changetype<Conn>(0);
  p.zoneDirs = 0;
  opened = false;
  copied = 0;
  if (filtering) clearRule();
  if (p.record & RECORD_DROP) verdict = VERDICT_DROP;
  if (p.kind == KIND_FRAGMENT && !completes(p)) return;
  if (p.foreign) {
    follow(p);
    return;
  }
  if (filtering && p.kind != KIND_NONE && !admitted(p)) return;
  if (p.record & RECORD_NOTRACK && p.kind != KIND_NONE) {
    because(REASON_NOTRACK);
    state = STATE_UNTRACKED;
    return;
  }
  switch (p.kind) {
    case KIND_TCP:
    case KIND_ACK:
      completeTcp(p, (p.notes & NOTE_CHECKSUM_SEEN) != 0);
      if (p.kind == KIND_TRACK) trackTuple(p);
      else none(p.reason, p.datum);
      return;
    case KIND_TRACK:
      trackTuple(p);
      return;
    case KIND_ERROR:
      trackError(p);
      return;
    case KIND_UNTRACKED:
      because(p.reason, p.datum);
      state = STATE_UNTRACKED;
      return;
    case KIND_INVALID:
      invalid(p, STAT_INVALID);
      return;
    case KIND_ICMP_INVALID:
      invalid(p, STAT_ICMP_ERROR);
      return;
    default:
      none(p.reason, p.datum);
  }
}

// True if a fragment was turned into the datagram it completes: that one is tracked in its place.
function completes(p: Packet): bool {
  const why = defragment(p, frame);
  if (why) {
    none(why, p.fragmentId);
    return false;
  }
  if (p.l3num == L3_IPV6 && startsUnsound(p)) verdict = VERDICT_DROP;
  p.candidate = candidateOf(p.hash);
  p.foreign = <u8>isForeign(p);
  return true;
}

// A bridge looks at the hop-by-hop header of a datagram again when it forwards what its fragments had hidden.
function startsUnsound(p: Packet): bool {
  const payload = p.ipLength - 40;
  return load<u8>(p.ip, 6) == 0 && !hopByHopSound(p.ip + 40, payload, payload);
}

// A packet of another shard: its connection is followed if a helper may read it, and an expectation is used up by it as in
// its own engine.
function follow(p: Packet): void {
  const aside = countAside(true);
  if (concerns(p)) {
    if (isTcp(p)) completeTcp(p, (p.notes & NOTE_CHECKSUM_SEEN) != 0);
    if (p.kind == KIND_ERROR) trackError(p);
    else if (p.kind == KIND_TRACK) trackTuple(p);
  }
  countAside(aside);
}

// @ts-ignore: decorator
@inline
function isTcp(p: Packet): bool {
  return p.kind == KIND_TCP || p.kind == KIND_ACK;
}

function concerns(p: Packet): bool {
  if (p.record & RECORD_NOTRACK) return false;
  const isError = p.kind == KIND_ERROR;
  if (!isTcp(p) && p.kind != KIND_TRACK && !isError) return false;
  if (keys) completeGre(p);
  if (lookup(p) != NIL || isShared(p)) return true;
  if (isError || !(helperNamed(p) || (expectations != 0 && findExpectation(place(p))))) return false;
  return opensElsewhere(p);
}

function none(why: u32, datum: u32): void {
  because(why, datum);
  state = STATE_NONE;
}

function invalid(p: Packet, counter: u32): void {
  because(p.reason, p.datum);
  bump(counter);
  state = STATE_INVALID;
}

/** The slot of the packet's conn. The candidate was touched early and is right nearly always. */
// @ts-ignore: decorator
@inline
function lookup(p: Packet): u32 {
  if (oneWays | p.zoneDirs) return findZoned(p);
  const c = changetype<Conn>(p.candidate);
  if (sameKey(c, p.key0, p.key1, p.a6, p.b6)) return slotOf(c);
  return findExact(p.hash, p.key0, p.key1, p.a6, p.b6);
}

/** A tuple that equals its own inverse belongs to the reply direction: the kernel finds that entry first. */
// @ts-ignore: decorator
@inline
export function directionOf(c: Conn, p: Packet): u32 {
  return p.swapped == SELF ? DIR_REPLY : orientation(c) ^ p.swapped;
}

// An ICMP error: RELATED to the conn of the packet it quotes. Nothing is renewed but by SIP, nothing counted (spec §5).
function trackError(p: Packet): void {
  if (keys) completeGre(p);
  const slot = lookup(p);
  if (slot == NIL) {
    because(REASON_ICMP_QUOTE_UNKNOWN);
    bump(STAT_ICMP_ERROR);
    state = STATE_INVALID;
    return;
  }
  if (!addressedToSender(p)) {
    because(REASON_ICMP_OUTER_ADDRESS);
    bump(STAT_ICMP_ERROR);
    state = STATE_INVALID;
    return;
  }
  const c = connAt(slot);
  current = c;
  connNumber = c.serial;
  currentDir = directionOf(c, p);
  if (tracing) rememberBefore(c);
  direction = 1 + currentDir;
  state = STATE_RELATED;
  if (filtering) judge(p, c, currentDir);
  if (currentDir == DIR_ORIGINAL && c.has(STATUS_HELPED) && verdict == VERDICT_ACCEPT) errorMetHelper(c);
  if (raised || c.has(STATUS_EVENTS_PENDING)) deliver(c);
}

function trackTuple(p: Packet): void {
  if (keys) completeGre(p);
  let slot = lookup(p);
  for (;;) {
    if (slot == NIL) {
      trackNew(p);
      return;
    }
    const c = connAt(slot);
    const dir = directionOf(c, p);
    const answer = trackKnown(c, dir, p);
    if (answer != REPEAT) return;
    destroy(c, now, c.deadline - now, frame);
    current = changetype<Conn>(0);
    connNumber = 0;
    clearReason();
    clearRaised();
    slot = lookup(p);
  }
}

function trackKnown(c: Conn, dir: u32, p: Packet): u32 {
  current = c;
  currentDir = dir;
  connNumber = c.serial;
  if (tracing) rememberBefore(c);
  const ctstate = stateOf(c, dir);
  const answer = trackProtocol(c, dir, p, false);
  if (answer == REPEAT) return answer;
  if (answer == INVALID) {
    bump(STAT_INVALID);
    state = STATE_INVALID;
    if (raised) postpone(c); // the first chunks of an SCTP packet changed the state, a later one is not valid
    return answer;
  }
  state = ctstate;
  direction = 1 + dir;
  if (answer == KILL) {
    if (filtering) judgeLast(p, c, dir);
    destroy(c, now, c.deadline - now, frame);
    current = changetype<Conn>(0);
    return answer;
  }
  if (dir == DIR_REPLY && !c.has(STATUS_SEEN_REPLY)) {
    c.status |= STATUS_SEEN_REPLY;
    raise(EVENT_REPLY);
  }
  passOn(c, dir, p);
  if (tracing) rememberFrame(c, dir);
  if (raised || c.has(STATUS_EVENTS_PENDING)) deliver(c);
  return answer;
}

// @ts-ignore: decorator
@inline
function stateOf(c: Conn, dir: u32): u32 {
  if (dir == DIR_REPLY || c.has(STATUS_SEEN_REPLY)) return STATE_ESTABLISHED;
  return c.has(STATUS_EXPECTED) ? STATE_RELATED : STATE_NEW;
}

// The conn is built beside the table and enters it when the packet is accepted: an INVALID one leaves no trace.
function trackNew(p: Packet): void {
  if (tableFull() && !makeRoom()) {
    because(REASON_TABLE_FULL, entries);
    bump(STAT_DROP);
    state = STATE_NONE;
    verdict = VERDICT_DROP;
    return;
  }
  opened = true;
  const c = build(p);
  if (p.foreign && !c.has(STATUS_HELPED) && !isShared(p)) return;
  const answer = trackProtocol(c, DIR_ORIGINAL, p, true);
  if (answer == ACCEPT) {
    state = stateOf(c, DIR_ORIGINAL);
    direction = 1;
    passOn(c, DIR_ORIGINAL, p);
    if (verdict == VERDICT_ACCEPT) {
      const other = oneWays | p.zoneDirs ? findClash(p) : NIL;
      if (other == NIL) {
        confirm(c, p);
        return;
      }
      dropClash(connAt(other));
    }
  } else {
    bump(STAT_INVALID);
    state = STATE_INVALID;
  }
  if (c.has(STATUS_HELPED)) dismissHelper(c, now, frame);
}

// What the tracker accepted meets the rest of the stack, in the kernel's order; what is dropped on the way is not
// confirmed and its events wait.
// @ts-ignore: decorator
@inline
function passOn(c: Conn, dir: u32, p: Packet): void {
  if (filtering) judge(p, c, dir);
  if (c.has(STATUS_HELPED) && verdict == VERDICT_ACCEPT) verdict = runHelper(c, dir, p, state == STATE_ESTABLISHED);
}

/** The same for a packet that did not come this way: the fast path's. */
export function deliverRaised(c: Conn, accepted: bool): void {
  verdict = accepted ? VERDICT_ACCEPT : VERDICT_DROP;
  deliver(c);
}

// The bits of one packet go out in one message; those of a dropped or INVALID one with the next that gets through.
function deliver(c: Conn): void {
  if (verdict == VERDICT_ACCEPT) {
    let bits = raised;
    if (c.has(STATUS_EVENTS_PENDING)) {
      bits |= extOf(c).pendingEvents;
      c.status &= ~STATUS_EVENTS_PENDING;
    }
    emitNow(c, bits, frame);
    return;
  }
  postpone(c);
}

function postpone(c: Conn): void {
  const ext = extOf(c);
  ext.pendingEvents = <u16>(raised | (c.has(STATUS_EVENTS_PENDING) ? ext.pendingEvents : 0));
  c.status |= STATUS_EVENTS_PENDING;
}

// The conn under construction with the tuple of the packet.
function place(p: Packet): Conn {
  const c = connAt(SLOTS);
  clear64(changetype<usize>(c));
  clear64(changetype<usize>(c) + 64);
  c.key0 = p.key0;
  store<u64>(changetype<usize>(c), p.key1, 8);
  if (p.l3num == L3_IPV6) {
    copy16(addr6At(SLOTS), p.a6);
    copy16(addr6At(SLOTS) + 16, p.b6);
  }
  if (p.swapped == 1) c.status = STATUS_SWAPPED;
  return c;
}

// A rule of the table raw said which: then also where nf_conntrack_events says none.
function chooseEvents(c: Conn): void {
  extOf(c).eventMask = <u16>eventMask;
  if (eventsMode == 0) c.status |= STATUS_EVENTS;
}

// Zone 0 is the same for one direction as for both; it is only shown differently.
function restrictZone(c: Conn, dirs: u32): void {
  extOf(c).zoneDirs = <u8>dirs;
  if (c.zone != 0) c.status |= STATUS_ONE_WAY;
}

function build(p: Packet): Conn {
  const c = place(p);
  if (p.policy) {
    c.status |= STATUS_POLICY;
    extOf(c).policy = <u8>p.policy;
  }
  if (accounting) c.status |= STATUS_ACCT;
  if (eventsMode == 1 || (eventsMode == 2 && listening)) c.status |= STATUS_EVENTS;
  if (filtering && eventMask) chooseEvents(c);
  if (p.zoneDirs) restrictZone(c, p.zoneDirs);
  const expected = expectations == 0 ? 0 : findExpectation(c);
  if (expected) joinMaster(c, expected);
  else assignHelper(c, p);
  return c;
}

// The expectation is used up even if the packet turns out to be INVALID, or is dropped.
function joinMaster(c: Conn, n: u32): void {
  const e = expectationAt(n);
  const master = connOfHelp(e.master);
  const ext = extOf(c);
  ext.masterHelp = e.master;
  ext.masterSerial = master.serial;
  ext.masterHelper = e.masterHelper;
  ext.announced = e.frame;
  c.status |= STATUS_EXPECTED;
  c.mark = master.mark;
  if (e.helper) attachHelper(c, e.helper);
  because(REASON_EXPECTED, e.frame, master.serial);
  bump(STAT_EXPECT_NEW);
  consume(n);
  announcedConn(c);
}

// The new conn's reply would be another's in its place, which only a zone for one direction brings about: nothing the kernel
// could resolve (nf_ct_resolve_clash), whatever the protocol.
function dropClash(other: Conn): void {
  because(REASON_CLASH, other.serial);
  bump(STAT_DROP);
  bump(STAT_INSERT_FAILED);
  verdict = VERDICT_DROP;
}

function confirm(built: Conn, p: Packet): void {
  const slot = built.has(STATUS_ONE_WAY) ? takeSlotOneWay(p.key0, p.key1) : takeSlot(p.hash);
  copyConn(slot, SLOTS);
  const c = connAt(slot);
  c.status |= STATUS_CONFIRMED;
  c.serial = ++serials;
  fileSerial(slot, serials);
  if (p.foreign) {
    addCopy(c);
    copied = c.serial;
  }
  file(c);
  bump(STAT_CONNS_CREATED);
  current = c;
  currentDir = DIR_ORIGINAL;
  connNumber = c.serial;
  if (timestamps) extOf(c).start = now;
  if (tracing) rememberFrame(c, DIR_ORIGINAL);
  let bits: u32 = EVENT_NEW | (raised & (EVENT_MARK | EVENT_LABEL)); // what rules have made of it before it was confirmed
  if (c.has(STATUS_HELPED)) {
    followHelp(c);
    bits |= EVENT_HELPER;
  }
  if (c.has(STATUS_EXPECTED)) bits = meetMaster(c, bits);
  emitNow(c, bits, frame);
}

// Counts as a child from now on.
function meetMaster(c: Conn, bits: u32): u32 {
  const ext = extOf(c);
  const master = masterIfThere(ext.masterHelp, ext.masterSerial);
  if (changetype<usize>(master) != 0) ++extOf(master).children;
  return (bits & ~EVENT_NEW) | EVENT_RELATED;
}

// ---- for the trace: what was before, and which packets made the entry what it is

export let beforeTimeout: u64 = 0;
export let beforeStatus: u32 = 0;
export let beforeState: u32 = 0;
export let beforeProto: u32 = 0;
/** 1 when there was an entry before the packet. */
export let beforePresent: u32 = 0;

export function clearBefore(): void {
  beforePresent = 0;
}

function rememberBefore(c: Conn): void {
  beforePresent = 1;
  beforeTimeout = c.deadline - now;
  beforeStatus = c.status;
  beforeState = c.state;
  beforeProto = c.l4proto;
}

// Only packets that were accepted with effect make the entry what it is.
function rememberFrame(c: Conn, dir: u32): void {
  if (reason >= 60 && reason < 70) return;
  const ext = extOf(c);
  if (ext.firstFrame == 0) ext.firstFrame = frame;
  if (!beforePresent || c.state != beforeState) ext.stateFrame = frame;
  if (dir == DIR_ORIGINAL) ext.lastFrame0 = frame;
  else ext.lastFrame1 = frame;
}

export const CONNTRACK_STATE_SIZE: u32 = 8;

export function saveConntrack(at: usize): void {
  store<u32>(at, frame);
  store<u32>(at, serials, 4);
}

export function loadConntrack(at: usize): void {
  setFrame(load<u32>(at));
  serials = load<u32>(at, 4);
}
