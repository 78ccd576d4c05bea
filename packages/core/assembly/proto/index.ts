// The trackers, one for each L4 protocol: direct calls, and the whole list at a glance.
import {
  IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, PROFILE_LINUX_24,
  REASON_SHORT,
} from "../abi";
import { Conn } from "../conn";
import { Packet } from "../packet";
import { profile } from "../settings";
import { because } from "../why";
import { trackGeneric, trackGre } from "./generic";
import { trackIcmp } from "./icmp";
import { trackSctp } from "./sctp";
import { trackTcp } from "./tcp";
import { trackTcp24 } from "./tcp24";
import { INVALID } from "./tracker";
import { trackUdp, trackUdp24, trackUdpLite } from "./udp";

export function trackProtocol(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  // Linux 2.4 looks at nothing but the length of a header (legacy §L.3, §L.5)
  if (p.reason && (profile != PROFILE_LINUX_24 || p.reason == REASON_SHORT)) {
    because(p.reason, p.datum);
    return INVALID;
  }
  switch (<u32>c.l4proto) {
    case IPPROTO_TCP:
      return profile == PROFILE_LINUX_24 ? trackTcp24(c, dir, p, isNew) : trackTcp(c, dir, p, isNew);
    case IPPROTO_UDP:
      return profile == PROFILE_LINUX_24 ? trackUdp24(c, dir, p, isNew) : trackUdp(c, dir, p, isNew);
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return trackIcmp(c, dir, p, isNew);
    case IPPROTO_UDPLITE:
      return trackUdpLite(c, dir, p, isNew);
    case IPPROTO_SCTP:
      return trackSctp(c, dir, p, isNew);
    case IPPROTO_GRE:
      return trackGre(c, dir, p, isNew);
    default:
      return trackGeneric(c, dir, p, isNew);
  }
}
