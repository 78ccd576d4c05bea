// Expectations: connections announced by others (spec §6.1). A new conn that fits one is RELATED.
//
//   0     16    32     48      50      52          54        55      56     58      59      60       61             62
//   │ src │ dst │ mask │ sport │ dport │ maskSport │ l4proto │ l3num │ zone │ class │ flags │ helper │ masterHelper │ master │
//   64         72       76      80       84         88     92     96      112         114        115      128
//   │ deadline │ serial │ frame │ heapAt │ hashNext │ next │ prev │ saved │ savedPort │ savedDir │ action │
//
// mask          of the source address; maskSport of its port. Zero bits: any
// sport, dport  network order; GRE: the keys
// helper        what the announced conn gets
// master        Help record of the conn that announced it; masterHelper its helper
// serial        order of insertion, from 1
// heapAt        place in the heap of deadlines
// next, prev    the master's expectations, newest first; number 0 ends the list
// saved…        endpoint as announced, before NAT, and the direction it was announced in
// action        what to do with the announced conn beyond the usual; the helper's own
//
// Records have numbers from 1; record 0 is the one under construction.
import {
  EVENT_TYPE_DESTROY, EVENT_TYPE_NEW, EXPECT_DEADLINE, EXPECT_FLAGS, EXPECT_FRAME, EXPECT_INACTIVE, EXPECT_L4PROTO, EXPECT_MASK, EXPECT_MASTER,
  EXPECT_PERMANENT, EXPECT_PORTS, EXPECT_SERIAL, EXPECT_SIZE, L3_IPV4, REASON_EXPECT_BUSY, REASON_EXPECT_CLASS, REASON_EXPECT_FULL,
  REASON_EXPECT_LIMIT, REASON_EXPECT_MADE, STATUS_CONFIRMED, STATUS_COPY, STAT_EXPECT_CREATE, STAT_EXPECT_DELETE, SYSCTL_EXPECT_MAX, VERDICT_ACCEPT,
  VERDICT_DROP,
} from "./abi";
import { Conn, destinationOf, destinationPort, extOf, sourceOf, sourcePort } from "./conn";
import { emitExpect } from "./expect-event";
import { frame } from "./frame";
import { random64 } from "./hash";
import { connOfHelp, Help, helpAt, helpOf, helperOf } from "./help";
import { classMost, classTimeout } from "./helper/policy";
import { EXPECTS, EXPECT_BUCKETS, EXPECT_CAPACITY } from "./memory-map";
import { setting } from "./settings";
import { bump, countAside } from "./stats";
import { dueBy, now } from "./timer";
import { because } from "./why";

@unmanaged
export class Expectation {
  src0: u64;
  src1: u64;
  dst0: u64;
  dst1: u64;
  mask0: u64;
  mask1: u64;
  sport: u16;
  dport: u16;
  maskSport: u16;
  l4proto: u8;
  l3num: u8;
  zone: u16;
  klass: u8;
  flags: u8;
  helper: u8;
  masterHelper: u8;
  master: u16;
  deadline: u64;
  serial: u32;
  frame: u32;
  heapAt: u32;
  hashNext: u32;
  next: u32;
  prev: u32;
  saved0: u64;
  saved1: u64;
  savedPort: u16;
  savedDir: u8;
  action: u8;
  spare: u32;
  spare1: u64;
}

if (offsetof<Expectation>() != EXPECT_SIZE) ERROR("abi.ts: EXPECT_SIZE");
if (offsetof<Expectation>("mask0") != EXPECT_MASK) ERROR("abi.ts: EXPECT_MASK");
if (offsetof<Expectation>("sport") != EXPECT_PORTS) ERROR("abi.ts: EXPECT_PORTS");
if (offsetof<Expectation>("l4proto") != EXPECT_L4PROTO) ERROR("abi.ts: EXPECT_L4PROTO");
if (offsetof<Expectation>("flags") != EXPECT_FLAGS) ERROR("abi.ts: EXPECT_FLAGS");
if (offsetof<Expectation>("master") != EXPECT_MASTER) ERROR("abi.ts: EXPECT_MASTER");
if (offsetof<Expectation>("deadline") != EXPECT_DEADLINE) ERROR("abi.ts: EXPECT_DEADLINE");
if (offsetof<Expectation>("serial") != EXPECT_SERIAL) ERROR("abi.ts: EXPECT_SERIAL");
if (offsetof<Expectation>("frame") != EXPECT_FRAME) ERROR("abi.ts: EXPECT_FRAME");

/** Expectations there are. */
export let expectations: u32 = 0;
let high: u32 = 0; // records used so far
let free: u32 = 0; // first free one, the others by hashNext
let serials: u32 = 0;
let secret: u64 = 0;

// @ts-ignore: decorator
@inline
export function expectationAt(n: u32): Expectation {
  return changetype<Expectation>(EXPECTS + <usize>(EXPECT_BUCKETS + EXPECT_CAPACITY) * 4 + <usize>n * EXPECT_SIZE);
}

// @ts-ignore: decorator
@inline
function bucketAt(i: u32): usize {
  return EXPECTS + (<usize>i << 2);
}

// @ts-ignore: decorator
@inline
function heapItemAt(i: u32): usize {
  return EXPECTS + <usize>EXPECT_BUCKETS * 4 + (<usize>i << 2);
}

export function clearExpectations(): void {
  memory.fill(EXPECTS, 0, <usize>EXPECT_BUCKETS * 4);
  expectations = 0;
  high = 0;
  free = 0;
  serials = 0;
  secret = random64();
}

// ---- building one

function setAddress(at: usize, from: usize, l3num: u32): void {
  if (l3num == L3_IPV4) store<u32>(at, load<u32>(from));
  else memory.copy(at, from, 16);
}

/**
 * The expectation under construction, announced by `c`: of class `klass`, from `src` (an address, 0 for any) and `srcPort`
 * (host order, negative for any) to `dst` and `dstPort`. Valid until the next one; announce() or insertExpectation() takes it.
 */
export function expectation(c: Conn, klass: u32, l4proto: u32, src: usize, srcPort: i32, dst: usize, dstPort: u32): Expectation {
  const e = expectationAt(0);
  const at = changetype<usize>(e);
  memory.fill(at, 0, EXPECT_SIZE);
  e.l3num = c.l3num;
  e.l4proto = <u8>l4proto;
  e.zone = c.zone;
  e.klass = <u8>klass;
  e.master = extOf(c).help;
  e.masterHelper = <u8>helperOf(c);
  if (src != 0) {
    setAddress(at, src, c.l3num);
    memory.fill(at + EXPECT_MASK, 0xff, c.l3num == L3_IPV4 ? 4 : 16);
  }
  if (srcPort >= 0) {
    e.sport = bswap<u16>(<u16>srcPort);
    e.maskSport = 0xffff;
  }
  setAddress(at + 16, dst, c.l3num);
  e.dport = bswap<u16>(<u16>dstPort);
  e.frame = frame;
  return e;
}

// ---- comparing

function sameDestination(a: Expectation, b: Expectation): bool {
  return (
    ((a.dst0 ^ b.dst0) | (a.dst1 ^ b.dst1)) == 0 && a.dport == b.dport && a.l4proto == b.l4proto && a.l3num == b.l3num && a.zone == b.zone
  );
}

function sameSource(a: Expectation, b: Expectation, mask0: u64, mask1: u64, maskPort: u32): bool {
  return (((a.src0 ^ b.src0) & mask0) | ((a.src1 ^ b.src1) & mask1)) == 0 && (<u32>(a.sport ^ b.sport) & maskPort) == 0;
}

function sameTupleAndMask(a: Expectation, b: Expectation): bool {
  return (
    sameSource(a, b, u64.MAX_VALUE, u64.MAX_VALUE, 0xffff) &&
    ((a.mask0 ^ b.mask0) | (a.mask1 ^ b.mask1)) == 0 && a.maskSport == b.maskSport
  );
}

// Some packet would fit both.
function overlap(a: Expectation, b: Expectation): bool {
  return sameSource(a, b, a.mask0 & b.mask0, a.mask1 & b.mask1, a.maskSport & b.maskSport);
}

function bucketOf(e: Expectation): usize {
  let h = (e.dst0 ^ secret) * 0x9e3779b97f4a7c15;
  h = (h ^ (h >> 29) ^ e.dst1) * 0xbf58476d1ce4e5b9;
  h = (h ^ (h >> 31) ^ <u64>(<u32>e.dport | (<u32>e.l4proto << 16))) * 0x94d049bb133111eb;
  return bucketAt(<u32>(h >> 32) % EXPECT_BUCKETS);
}

// ---- inserting

/**
 * Inserts the expectation under construction. 0: done, its number is in `inserted`; otherwise REASON_EXPECT_*. One equal
 * in all is replaced. `anyMaster`: an equal one of another master counts as equal too, and is refused.
 */
export function insertExpectation(anyMaster: bool = false): u32 {
  const e = expectationAt(0);
  inserted = 0;
  for (let n = load<u32>(bucketOf(e)); n != 0; ) {
    const other = expectationAt(n);
    const following = other.hashNext;
    if (sameDestination(e, other)) {
      if ((anyMaster || other.master == e.master) && sameTupleAndMask(e, other)) {
        if (other.klass != e.klass || other.master != e.master) return REASON_EXPECT_CLASS;
        removeExpectation(n);
        break;
      }
      if (overlap(e, other)) {
        clashing = other.frame;
        return REASON_EXPECT_BUSY;
      }
    }
    n = following;
  }
  const help = helpAt(e.master);
  const most = classMost(e.masterHelper, e.klass);
  const counter = changetype<usize>(help) + offsetof<Help>("counts") + <usize>e.klass;
  if (most != 0 && <u32>load<u8>(counter) >= most) {
    evictOldest(help.first, e.klass);
    if (<u32>load<u8>(counter) >= most) return REASON_EXPECT_LIMIT;
  }
  if (<u64>expectations >= setting(SYSCTL_EXPECT_MAX) || expectations >= EXPECT_CAPACITY) return REASON_EXPECT_FULL;
  let n = free;
  if (n) free = expectationAt(n).hashNext;
  else n = ++high;
  const made = expectationAt(n);
  memory.copy(changetype<usize>(made), changetype<usize>(e), EXPECT_SIZE);
  made.serial = ++serials;
  made.deadline = now + classTimeout(made.masterHelper, made.klass);
  made.prev = 0;
  made.next = help.first;
  if (help.first) expectationAt(help.first).prev = n;
  help.first = n;
  store<u8>(counter, load<u8>(counter) + 1);
  const bucket = bucketOf(made);
  made.hashNext = load<u32>(bucket);
  store<u32>(bucket, n);
  made.heapAt = expectations;
  store<u32>(heapItemAt(expectations++), n);
  siftUp(made.heapAt);
  dueBy(made.deadline);
  bump(STAT_EXPECT_CREATE);
  inserted = n;
  emitExpect(changetype<usize>(made), connOfHelp(made.master), EVENT_TYPE_NEW, frame, now);
  return 0;
}

/** Number of the expectation inserted last. */
export let inserted: u32 = 0;
// Packet that announced the one in the way.
let clashing: u32 = 0;

function evictOldest(first: u32, klass: u32): void {
  let oldest: u32 = 0;
  for (let n = first; n != 0; n = expectationAt(n).next) if (<u32>expectationAt(n).klass == klass) oldest = n;
  if (oldest) removeExpectation(oldest);
}

/** Inserts the expectation under construction and says so; refused: the packet is dropped, as the helpers do it. */
export function announce(): u32 {
  const e = expectationAt(0);
  const port = <u32>bswap<u16>(e.dport);
  const refused = insertExpectation();
  if (refused == 0) {
    because(REASON_EXPECT_MADE, e.l4proto, port);
    return VERDICT_ACCEPT;
  }
  because(refused, port, clashing);
  return VERDICT_DROP;
}

// ---- finding

/** The expectation a conn under construction fits, or 0. Nothing is changed. */
export function findExpectation(c: Conn): u32 {
  const e = expectationAt(0);
  const at = changetype<usize>(e);
  memory.fill(at, 0, EXPECT_SIZE);
  e.l3num = c.l3num;
  e.l4proto = c.l4proto;
  e.zone = c.zone;
  setAddress(at, sourceOf(c, 0), c.l3num);
  setAddress(at + 16, destinationOf(c, 0), c.l3num);
  e.sport = bswap<u16>(<u16>sourcePort(c, 0));
  e.dport = bswap<u16>(<u16>destinationPort(c, 0));
  for (let n = load<u32>(bucketOf(e)); n != 0; ) {
    const other = expectationAt(n);
    if (
      sameDestination(e, other) && (other.flags & EXPECT_INACTIVE) == 0 && sameSource(e, other, other.mask0, other.mask1, other.maskSport)
    ) return connOfHelp(other.master).has(STATUS_CONFIRMED) ? n : 0;
    n = other.hashNext;
  }
  return 0;
}

/** An expectation that a packet with the tuple under construction would fit, active or not; 0 none. */
export function findAlike(): u32 {
  const e = expectationAt(0);
  for (let n = load<u32>(bucketOf(e)); n != 0; n = expectationAt(n).hashNext) {
    const other = expectationAt(n);
    if (sameDestination(e, other) && sameSource(e, other, other.mask0, other.mask1, other.maskSport)) return n;
  }
  return 0;
}

/** Takes an expectation for the conn that came of it: it is gone unless it is permanent. */
export function consume(n: u32): void {
  if ((expectationAt(n).flags & EXPECT_PERMANENT) == 0) removeExpectation(n);
}

// ---- removing

export function removeExpectation(n: u32, time: u64 = now, at: u32 = frame): void {
  const e = expectationAt(n);
  assert(e.serial != 0);
  const help = helpAt(e.master);
  const counter = changetype<usize>(help) + offsetof<Help>("counts") + <usize>e.klass;
  store<u8>(counter, load<u8>(counter) - 1);
  if (e.prev) expectationAt(e.prev).next = e.next;
  else help.first = e.next;
  if (e.next) expectationAt(e.next).prev = e.prev;
  let link = bucketOf(e);
  while (load<u32>(link) != n) link = changetype<usize>(expectationAt(load<u32>(link))) + offsetof<Expectation>("hashNext");
  store<u32>(link, e.hashNext);
  removeFromHeap(e.heapAt);
  bump(STAT_EXPECT_DELETE);
  emitExpect(changetype<usize>(e), connOfHelp(e.master), EVENT_TYPE_DESTROY, at, time);
  e.serial = 0;
  e.hashNext = free;
  free = n;
}

/** Removes the expectations of a conn; those of one class with `klass` from 0 on. */
export function removeExpectations(c: Conn, klass: i32 = -1, time: u64 = now, at: u32 = frame): void {
  for (let n = helpOf(c).first; n != 0; ) {
    const e = expectationAt(n);
    const following = e.next;
    if (klass < 0 || <i32>e.klass == klass) removeExpectation(n, time, at);
    n = following;
  }
}

/** The newest expectation of a conn, the others by `next`; 0 none. */
export function firstExpectation(c: Conn): u32 {
  return helpOf(c).first;
}

// ---- time: a heap of numbers, by (deadline, serial)

/** When the first expectation ends; never, if there is none. */
// @ts-ignore: decorator
@inline
export function nextExpectationDue(): u64 {
  return expectations == 0 ? u64.MAX_VALUE : expectationAt(load<u32>(heapItemAt(0))).deadline;
}

/** Ends the expectation that is due first, at its deadline. */
export function expireExpectation(at: u32): void {
  const n = load<u32>(heapItemAt(0));
  const e = expectationAt(n);
  const aside = countAside(connOfHelp(e.master).has(STATUS_COPY));
  removeExpectation(n, e.deadline, at);
  countAside(aside);
}

/** Gives an expectation another deadline. */
export function renewExpectation(n: u32, deadline: u64): void {
  const e = expectationAt(n);
  e.deadline = deadline;
  siftUp(e.heapAt);
  siftDown(e.heapAt);
  dueBy(deadline);
}

function sooner(a: u32, b: u32): bool {
  const x = expectationAt(a);
  const y = expectationAt(b);
  return x.deadline < y.deadline || (x.deadline == y.deadline && x.serial < y.serial);
}

function place(i: u32, n: u32): void {
  store<u32>(heapItemAt(i), n);
  expectationAt(n).heapAt = i;
}

function siftUp(i: u32): void {
  const n = load<u32>(heapItemAt(i));
  while (i != 0) {
    const parent = load<u32>(heapItemAt((i - 1) >> 1));
    if (!sooner(n, parent)) break;
    place(i, parent);
    i = (i - 1) >> 1;
  }
  place(i, n);
}

function siftDown(i: u32): void {
  const n = load<u32>(heapItemAt(i));
  for (;;) {
    let child: u32 = 2 * i + 1;
    if (child >= expectations) break;
    if (child + 1 < expectations && sooner(load<u32>(heapItemAt(child + 1)), load<u32>(heapItemAt(child)))) ++child;
    const below = load<u32>(heapItemAt(child));
    if (!sooner(below, n)) break;
    place(i, below);
    i = child;
  }
  place(i, n);
}

function removeFromHeap(i: u32): void {
  const last = load<u32>(heapItemAt(--expectations));
  if (i == expectations) return;
  place(i, last);
  siftUp(i);
  siftDown(expectationAt(last).heapAt);
}

// ---- saving

/** Bytes of the region that hold anything. */
export function expectBytes(): u32 {
  return high == 0 ? 0 : <u32>(changetype<usize>(expectationAt(high + 1)) - EXPECTS);
}

export function expectRecordsAt(): usize {
  return changetype<usize>(expectationAt(1));
}

/** Records that may hold something; those with serial 0 are free. */
export function expectRecords(): u32 {
  return high;
}

export const EXPECT_STATE_SIZE: u32 = 24;

export function saveExpectations(at: usize): void {
  store<u32>(at, expectations);
  store<u32>(at, high, 4);
  store<u32>(at, free, 8);
  store<u32>(at, serials, 12);
  store<u64>(at, secret, 16);
}

export function loadExpectations(at: usize): void {
  expectations = load<u32>(at);
  high = load<u32>(at, 4);
  free = load<u32>(at, 8);
  serials = load<u32>(at, 12);
  secret = load<u64>(at, 16);
}

// ---- for selfcheck

/** True if lists, buckets, heap and counts agree. */
export function expectationsHold(): bool {
  let alive: u32 = 0;
  for (let n: u32 = 1; n <= high; ++n) {
    const e = expectationAt(n);
    if (e.serial == 0) continue;
    ++alive;
    if (e.deadline < now || e.heapAt >= expectations || load<u32>(heapItemAt(e.heapAt)) != n) return false;
    if (e.heapAt != 0 && sooner(n, load<u32>(heapItemAt((e.heapAt - 1) >> 1)))) return false;
    const c = connOfHelp(e.master);
    if (<u32>extOf(c).help != <u32>e.master || helperOf(c) != <u32>e.masterHelper) return false;
    if (e.prev ? expectationAt(e.prev).next != n : helpAt(e.master).first != n) return false;
    if (!isListed(n, load<u32>(bucketOf(e)), true) || !isListed(n, helpAt(e.master).first, false)) return false;
    if (countOf(e) > classMost(e.masterHelper, e.klass)) return false;
  }
  return alive == expectations;
}

function isListed(n: u32, first: u32, byHash: bool): bool {
  let steps: u32 = 0;
  for (let i = first; i != 0 && steps <= high; ++steps) {
    if (i == n) return true;
    const e = expectationAt(i);
    i = byHash ? e.hashNext : e.next;
  }
  return false;
}

function countOf(e: Expectation): u32 {
  return load<u8>(changetype<usize>(helpAt(e.master)) + offsetof<Help>("counts") + <usize>e.klass);
}
