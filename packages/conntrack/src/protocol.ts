// Numbers and names of protocols and their states.
import * as abi from "@conntrack-wasm/core/abi";

const TCP_STATES = [
  "NONE",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT",
  "CLOSE_WAIT",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
  "SYN_SENT2",
] as const;
const SCTP_STATES = [
  "NONE",
  "CLOSED",
  "COOKIE_WAIT",
  "COOKIE_ECHOED",
  "ESTABLISHED",
  "SHUTDOWN_SENT",
  "SHUTDOWN_RECD",
  "SHUTDOWN_ACK_SENT",
  "HEARTBEAT_SENT",
] as const;

const NAMES: string[] = new Array(256).fill("unknown");
NAMES[abi.IPPROTO_ICMP] = "icmp";
NAMES[abi.IPPROTO_TCP] = "tcp";
NAMES[abi.IPPROTO_UDP] = "udp";
NAMES[abi.IPPROTO_GRE] = "gre";
NAMES[abi.IPPROTO_ICMPV6] = "icmpv6";
NAMES[abi.IPPROTO_SCTP] = "sctp";
NAMES[abi.IPPROTO_UDPLITE] = "udplite";

/** "tcp", …; "unknown" for protocols without a tracker, as the kernel says. */
export function protocolName(l4proto: number): string {
  return NAMES[l4proto] ?? "unknown";
}

/** Name of a protocol state, null for protocols without. */
export function stateName(l4proto: number, state: number): string | null {
  if (l4proto === abi.IPPROTO_TCP) return TCP_STATES[state] ?? null;
  return l4proto === abi.IPPROTO_SCTP ? (SCTP_STATES[state] ?? null) : null;
}

export function hasPorts(l4proto: number): boolean {
  return (
    l4proto === abi.IPPROTO_TCP ||
    l4proto === abi.IPPROTO_UDP ||
    l4proto === abi.IPPROTO_UDPLITE ||
    l4proto === abi.IPPROTO_SCTP
  );
}

export function isIcmp(l4proto: number): boolean {
  return l4proto === abi.IPPROTO_ICMP || l4proto === abi.IPPROTO_ICMPV6;
}

/** The type of the answer to a query. */
export function replyType(l4proto: number, type: number): number {
  if (l4proto === abi.IPPROTO_ICMP) return type === 8 ? 0 : type + 1;
  return type + 1;
}
