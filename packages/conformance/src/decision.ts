// From what the kernel said of a packet (oracle.ts) to a line of a recording.

import {
  ASSURED,
  CONFIRMED,
  NAT_DONE,
  SCTP_STATES,
  SEEN_REPLY,
  statusNames,
  TCP_STATES,
  tcpFlagNames,
} from "./names.js";
import { readEvent, readUnusual } from "./netlink.js";
import { ARRIVED, type ConnView, LEFT, type Observation } from "./oracle.js";
import { parseCounters, risen } from "./procfs.js";
import type { Direction, RecordedEntry, RecordedEvent, RecordedPacket, State } from "./recording.js";

// biome-ignore format: a table
const LABELS: Record<string, readonly [State, Direction | null]> = {
  N: ["NEW", "original"], E: ["ESTABLISHED", "original"], R: ["RELATED", "original"],
  n: ["NEW", "reply"], e: ["ESTABLISHED", "reply"], r: ["RELATED", "reply"],
  I: ["INVALID", null], U: ["UNTRACKED", null],
};

const ETHERNET_HEADER = 14;

interface Sent {
  readonly data: Uint8Array;
  readonly etherType?: number;
}

type Draft = { -readonly [K in keyof RecordedPacket]: RecordedPacket[K] };

/** Numbers connections in order of creation and keeps the counters of the packet before. */
export class DecisionReader {
  readonly #numbers = new Map<number, number>();
  #created = 0;
  #counters: ReturnType<typeof parseCounters> | null = null;
  readonly events: RecordedEvent[] = [];

  /** `counters`: those at the start, for telling why a packet did not get through. */
  constructor(counters: string | null = null) {
    if (counters !== null) this.#counters = parseCounters(counters);
  }

  read(o: Observation, { data: packet, etherType }: Sent, times: boolean): RecordedPacket {
    // What is destroyed was there before this packet's own connection, which may have got the same id.
    const events = o.extras.events.map(readEvent);
    const destroyed = events.map(({ type, id }) => (type === "DESTROY" && id !== null ? this.#number(id) : null));
    const decision = o.label === "" ? this.#unseen(o, packet, etherType) : this.#seen(o);
    if (times) decision.t = o.sent / 1e6;
    for (const [i, { type, id, fields }] of events.entries()) {
      this.events.push({
        at: o.index,
        type,
        ...(id === null ? {} : { ct: destroyed[i] ?? this.#number(id) }),
        ...fields,
        ...(times ? { t: Math.round(o.sent / 1e3) / 1e3 } : {}),
      });
    }
    readOutput(decision, o, packet);
    return decision;
  }

  #seen(o: Observation): Draft {
    const [state, dir] = LABELS[o.label] as readonly [State, Direction | null];
    const decision: Draft = {
      i: o.index,
      seen: true,
      state,
      dir,
      assured: (o.status & ASSURED) !== 0,
      seen_reply: (o.status & SEEN_REPLY) !== 0,
      confirmed: (o.status & CONFIRMED) !== 0,
      verdict: o.seen & LEFT ? "accept" : "drop",
    };
    const others = o.status & ~(CONFIRMED | NAT_DONE);
    if (others & ~(SEEN_REPLY | ASSURED)) decision.status = statusNames(others);
    const why = o.extras.words[0]?.trim();
    if (why) decision.why = why;
    if (decision.verdict === "drop") {
      const { ip, ct } = this.#rose(o.extras.counters);
      const both = { ...ip, ...prefixed(ct) };
      if (Object.keys(both).length > 0) decision.drop_why = both;
    }
    if (dir !== null) {
      // An id may come back with the memory of a dead conn; one that is not yet confirmed is always a new one.
      if (!decision.confirmed) this.#numbers.set(o.id, ++this.#created);
      decision.ct = this.#number(o.id);
      decision.after = o.after && entry(o.after, o.extras.conns.at(-1));
    }
    return decision;
  }

  #unseen(o: Observation, packet: Uint8Array, etherType: number | undefined): Draft {
    const { ip, ct } = this.#rose(o.extras.counters);
    const names = Object.keys(ip);
    const decision: Draft = { i: o.index, seen: false, state: null, dir: null, verdict: "drop" };
    if (etherType !== undefined && etherType !== 0x0800 && etherType !== 0x86dd) {
      decision.why = `not IP (EtherType 0x${etherType.toString(16).padStart(4, "0")})`;
    } else if (!(o.seen & ARRIVED)) {
      decision.why = `ip: dropped before PREROUTING (${names.join(" ")})`;
    } else if (!isFragment(packet)) {
      decision.why = "dropped between PREROUTING entry and the label hook (raw rule, defrag or conntrack NF_DROP)";
    } else if (names.length > 0) {
      decision.why = `fragment: dropped by defrag (${names.join(" ")})`;
    } else {
      decision.verdict = "queued";
      decision.why = "fragment: queued";
    }
    if (Object.keys(ct).length > 0) decision.drop_why = prefixed(ct);
    return decision;
  }

  #number(id: number): number {
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = ++this.#created;
      this.#numbers.set(id, number);
    }
    return number;
  }

  #rose(text: string | null): { ip: Record<string, number>; ct: Record<string, number> } {
    if (text === null || this.#counters === null) return { ip: {}, ct: {} };
    const now = parseCounters(text);
    const before = this.#counters;
    this.#counters = now;
    return {
      ip: risen(before.ip, now.ip),
      ct: risen(before.ct, now.ct, /^(drop|insert_failed|early_drop|clashres|chaintoolong)$/),
    };
  }
}

export function entry(conn: Omit<ConnView, "id" | "use">, unusual?: Buffer): RecordedEntry {
  const status = conn.status & ~(CONFIRMED | NAT_DONE);
  const { helper, seqadj } = unusual ? readUnusual(unusual) : {};
  return {
    timeout: conn.timeout,
    status,
    assured: (status & ASSURED) !== 0,
    seen_reply: (status & SEEN_REPLY) !== 0,
    ...(conn.tracker === 6 ? { tcp: TCP_STATES[conn.state] ?? `${conn.state}` } : {}),
    ...(conn.tracker === 132
      ? { sctp: SCTP_STATES[conn.state] ?? `${conn.state}`, vtag: [hex(conn.vtag[0]), hex(conn.vtag[1])] }
      : {}),
    ...(helper === undefined ? {} : { helper }),
    ...(seqadj === undefined ? {} : { seqadj_orig: seqadj[0], seqadj_reply: seqadj[1] }),
    ...(conn.tracker === 6
      ? { wscale: conn.scale, tflags: [tcpFlagNames(conn.flags[0]), tcpFlagNames(conn.flags[1])] }
      : {}),
    ...(conn.mark ? { mark: conn.mark } : {}),
    ...(conn.zone ? { zone: conn.zone } : {}),
    ...(conn.zoneOrig ? { zoneOrig: conn.zoneOrig } : {}),
    ...(conn.zoneReply ? { zoneReply: conn.zoneReply } : {}),
    ...(conn.labels.length > 0 ? { labels: conn.labels } : {}),
    ...(conn.counters ? { counters: conn.counters } : {}),
  };
}

const prefixed = (counters: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counters).map(([name, by]) => [`ct.${name}`, by]));

const hex = (tag: number): string => tag.toString(16).padStart(8, "0");

/** What came out, where it is not the packet that went in. The kernel's own packets come first. */
function readOutput(decision: Draft, o: Observation, packet: Uint8Array): void {
  const frames = o.extras.output.map((frame) => frame.subarray(ETHERNET_HEADER));
  const own = frames.slice(0, o.owns);
  const forwarded = frames.slice(o.owns);
  if (own.length > 0) decision.own = own.map((bytes) => bytes.toString("hex"));
  if (forwarded.length > 1 || (forwarded[0] && !sameButHops(forwarded[0], packet)))
    decision.output = forwarded.map((bytes) => bytes.toString("hex"));
}

/** Equal, apart from what a router changes in every packet: TTL and IPv4 header checksum, hop limit. */
function sameButHops(a: Uint8Array, b: Uint8Array): boolean {
  const v6 = (b[0] as number) >> 4 === 6;
  const passing = v6 ? [7] : [8, 10, 11];
  return a.length === b.length && a.every((byte, i) => byte === b[i] || passing.includes(i));
}

/** True if this is a fragment that may wait for others: IPv4 by its offset and MF, IPv6 by a complete fragment header. */
export function isFragment(packet: Uint8Array): boolean {
  const byte = (at: number) => packet[at] ?? 0;
  if (byte(0) >> 4 === 4) return packet.length >= 20 && (((byte(6) << 8) | byte(7)) & 0x3fff) !== 0;
  if (byte(0) >> 4 !== 6 || packet.length < 40) return false;
  let next = byte(6);
  let at = 40;
  while ([0, 43, 60, 135].includes(next) && at + 2 <= packet.length) {
    next = byte(at);
    at += (byte(at + 1) + 1) * 8;
  }
  return next === 44 && at + 8 <= packet.length;
}
