// The end of a conn, whatever the reason: its event, what its helper kept, its place in the table.
import { EVENT_DESTROY, STATUS_DYING, STATUS_EXPECTED, STATUS_HELPED } from "./abi";
import { Conn, extOf, slotOf } from "./conn";
import { emit } from "./event";
import { removeExpectations } from "./expect";
import { detachHelper, masterIfThere } from "./help";
import { endHelper } from "./helper/index";
import { freeSlot } from "./table";
import { cancel } from "./timer";

/**
 * Removes a conn from the table. Its DESTROY event shows `left` as timeout and `at` as the packet
 * that caused it or, for an expiry, before which it is seen.
 */
export function destroy(c: Conn, time: u64, left: u64, at: u32): void {
  c.status |= STATUS_DYING;
  emit(c, EVENT_DESTROY, at, time, left);
  if (c.has(STATUS_HELPED)) dismissHelper(c, time, at);
  if (c.has(STATUS_EXPECTED)) leaveMaster(c);
  cancel(c);
  freeSlot(slotOf(c));
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
