// The end of a conn, whatever the reason: its event, what its helper kept, its place in the table.
import { EVENT_DESTROY, STATUS_COPY, STATUS_DYING, STATUS_EXPECTED, STATUS_HELPED } from "./abi";
import { Conn, extOf, slotOf } from "./conn";
import { emit } from "./event";
import { removeExpectations } from "./expect";
import { detachHelper, masterIfThere } from "./help";
import { endHelper } from "./helper/index";
import { countAside } from "./stats";
import { freeSlot } from "./table";
import { cancel } from "./timer";

/**
 * Removes a conn from the table. Its DESTROY event shows `left` as timeout and `at` as the packet
 * that caused it or, for an expiry, before which it is seen.
 */
export function destroy(c: Conn, time: u64, left: u64, at: u32): void {
  const aside = countAside(c.has(STATUS_COPY));
  if (c.has(STATUS_COPY)) --copies;
  c.status |= STATUS_DYING;
  emit(c, EVENT_DESTROY, at, time, left);
  if (c.has(STATUS_HELPED)) dismissHelper(c, time, at);
  if (c.has(STATUS_EXPECTED)) leaveMaster(c);
  cancel(c);
  freeSlot(slotOf(c));
  countAside(aside);
}

/** Conns of other shards in the table. */
export let copies: u32 = 0;

export function addCopy(c: Conn): void {
  c.status |= STATUS_COPY;
  ++copies;
}

/** What a helper keeps for a conn goes with it. */
export function dismissHelper(c: Conn, time: u64, at: u32): void {
  endHelper(c, time, at);
  removeExpectations(c, -1, time, at);
  detachHelper(c);
}

function leaveMaster(c: Conn): void {
  const ext = extOf(c);
  const master = masterIfThere(ext.masterHelp, ext.masterSerial);
  if (changetype<usize>(master) != 0) --extOf(master).children;
}
