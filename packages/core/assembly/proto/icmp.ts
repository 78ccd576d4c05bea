// ICMP and ICMPv6 queries (spec §4.3). Errors never get here.
import { DIR_REPLY, IPPROTO_ICMP, PROFILE_LINUX_24, REASON_ICMP_NOT_QUERY, TIMEOUT_ICMP, TIMEOUT_ICMPV6 } from "../abi";
import { Conn } from "../conn";
import { Packet } from "../packet";
import { profile, timeoutFor } from "../settings";
import { because } from "../why";
import { ACCEPT, INVALID, KILL, refresh } from "./tracker";

export function trackIcmp(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  if (isNew && p.swapped) {
    // a reply opens nothing
    because(REASON_ICMP_NOT_QUERY, load<u8>(p.l4));
    return INVALID;
  }
  if (profile == PROFILE_LINUX_24) return trackLegacy(c, dir, p, isNew);
  refresh(c, dir, p, timeoutFor(c, c.l4proto == IPPROTO_ICMP ? TIMEOUT_ICMP : TIMEOUT_ICMPV6), isNew);
  return ACCEPT;
}

// Linux 2.4 counts requests without reply (here: in `retrans`); the reply that brings the count to 0 ends the entry.
function trackLegacy(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  if (dir == DIR_REPLY) {
    if (c.retrans != 0 && --c.retrans == 0) return KILL;
    return ACCEPT;
  }
  if (c.retrans != 255) ++c.retrans;
  refresh(c, dir, p, timeoutFor(c, TIMEOUT_ICMP), isNew);
  return ACCEPT;
}
