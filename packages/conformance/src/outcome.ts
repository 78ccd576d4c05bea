// What became of a sequence, in words that can be compared, stored and read: of the kernel (a recording) or the engine.
//
// A packet:  `NEW> #1 SYN_SENT 120`      state, direction, number of the conn, protocol state, seconds left
//            `ESTABLISHED< #1 30 ra`     r: a reply was seen, a: ASSURED, e: EXPECTED
//            `ESTABLISHED> #1 -`         not in the table afterwards
//            `NEW> #- -`                 never in the table: a rule dropped its first packet
//            `INVALID`, `UNTRACKED`, or `unseen`: connection tracking never saw it

import { formatAddress, parseAddress } from "./address.js";
import { STATUS_NAMES } from "./names.js";
import type { RecordedEvent, RecordedPacket, Recording } from "./recording.js";

export interface Outcome {
  readonly packets: readonly string[];
  readonly events: readonly string[];
  /** Sorted. */
  readonly table: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
}

export interface OutcomeEntry {
  readonly seconds: number;
  readonly protocolState: string | null;
  readonly status: number;
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
  return join(`${state}${arrow}`, `#${conn}`, entry.protocolState, entry.seconds, letters(entry.status));
}

export const eventText = (type: string, conn: number | null, at: number, state: string | null, status: number) =>
  join(type, `#${conn ?? "-"}`, `at ${at}`, state, letters(status));

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

export const rowText = (
  protocol: number,
  tuples: readonly [string, string],
  zone: number,
  mark: number,
  entry: OutcomeEntry,
): string =>
  join(
    protocol,
    ...tuples,
    zone ? `zone=${zone}` : "",
    mark ? `mark=${mark}` : "",
    entry.protocolState,
    entry.seconds,
    letters(entry.status),
  );

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

function recordedPacket({ state, dir, ct, after }: RecordedPacket, numbers: Numbers): string {
  const entry = after
    ? { seconds: after.timeout, protocolState: after.tcp ?? after.sctp ?? null, status: after.status }
    : null;
  return packetText(state, dir, numbers.of(ct), entry);
}

function recordedEvent({ type, ct, at, tcp, sctp, status }: RecordedEvent, numbers: Numbers): string {
  const bits = ((status ?? []) as string[]).reduce(
    (sum, name) => sum | (1 << STATUS_NAMES.indexOf(name as (typeof STATUS_NAMES)[number])),
    0,
  );
  return eventText(type, numbers.of(ct), at, (tcp ?? sctp ?? null) as string | null, bits);
}

/** `timed`: entries may have run out while it lasted; when the kernel notices that is chance, so DESTROY is left out. */
export function outcomeOf(
  recording: Pick<Recording, "packets" | "events" | "table" | "counters">,
  timed: boolean,
): Outcome {
  const numbers = new Numbers(recording);
  return {
    packets: recording.packets.map((packet) => recordedPacket(packet, numbers)),
    events: recording.events
      .filter(({ type }) => !timed || type !== "DESTROY")
      .map((event) => recordedEvent(event, numbers)),
    table: recording.table
      .map(({ l4num, orig, reply, zone, mark, timeout, state, flags }) => {
        const status = (flags.includes("UNREPLIED") ? 0 : SEEN_REPLY) | (flags.includes("ASSURED") ? ASSURED : 0);
        return rowText(l4num, [tupleText(orig), tupleText(reply)], zone, mark, {
          seconds: timeout,
          protocolState: state,
          status,
        });
      })
      .sort(),
    counters: Object.fromEntries(COUNTERS.map((name) => [name, recording.counters[name] ?? 0])),
  };
}

// --- comparison --------------------------------------------------------------------------------------------------------

/** Seconds stand alone or before the letters, at the end. */
const SECONDS = / (\d+)( [rae]+)?$/;

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
  for (const [name, value] of Object.entries(kernel.counters)) {
    if (engine.counters[name] !== value)
      found.push({ packet: null, text: `${name}: engine ${engine.counters[name]}, kernel ${value}` });
  }
  return found;
}
