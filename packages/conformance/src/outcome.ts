// What became of a sequence, in words that can be compared, stored and read: of the kernel (a recording) or the engine.
//
// A packet:  `NEW> #1 SYN_SENT 120`      state, direction, number of the conn, protocol state, seconds left
//            `ESTABLISHED< #1 30 ra`     r: a reply was seen, a: ASSURED, e: EXPECTED
//            `ESTABLISHED> #1 -`         not in the table afterwards
//            `NEW> #- -`                 never in the table: a rule dropped its first packet
//            `… | ws=7/7 f=3/3`         what else is in the entry; see Details
//            `INVALID`, `UNTRACKED`, or `unseen`: connection tracking never saw it

import { formatAddress, parseAddress } from "./address.js";
import { entry as entryOf } from "./decision.js";
import { STATUS_NAMES, TCP_FLAG_NAMES } from "./names.js";
import type { DumpedFlow } from "./netlink.js";
import type { RecordedEntry, RecordedEvent, RecordedPacket, Recording } from "./recording.js";

export interface Outcome {
  readonly packets: readonly string[];
  readonly events: readonly string[];
  /** In real time: DESTROY events, which are not among the others then; see endings(). */
  readonly ended?: readonly string[];
  /** Sorted. */
  readonly table: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
}

export interface OutcomeEntry extends Details {
  readonly seconds: number;
  readonly protocolState: string | null;
  readonly status: number;
}

export type Pair<T = number> = readonly [original: T, reply: T];

/** What an entry holds beyond its state; each of it only where there is something to say. */
export interface Details {
  /** TCP: window scale and flags (`IP_CT_TCP_FLAG_*`) of both sides. */
  readonly scale?: Pair | undefined;
  readonly flags?: Pair | undefined;
  /** SCTP: the tag packets of each direction must carry. */
  readonly vtags?: Pair | undefined;
  readonly mark?: number | undefined;
  readonly zone?: number | undefined;
  /** A zone for one direction; told by dumps and events, not packet by packet. */
  readonly zoneOrig?: number | undefined;
  readonly zoneReply?: number | undefined;
  readonly labels?: readonly number[] | undefined;
  /** Accounting: packets and bytes. */
  readonly packets?: Pair<number | bigint> | undefined;
  readonly bytes?: Pair<number | bigint> | undefined;
}

function detailText({ scale, flags, vtags, mark, zone, zoneOrig, zoneReply, labels, packets, bytes }: Details): string {
  const pair = (name: string, value: Pair<number | bigint> | undefined) => value && `${name}=${value[0]}/${value[1]}`;
  return join(
    pair("ws", scale),
    pair("f", flags),
    pair("tags", vtags),
    mark ? `mark=${mark}` : "",
    zone ? `zone=${zone}` : "",
    zoneOrig ? `zone-orig=${zoneOrig}` : "",
    zoneReply ? `zone-reply=${zoneReply}` : "",
    labels?.length ? `labels=${labels.join(",")}` : "",
    pair("n", packets),
    pair("b", bytes),
  );
}

/** Of `/proc/net/stat/nf_conntrack`. The others count lookups, or depend on when the kernel cleans up. */
export const COUNTERS = ["invalid", "icmp_error", "drop", "early_drop", "insert_failed"] as const;

const EXPECTED = 1;
const SEEN_REPLY = 2;
const ASSURED = 4;

const letters = (status: number): string =>
  [status & SEEN_REPLY ? "r" : "", status & ASSURED ? "a" : "", status & EXPECTED ? "e" : ""].join("");

const join = (...parts: readonly (string | number | null | undefined)[]): string =>
  parts.filter((part) => part !== null && part !== undefined && part !== "").join(" ");

export function packetText(
  state: string | null,
  dir: string | null,
  conn: number | null,
  entry: OutcomeEntry | null,
): string {
  if (state === null) return "unseen";
  if (dir === null) return state;
  const arrow = dir === "reply" ? "<" : ">";
  if (!entry) return `${state}${arrow} #${conn ?? "-"} -`;
  return join(`${state}${arrow}`, `#${conn}`, entryText(entry));
}

const entryText = (entry: OutcomeEntry): string => {
  const details = detailText(entry);
  return join(entry.protocolState, entry.seconds, letters(entry.status), details && `| ${details}`);
};

/** Of an event: a mark of 0 is told when it has just become 0. */
export interface EventDetails
  extends Pick<Details, "packets" | "bytes" | "labels" | "zone" | "zoneOrig" | "zoneReply"> {
  readonly mark?: number | undefined;
}

export const eventText = (
  type: string,
  conn: number | null,
  at: number,
  state: string | null,
  status: number,
  { mark, ...details }: EventDetails = {},
) =>
  join(
    type,
    `#${conn ?? "-"}`,
    `at ${at}`,
    state,
    letters(status),
    mark === undefined ? "" : `mark=${mark}`,
    detailText(details),
  );

/** The parts of a tuple that identify it, in one order. */
const TUPLE_PARTS = ["src", "dst", "sport", "dport", "type", "code", "id", "srckey", "dstkey"] as const;

export function tupleText(tuple: { readonly [part in (typeof TUPLE_PARTS)[number]]?: string | number | undefined }) {
  return TUPLE_PARTS.flatMap((part) => {
    const value = tuple[part];
    return value === undefined ? [] : [`${part}=${normal(part, value)}`];
  }).join(" ");
}

/** There are several ways to write a key or an address. */
function normal(part: string, value: string | number): string | number {
  if (part.endsWith("key")) return Number(value);
  return typeof value === "string" && value.includes(":") ? formatAddress(parseAddress(value)) : value;
}

export const rowText = (protocol: number, tuples: readonly [string, string], entry: OutcomeEntry): string =>
  join(protocol, ...tuples, entryText(entry));

// --- of a recording ----------------------------------------------------------------------------------------------------

/** Conns that were in the table, numbered in the order in which packets met them. */
class Numbers {
  readonly #of = new Map<number, number>();

  constructor({ packets, events }: Pick<Recording, "packets" | "events">) {
    const born = new Set(events.flatMap(({ type, ct }) => (type === "NEW" && ct !== undefined ? [ct] : [])));
    for (const { ct, after } of packets)
      if (ct !== undefined && !this.#of.has(ct) && (after || born.has(ct))) this.#of.set(ct, this.#of.size + 1);
  }

  of(ct: number | undefined): number | null {
    return ct === undefined ? null : (this.#of.get(ct) ?? null);
  }
}

function recordedEntry(after: RecordedEntry): OutcomeEntry {
  const { timeout, status, tcp, sctp, wscale, tflags, vtag, mark, zone, zoneOrig, zoneReply, labels, counters } = after;
  return {
    seconds: timeout,
    status,
    protocolState: tcp ?? sctp ?? null,
    scale: wscale,
    flags: tflags && [flagBits(tflags[0]), flagBits(tflags[1])],
    vtags: vtag && [Number.parseInt(vtag[0], 16), Number.parseInt(vtag[1], 16)],
    mark,
    zone,
    zoneOrig,
    zoneReply,
    labels,
    packets: counters && [counters[0].packets, counters[1].packets],
    bytes: counters && [counters[0].bytes, counters[1].bytes],
  };
}

const bitsOf = (all: readonly string[], names: readonly string[]): number =>
  names.reduce((sum, name) => sum | (1 << all.indexOf(name)), 0);

const flagBits = (names: readonly string[]): number => bitsOf(TCP_FLAG_NAMES, names);

function recordedPacket({ state, dir, ct, after }: RecordedPacket, numbers: Numbers): string {
  return packetText(state, dir, numbers.of(ct), after ? recordedEntry(after) : null);
}

function recordedEvent({ type, ct, at, tcp, sctp, status, ...rest }: RecordedEvent, numbers: Numbers): string {
  const bits = bitsOf(STATUS_NAMES, (status ?? []) as string[]);
  return eventText(type, numbers.of(ct), at, (tcp ?? sctp ?? null) as string | null, bits, rest as EventDetails);
}

/** `timed`: entries may have run out while it lasted; when the kernel notices that is chance, so DESTROY stands apart. */
export function outcomeOf(
  {
    packets,
    events,
    table,
    counters,
  }: Pick<Recording, "packets" | "events" | "counters"> & { readonly table: readonly DumpedFlow[] },
  timed: boolean,
): Outcome {
  const numbers = new Numbers({ packets, events });
  const told = (some: readonly RecordedEvent[]) => some.map((event) => recordedEvent(event, numbers));
  return {
    packets: packets.map((packet) => recordedPacket(packet, numbers)),
    events: told(timed ? events.filter(({ type }) => type !== "DESTROY") : events),
    ...(timed ? { ended: told(events.filter(({ type }) => type === "DESTROY")) } : {}),
    table: sorted(
      table.map(({ l4proto, original, reply, entry }) =>
        rowText(l4proto, [tupleText(original), tupleText(reply)], recordedEntry(entryOf(entry))),
      ),
    ),
    counters: Object.fromEntries(COUNTERS.map((name) => [name, counters[name] ?? 0])),
  };
}

// --- comparison --------------------------------------------------------------------------------------------------------

/** Seconds stand alone or before the letters, at the end or before the details. */
const SECONDS = / (\d+)((?: [rae]+)?(?: \| .*)?)$/;

/** Seconds may differ by one, so they must not decide the order. */
export const sorted = (rows: readonly string[]): string[] =>
  rows
    .map((row) => [row.replace(SECONDS, "$2"), row] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, row]) => row);

/** Equal, but for a second: the two clocks are not read at the same moment. */
export function sameText(a: string, b: string): boolean {
  if (a === b) return true;
  const [x, y] = [SECONDS.exec(a), SECONDS.exec(b)];
  return (
    x !== null &&
    y !== null &&
    a.slice(0, x.index) === b.slice(0, y.index) &&
    x[2] === y[2] &&
    Math.abs(Number(x[1]) - Number(y[1])) <= 1
  );
}

export interface Difference {
  /** The packet (from 0), or null for the events, the table and the counters at the end. */
  readonly packet: number | null;
  readonly text: string;
}

/** All that differs, the engine's side first. */
export function differences(engine: Outcome, kernel: Outcome): Difference[] {
  const found: Difference[] = [];
  const count = Math.max(engine.packets.length, kernel.packets.length);
  for (let i = 0; i < count; i++) {
    const [mine, theirs] = [engine.packets[i] ?? "nothing", kernel.packets[i] ?? "nothing"];
    if (!sameText(mine, theirs)) found.push({ packet: i, text: `packet ${i}: engine ${mine}, kernel ${theirs}` });
  }
  for (const part of ["events", "table"] as const) {
    const [mine, theirs] = [engine[part], kernel[part]];
    const length = Math.max(mine.length, theirs.length);
    for (let i = 0; i < length; i++) {
      if (mine[i] !== undefined && theirs[i] !== undefined && sameText(mine[i] as string, theirs[i] as string))
        continue;
      found.push({ packet: null, text: `${part} ${i}: engine ${mine[i]}, kernel ${theirs[i]}` });
      break;
    }
  }
  found.push(...endings(engine.ended ?? [], kernel.ended ?? []));
  for (const [name, value] of Object.entries(kernel.counters)) {
    if (engine.counters[name] !== value)
      found.push({ packet: null, text: `${name}: engine ${engine.counters[name]}, kernel ${value}` });
  }
  return found;
}

const ENDING = /^DESTROY #(\d+) at (-?\d+)(.*)$/;

/**
 * The engine ends an entry at its deadline, the kernel tells of it when it next comes by, if it still does: what the kernel
 * tells, the engine has told of the same conn before, once, and in the same words.
 */
function endings(engine: readonly string[], kernel: readonly string[]): Difference[] {
  const mine = new Map<string, { at: number; rest: string }>();
  for (const text of engine) {
    const [, conn, at, rest = ""] = ENDING.exec(text) ?? [];
    if (conn !== undefined) mine.set(conn, { at: Number(at), rest });
  }
  const found: Difference[] = [];
  for (const text of kernel) {
    const [, conn, at, rest] = ENDING.exec(text) ?? [];
    if (conn === undefined) continue; // no packet met it
    const own = mine.get(conn);
    mine.delete(conn);
    if (own !== undefined && own.rest === rest && own.at <= Number(at) + 1) continue;
    found.push({ packet: null, text: `ended: engine ${own ? `at ${own.at}${own.rest}` : "not"}, kernel ${text}` });
  }
  return found;
}
