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

const PROTOCOLS = new Map<number, { readonly name: string; readonly states?: readonly string[] }>([
  [abi.IPPROTO_ICMP, { name: "icmp" }],
  [abi.IPPROTO_TCP, { name: "tcp", states: TCP_STATES }],
  [abi.IPPROTO_UDP, { name: "udp" }],
  [abi.IPPROTO_GRE, { name: "gre" }],
  [abi.IPPROTO_ICMPV6, { name: "icmpv6" }],
  [abi.IPPROTO_SCTP, { name: "sctp", states: SCTP_STATES }],
  [abi.IPPROTO_UDPLITE, { name: "udplite" }],
]);

/** "tcp", …; "unknown" for protocols without a tracker, as the kernel says. */
export function protocolName(l4proto: number): string {
  return PROTOCOLS.get(l4proto)?.name ?? "unknown";
}

/** Name of a protocol state, null for protocols without. */
export function stateName(l4proto: number, state: number): string | null {
  return PROTOCOLS.get(l4proto)?.states?.[state] ?? null;
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
