// Timers: exact deadlines, cheap to renew.
//
// A conn is filed in a hierarchical wheel (Varghese, Lauck 1987) under a tick that is never later than its deadline.
// Renewing only writes the deadline; the conn is filed again when its tick comes up, or when a new deadline lies
// before it. What falls into the current tick goes to a heap ordered by (deadline, serial), so entries leave in the
// order of their deadlines.
//
//   tick            2^26 ns (67 ms)
//   level 0 … 3     256 lists each, of 1, 2^8, 2^16, 2^24 ticks: 17 s, 73 min, 13 days, 9 years
//   list            circular, doubly linked; its head is the pseudo index HEAD | level << 8 | slot
//   OPENING         one more list: what is left of the one whose tick has come
//   BOOKMARK        a node without a conn: where the collector's walk goes on
//   heap            │ deadline u64 │ slot u32 │ serial u32 │; a serial that no longer fits marks a stale item
//
// Conns mostly arrive at the heap in the order of their deadlines. As long as they do it is a queue, `heapFirst` is its
// front, and an end costs no sifting; the first one out of order turns it into a heap (a sorted array is one already).
//
// A list may hold any number of conns, so whatever goes through one spends `workLeft` and can be continued: a call does a
// bounded number of steps, and no packet is tracked while a list is half opened.
import { Conn, connAt, NIL, slotOf } from "./conn";
import { CONNS, GROUP_COUNT, GROUP_SLOTS, GROUPS, HEAD_COUNT, HEADS, HEAP, REMAP, SLOTS, WHEEL_LEVELS, WHEEL_SLOTS } from "./memory-map";

export const TICK_BITS: u64 = 26;
export const HEAD: u32 = 0xf0000000;
/** Pseudo indices behind the heads of the wheel. */
export const OPENING: u32 = HEAD + WHEEL_LEVELS * WHEEL_SLOTS;
export const BOOKMARK: u32 = OPENING + 1;
const FARTHEST: u64 = 0x7fffffff; // ticks; what lies beyond is filed there and filed again

export const BITMAPS: usize = memory.data(4 * 32, 8); // lists that may hold something

/** The packet clock, ns since the epoch; never goes back. */
export let now: u64 = 0;
/** No timer is due before. */
export let nextDue: u64 = 0;
export let currentTick: u64 = 0;
export let heapSize: u32 = 0;
let heapFirst: u32 = 0;
let heapSorted: bool = true;
let started: bool = false;
/** Level whose list lies in OPENING; -1 when none is being opened. */
let openLevel: i32 = -1;

/**
 * Steps one call may spend on time: a conn that is filed anew or ends, an item of the heap, a list looked into. No batch
 * stalls for longer (measured: docs/decisions/0004-timers.md).
 */
export const WORK_BUDGET: u32 = 4096;
export let workLeft: u32 = WORK_BUDGET;

export function renewWork(): void {
  workLeft = WORK_BUDGET;
}

/** Takes `steps` from the budget of the call. */
export function spend(steps: u32): void {
  workLeft -= min<u32>(steps, workLeft);
}

// ---- lists

// @ts-ignore: decorator
@inline
function linksOf(i: u32): usize {
  return i >= HEAD ? HEADS + (<usize>(i - HEAD) << 3) : CONNS + (<usize>i << 7) + offsetof<Conn>("next");
}

// @ts-ignore: decorator
@inline
function nextOf(i: u32): u32 {
  return load<u32>(linksOf(i));
}

function append(head: u32, i: u32): void {
  const at = linksOf(head);
  const last = load<u32>(at, 4);
  store<u32>(linksOf(last), i);
  store<u32>(at, i, 4);
  store<u32>(linksOf(i), head);
  store<u32>(linksOf(i), last, 4);
}

function insertBehind(at: u32, i: u32): void {
  const next = nextOf(at);
  store<u32>(linksOf(i), next);
  store<u32>(linksOf(i), at, 4);
  store<u32>(linksOf(next), i, 4);
  store<u32>(linksOf(at), i);
}

function unlink(i: u32): void {
  const next = load<u32>(linksOf(i));
  const prev = load<u32>(linksOf(i), 4);
  store<u32>(linksOf(prev), next);
  store<u32>(linksOf(next), prev, 4);
  store<u32>(linksOf(i), NIL);
  store<u32>(linksOf(i), NIL, 4);
}

// Moves all of a list to an empty one.
function moveList(from: u32, to: u32): void {
  const first = nextOf(from);
  if (first == from) return;
  const last = load<u32>(linksOf(from), 4);
  store<u32>(linksOf(to), first);
  store<u32>(linksOf(to), last, 4);
  store<u32>(linksOf(first), to, 4);
  store<u32>(linksOf(last), to);
  store<u32>(linksOf(from), from);
  store<u32>(linksOf(from), from, 4);
}

export function clearTimers(): void {
  for (let i: u32 = 0; i < HEAD_COUNT; ++i) {
    store<u32>(linksOf(HEAD + i), HEAD + i);
    store<u32>(linksOf(HEAD + i), HEAD + i, 4);
  }
  store<u32>(linksOf(BOOKMARK), NIL);
  store<u32>(linksOf(BOOKMARK), NIL, 4);
  memory.fill(BITMAPS, 0, 128);
  openLevel = -1;
  emptyHeap();
  now = 0;
  nextDue = 0;
  currentTick = 0;
  started = false;
}

// ---- filing

// @ts-ignore: decorator
@inline
function setBit(list: u32): void {
  const at = BITMAPS + (<usize>(list >> 6) << 3);
  store<u64>(at, load<u64>(at) | (<u64>1 << (list & 63)));
}

// @ts-ignore: decorator
@inline
function clearBit(list: u32): void {
  const at = BITMAPS + (<usize>(list >> 6) << 3);
  store<u64>(at, load<u64>(at) & ~(<u64>1 << (list & 63)));
}

/** Files a conn that is in no list by its deadline. */
export function file(c: Conn): void {
  const slot = slotOf(c);
  let tick = c.deadline >> TICK_BITS;
  if (tick <= currentTick) {
    c.next = NIL;
    c.prev = NIL;
    c.filed = <u32>currentTick;
    pushHeap(c.deadline, slot, c.serial);
    if (c.deadline < nextDue) nextDue = c.deadline;
    return;
  }
  let delta = tick - currentTick;
  if (delta > FARTHEST) {
    delta = FARTHEST;
    tick = currentTick + delta;
  }
  c.filed = <u32>tick;
  const level: u32 = delta < 0x100 ? 0 : delta < 0x10000 ? 1 : delta < 0x1000000 ? 2 : 3;
  const list = (level << 8) | (<u32>(tick >> (<u64>level << 3)) & 255);
  append(HEAD + list, slot);
  setBit(list);
}

/** Sets a conn's deadline. Nearly always one store: an earlier tick than the one it is filed under is rare. */
// @ts-ignore: decorator
@inline
export function renew(c: Conn, deadline: u64): void {
  const before = c.deadline;
  c.deadline = deadline;
  if (isEarlier(c, deadline)) refile(c, before);
}

/** True if a conn may have to be filed anew for this deadline: its tick is not later than the one it is filed under. */
// @ts-ignore: decorator
@inline
export function isEarlier(c: Conn, deadline: u64): bool {
  return <i32>(<u32>(deadline >> TICK_BITS) - c.filed) <= 0;
}

/** Files a conn anew if its deadline, which was `before`, wants it. */
export function refile(c: Conn, before: u64): void {
  const earlier = <u32>(c.deadline >> TICK_BITS) != c.filed;
  if (c.next != NIL) {
    if (!earlier) return;
    unlink(slotOf(c));
  } else if (c.deadline >= before) return; // in the heap, whose item has it filed again
  file(c);
}

/** Takes a conn out of its list; an item in the heap goes stale with the serial. */
export function cancel(c: Conn): void {
  if (c.next != NIL) unlink(slotOf(c));
}

// ---- the heap of the current tick

// @ts-ignore: decorator
@inline
export function heapAt(i: u32): usize {
  return HEAP + (<usize>(heapFirst + i) << 4);
}

function emptyHeap(): void {
  heapSize = 0;
  heapFirst = 0;
  heapSorted = true;
  touchedAhead = 0;
}

/** Moves the items to the front of the region, for whoever reads them there. */
export function settleHeap(): void {
  if (heapFirst == 0) return;
  memory.copy(HEAP, heapAt(0), <usize>heapSize << 4);
  heapFirst = 0;
}

// @ts-ignore: decorator
@inline
function heapLess(a: usize, b: usize): bool {
  const x = load<u64>(a);
  const y = load<u64>(b);
  return x < y || (x == y && load<u32>(a, 12) < load<u32>(b, 12));
}

function pushHeap(deadline: u64, slot: u32, serial: u32): void {
  if (heapSize == SLOTS) {
    rebuildHeap();
    return;
  }
  addToHeap(deadline, slot, serial);
}

function addToHeap(deadline: u64, slot: u32, serial: u32): void {
  if (heapFirst + heapSize == SLOTS) {
    settleHeap();
    heapSorted = false; // a heap does not move on, so this happens once until it is empty
  }
  const at = heapAt(heapSize);
  store<u64>(at, deadline);
  store<u32>(at, slot, 8);
  store<u32>(at, serial, 12);
  ++heapSize;
  if (heapSorted) {
    if (heapSize == 1 || !heapLess(at, at - 16)) return;
    heapSorted = false;
  }
  siftUp(heapSize - 1);
}

// Stale and double items have filled the heap: begins anew with what belongs there, the conn being filed among it.
function rebuildHeap(): void {
  emptyHeap();
  for (let slot: u32 = 0; slot < SLOTS; ++slot) {
    const c = connAt(slot);
    if (c.serial != 0 && c.next == NIL) addToHeap(c.deadline, slot, c.serial);
  }
}

function siftUp(i: u32): void {
  let at = heapAt(i);
  while (i != 0) {
    const parent = (i - 1) >> 1;
    const up = heapAt(parent);
    if (!heapLess(at, up)) break;
    swapItems(at, up);
    i = parent;
    at = up;
  }
}

function swapItems(a: usize, b: usize): void {
  const x = v128.load(a);
  v128.store(a, v128.load(b));
  v128.store(b, x);
}

function popHeap(): void {
  if (heapSorted) {
    ++heapFirst;
    if (--heapSize == 0) emptyHeap();
    return;
  }
  if (heapSize == 1) {
    emptyHeap();
    return;
  }
  const last = heapAt(--heapSize);
  v128.store(heapAt(0), v128.load(last));
  let i: u32 = 0;
  for (;;) {
    let child: u32 = 2 * i + 1;
    if (child >= heapSize) break;
    if (child + 1 < heapSize && heapLess(heapAt(child + 1), heapAt(child))) ++child;
    if (!heapLess(heapAt(child), heapAt(i))) break;
    swapItems(heapAt(child), heapAt(i));
    i = child;
  }
}

/** Items whose conns are touched at a time, as batch.ts does for packets: their cache misses overlap. */
const AHEAD: u32 = 16;
let touchedAhead: u32 = 0;
/** Keeps the early loads alive. */
export let touched: u32 = 0;

function touchAhead(): void {
  const n = min<u32>(heapSize, AHEAD);
  let sum: u32 = 0;
  for (let i: u32 = 0; i < n; ++i) {
    const slot = load<u32>(heapAt(i), 8);
    const line = CONNS + (<usize>slot << 7);
    sum += load<u32>(line) + load<u32>(line, 64) + load<u32>(GROUPS + (<usize>(slot / GROUP_SLOTS) << 4));
  }
  touched += sum;
  touchedAhead = n;
}

// ---- the clock

// Distance in slots (0 … 255) from list `from` of a level to the next one that may hold something; 256 if none.
function distanceFrom(level: u32, from: u32): u32 {
  const at = BITMAPS + (<usize>level << 5);
  for (let k: u32 = 0; k < 5; ++k) {
    const word = ((from >> 6) + k) & 3;
    let bits = load<u64>(at + (<usize>word << 3));
    if (k == 0) bits &= ~(<u64>0) << (from & 63);
    if (k == 4) bits &= ~(~(<u64>0) << (from & 63));
    if (bits) return ((word << 6) + <u32>ctz(bits) - from) & 255;
  }
  return 256;
}

// The list after the current one of a level.
// @ts-ignore: decorator
@inline
function listAfter(level: u32): u32 {
  return <u32>(currentTick >> (<u64>level << 3)) + 1;
}

// The first tick after the current one at which a list has to be looked at.
function nextTick(): u64 {
  let best: u64 = u64.MAX_VALUE;
  for (let level: u32 = 0; level < WHEEL_LEVELS; ++level) {
    const distance = distanceFrom(level, listAfter(level) & 255);
    if (distance == 256) continue;
    const shift = <u64>level << 3;
    const tick = ((currentTick >> shift) + 1 + <u64>distance) << shift;
    if (tick < best) best = tick;
  }
  return best;
}

// Takes over the next list, from the far levels to the near, that begins at the current tick.
function openNextLevel(): void {
  while (--openLevel >= 0) {
    const shift = <u64>openLevel << 3;
    if ((currentTick & ((<u64>1 << shift) - 1)) != 0) continue;
    const list = (<u32>openLevel << 8) | (<u32>(currentTick >> shift) & 255);
    clearBit(list);
    moveList(HEAD + list, OPENING);
    return;
  }
}

/** Files what lies in opened lists anew, one by one: into nearer lists, or the heap. False when the budget ends first. */
export function finishOpening(): bool {
  while (openLevel >= 0) {
    const i = nextOf(OPENING);
    if (i == OPENING) {
      openNextLevel();
      continue;
    }
    if (workLeft == 0) return false;
    --workLeft;
    if (i == BOOKMARK) {
      unlink(i);
      continue;
    }
    const next = nextOf(i); // its own links are set by file()
    store<u32>(linksOf(OPENING), next);
    store<u32>(linksOf(next), OPENING, 4);
    file(connAt(i));
  }
  return true;
}

/** Starts the clock with the first packet. */
export function startClock(time: u64): void {
  if (started) return;
  started = true;
  now = time;
  currentTick = time >> TICK_BITS;
  nextDue = (currentTick + 1) << TICK_BITS;
}

/**
 * Moves towards `time` up to the next entry that is due and returns its slot, which the caller removes before it calls
 * again. NIL when there is none before or at `time`, and the clock then shows `time`; or when the budget ends first.
 */
export function nextExpired(time: u64): u32 {
  const target = time >> TICK_BITS;
  nextDue = 0; // whoever comes before this is through has to go on with it
  for (;;) {
    if (!finishOpening()) return NIL;
    while (heapSize != 0) {
      const first = heapAt(0);
      const due = load<u64>(first);
      if (due > time) break;
      if (workLeft == 0) return NIL;
      --workLeft;
      if (heapSorted) {
        if (touchedAhead == 0) touchAhead();
        --touchedAhead;
      }
      const slot = load<u32>(first, 8);
      const c = connAt(slot);
      const alive = c.serial == load<u32>(first, 12) && c.next == NIL;
      popHeap();
      if (!alive) continue;
      if (c.deadline > due) {
        file(c);
        continue;
      }
      now = due > now ? due : now;
      return slot;
    }
    if (currentTick >= target) break;
    if (workLeft == 0) return NIL;
    --workLeft;
    const tick = nextTick();
    if (tick > target) {
      currentTick = target;
      break;
    }
    currentTick = tick;
    openLevel = WHEEL_LEVELS;
  }
  now = time;
  nextDue = (currentTick + 1) << TICK_BITS;
  if (heapSize != 0 && load<u64>(heapAt(0)) < nextDue) nextDue = load<u64>(heapAt(0));
  return NIL;
}

/** Something that is no conn is due at `time`. */
export function dueBy(time: u64): void {
  if (time < nextDue) nextDue = time;
}

/** Sets the clock where nothing is due, within the current tick. */
// @ts-ignore: decorator
@inline
export function setNow(time: u64): void {
  now = time;
}

// ---- walking by time, for early drop

let walkList: u32 = 0;
let walkAt: u32 = NIL;
let walkHeap: u32 = 0;
let bookmarked: u32 = 0; // list the bookmark lies in, if it does

/** Begins a walk over all conns, roughly in the order of the ticks they are filed under. */
export function walkFromSoonest(): void {
  walkHeap = 0;
  walkList = 0;
  walkAt = NIL;
}

// The k-th list in order of time: a level's lists from the one after the current slot on.
function listInOrder(k: u32): u32 {
  const level = k >> 8;
  return (level << 8) | ((listAfter(level) + (k & 255)) & 255);
}

// The first list from the k-th on that may hold something; WHEEL_LEVELS * WHEEL_SLOTS if there is none.
function nextInOrder(k: u32): u32 {
  while (k < WHEEL_LEVELS * WHEEL_SLOTS) {
    const level = k >> 8;
    const within = (k & 255) + distanceFrom(level, (listAfter(level) + (k & 255)) & 255);
    if (within < 256) return (level << 8) | within;
    k = (level + 1) << 8;
  }
  return k;
}

/** The next conn of the walk, or NIL at its end. Before the conn it returned is removed: walkStepBack(). */
export function walkNext(): u32 {
  while (walkHeap < heapSize) {
    const at = heapAt(walkHeap++);
    const slot = load<u32>(at, 8);
    const c = connAt(slot);
    if (c.serial == load<u32>(at, 12) && c.next == NIL) return slot;
  }
  for (;;) {
    if (walkAt == NIL) {
      walkList = nextInOrder(walkList);
      if (walkList == WHEEL_LEVELS * WHEEL_SLOTS) return NIL;
      const list = listInOrder(walkList);
      walkAt = HEAD + list;
      if (nextOf(walkAt) == walkAt) clearBit(list);
    }
    walkAt = nextOf(walkAt);
    if (walkAt < HEAD) return walkAt;
    if (walkAt == BOOKMARK) continue;
    walkAt = NIL;
    ++walkList;
  }
  return NIL;
}

/** Moves the conn the walk has just returned to the end of its list, so that the next walk meets others first. */
export function walkSendBack(): void {
  if (walkAt == NIL) return; // it lies in the heap
  const slot = walkAt;
  walkAt = load<u32>(linksOf(slot), 4);
  unlink(slot);
  append(HEAD + listInOrder(walkList), slot);
}

/** Goes on behind the bookmark and takes it away; from the soonest when there is none, or its list's time has come. */
export function walkFromBookmark(): void {
  walkFromSoonest();
  if (nextOf(BOOKMARK) == NIL) return;
  walkHeap = heapSize;
  const level = bookmarked >> 8;
  walkList = (level << 8) | (((bookmarked & 255) - listAfter(level)) & 255);
  walkAt = load<u32>(linksOf(BOOKMARK), 4);
  unlink(BOOKMARK);
}

/** Leaves the bookmark behind the conn the walk has just returned. */
export function walkLeaveBookmark(): void {
  if (walkAt == NIL) return; // in the heap still, and that is soon empty
  bookmarked = listInOrder(walkList);
  insertBehind(walkAt, BOOKMARK);
}

/**
 * Touches what the end of the conn behind the one the walk has just returned will need, as it will be the next to go: its second
 * line is near, being a neighbour's. A packet's time ahead, the misses overlap with what the packet does.
 */
export function walkTouchNext(): void {
  if (walkAt == NIL) return;
  const next = nextOf(walkAt);
  if (next >= HEAD) return;
  const after = nextOf(next);
  touched += load<u32>(CONNS + (<usize>next << 7)) + load<u32>(GROUPS + (<usize>(next / GROUP_SLOTS) << 4)) + (after < HEAD ? load<u32>(linksOf(after)) : 0);
}

/** Makes the walk independent of the conn it has just returned. */
export function walkStepBack(): void {
  if (walkAt != NIL) walkAt = load<u32>(linksOf(walkAt), 4);
}

// ---- moving, saving

function relinked(i: u32): u32 {
  return i >= HEAD ? i : load<u32>(REMAP + (<usize>i << 2));
}

/** After conns have moved to other slots: follows the remap region in all links. NIL is above HEAD and stays. */
export function relink(): void {
  for (let i: u32 = 0; i < HEAD_COUNT; ++i) {
    const at = linksOf(HEAD + i);
    store<u32>(at, relinked(load<u32>(at)));
    store<u32>(at, relinked(load<u32>(at, 4)), 4);
  }
  for (let group: u32 = 0; group < GROUP_COUNT; ++group) {
    const tags = GROUPS + (<usize>group << 4);
    for (let i: u32 = 0; i < GROUP_SLOTS; ++i) {
      if (load<u8>(tags + i) == 0) continue; // not even looked at: in a table that has just grown most are fresh memory
      const c = connAt(group * GROUP_SLOTS + i);
      c.next = relinked(c.next);
      c.prev = relinked(c.prev);
    }
  }
  for (let i: u32 = 0; i < heapSize; ++i) {
    const at = heapAt(i);
    store<u32>(at, relinked(load<u32>(at, 8)), 8);
  }
}

export const TIMER_STATE_SIZE: u32 = 40 + 128;

export function saveTimers(at: usize): void {
  settleHeap();
  store<u64>(at, now);
  store<u64>(at, nextDue, 8);
  store<u64>(at, currentTick, 16);
  store<u32>(at, heapSize, 24);
  store<u32>(at, <u32>started, 28);
  store<i32>(at, openLevel, 32);
  store<u32>(at, bookmarked, 36);
  memory.copy(at + 40, BITMAPS, 128);
}

export function loadTimers(at: usize): void {
  now = load<u64>(at);
  nextDue = load<u64>(at, 8);
  currentTick = load<u64>(at, 16);
  heapSize = load<u32>(at, 24);
  heapFirst = 0;
  heapSorted = heapSize == 0;
  started = load<u32>(at, 28) != 0;
  openLevel = load<i32>(at, 32);
  bookmarked = load<u32>(at, 36);
  memory.copy(BITMAPS, at + 40, 128);
}
