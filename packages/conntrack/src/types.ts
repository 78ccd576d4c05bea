// The plain data the engine hands out: copies, frozen when read, no reference into linear memory.

/** What a rule sees of one packet: `ctstate`. */
export type State = "NEW" | "ESTABLISHED" | "RELATED" | "INVALID" | "UNTRACKED";

/** The direction of the connection's first packet, and the other. */
export type Direction = "original" | "reply";

/** Names of the status bits (`IPS_*`), in the order of their bit numbers. */
export type StatusName =
  | "EXPECTED"
  | "SEEN_REPLY"
  | "ASSURED"
  | "CONFIRMED"
  | "SRC_NAT"
  | "DST_NAT"
  | "SEQ_ADJUST"
  | "SRC_NAT_DONE"
  | "DST_NAT_DONE"
  | "DYING"
  | "FIXED_TIMEOUT"
  | "TEMPLATE"
  | "NAT_CLASH"
  | "HELPER"
  | "OFFLOAD"
  | "HW_OFFLOAD";

/** One direction of a connection. The parts below `l4proto` depend on the protocol; the others are absent. */
export interface Tuple {
  /** Textual address; IPv6 compressed (RFC 5952). */
  readonly src: string;
  readonly dst: string;
  /** TCP, UDP, UDP-Lite, SCTP. */
  readonly sport?: number;
  readonly dport?: number;
  /** ICMP, ICMPv6. */
  readonly type?: number;
  readonly code?: number;
  readonly id?: number;
  /** GRE: call ids or keys (PPTP), else 0. */
  readonly srckey?: number;
  readonly dstkey?: number;
}

/** Packets and bytes (IP length, header included) of one direction. */
export interface Counter {
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** What a netlink dump tells of one side of a TCP connection. */
export interface TcpWindow {
  readonly scale: number;
  /** `IP_CT_TCP_FLAG_*` */
  readonly flags: number;
}

/** A copy of one tracked connection. */
export interface Flow {
  /** Small number in order of creation, from 1, stable within a run. */
  readonly conn: number;
  /** The kernel-like id: 32 bits, stable for the life of the entry, derived from the seed. */
  readonly id: number;
  /** 2 (IPv4) or 10 (IPv6), the kernel's `l3num`. */
  readonly l3num: 2 | 10;
  readonly l4proto: number;
  /** "tcp", "udp", "icmp", "icmpv6", "sctp", "udplite", "gre"; "unknown" for generic ones. */
  readonly protocol: string;
  /** TCP or SCTP state name, null for protocols without. */
  readonly protocolState: string | null;
  /** Nanoseconds left until the entry expires, at the time of the copy. Formats print whole seconds, truncated. */
  readonly timeout: bigint;
  /** Status bits, `IPS_*`; see {@link StatusName}. */
  readonly status: number;
  readonly original: Tuple;
  readonly reply: Tuple;
  readonly mark: number;
  readonly zone: number;
  /** Which directions the zone applies to. */
  readonly zoneDirection: "both" | Direction;
  /** References an idle reader of a dump sees: 1, and 1 more per child connection. */
  readonly use: number;
  /** Present when accounting was on at creation. */
  readonly counters: { readonly original: Counter; readonly reply: Counter } | null;
  /** Name of the assigned helper. */
  readonly helper: string | null;
  /** The connection that announced this one. */
  readonly master: number | null;
  /** The packet (from 1) that announced it. */
  readonly announced?: number | null;
  /** GRE: the timeouts copied at creation, in seconds. */
  readonly greTimeouts: { readonly unreplied: number; readonly stream: number } | null;
  /** SCTP: the verification tags each direction must carry, 0 while unknown. Only `conntrack -o save` shows them. */
  readonly vtags?: { readonly original: number; readonly reply: number } | null;
  /** TCP: window scale and flags (`IP_CT_TCP_FLAG_*`) of each direction, as a netlink dump tells them. */
  readonly windows?: { readonly original: TcpWindow; readonly reply: TcpWindow } | null;
  /** Nanoseconds since the epoch, when `nf_conntrack_timestamp` was on at creation. */
  readonly start: bigint | null;
  readonly stop: bigint | null;
  /** Nanoseconds since the epoch when this copy was made; formats count `delta-time` up to it. */
  readonly time?: bigint;
  /** Set label bits, ascending. */
  readonly labels: readonly number[];
}

/** Event bits (`IPCT_*`), in the order of their bit numbers. */
export type EventBit =
  | "NEW"
  | "RELATED"
  | "DESTROY"
  | "REPLY"
  | "ASSURED"
  | "PROTOINFO"
  | "HELPER"
  | "MARK"
  | "SEQADJ"
  | "SECMARK"
  | "LABEL"
  | "SYNPROXY";

/** One message of the event stream (`conntrack -E`). */
export interface FlowEvent {
  readonly type: "NEW" | "UPDATE" | "DESTROY";
  /** Bits collected in this message, `1 << index of EventBit`. */
  readonly bits: number;
  /** Nanoseconds since the epoch: packet time; for an expiry, the deadline. */
  readonly time: bigint;
  /** Packet (from 1) that caused it; for an expiry, the packet before which it is seen. */
  readonly frame: number;
  /** The connection as it was at that moment; `timeout` is what was left then (0 when it expired). */
  readonly flow: Flow;
}

/** Counters of `/proc/net/stat/nf_conntrack` (names of that file), and the number of entries. */
export interface Stats {
  readonly entries: number;
  readonly clashres: number;
  readonly found: number;
  readonly new: number;
  readonly invalid: number;
  readonly ignore: number;
  readonly delete: number;
  readonly chainlength: number;
  readonly insert: number;
  readonly insert_failed: number;
  readonly drop: number;
  readonly early_drop: number;
  readonly icmp_error: number;
  readonly expect_new: number;
  readonly expect_create: number;
  readonly expect_delete: number;
  readonly search_restart: number;
}

/** A connection announced by another. */
export interface Expectation {
  readonly l3num: 2 | 10;
  readonly l4proto: number;
  readonly tuple: Tuple;
  readonly mask: Tuple;
  /** Nanoseconds left, or null without a timer. */
  readonly timeout: bigint | null;
  readonly flags: number;
  readonly class: number;
  readonly className: string | null;
  readonly helper: string | null;
  /** Original tuple of the connection that announced it, and its number. */
  readonly master: Tuple;
  readonly masterConn: number;
  readonly zone: number;
  /** The packet (from 1) that announced it. */
  readonly frame?: number;
}

/** One message of the expectation event stream (`conntrack -E expect`). */
export interface ExpectEvent {
  readonly type: "NEW" | "DESTROY";
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  /** Packet (from 1) that caused it; for an expiry, the packet before which it is seen. */
  readonly frame: number;
  readonly expectation: Expectation;
}
