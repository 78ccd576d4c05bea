// Events of expectations, in a ring of their own: conntrack -E and conntrack -E expect are two streams.
import {
  EVENT_RECORD_FRAME, EVENT_RECORD_TIME, EXPECT_EVENT_ADDR6, EXPECT_EVENT_EXPECTATION, EXPECT_EVENT_MASTER, EXPECT_EVENT_SIZE, EXPECT_SIZE,
  EVENT_TYPE_NEW, L3_IPV6, STATUS_EVENTS, STATUS_EXT,
} from "./abi";
import { setAttention } from "./attention";
import { addr6At, Conn, extOf, slotOf } from "./conn";
import { EVENTS_EXPECT } from "./filter/numbers";
import { EXPECT_EVENTS, EXPECT_EVENT_CAPACITY } from "./memory-map";

/** Expectations that may come and go with one packet, and with the end of one conn. */
const RESERVE: u32 = 128;
const PER_CONN: u32 = 24;

let pending: u32 = 0;

/** True when the ring takes the end of `n` conns and what one packet causes. */
// @ts-ignore: decorator
@inline
export function expectEventsFit(n: u32): bool {
  return pending + n * PER_CONN + RESERVE <= EXPECT_EVENT_CAPACITY;
}

export function pendingExpectEvents(): u32 {
  return pending;
}

export function clearExpectEvents(): void {
  pending = 0;
}

// Where a rule chose the events of the master, only the making of an expectation can be among them.
function isWanted(master: Conn, type: u32): bool {
  const mask = master.has(STATUS_EXT) ? <u32>extOf(master).eventMask : 0;
  return mask == 0 || (type == EVENT_TYPE_NEW && (mask & EVENTS_EXPECT) != 0);
}

/** Records what happened to the expectation at `e` if somebody listened when its master was born. */
export function emitExpect(e: usize, master: Conn, type: u32, frame: u32, time: u64): void {
  if (!master.has(STATUS_EVENTS) || !isWanted(master, type)) return;
  assert(pending < EXPECT_EVENT_CAPACITY);
  const at = EXPECT_EVENTS + <usize>pending * EXPECT_EVENT_SIZE;
  ++pending;
  if (!expectEventsFit(0)) setAttention(true);
  store<u16>(at, <u16>type);
  store<u32>(at, frame, EVENT_RECORD_FRAME);
  store<u64>(at, time, EVENT_RECORD_TIME);
  memory.copy(at + EXPECT_EVENT_EXPECTATION, e, EXPECT_SIZE);
  memory.copy(at + EXPECT_EVENT_MASTER, changetype<usize>(master), 128);
  if (master.l3num == L3_IPV6) memory.copy(at + EXPECT_EVENT_ADDR6, addr6At(slotOf(master)), 32);
}
