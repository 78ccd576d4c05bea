// Zones for one direction (CT --zone-orig, --zone-reply): the other direction is in zone 0, so that two conns may share
// one key and a packet of zone 0 may belong to a conn of another.
//
// Such a conn keeps the number of its zone in its key and is filed without it (table.ts: hashOf). As long as there is
// none, nothing of this is asked. The order of the searches is nf_conntrack_find_get's: the original zone, then that of the
// reply; where both are the same, the newest entry.
import { DIR_ORIGINAL, DIR_REPLY, STATUS_ONE_WAY } from "./abi";
import { Conn, connAt, extOf, NIL, orientation } from "./conn";
import { hashKey } from "./hash";
import { Packet, SELF } from "./packet";
import { beginOneWays, findExact, nextOneWay } from "./table";

/** As `zone->dir`: which directions the zone of a conn or packet holds for; 0 is both. */
export const ZONE_ORIGINAL: u32 = 1;
export const ZONE_REPLY: u32 = 2;

const ZONE_SHIFT: u32 = 48;

// @ts-ignore: decorator
@inline
function holds(dirs: u32, dir: u32): bool {
  return dirs == 0 || (dirs & (1 << dir)) != 0;
}

function zoneOf(c: Conn, dir: u32): u32 {
  return holds(dirsOf(c), dir) ? c.zone : 0;
}

// ---- the search at hand: a tuple by its key, the side it starts from, and its zone in both directions

let key0: u64 = 0;
let key1: u64 = 0;
let a6: usize = 0;
let b6: usize = 0;
let swapped: u32 = 0;
let zones0: u32 = 0;
let zones1: u32 = 0;

function search(k0: u64, k1: u64, a: usize, b: usize, from: u32, dirs: u32): void {
  key0 = k0;
  key1 = k1;
  a6 = a;
  b6 = b;
  swapped = from;
  const zone = <u32>(k1 >> ZONE_SHIFT);
  zones0 = holds(dirs, DIR_ORIGINAL) ? zone : 0;
  zones1 = holds(dirs, DIR_REPLY) ? zone : 0;
}

// The tuple is that of direction `dir` of the conn.
function runs(c: Conn, dir: u32): bool {
  return swapped == SELF || (orientation(c) ^ swapped) == dir;
}

function inZone(zone: u32): u32 {
  const k1 = (key1 & 0xffffffffffff) | (<u64>zone << ZONE_SHIFT);
  return findExact(hashKey(key0, k1), key0, k1, a6, b6);
}

let found: u32 = NIL;
let foundDir: u32 = 0;

function consider(slot: u32): void {
  if (slot == NIL) return;
  const c = connAt(slot);
  for (let dir: u32 = 0; dir < 2; ++dir) {
    if (!runs(c, dir) || zoneOf(c, dir) != (dir == DIR_ORIGINAL ? zones0 : zones1)) continue;
    if (found == NIL || comesFirst(c, dir)) {
      found = slot;
      foundDir = dir;
    }
  }
}

function comesFirst(c: Conn, dir: u32): bool {
  if (zones0 != zones1) return dir < foundDir;
  const other = connAt(found);
  return c.serial == other.serial ? dir > foundDir : c.serial > other.serial;
}

function find(): u32 {
  found = NIL;
  consider(inZone(zones0));
  if (zones1 != zones0) consider(inZone(zones1));
  beginOneWays(key0, key1);
  for (let slot = nextOneWay(key0, key1, a6, b6); slot != NIL; slot = nextOneWay(key0, key1, a6, b6)) consider(slot);
  return found;
}

/** The slot of the packet's conn, or NIL. The packet's `swapped` says its direction then, also of a tuple that is its own inverse. */
export function findZoned(p: Packet): u32 {
  search(p.key0, p.key1, p.a6, p.b6, p.swapped, p.zoneDirs);
  const slot = find();
  if (slot != NIL && p.swapped == SELF && foundDir == DIR_ORIGINAL) p.swapped = <u8>orientation(connAt(slot));
  return slot;
}

/** The directions the zone of a conn holds for; 0 both. */
export function dirsOf(c: Conn): u32 {
  return c.has(STATUS_ONE_WAY) ? extOf(c).zoneDirs : 0;
}

/** The slot of the conn with a tuple that starts from side A (`from` 0) or B, in the zone of the key for `dirs`; or NIL. */
export function findInZone(k0: u64, k1: u64, addresses: usize, from: u32, dirs: u32): u32 {
  search(k0, k1, addresses, addresses + 16, from, dirs);
  return find();
}

// ---- two conns that cannot both be there

function inTheWay(slot: u32): bool {
  if (slot == NIL) return false;
  const c = connAt(slot);
  if (runs(c, DIR_ORIGINAL) && zoneOf(c, DIR_REPLY) == zones1) return true;
  return zones0 == zones1 && runs(c, DIR_REPLY) && zoneOf(c, DIR_ORIGINAL) == zones0;
}

/** The slot of a conn in whose place the reply of the one this packet opens would lie; NIL mostly. */
export function findClash(p: Packet): u32 {
  search(p.key0, p.key1, p.a6, p.b6, p.swapped, p.zoneDirs);
  let slot = inZone(zones0);
  if (inTheWay(slot)) return slot;
  slot = inZone(zones1);
  if (inTheWay(slot)) return slot;
  beginOneWays(key0, key1);
  do slot = nextOneWay(key0, key1, a6, b6);
  while (slot != NIL && !inTheWay(slot));
  return slot;
}

