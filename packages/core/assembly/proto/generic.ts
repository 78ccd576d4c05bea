// Every protocol without a tracker of its own (spec §4.4), and GRE (§4.6).
import { STATUS_SEEN_REPLY, TIMEOUT_GENERIC, TIMEOUT_GRE, TIMEOUT_GRE_STREAM } from "../abi";
import { Conn } from "../conn";
import { Packet } from "../packet";
import { timeoutFor } from "../settings";
import { ACCEPT, assure, refresh } from "./tracker";

const SECOND: u64 = 1_000_000_000;

export function trackGeneric(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  refresh(c, dir, p, timeoutFor(c, TIMEOUT_GENERIC), isNew);
  return ACCEPT;
}

// The timeouts are copied at creation: seconds, unreplied in the low and stream in the high half of side[0].
export function trackGre(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  if (isNew) c.sides0 = timeoutFor(c, TIMEOUT_GRE) / SECOND | ((timeoutFor(c, TIMEOUT_GRE_STREAM) / SECOND) << 32);
  const stream = c.has(STATUS_SEEN_REPLY);
  const seconds = stream ? c.sides0 >> 32 : c.sides0 & 0xffffffff;
  refresh(c, dir, p, seconds * SECOND, isNew);
  if (stream) assure(c);
  return ACCEPT;
}
