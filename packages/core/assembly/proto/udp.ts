// UDP (spec §4.1) and UDP-Lite (§4.2).
import { DIR_REPLY, STATUS_NAT_CLASH, STATUS_SEEN_REPLY, TIMEOUT_UDP, TIMEOUT_UDP_STREAM } from "../abi";
import { Conn } from "../conn";
import { Packet } from "../packet";
import { timeoutFor } from "../settings";
import { now } from "../timer";
import { ACCEPT, assure, refresh } from "./tracker";

/** A flow becomes a stream with the first packet more than this after its creation. */
const STREAM_AFTER: u64 = 2_000_000_000;

export function trackUdp(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  if (isNew) c.sides0 = now + STREAM_AFTER;
  if (!c.has(STATUS_SEEN_REPLY)) refresh(c, dir, p, timeoutFor(c, TIMEOUT_UDP), isNew);
  else if (now > c.sides0) {
    refresh(c, dir, p, timeoutFor(c, TIMEOUT_UDP_STREAM), false);
    if (!c.has(STATUS_NAT_CLASH)) assure(c);
  } else refresh(c, dir, p, timeoutFor(c, TIMEOUT_UDP), false);
  return ACCEPT;
}

/** UDP of Linux 2.4: the first reply brings the long timeout, the packet after it ASSURED (docs/conformance.md). */
export function trackUdp24(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  const stream = c.has(STATUS_SEEN_REPLY);
  refresh(c, dir, p, timeoutFor(c, stream || dir == DIR_REPLY ? TIMEOUT_UDP_STREAM : TIMEOUT_UDP), isNew);
  if (stream) assure(c);
  return ACCEPT;
}

/** No two-second rule here: the packet after the first reply makes it a stream. */
export function trackUdpLite(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  const stream = c.has(STATUS_SEEN_REPLY);
  refresh(c, dir, p, timeoutFor(c, stream ? TIMEOUT_UDP_STREAM : TIMEOUT_UDP), isNew);
  if (stream) assure(c);
  return ACCEPT;
}
