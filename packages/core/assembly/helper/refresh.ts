// Helpers that keep a conn alive beyond its protocol's timeouts.
import { STATUS_FIXED_TIMEOUT } from "../abi";
import { Conn } from "../conn";
import { renew } from "../timer";

/** Gives a conn another deadline, confirmed or not. */
export function refresh(c: Conn, deadline: u64): void {
  if (c.has(STATUS_FIXED_TIMEOUT)) return;
  if (c.serial) renew(c, deadline);
  else c.deadline = deadline; // filed when confirmed
}
