// The kernel's numbers and their names.

/** `IPS_*`, by bit. */
// biome-ignore format: a table
export const STATUS_NAMES = [
  "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED", "SRC_NAT", "DST_NAT", "SEQ_ADJUST", "SRC_NAT_DONE",
  "DST_NAT_DONE", "DYING", "FIXED_TIMEOUT", "TEMPLATE", "NAT_CLASH", "HELPER", "OFFLOAD", "HW_OFFLOAD",
] as const;

export const SEEN_REPLY = 1 << 1;
export const ASSURED = 1 << 2;
export const CONFIRMED = 1 << 3;
export const NAT_DONE = (1 << 7) | (1 << 8);

export function statusNames(status: number): string[] {
  return STATUS_NAMES.filter((_, bit) => status & (1 << bit));
}

/** `TCP_CONNTRACK_*`. */
// biome-ignore format: a table
export const TCP_STATES = [
  "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2",
  "RETRANS", "UNACK",
] as const;

/** `SCTP_CONNTRACK_*`. */
// biome-ignore format: a table
export const SCTP_STATES = [
  "NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT",
  "HEARTBEAT_SENT",
] as const;

/** `IP_CT_TCP_FLAG_*`, by bit. */
// biome-ignore format: a table
export const TCP_FLAG_NAMES = [
  "WSCALE", "SACK_PERM", "CLOSE_INIT", "BE_LIBERAL", "UNACK", "MAXACK_SET", "CHALLENGE_ACK", "SIMULTANEOUS_OPEN",
] as const;

export function tcpFlagNames(flags: number): string[] {
  return TCP_FLAG_NAMES.filter((_, bit) => flags & (1 << bit));
}

/** `NF_CT_EXPECT_*`, by bit. */
export const EXPECT_FLAG_NAMES = ["PERMANENT", "INACTIVE", "USERSPACE"] as const;

// biome-ignore format: a table
const PROTOCOLS: Record<number, string> = {
  1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 33: "dccp", 47: "gre", 50: "esp", 51: "ah", 58: "icmpv6", 132: "sctp", 136: "udplite",
};

export function protocolName(l4proto: number): string {
  return PROTOCOLS[l4proto] ?? `proto${l4proto}`;
}
