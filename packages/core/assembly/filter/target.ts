// Targets that change something and let the packet go on to the next rule.
import { EVENT_MARK, IPPROTO_TCP } from "../abi";
import { Packet } from "../packet";
import { raise } from "../proto/tracker";
import { ZONE_ORIGINAL, ZONE_REPLY } from "../zone";
import { addTtl, changeTos, conn, grow, mark, setPacketMark, ttlOf } from "./context";
import {
  CT_EVENTS_SHIFT, CT_NOTRACK, CT_ZONE, CT_ZONE_FROM_MARK, CT_ZONE_ORIGINAL, CT_ZONE_REPLY, TARGET_CONNMARK_RESTORE, TARGET_CONNMARK_SAVE, TARGET_CONNMARK_SET, TARGET_CT, TARGET_MARK, TARGET_TCPMSS, TARGET_TOS, TARGET_TTL, TTL_INCREASE,
  TTL_SET,
} from "./numbers";

/** What raw rules told connection tracking about the packet. */
export let notrack: bool = false;
let zone: u32 = 0;
let zoneFromMark: bool = false;
export let zoneGiven: bool = false;
/** Directions the zone holds for; 0 both. */
export let zoneDirs: u32 = 0;
export let policy: u32 = 0;
/** Number of the helper a new conn gets; 0 none. */
export let helper: u32 = 0;

/** Mask of the events of a new conn; 0 all. */
export let eventMask: u32 = 0;

let decided: bool = false;

export function clearTemplate(): void {
  if (!decided) return;
  notrack = false;
  zoneGiven = false;
  policy = 0;
  helper = 0;
  eventMask = 0;
  decided = false;
}

// @ts-ignore: decorator
@inline
function shifted(value: u32, shift: i32): u32 {
  return shift >= 0 ? value << shift : value >> -shift;
}

/** Does what target `op` with arguments at `at` does. */
export function act(op: u32, at: usize, p: Packet): void {
  const a = load<u32>(at);
  const b = load<u32>(at, 4);
  const shift = load<i32>(at, 8);
  switch (op) {
    case TARGET_MARK:
      setPacketMark((mark & ~a) ^ b);
      return;
    case TARGET_CONNMARK_SET:
      if (changetype<usize>(conn) != 0) setConnmark(shifted((conn.mark & ~a) ^ b, shift));
      return;
    case TARGET_CONNMARK_SAVE:
      if (changetype<usize>(conn) != 0) setConnmark((conn.mark & ~a) ^ (shifted(mark, shift) & b));
      return;
    case TARGET_CONNMARK_RESTORE:
      if (changetype<usize>(conn) != 0) setPacketMark((mark & ~b) ^ (shifted(conn.mark, shift) & a));
      return;
    case TARGET_TTL:
      addTtl(p, a == TTL_SET ? <i32>b - <i32>ttlOf(p) : a == TTL_INCREASE ? <i32>b : -<i32>b);
      return;
    case TARGET_TOS:
      changeTos(a, b);
      return;
    case TARGET_TCPMSS:
      addMss(p);
      return;
    case TARGET_CT:
      template(a, b, load<u32>(at, 8), load<u32>(at, 12));
      return;
    default:
      return;
  }
}

// Only where no payload would have to move, and the header has room for it.
function addMss(p: Packet): void {
  if (p.l4proto != IPPROTO_TCP || p.l4Captured < 20) return;
  const end = (<u32>load<u8>(p.l4, 12) >> 4) << 2;
  if (end < 20 || end > p.l4Captured || p.l4Length > end || end == 60) return;
  let at: u32 = 20;
  while (at + 4 <= end) {
    const kind = <u32>load<u8>(p.l4 + at);
    if (kind == 2 && load<u8>(p.l4 + at, 1) == 4) return;
    at += kind < 2 ? 1 : max<u32>(load<u8>(p.l4 + at, 1), 1);
  }
  grow(4);
}

function setConnmark(value: u32): void {
  if (conn.mark == value) return;
  conn.mark = value;
  raise(EVENT_MARK);
}

/** The zone a rule gave. One by mark is that of the mark the packet has when it comes to connection tracking. */
export function zoneNow(): u32 {
  return zoneFromMark ? mark & 0xffff : zone;
}

// The first CT or NOTRACK a packet meets holds: the others leave a packet alone that has an entry or a template.
function template(flags: u32, number: u32, timeouts: u32, reader: u32): void {
  if (decided) return;
  decided = true;
  notrack = (flags & CT_NOTRACK) != 0;
  if (flags & CT_ZONE) {
    zone = number;
    zoneFromMark = (flags & CT_ZONE_FROM_MARK) != 0;
    zoneDirs = flags & CT_ZONE_ORIGINAL ? ZONE_ORIGINAL : flags & CT_ZONE_REPLY ? ZONE_REPLY : 0;
    zoneGiven = true;
  }
  eventMask = flags >> CT_EVENTS_SHIFT;
  policy = timeouts;
  helper = reader;
}
