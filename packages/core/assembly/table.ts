// The conntrack table: groups of 15 slots, found by one-byte tags sixteen at a time, the conn at the slot's number.
//
//   group:  │ tag × 15 │ overflow │    16 bytes; four groups share a cache line
//
// tag       0x80 | 7 bits of the hash; 0 when the slot is free
// overflow  entries that wanted a slot here and found none; a search goes on to the next group while it is not 0.
//           Sticks at 255, which only makes searches longer.
//
// One entry serves both directions: the key is canonical. Measured against the alternatives in
// docs/decisions/0002-table.md.
import { L3_IPV6, STAT_REKEY, STATUS_ONE_WAY } from "./abi";
import { addr6At, addr6Of, Conn, connAt, copyConn, NIL } from "./conn";
import { foldAddresses, hashKey, newHashKey } from "./hash";
import { followHelps } from "./help";
import { GROUP_COUNT, GROUP_SLOTS, GROUPS, MAX_PACKETS, MOST_GROUPS, REMAP, SLOTS, useGroups } from "./memory-map";
import { bump } from "./stats";
import { relink } from "./timer";

/** Groups a search may pass whatever the load, before it is asked whether chance explains it. */
const MAX_PROBE: u32 = 24;

export let entries: u32 = 0;
/** Entries whose zone holds for one direction (zone.ts). */
export let oneWays: u32 = 0;
let rekeyWanted: bool = false;

// @ts-ignore: decorator
@inline
function tagOf(hash: u64): u32 {
  return 0x80 | <u32>(hash >> 57);
}

// The multiply-shift reduction (Lemire 2019) serves exact fit and powers of two alike.
// @ts-ignore: decorator
@inline
export function groupOf(hash: u64): u32 {
  return <u32>(((hash & 0xffffffff) * <u64>GROUP_COUNT) >> 32);
}

// @ts-ignore: decorator
@inline
export function groupAt(group: u32): usize {
  return GROUPS + (<usize>group << 4);
}

// @ts-ignore: decorator
@inline
function matches(at: usize, tag: u32): u32 {
  return <u32>i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(<i8>tag))) & 0x7fff;
}

/**
 * Address of the conn most likely to have the key: the first whose tag fits; if none does, where a new one would lie. Only
 * a guess, for touching memory early: a free slot has no key.
 */
export function candidateOf(hash: u64): u32 {
  return candidateIn(<u32>groupAt(groupOf(hash)), hash);
}

/** The same when the address of the hash's group is known. */
// @ts-ignore: decorator
@inline
export function candidateIn(at: u32, hash: u64): u32 {
  const tags = v128.load(at);
  const fits = <u32>i8x16.bitmask(i8x16.eq(tags, i8x16.splat(<i8>tagOf(hash)))) & 0x7fff;
  const group = (at - <u32>GROUPS) >> 4;
  if (fits == 0 && load<u8>(at, 15) != 0) return candidateBehind(hash, group);
  return addressOf(group * GROUP_SLOTS + firstOf(fits, tags));
}

// @ts-ignore: decorator
@inline
function addressOf(slot: u32): u32 {
  return <u32>changetype<usize>(connAt(slot));
}

// The first slot that fits, else the first free one: a tag in use has its top bit set.
// @ts-ignore: decorator
@inline
function firstOf(fits: u32, tags: v128): u32 {
  return <u32>ctz(fits | ((~(<u32>i8x16.bitmask(tags)) & 0x7fff) << 16)) & 15;
}

// Of an entry that found its group full: it lies in the next one nearly always.
function candidateBehind(hash: u64, group: u32): u32 {
  if (++group == GROUP_COUNT) group = 0;
  const at = groupAt(group);
  return addressOf(group * GROUP_SLOTS + firstOf(matches(at, tagOf(hash)), v128.load(at)));
}

/** True if the conn has this key. `a6`, `b6`: the IPv6 addresses of side A and B. */
// @ts-ignore: decorator
@inline
export function sameKey(c: Conn, k0: u64, k1: u64, a6: usize, b6: usize): bool {
  if (((c.key0 ^ k0) | (c.key1 ^ k1)) != 0) return false;
  return c.l3num != L3_IPV6 || sameAddresses(addr6Of(c), a6, b6);
}

/** True if the IPv6 addresses at `at` are those of side A and B. */
export function sameAddresses(at: usize, a6: usize, b6: usize): bool {
  return (
    ((load<u64>(at) ^ load<u64>(a6)) | (load<u64>(at, 8) ^ load<u64>(a6, 8)) |
      (load<u64>(at, 16) ^ load<u64>(b6)) | (load<u64>(at, 24) ^ load<u64>(b6, 8))) == 0
  );
}

// ---- the hash of an entry

// In the key's upper half: its zone, and a bit that no family has.
const KEY_ZONE: u64 = 0xffff << 48;
const NO_ZONE: u64 = 1 << 47;

// @ts-ignore: decorator
@inline
function hashOneWay(k0: u64, k1: u64): u64 {
  return hashKey(k0, (k1 & ~KEY_ZONE) | NO_ZONE);
}

/** Of a conn, by which it is filed. */
export function hashOf(c: Conn): u64 {
  return c.has(STATUS_ONE_WAY) ? hashOneWay(c.key0, c.key1) : hashKey(c.key0, c.key1);
}

/** The slot with this key whose zone holds for both directions, or NIL. */
export function findExact(hash: u64, k0: u64, k1: u64, a6: usize, b6: usize): u32 {
  const tag = tagOf(hash);
  let group = groupOf(hash);
  for (let probes: u32 = 0; probes < GROUP_COUNT; ++probes) {
    const at = groupAt(group);
    let m = matches(at, tag);
    while (m) {
      const slot = group * GROUP_SLOTS + <u32>ctz(m);
      if (sameKey(connAt(slot), k0, k1, a6, b6) && (oneWays == 0 || !connAt(slot).has(STATUS_ONE_WAY))) return slot;
      m &= m - 1;
    }
    if (load<u8>(at, 15) == 0) return NIL;
    if (++group == GROUP_COUNT) group = 0;
  }
  return NIL;
}

// ---- entries with a zone for one direction, filed under the key without it

let walkTag: u32 = 0;
let walkGroup: u32 = 0;
let walkLeft: u32 = 0; // slots of the group that fit the tag
let walkMore: bool = false;

/** Begins the walk over the entries with this key in any zone. Nothing may be filed or freed until it ends. */
export function beginOneWays(k0: u64, k1: u64): void {
  const hash = hashOneWay(k0, k1);
  walkMore = oneWays != 0;
  if (!walkMore) return;
  walkTag = tagOf(hash);
  walkGroup = groupOf(hash);
  walkLeft = matches(groupAt(walkGroup), walkTag);
}

/** The next slot, or NIL. */
export function nextOneWay(k0: u64, k1: u64, a6: usize, b6: usize): u32 {
  while (walkMore) {
    while (walkLeft) {
      const slot = walkGroup * GROUP_SLOTS + <u32>ctz(walkLeft);
      walkLeft &= walkLeft - 1;
      const c = connAt(slot);
      const zone = k1 & KEY_ZONE;
      if (c.has(STATUS_ONE_WAY) && sameKey(c, k0, (k1 ^ zone) | (<u64>c.zone << 48), a6, b6)) return slot;
    }
    walkMore = load<u8>(groupAt(walkGroup), 15) != 0;
    if (++walkGroup == GROUP_COUNT) walkGroup = 0;
    if (walkMore) walkLeft = matches(groupAt(walkGroup), walkTag);
  }
  return NIL;
}

/** Takes a slot for a conn whose zone holds for one direction. */
export function takeSlotOneWay(k0: u64, k1: u64): u32 {
  ++oneWays;
  return takeSlot(hashOneWay(k0, k1));
}

/** Takes a free slot for this hash. The caller has made sure that there are fewer entries than slots. */
export function takeSlot(hash: u64): u32 {
  const slot = placeTag(hash);
  ++entries;
  return slot;
}

function placeTag(hash: u64): u32 {
  let group = groupOf(hash);
  for (let probes: u32 = 0; ; ++probes) {
    const at = groupAt(group);
    const free = matches(at, 0);
    if (free) {
      const i = <u32>ctz(free);
      store<u8>(at + i, <u8>tagOf(hash));
      if (probes > MAX_PROBE && isNoChance(probes)) rekeyWanted = true;
      return group * GROUP_SLOTS + i;
    }
    const overflow = load<u8>(at, 15);
    if (overflow != 255) store<u8>(at, overflow + 1, 15);
    if (++group == GROUP_COUNT) group = 0;
  }
  return NIL;
}

// Runs of full groups get longer with the load: longer than k with a probability of about e^-(rk), r = 15(1-a)²/2a for groups of
// 15 at load a. The bound is where that is e^-37, 24 groups in an empty table and 1,200 at 15/16.
function isNoChance(probes: u32): bool {
  const load = <f64>entries / <f64>SLOTS;
  const free = 1 - load;
  return <f64>probes * free * free > <f64>MAX_PROBE * free * free + 5 * load;
}

/** Frees the slot of a conn. */
export function freeSlot(slot: u32): void {
  const c = connAt(slot);
  const home = groupOf(hashOf(c));
  if (c.has(STATUS_ONE_WAY)) --oneWays;
  const group = slot / GROUP_SLOTS;
  store<u8>(groupAt(group) + (slot - group * GROUP_SLOTS), 0);
  for (let g = home; g != group; ) {
    const at = groupAt(g);
    const overflow = load<u8>(at, 15);
    if (overflow != 255) store<u8>(at, overflow - 1, 15);
    if (++g == GROUP_COUNT) g = 0;
  }
  clearSlot(c);
  --entries;
}

// A free slot has no key, so that a guess at a candidate never takes it for a conn.
function clearSlot(c: Conn): void {
  c.key0 = 0;
  store<u64>(changetype<usize>(c), 0, 8);
  c.serial = 0;
}

/** The groups of a fresh memory are empty: filling them would be the first touch of all their pages. */
export function clearTable(): void {
  entries = 0;
  oneWays = 0;
  rekeyWanted = false;
  forgetSerials();
}

/** Takes over a table that was filled from a snapshot. */
export function setEntries(n: u32): void {
  entries = n;
  oneWays = 0;
  for (let slot: u32 = 0; slot < SLOTS; ++slot) if (tagAt(slot) != 0 && connAt(slot).has(STATUS_ONE_WAY)) ++oneWays;
}

// ---- conns by number
//
// Asked for by callers only. The first question files all conns in the remap region, which is idle between rebuilds: the slot of number
// n at n % SLOTS. From then on new ones are filed as they come, and a question costs two loads, unless the conn is gone: then
// all are looked at.

let filed: bool = false;

/** The slot of the conn with this number; NIL when there is none. */
export function slotOfSerial(serial: u32): u32 {
  const at = REMAP + (<usize>(serial % SLOTS) << 2);
  if (filed && connAt(load<u32>(at)).serial == serial) return load<u32>(at);
  // the first question; or the conn is gone, or another was filed over it
  let found = NIL;
  for (let slot: u32 = 0; slot < SLOTS; ++slot) {
    if (tagAt(slot) == 0) continue;
    const other = connAt(slot).serial;
    if (!filed) store<u32>(REMAP + (<usize>(other % SLOTS) << 2), slot);
    if (other == serial) found = slot;
  }
  filed = true;
  return found;
}

/** A conn has its number and slot. */
// @ts-ignore: decorator
@inline
export function fileSerial(slot: u32, serial: u32): void {
  if (filed) store<u32>(REMAP + (<usize>(serial % SLOTS) << 2), slot);
}

/** The remap region is used otherwise. */
export function forgetSerials(): void {
  filed = false;
}

// ---- a new hash key

/** Draws a new hash key and rebuilds, if a search got too long since the last time. Between batches only. */
export function rekeyIfWanted(): void {
  if (!rekeyWanted) return;
  rekeyWanted = false;
  rekey();
}

const UNPLACED: u32 = 1; // tag of an entry that still has to move; never that of a hash

/** Rebuilds the table in place under a new key. */
export function rekey(): void {
  bump(STAT_REKEY);
  newHashKey();
  rebuild(GROUP_COUNT);
}

/** Makes a growing table twice as large, or as large as it may get, when the next call might fill it. Between batches only. */
export function growIfWanted(): void {
  if (GROUP_COUNT == MOST_GROUPS) return;
  let groups = GROUP_COUNT;
  while (groups < MOST_GROUPS && entries + MAX_PACKETS > groups * (GROUP_SLOTS - 1)) groups = min<u32>(groups << 1, MOST_GROUPS);
  if (groups != GROUP_COUNT) rebuild(groups);
}

/** Conns move to other slots of `groups` groups, no fewer than there are; links follow by the remap region. */
function rebuild(groups: u32): void {
  const before = SLOTS;
  forgetSerials();
  memory.fill(REMAP, 0, <usize>before << 2); // stale items of the heap may name slots that are free
  for (let g: u32 = 0; g < GROUP_COUNT; ++g) {
    const at = groupAt(g);
    for (let i: u32 = 0; i < GROUP_SLOTS; ++i) if (load<u8>(at + i)) store<u8>(at + i, <u8>UNPLACED);
    store<u8>(at, 0, 15);
  }
  // behind the slots lay the conn under construction, free between packets, and a spare
  for (let slot = before; slot < before + 2; ++slot) clearSlot(connAt(slot));
  useGroups(groups);
  const carried = SLOTS;
  for (let start: u32 = 0; start < before; ++start) {
    if (tagAt(start) != UNPLACED) continue;
    copyConn(carried, start);
    setTag(start, 0);
    let from = start;
    for (;;) {
      const hash = rehash(connAt(carried), addr6At(carried));
      const to = placeOver(hash);
      const evicted = tagAt(to) == UNPLACED;
      if (evicted) swapConns(carried, to);
      else copyConn(to, carried);
      setTag(to, tagOf(hash));
      store<u32>(REMAP + (<usize>from << 2), to);
      if (!evicted) break;
      from = to;
    }
  }
  // what is behind them was never written to
  for (let slot: u32 = 0; slot < before; ++slot) if (tagAt(slot) == 0) clearSlot(connAt(slot));
  relink();
  followHelps();
}

function rehash(c: Conn, a6: usize): u64 {
  if (c.l3num == L3_IPV6) c.key0 = foldAddresses(a6, a6 + 16);
  return hashOf(c);
}

function tagAt(slot: u32): u32 {
  return load<u8>(groupAt(slot / GROUP_SLOTS) + (slot % GROUP_SLOTS));
}

function setTag(slot: u32, tag: u32): void {
  store<u8>(groupAt(slot / GROUP_SLOTS) + (slot % GROUP_SLOTS), <u8>tag);
}

// A slot that is free or whose owner has not been placed yet.
function placeOver(hash: u64): u32 {
  let group = groupOf(hash);
  for (;;) {
    const at = groupAt(group);
    const usable = matches(at, 0) | matches(at, UNPLACED);
    if (usable) return group * GROUP_SLOTS + <u32>ctz(usable);
    const overflow = load<u8>(at, 15);
    if (overflow != 255) store<u8>(at, overflow + 1, 15);
    if (++group == GROUP_COUNT) group = 0;
  }
  return NIL;
}

function swapConns(a: u32, b: u32): void {
  const spare = SLOTS + 1;
  copyConn(spare, a);
  copyConn(a, b);
  copyConn(b, spare);
}

/** True when the conn's slot is the one its own hash leads to; for selfcheck. */
export function isFindable(slot: u32): bool {
  const c = connAt(slot);
  const a6 = addr6At(slot);
  if (!c.has(STATUS_ONE_WAY)) return findExact(hashOf(c), c.key0, c.key1, a6, a6 + 16) == slot;
  beginOneWays(c.key0, c.key1);
  let found = nextOneWay(c.key0, c.key1, a6, a6 + 16);
  while (found != NIL && found != slot) found = nextOneWay(c.key0, c.key1, a6, a6 + 16);
  return found == slot;
}
