// Events for readers outside: a ring of records, each with a copy of the conn as it was.
//
// A packet may cause a handful; the batch asks hasRoom() before each packet and stops early when the reader has to
// catch up, so none is lost.
import {
  EVENT_DESTROY, EVENT_NEW, EVENT_RECORD_BITS, EVENT_RECORD_CONN, EVENT_RECORD_FRAME, EVENT_RECORD_TIME, EVENT_RECORD_TIMEOUT,
  EVENT_RELATED, EVENT_TYPE_DESTROY, EVENT_TYPE_NEW, EVENT_TYPE_UPDATE, L3_IPV6, RECORD_EVENT_SIZE, STATUS_EVENTS, STATUS_EXT,
} from "./abi";
import { setAttention } from "./attention";
import { copy32, copy64 } from "./bytes";
import { addr6At, Conn, extOf, slotOf } from "./conn";
import { expectEventsFit } from "./expect-event";
import { EVENT_CAPACITY, EVENT_RING } from "./memory-map";
import { now } from "./timer";

/** Room one packet needs at most: two conns of its own, one evicted, with some to spare. */
const RESERVE: u32 = 8;

let pending: u32 = 0;

/** Records waiting for the reader; they begin at the start of the region. */
export function pendingEvents(): u32 {
  return pending;
}

export function clearEvents(): void {
  pending = 0;
  setAttention(true); // looked at again before the next packet
}

/** True when the rings take the end of `n` conns and what one packet causes. */
// @ts-ignore: decorator
@inline
export function hasRoomFor(n: u32): bool {
  return pending + n + RESERVE <= EVENT_CAPACITY && expectEventsFit(n);
}

/** A message goes out with all its bits when one of them was chosen. */
// @ts-ignore: decorator
@inline
function isWanted(c: Conn, bits: u32): bool {
  if (!c.has(STATUS_EXT)) return true;
  const mask = <u32>extOf(c).eventMask;
  return mask == 0 || (bits & mask) != 0;
}

/** Records what happened to a conn if somebody listened when it was born. `time` and `left` in ns. */
export function emit(c: Conn, bits: u32, frame: u32, time: u64, left: u64): void {
  if (!c.has(STATUS_EVENTS) || !isWanted(c, bits)) return;
  assert(pending < EVENT_CAPACITY);
  const at = EVENT_RING + <usize>pending * RECORD_EVENT_SIZE;
  ++pending;
  if (!hasRoomFor(0)) setAttention(true);
  const type = bits & EVENT_DESTROY ? EVENT_TYPE_DESTROY : bits & (EVENT_NEW | EVENT_RELATED) ? EVENT_TYPE_NEW : EVENT_TYPE_UPDATE;
  store<u16>(at, <u16>type);
  store<u16>(at, <u16>bits, EVENT_RECORD_BITS);
  store<u32>(at, frame, EVENT_RECORD_FRAME);
  store<u64>(at, time, EVENT_RECORD_TIME);
  store<u64>(at, left, EVENT_RECORD_TIMEOUT);
  const copy = at + EVENT_RECORD_CONN;
  copy64(copy, changetype<usize>(c));
  copy64(copy + 64, changetype<usize>(c) + 64);
  if (c.l3num == L3_IPV6) copy32(copy + 128, addr6At(slotOf(c)));
  if (c.has(STATUS_EXT)) copy64(copy + 160, changetype<usize>(extOf(c)));
}

/** An event at the packet clock, with the timeout the conn has now. */
export function emitNow(c: Conn, bits: u32, frame: u32): void {
  emit(c, bits, frame, now, c.deadline - now);
}
