// Walks everything an engine keeps and says which of its promises is broken. For tests: the release build has none of it.
//
// The remap region serves as scratch memory; nothing else uses it between packets.
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, L3_IPV4, L3_IPV6, STATUS_CONFIRMED, STATUS_DYING, STATUS_HELPED } from "./abi";
import { addr6At, Conn, connAt, NIL, scaleOf } from "./conn";
import { lastSerial } from "./conntrack";
import { expectationsHold } from "./expect";
import { foldAddresses, hashKey } from "./hash";
import { helpOf } from "./help";
import { GROUP_COUNT, GROUP_SLOTS, HEADS, REMAP, SLOTS, WHEEL_LEVELS, WHEEL_SLOTS } from "./memory-map";
import { entries, forgetSerials, groupAt, groupOf, hashOf, isFindable } from "./table";
import { BITMAPS, BOOKMARK, currentTick, HEAD, heapAt, heapSize, nextDue, now, OPENING, TICK_BITS } from "./timer";

/** Everything holds. */
export const CHECK_OK: u32 = 0;
// table
/** A tag is neither 0 nor 0x80 | 7 bits. */
export const CHECK_TAG: u32 = 1;
/** The slot is taken but holds no conn, or the other way round. */
export const CHECK_OCCUPIED: u32 = 2;
/** A search for the conn's key ends elsewhere: lost, or there twice. */
export const CHECK_FINDABLE: u32 = 3;
/** `entries` is not the number of slots taken. */
export const CHECK_ENTRIES: u32 = 4;
/** An overflow byte is not the number of entries that passed its group (or stuck at 255). */
export const CHECK_OVERFLOW: u32 = 5;
// conns
/** The key is not canonical, of no family, or not that of the IPv6 addresses. */
export const CHECK_KEY: u32 = 10;
/** CONFIRMED is missing, or DYING set. */
export const CHECK_STATUS: u32 = 11;
/** A protocol state or a window scale out of range. */
export const CHECK_STATE: u32 = 12;
/** A number given twice, or one that was never given. */
export const CHECK_SERIAL: u32 = 13;
/** The deadline has passed. */
export const CHECK_DEADLINE: u32 = 14;
// timers
/** Neighbours in a list do not point at each other. */
export const CHECK_LINKS: u32 = 20;
/** A conn is in two lists, or a free slot is in one. */
export const CHECK_LISTED: u32 = 21;
/** A conn is in the wrong list for the tick it is filed under. */
export const CHECK_LIST: u32 = 22;
/** Filed later than its deadline, or under a tick whose turn is over. */
export const CHECK_FILED: u32 = 23;
/** A list that holds something is not in the bitmap. */
export const CHECK_BITMAP: u32 = 24;
/** The heap is not one. */
export const CHECK_HEAP: u32 = 25;
/** A conn in no list and not in the heap either, or there with a later time than its deadline: it would never end. */
export const CHECK_UNTIMED: u32 = 26;
/** Something ends before the moment until which the clock is told not to look. */
export const CHECK_NEXT_DUE: u32 = 27;

// expectations
/** Lists, buckets, heap and counts of the expectations disagree, or one is overdue. */
export const CHECK_EXPECTATIONS: u32 = 30;
/** The record of a conn with a helper does not lead back to it. */
export const CHECK_HELP: u32 = 31;

/** 0, or the code of the first broken promise. Between packets only. */
export function selfcheck(): u32 {
  let code = checkTable();
  if (code == CHECK_OK) code = checkOverflow();
  if (code == CHECK_OK) code = checkConns();
  if (code == CHECK_OK) code = checkSerials();
  if (code == CHECK_OK) code = checkTimers();
  if (code == CHECK_OK && !expectationsHold()) code = CHECK_EXPECTATIONS;
  return code;
}

function tagAt(slot: u32): u32 {
  return load<u8>(groupAt(slot / GROUP_SLOTS) + (slot % GROUP_SLOTS));
}

function clearScratch(): void {
  forgetSerials();
  memory.fill(REMAP, 0, <usize>SLOTS << 2);
}

function scratchAt(i: u32): usize {
  return REMAP + (<usize>i << 2);
}

function checkTable(): u32 {
  let taken: u32 = 0;
  for (let slot: u32 = 0; slot < SLOTS; ++slot) {
    const tag = tagAt(slot);
    if (tag != 0 && tag < 0x80) return CHECK_TAG;
    if ((tag != 0) != (connAt(slot).serial != 0)) return CHECK_OCCUPIED;
    if (tag == 0) continue;
    ++taken;
    if (!isFindable(slot)) return CHECK_FINDABLE;
  }
  return taken == entries ? CHECK_OK : CHECK_ENTRIES;
}

// Counts anew which groups each entry found full on its way.
function checkOverflow(): u32 {
  clearScratch();
  for (let slot: u32 = 0; slot < SLOTS; ++slot) {
    if (tagAt(slot) == 0) continue;
    const c = connAt(slot);
    for (let g = groupOf(hashOf(c)); g != slot / GROUP_SLOTS; g = g + 1 == GROUP_COUNT ? 0 : g + 1) {
      store<u32>(scratchAt(g), load<u32>(scratchAt(g)) + 1);
    }
  }
  for (let g: u32 = 0; g < GROUP_COUNT; ++g) {
    const passed = load<u32>(scratchAt(g));
    const overflow = <u32>load<u8>(groupAt(g), 15);
    if (overflow == 255 ? false : overflow != passed) return CHECK_OVERFLOW;
  }
  return CHECK_OK;
}

function checkConns(): u32 {
  for (let slot: u32 = 0; slot < SLOTS; ++slot) {
    const c = connAt(slot);
    if (c.serial == 0) continue;
    if (!keyHolds(c, slot)) return CHECK_KEY;
    if (!c.has(STATUS_CONFIRMED) || c.has(STATUS_DYING)) return CHECK_STATUS;
    if (!stateHolds(c)) return CHECK_STATE;
    if (c.serial > lastSerial()) return CHECK_SERIAL;
    if (c.deadline < now) return CHECK_DEADLINE;
    if (c.has(STATUS_HELPED) && helpOf(c).slot != slot) return CHECK_HELP;
  }
  return CHECK_OK;
}

// Side A is the smaller one, but of a query, whose side A asks.
function keyHolds(c: Conn, slot: u32): bool {
  const query = c.l4proto == <u8>IPPROTO_ICMP || c.l4proto == <u8>IPPROTO_ICMPV6;
  if (c.l3num == <u8>L3_IPV4) {
    const a = (<u64>load<u32>(changetype<usize>(c)) << 16) | <u64>c.portA;
    const b = (<u64>load<u32>(changetype<usize>(c), 4) << 16) | <u64>c.portB;
    return query || a <= b;
  }
  if (c.l3num != <u8>L3_IPV6) return false;
  const a6 = addr6At(slot);
  if (c.key0 != foldAddresses(a6, a6 + 16)) return false;
  if (query) return true;
  for (let i: usize = 0; i < 16; i += 8) {
    const a = load<u64>(a6 + i);
    const b = load<u64>(a6 + i, 16);
    if (a != b) return a < b;
  }
  return c.portA <= c.portB;
}

function stateHolds(c: Conn): bool {
  switch (<u32>c.l4proto) {
    case IPPROTO_TCP:
      return c.state <= 9 && scaleOf(c, 0) <= 14 && scaleOf(c, 1) <= 14;
    case IPPROTO_SCTP:
      return c.state <= 8;
    default:
      return c.state == 0;
  }
}

// The scratch memory as a hash set: there are more slots than entries.
function checkSerials(): u32 {
  clearScratch();
  for (let slot: u32 = 0; slot < SLOTS; ++slot) {
    const serial = connAt(slot).serial;
    if (serial == 0) continue;
    let i = (serial * 0x9e3779b1) % SLOTS;
    for (;;) {
      const there = load<u32>(scratchAt(i));
      if (there == serial) return CHECK_SERIAL;
      if (there == 0) break;
      i = i + 1 == SLOTS ? 0 : i + 1;
    }
    store<u32>(scratchAt(i), serial);
  }
  return CHECK_OK;
}

const LISTED: u32 = 1;
const HEAPED: u32 = 2;

function checkTimers(): u32 {
  clearScratch();
  let earliest: u64 = u64.MAX_VALUE;
  for (let list: u32 = 0; list < WHEEL_LEVELS * WHEEL_SLOTS; ++list) {
    const code = checkList(list);
    if (code != CHECK_OK) return code;
  }
  const opened = checkList(OPENING - HEAD);
  if (opened != CHECK_OK) return opened;
  for (let i: u32 = 0; i < heapSize; ++i) {
    const item = heapAt(i);
    if (i != 0 && less(item, heapAt((i - 1) >> 1))) return CHECK_HEAP;
    const slot = load<u32>(item, 8);
    if (slot >= SLOTS) return CHECK_HEAP;
    const c = connAt(slot);
    if (c.serial == 0 || c.serial != load<u32>(item, 12) || c.next != NIL) continue; // stale
    if (load<u64>(item) <= c.deadline) store<u32>(scratchAt(slot), load<u32>(scratchAt(slot)) | HEAPED);
    if (load<u64>(item) < earliest) earliest = load<u64>(item);
  }
  for (let slot: u32 = 0; slot < SLOTS; ++slot) {
    const c = connAt(slot);
    if (c.serial == 0) continue;
    const where = load<u32>(scratchAt(slot));
    if (c.next == NIL ? (where & HEAPED) == 0 || c.prev != NIL : where != LISTED) return CHECK_UNTIMED;
  }
  if (earliest < nextDue) return CHECK_NEXT_DUE;
  return nextDue > (currentTick + 1) << TICK_BITS ? CHECK_NEXT_DUE : CHECK_OK;
}

function less(a: usize, b: usize): bool {
  return load<u64>(a) < load<u64>(b) || (load<u64>(a) == load<u64>(b) && load<u32>(a, 12) < load<u32>(b, 12));
}

function checkList(list: u32): u32 {
  const head = HEAD + list;
  const shift = <u64>(list >> 8) << 3;
  let before = head;
  for (let i = load<u32>(HEADS + (<usize>list << 3)); ; ) {
    const links = i >= HEAD ? HEADS + (<usize>(i - HEAD) << 3) : changetype<usize>(connAt(i)) + offsetof<Conn>("next");
    if (i < HEAD ? i >= SLOTS : i != head && i != BOOKMARK) return CHECK_LINKS;
    if (load<u32>(links, 4) != before) return CHECK_LINKS;
    if (i == head) break;
    if (i == BOOKMARK) {
      before = i;
      i = load<u32>(links);
      continue;
    }
    const c = connAt(i);
    if (c.serial == 0 || load<u32>(scratchAt(i)) != 0) return CHECK_LISTED;
    store<u32>(scratchAt(i), LISTED);
    const ahead = c.filed - <u32>currentTick;
    const tick = currentTick + <u64>ahead;
    if (tick > c.deadline >> TICK_BITS) return CHECK_FILED;
    if (head == OPENING) {
      before = i;
      i = c.next;
      continue;
    }
    if (<i32>ahead <= 0) return CHECK_FILED;
    if ((<u32>(tick >> shift) & 255) != (list & 255)) return CHECK_LIST;
    if ((tick >> shift) == (currentTick >> shift)) return CHECK_LIST; // its turn would come a whole round late
    before = i;
    i = c.next;
  }
  if (head == OPENING) return CHECK_OK;
  const marked = load<u64>(BITMAPS + (<usize>(list >> 6) << 3)) & (<u64>1 << (list & 63));
  return before != head && marked == 0 ? CHECK_BITMAP : CHECK_OK;
}
