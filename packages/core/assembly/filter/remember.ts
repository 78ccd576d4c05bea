// Rules that remember addresses: hashlimit, recent, connlimit. Time is the packet clock.
import { IPPROTO_TCP, L3_IPV4, STATUS_CONFIRMED, TCP_CLOSE, TCP_TIME_WAIT } from "../abi";
import { addr6At, Conn, connAt, NIL, orientation, slotOf } from "../conn";
import { hashKey } from "../hash";
import { Packet } from "../packet";
import { findExact, oneWays } from "../table";
import { dirsOf, findInZone } from "../zone";
import { now } from "../timer";
import { HOT, there, UNKNOWN, YES } from "./answer";
import { conn, leaves, lengthNow, ttlOf } from "./context";
import {
  HASHLIMIT_ABOVE, HASHLIMIT_BYTES, HASHLIMIT_DROP, HASHLIMIT_DST, HASHLIMIT_DST_PORT, HASHLIMIT_SRC, HASHLIMIT_SRC_PORT, RECENT_DEST,
  RECENT_INVERT, RECENT_REAP, RECENT_REMOVE, RECENT_SET, RECENT_TTL, RECENT_UPDATE,
} from "./numbers";
import {
  addEntry, ENTRY_KEY, findEntry, isFull, newerEntry, nextEntry, oldestEntry, removeEntry, SWEPT, tableAt, touchEntry,
} from "./store";

const SECOND: u64 = 1_000_000_000;
const KEY: usize = memory.data(40, 8);

// An address under its mask into the key.
function maskAddress(p: Packet, key: usize, address: usize, mask: usize): void {
  const words: u32 = p.l3num == L3_IPV4 ? 1 : 4;
  for (let i: usize = 0; i < words; ++i) store<u32>(key + (i << 2), load<u32>(address + (i << 2)) & load<u32>(mask + (i << 2)));
}

// ---- hashlimit
//
// Arguments: table, HASHLIMIT_* bits; span of the table ns u64; sweep every ns u64; cost u64, most credit u64; masks ×4, ×4.
// Value of an entry: expires │ last │ credit │ spare seconds, u64 each. Credit is time in ns, or bytes as the kernel
// counts them: 2^22 · 1000 a second, pieces of 16 bytes at `cost` each.
const HL_KEY: usize = 40;
const HL_EXPIRES: usize = ENTRY_KEY + HL_KEY;
const HL_LAST: usize = HL_EXPIRES + 8;
const HL_CREDIT: usize = HL_EXPIRES + 16;
const HL_SECONDS: usize = HL_EXPIRES + 24;
const BYTE_CREDITS: u64 = 4_194_304_000;

// TCP, UDP, DCCP, SCTP, UDP-Lite, ESP have something like ports in front, AH behind four bytes.
function portsOffset(protocol: u32): i32 {
  switch (protocol) {
    case 6:
    case 17:
    case 33:
    case 50:
    case 132:
    case 136:
      return 0;
    case 51:
      return 4;
    default:
      return -1;
  }
}

export function hashlimit(p: Packet, at: usize): u32 {
  const table = tableAt(load<u32>(at));
  const flags = load<u32>(at, 4);
  memory.fill(KEY, 0, HL_KEY);
  if (flags & HASHLIMIT_SRC) maskAddress(p, KEY, p.src, at + 40);
  if (flags & HASHLIMIT_DST) maskAddress(p, KEY + 16, p.dst, at + 56);
  if (flags & (HASHLIMIT_SRC_PORT | HASHLIMIT_DST_PORT)) {
    const offset = portsOffset(p.l4proto);
    if (offset >= 0) {
      const answer = there(p, offset + 4);
      if (answer != YES) return answer == UNKNOWN ? UNKNOWN : HOT;
      if (flags & HASHLIMIT_SRC_PORT) store<u16>(KEY + 32, load<u16>(p.l4 + offset));
      if (flags & HASHLIMIT_DST_PORT) store<u16>(KEY + 34, load<u16>(p.l4 + offset, 2));
    }
  }
  sweep(table, load<u64>(at, 16));
  const bytes = (flags & HASHLIMIT_BYTES) != 0;
  const most = load<u64>(at, 32);
  let entry = findEntry(table, KEY);
  if (entry == 0) {
    if (isFull(table)) {
      if (flags & HASHLIMIT_DROP) return HOT;
      removeEntry(table, oldestEntry(table));
    }
    entry = addEntry(table, KEY);
    store<u64>(entry, bytes ? BYTE_CREDITS : most, HL_CREDIT);
    store<u64>(entry, most, HL_SECONDS);
  } else {
    touchEntry(table, entry);
    const passed = now - load<u64>(entry, HL_LAST);
    refill(entry, passed, bytes, most);
  }
  store<u64>(entry, now, HL_LAST);
  store<u64>(entry, now + load<u64>(at, 8), HL_EXPIRES);
  const cost = bytes ? costOf(entry, lengthNow(p), load<u64>(at, 24)) : load<u64>(at, 24);
  const credit = load<u64>(entry, HL_CREDIT);
  const above = <u32>((flags & HASHLIMIT_ABOVE) != 0);
  if (credit < cost) return above;
  store<u64>(entry, credit - cost, HL_CREDIT);
  return 1 - above;
}

function refill(entry: usize, passed: u64, bytes: bool, most: u64): void {
  const cap = bytes ? BYTE_CREDITS : most;
  const credit = load<u64>(entry, HL_CREDIT);
  const gained = bytes ? (min<u64>(passed, SECOND) * 4_194_304) / 1_000_000 : min<u64>(passed, cap);
  store<u64>(entry, min<u64>(cap, credit + gained), HL_CREDIT);
}

// A burst of bytes is a number of seconds in reserve: one is taken when the credit is not enough.
function costOf(entry: usize, length: u32, piece: u64): u64 {
  const cost = min<u64>(<u64>((length >> 4) + 1) * piece, BYTE_CREDITS);
  const seconds = load<u64>(entry, HL_SECONDS);
  if (load<u64>(entry, HL_CREDIT) < cost && seconds) {
    store<u64>(entry, seconds - 1, HL_SECONDS);
    store<u64>(entry, BYTE_CREDITS, HL_CREDIT);
  }
  return cost;
}

// What has expired is found until the next sweep. Entries stand in the order in which they expire.
function sweep(table: usize, every: u64): void {
  const swept = load<u64>(table, SWEPT);
  if (swept == 0 || now < swept) {
    store<u64>(table, now, SWEPT);
    return;
  }
  const until = swept + ((now - swept) / every) * every;
  if (until == swept) return;
  store<u64>(table, until, SWEPT);
  for (let entry = oldestEntry(table); entry && load<u64>(entry, HL_EXPIRES) <= until; entry = oldestEntry(table)) removeEntry(table, entry);
}

// ---- recent
//
// Arguments: table, RECENT_* bits, seconds, hit count, stamps - 1, mask ×4.
// Key: address ×4, l3num. Value: index u16 │ stamps u16 │ TTL u32 │ stamps u64 each.
const R_INDEX: usize = ENTRY_KEY + 24;
const R_COUNT: usize = R_INDEX + 2;
const R_TTL: usize = R_INDEX + 4;
const R_STAMPS: usize = R_INDEX + 8;

export function recent(p: Packet, at: usize): u32 {
  const table = tableAt(load<u32>(at));
  const flags = load<u32>(at, 4);
  const invert = <u32>((flags & RECENT_INVERT) != 0);
  // as it was before routing
  const ttl = ttlOf(p) + <u32>leaves;
  memory.fill(KEY, 0, 24);
  maskAddress(p, KEY, flags & RECENT_DEST ? p.dst : p.src, at + 20);
  store<u32>(KEY, p.l3num, 16);
  let entry = withTtl(table, findEntry(table, KEY), flags & RECENT_TTL ? ttl : 0);
  if (entry == 0) {
    if (!(flags & RECENT_SET)) return invert;
    if (isFull(table)) removeEntry(table, oldestEntry(table));
    entry = addEntry(table, KEY);
    store<u32>(entry, ttl, R_TTL);
    store<u64>(entry, now, R_STAMPS);
    store<u16>(entry, 1, R_INDEX);
    store<u16>(entry, 1, R_COUNT);
    return 1 - invert;
  }
  let answer = invert;
  if (flags & RECENT_SET) answer = 1 - invert;
  else if (flags & RECENT_REMOVE) {
    removeEntry(table, entry);
    return 1 - invert;
  } else {
    const seconds = <u64>load<u32>(at, 8) * SECOND;
    const oldest = now > seconds ? now - seconds : 0;
    if (enough(entry, seconds ? oldest : 0, load<u32>(at, 12))) answer = 1 - invert;
    if (flags & RECENT_REAP && reap(table, oldest, entry)) return answer;
  }
  if (flags & RECENT_SET || (flags & RECENT_UPDATE && answer)) stamp(table, entry, load<u32>(at, 16), ttl);
  return answer;
}

/** All entries of a table in use have their stamps, at most `most`. */
export function stampsFit(table: usize, most: u32): bool {
  for (let entry = oldestEntry(table); entry; entry = newerEntry(table, entry)) {
    const index = <u32>load<u16>(entry, R_INDEX);
    if (index == 0 || index > most || load<u16>(entry, R_COUNT) > <u16>most) return false;
  }
  return true;
}

function withTtl(table: usize, entry: usize, ttl: u32): usize {
  while (entry && ttl && load<u32>(entry, R_TTL) && load<u32>(entry, R_TTL) != ttl) entry = nextEntry(table, entry);
  return entry;
}

function enough(entry: usize, since: u64, wanted: u32): bool {
  let hits: u32 = 0;
  for (let i: usize = 0; i < load<u16>(entry, R_COUNT); ++i) {
    if (load<u64>(entry + R_STAMPS + (i << 3)) < since) continue;
    if (wanted == 0 || ++hits >= wanted) return true;
  }
  return false;
}

function stamp(table: usize, entry: usize, mask: u32, ttl: u32): void {
  const index = <u32>load<u16>(entry, R_INDEX) & mask;
  store<u64>(entry + R_STAMPS + (<usize>index << 3), now);
  store<u16>(entry, <u16>(index + 1), R_INDEX);
  if (index + 1 > <u32>load<u16>(entry, R_COUNT)) store<u16>(entry, <u16>(index + 1), R_COUNT);
  store<u32>(entry, ttl, R_TTL);
  touchEntry(table, entry);
}

// Forgets the entry used longest ago when its last stamp is too old; true when that is the one at hand.
function reap(table: usize, since: u64, current: usize): bool {
  const entry = oldestEntry(table);
  const last = load<u64>(entry + R_STAMPS + (<usize>(load<u16>(entry, R_INDEX) - 1) << 3));
  if (last >= since) return false;
  removeEntry(table, entry);
  return entry == current;
}

// ---- connlimit
//
// Arguments: table, limit, 1 by destination, mask ×4. Key: address ×4, zone. Value: the conn's key, IPv6 addresses ×8; in
// the byte of its family also the side it starts from and the directions of its zone.
const C_KEY0: usize = ENTRY_KEY + 24;
const C_KEY1: usize = C_KEY0 + 8;
const C_ADDRESSES: usize = C_KEY0 + 16;
const SIDE_BIT: u32 = 45;
const DIRS_BIT: u32 = 46;

export function connlimit(p: Packet, at: usize): u32 {
  const table = tableAt(load<u32>(at));
  memory.fill(KEY, 0, 24);
  maskAddress(p, KEY, load<u32>(at, 8) ? p.dst : p.src, at + 12);
  store<u32>(KEY, (changetype<usize>(conn) != 0 ? <u32>conn.zone : 0) | (<u32>p.l3num << 16), 16);
  const count = countConns(table);
  return <u32>(count > load<u32>(at, 4));
}

function alive(entry: usize): bool {
  const key0 = load<u64>(entry, C_KEY0);
  const word = load<u64>(entry, C_KEY1);
  const key1 = word & ~(<u64>7 << SIDE_BIT);
  const addresses = entry + C_ADDRESSES;
  const slot =
    oneWays == 0
      ? word >> DIRS_BIT & 3 ? NIL : findExact(hashKey(key0, key1), key0, key1, addresses, addresses + 16)
      : findInZone(key0, key1, addresses, <u32>(word >> SIDE_BIT) & 1, <u32>(word >> DIRS_BIT) & 3);
  if (slot == NIL) return false;
  const c = connAt(slot);
  return c.l4proto != IPPROTO_TCP || (c.state != TCP_TIME_WAIT && c.state != TCP_CLOSE);
}

function keyWord(c: Conn): u64 {
  return c.key1 | (<u64>orientation(c) << SIDE_BIT) | (<u64>dirsOf(c) << DIRS_BIT);
}

function isOwn(entry: usize): bool {
  const slot = slotOf(conn);
  return (
    load<u64>(entry, C_KEY0) == conn.key0 && load<u64>(entry, C_KEY1) == keyWord(conn) &&
    (conn.l3num == <u8>L3_IPV4 || memory.compare(entry + C_ADDRESSES, addr6At(slot), 32) == 0)
  );
}

// Connections of the key that are there, with the packet's own while it is new. One that has been confirmed elsewhere is
// taken in only where none is known.
function countConns(table: usize): u32 {
  const known = changetype<usize>(conn) != 0;
  const confirmed = known && conn.has(STATUS_CONFIRMED);
  let count: u32 = 0;
  let any = false;
  let own = false;
  for (let entry = findEntry(table, KEY); entry; ) {
    const next = nextEntry(table, entry);
    any = true;
    if (known && !confirmed && isOwn(entry)) {
      own = true;
      ++count;
    } else if (alive(entry)) ++count;
    else removeEntry(table, entry);
    entry = next;
  }
  if (own || (confirmed && any)) return count;
  if (known) {
    if (isFull(table)) removeEntry(table, oldestEntry(table));
    const entry = addEntry(table, KEY);
    store<u64>(entry, conn.key0, C_KEY0);
    store<u64>(entry, keyWord(conn), C_KEY1);
    if (conn.l3num != <u8>L3_IPV4) memory.copy(entry + C_ADDRESSES, addr6At(slotOf(conn)), 32);
  }
  return count + 1;
}
