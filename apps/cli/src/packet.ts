// One packet as the commands show it: what the engine says of it, and when it came.
import type { Direction, Opening, PacketTrace, ReasonRow, Results, State } from "conntrack-wasm";
import type { Headers } from "./headers.js";
import type { Part } from "./session.js";

export class PacketView {
  frame = 0;
  seconds = 0;
  nanoseconds = 0;
  /** Bytes on the wire, link-layer header included. */
  length = 0;
  captured = 0;
  link = 0;
  state: State | null = null;
  direction: Direction | null = null;
  /** The connection the packet belongs to. */
  conn: number | null = null;
  /** The connection it was held against, also when it was found INVALID. */
  entry: number | null = null;
  verdict: "ACCEPT" | "DROP" = "ACCEPT";
  /** null when there is nothing to say. */
  reason: ReasonRow | null = null;
  trace: PacketTrace = undefined as unknown as PacketTrace;

  read(results: Results, headers: Headers, i: number): void {
    this.frame = results.firstFrame + i;
    this.seconds = headers.seconds;
    this.nanoseconds = headers.nanoseconds;
    this.length = headers.length;
    this.captured = headers.captured;
    this.link = headers.link;
    this.state = results.state(i);
    this.direction = results.direction(i);
    this.entry = results.conn(i) || null;
    this.conn = this.direction === null ? null : this.entry;
    this.verdict = results.verdict(i);
    this.reason = results.reasonCode(i) === 0 ? null : results.reason(i);
    this.trace = results.trace(i);
  }

  get reasonText(): string | null {
    return this.reason === null ? null : this.reason.text(this.trace.numbers, this.trace.l4proto);
  }

  get time(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanoseconds);
  }
}

/** What Hindsight wants to know of a packet. */
export function openingOf({ frame, state, trace: { src, dst, dport, before } }: PacketView): Opening {
  return { frame, state, src, dst, dport, before };
}

/** The packets of a part: the same object every time. */
export function* packetsOf({ results, headers }: Part): Generator<PacketView, void> {
  const packet = new PacketView();
  for (let i = 0; i < results.count; i++) {
    headers.advance();
    packet.read(results, headers, i);
    yield packet;
  }
}

/** `seconds.nanoseconds` with nine digits. */
export function timeText(seconds: number, nanoseconds: number): string {
  return `${seconds}.${String(nanoseconds + 1e9).slice(1)}`;
}

/** Nanoseconds as seconds with `digits` decimals, cut off. */
export function secondsText(nanoseconds: bigint, digits = 6): string {
  const sign = nanoseconds < 0n ? "-" : "";
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = String(size % 1_000_000_000n)
    .padStart(9, "0")
    .slice(0, digits);
  return `${sign}${size / 1_000_000_000n}${digits > 0 ? `.${fraction}` : ""}`;
}

const ICMP_TYPES = new Map([
  [0, "echo reply"],
  [3, "unreachable"],
  [4, "source quench"],
  [5, "redirect"],
  [8, "echo request"],
  [9, "router advertisement"],
  [10, "router solicitation"],
  [11, "time exceeded"],
  [12, "parameter problem"],
  [13, "timestamp request"],
  [14, "timestamp reply"],
  [15, "information request"],
  [16, "information reply"],
  [17, "address mask request"],
  [18, "address mask reply"],
]);
const ICMPV6_TYPES = new Map([
  [1, "unreachable"],
  [2, "packet too big"],
  [3, "time exceeded"],
  [4, "parameter problem"],
  [128, "echo request"],
  [129, "echo reply"],
  [130, "listener query"],
  [131, "listener report"],
  [132, "listener done"],
  [133, "router solicitation"],
  [134, "router advertisement"],
  [135, "neighbour solicitation"],
  [136, "neighbour advertisement"],
  [137, "redirect"],
  [143, "listener report v2"],
]);
const ERRORS = new Set([
  "unreachable",
  "time exceeded",
  "parameter problem",
  "redirect",
  "source quench",
  "packet too big",
]);

/** "echo request", "unreachable code 3", "type 42". */
export function icmpText(protocol: string, type: number, code: number): string {
  const name = (protocol === "icmpv6" ? ICMPV6_TYPES : ICMP_TYPES).get(type) ?? `type ${type}`;
  return code !== 0 || ERRORS.has(name) ? `${name} code ${code}` : name;
}

/** Queries and answers carry an id; errors and announcements do not. */
export function hasIcmpId(protocol: string, type: number): boolean {
  return protocol === "icmpv6" ? type === 128 || type === 129 : type === 0 || type === 8 || (type >= 13 && type <= 18);
}

/** Protocol numbers without a tracker that are worth a name (IANA). */
const OTHER_PROTOCOLS = new Map([
  [0, "hopopt"],
  [2, "igmp"],
  [4, "ipip"],
  [33, "dccp"],
  [41, "ipv6"],
  [50, "esp"],
  [51, "ah"],
  [88, "eigrp"],
  [89, "ospf"],
  [103, "pim"],
  [108, "ipcomp"],
  [112, "vrrp"],
]);

/** The protocol as people call it; the engine says "unknown" where Linux has no tracker. */
export function protocolText({ protocol, l4proto, l3num }: PacketTrace): string {
  if (protocol !== "unknown") return protocol ?? "-";
  if (l4proto === 0 && l3num === 2) return "ip";
  return OTHER_PROTOCOLS.get(l4proto) ?? `proto ${l4proto}`;
}
