// UDP and ICMP queries on a connection that was answered: nothing but its timer and its counters change. What may change
// more goes the exact way (proto/udp.ts, proto/icmp.ts).
import {
  IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDP, STATUS_ACCT, STATUS_ASSURED, STATUS_EVENTS_PENDING, STATUS_FIXED_TIMEOUT, STATUS_HELPED, STATUS_POLICY, STATUS_SEEN_REPLY,
  TIMEOUT_ICMP, TIMEOUT_ICMPV6, TIMEOUT_UDP, TIMEOUT_UDP_STREAM,
} from "../abi";
import { addToCounters, Conn } from "../conn";
import { Packet } from "../packet";
import { timeoutOf } from "../settings";
import { now, renew } from "../timer";

let udp: u64 = 0;
let udpStream: u64 = 0;
let icmp: u64 = 0;
let icmpV6: u64 = 0;

/** Takes the settings over; once per block. */
export function prepareQueryFast(): void {
  udp = timeoutOf(TIMEOUT_UDP);
  udpStream = timeoutOf(TIMEOUT_UDP_STREAM);
  icmp = timeoutOf(TIMEOUT_ICMP);
  icmpV6 = timeoutOf(TIMEOUT_ICMPV6);
}

const STATUS_MASK: u32 = STATUS_SEEN_REPLY | STATUS_FIXED_TIMEOUT | STATUS_POLICY | STATUS_EVENTS_PENDING | STATUS_HELPED;

/** Tracks the packet and returns true, or touches nothing and returns false. Its header has been checked. */
// @ts-ignore: decorator
@inline
export function trackQueryFast(c: Conn, dir: u32, p: Packet): bool {
  const status = c.status;
  if ((status & STATUS_MASK) != STATUS_SEEN_REPLY) return false;
  const proto = <u32>p.l4proto;
  let timeout: u64;
  if (proto == IPPROTO_UDP) {
    const stream = now > c.sides0;
    if (stream && (status & STATUS_ASSURED) == 0) return false; // becomes a stream now
    timeout = stream ? udpStream : udp;
  } else if (proto == IPPROTO_ICMP) timeout = icmp;
  else if (proto == IPPROTO_ICMPV6) timeout = icmpV6;
  else return false;
  renew(c, now + timeout);
  if (status & STATUS_ACCT) addToCounters(c, dir, p.ipLength);
  return true;
}
