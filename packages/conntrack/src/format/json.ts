// JSON: plain objects, ready for JSON.stringify, with a schema of our own. conntrack(8) has no such output.
//
// Every object opens with `version` and `kind`. Members are never renamed or removed within a version; new ones may be
// added. Numbers are numbers; a counter above 2^53 is a string of digits. A time is a string of seconds since the epoch
// with nine decimals, because a number cannot hold it. null: does not apply, or is unknown.
import type {
  Counter,
  Direction,
  EventBit,
  Expectation,
  ExpectEvent,
  Flow,
  FlowEvent,
  Stats,
  StatusName,
  Tuple,
} from "../types.js";
import { type ExpectFlag, expectFlagNames } from "./expect.js";
import { EVENT_BITS } from "./message.js";
import { statusNames } from "./status.js";
import { familyName } from "./words.js";

/** Version of the schema, in every object. */
export const JSON_VERSION = 1;

/** "1700000000.123456789" */
export type JsonTime = string;

export interface JsonCounter {
  readonly packets: number | string;
  /** IP length, header included. */
  readonly bytes: number | string;
}

export interface FlowJson {
  readonly version: typeof JSON_VERSION;
  readonly kind: "flow";
  /** Number in order of creation, from 1. */
  readonly conn: number;
  readonly id: number;
  readonly family: "ipv4" | "ipv6";
  readonly protocol: string;
  /** IP protocol number. */
  readonly l4proto: number;
  /** State of the protocol's tracker. */
  readonly state: string | null;
  /** Seconds left, with fraction. */
  readonly timeout: number;
  /** Names of `IPS_*`, in the order of their bits. */
  readonly status: readonly StatusName[];
  readonly original: Tuple;
  readonly reply: Tuple;
  /** null without accounting. */
  readonly counters: Readonly<Record<Direction, JsonCounter>> | null;
  readonly mark: number;
  readonly zone: number;
  readonly zone_direction: "both" | Direction;
  readonly use: number;
  readonly helper: string | null;
  /** `conn` of the connection that announced this one. */
  readonly master: number | null;
  /** Numbers of the label bits. */
  readonly labels: readonly number[];
  readonly start: JsonTime | null;
  readonly stop: JsonTime | null;
  /** When the copy was made. */
  readonly time: JsonTime | null;
}

export interface EventJson {
  readonly version: typeof JSON_VERSION;
  readonly kind: "event";
  readonly type: FlowEvent["type"];
  /** What the message was sent for: names of `IPCT_*`. */
  readonly causes: readonly EventBit[];
  readonly time: JsonTime;
  /** Number of the packet. */
  readonly frame: number;
  readonly flow: FlowJson;
}

/** Counters by the names of `/proc/net/stat/nf_conntrack`. */
export interface StatsJson extends Stats {
  readonly version: typeof JSON_VERSION;
  readonly kind: "stats";
}

export interface ExpectEventJson {
  readonly type: ExpectEvent["type"];
  readonly time: JsonTime;
  readonly frame: number;
  readonly expectation: ExpectationJson;
}

export interface ExpectationJson {
  readonly version: typeof JSON_VERSION;
  readonly kind: "expectation";
  readonly family: "ipv4" | "ipv6";
  readonly l4proto: number;
  /** Seconds left, with fraction; null without a timer. */
  readonly timeout: number | null;
  readonly tuple: Tuple;
  readonly mask: Tuple;
  readonly flags: readonly ExpectFlag[];
  readonly class: number;
  readonly class_name: string | null;
  readonly helper: string | null;
  /** Original tuple of the connection that announced it. */
  readonly master: Tuple;
  readonly master_conn: number;
  readonly zone: number;
}

export function flowToJson(flow: Flow): FlowJson {
  const { counters } = flow;
  return {
    version: JSON_VERSION,
    kind: "flow",
    conn: flow.conn,
    id: flow.id,
    family: familyName(flow.l3num),
    protocol: flow.protocol,
    l4proto: flow.l4proto,
    state: flow.protocolState,
    timeout: seconds(flow.timeout),
    status: statusNames(flow.status),
    original: { ...flow.original },
    reply: { ...flow.reply },
    counters: counters && { original: counterToJson(counters.original), reply: counterToJson(counters.reply) },
    mark: flow.mark,
    zone: flow.zone,
    zone_direction: flow.zoneDirection,
    use: flow.use,
    helper: flow.helper,
    master: flow.master,
    labels: [...flow.labels],
    start: timeToJson(flow.start),
    stop: timeToJson(flow.stop),
    time: timeToJson(flow.time ?? null),
  };
}

export function eventToJson(event: FlowEvent): EventJson {
  return {
    version: JSON_VERSION,
    kind: "event",
    type: event.type,
    causes: EVENT_BITS.filter((_, bit) => (event.bits >> bit) & 1),
    time: timeToJson(event.time),
    frame: event.frame,
    flow: flowToJson(event.flow),
  };
}

export function statsToJson(stats: Stats): StatsJson {
  return { version: JSON_VERSION, kind: "stats", ...stats };
}

export function expectationToJson(expectation: Expectation): ExpectationJson {
  const { timeout } = expectation;
  return {
    version: JSON_VERSION,
    kind: "expectation",
    family: familyName(expectation.l3num),
    l4proto: expectation.l4proto,
    timeout: timeout === null ? null : seconds(timeout),
    tuple: { ...expectation.tuple },
    mask: { ...expectation.mask },
    flags: expectFlagNames(expectation.flags),
    class: expectation.class,
    class_name: expectation.className,
    helper: expectation.helper,
    master: { ...expectation.master },
    master_conn: expectation.masterConn,
    zone: expectation.zone,
  };
}

function seconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e9;
}

function counterToJson({ packets, bytes }: Counter): JsonCounter {
  return { packets: safeNumber(packets), bytes: safeNumber(bytes) };
}

function safeNumber(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
}

/** The object of one expectation event. */
export function expectEventToJson({ type, time, frame, expectation }: ExpectEvent): ExpectEventJson {
  return { type, time: timeToJson(time), frame, expectation: expectationToJson(expectation) };
}

function timeToJson(time: bigint): JsonTime;
function timeToJson(time: bigint | null): JsonTime | null;
function timeToJson(time: bigint | null): JsonTime | null {
  if (time === null) return null;
  return `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, "0")}`;
}
