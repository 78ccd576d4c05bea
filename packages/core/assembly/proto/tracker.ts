// What trackers share: their answers, and what they may do to a conn.
import { EVENT_ASSURED, STATUS_ASSURED, STATUS_FIXED_TIMEOUT } from "../abi";
import { Conn, count } from "../conn";
import { Packet } from "../packet";
import { now, renew } from "../timer";

/** Answers of a tracker. */
export const ACCEPT: u32 = 0;
export const INVALID: u32 = 1;
/** The conn was removed and the packet opens a new one. */
export const REPEAT: u32 = 2;
/** Accepted, and the conn is to be removed at once. */
export const KILL: u32 = 3;

/** Event bits collected while the packet is processed. */
export let raised: u32 = 0;

// @ts-ignore: decorator
@inline
export function clearRaised(): void {
  raised = 0;
}

// @ts-ignore: decorator
@inline
export function raise(bits: u32): void {
  raised |= bits;
}

/** Sets the deadline to now + `timeout` ns, unless it is fixed, and counts the packet. */
// @ts-ignore: decorator
@inline
export function refresh(c: Conn, dir: u32, p: Packet, timeout: u64, isNew: bool): void {
  if (isNew) c.deadline = now + timeout; // filed when confirmed
  else if (!c.has(STATUS_FIXED_TIMEOUT)) renew(c, now + timeout);
  count(c, dir, p.ipLength);
}

export function assure(c: Conn): void {
  if (c.has(STATUS_ASSURED)) return;
  c.status |= STATUS_ASSURED;
  raised |= EVENT_ASSURED;
}
