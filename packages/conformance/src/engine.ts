// The engine's side: a sequence through it, with the exact path (tracing) and with the fast one (blocks, no trace).

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { loadRules } from "conntrack-iptables";
import { Conntrack, type Decision, type Flow, type FlowEvent, type Stats } from "conntrack-wasm";
import type { Change, EngineFrame, TimedPacket } from "./kernel.js";
import {
  COUNTERS,
  type Details,
  type EventDetails,
  eventText,
  type Outcome,
  type OutcomeEntry,
  packetText,
  rowText,
  sorted,
  tupleText,
} from "./outcome.js";
import { RULED, ruledProgram } from "./ruled.js";
import { STEERING_RULES, type Steering, steeringOf } from "./steering.js";

const NS = 1_000_000_000n;
const START = 1_700_000_000n * NS;
// IPCT_*
const PROTOINFO = 1 << 5;
const MARK = 1 << 7;
const LABEL = 1 << 10;
const RECORD_HEADER = 24;
const NOTRACK = 4;
const DROP = 8;
const LINKTYPE_RAW = 101;

export interface EngineOptions {
  readonly sysctls?: Readonly<Record<string, number | string>>;
  /** The rules of steering.ts hold. */
  readonly nft?: string;
  /** The rules of ruled.ts hold. */
  readonly iptables?: string;
  readonly realtime?: boolean;
  /** Sysctls that change on the way. */
  readonly changes?: readonly Change[];
  /** Milliseconds: when the table is looked at, where that is not at the last packet. */
  readonly end?: number;
  /** Room for as many connections as the kernel's default. */
  readonly large?: boolean;
}

/** Longer than a fragment waits. */
const PAUSE = 3_600n * NS;
const MAX = 4096;
const LARGE = 262_144;

/** An engine that goes from sequence to sequence: emptied, its clock moved on, its settings back at their defaults. */
class Side {
  readonly engine: Conntrack;
  #start = START;
  #frames = 0;
  #changed = new Map<string, number>();

  constructor(trace: boolean, ruled: boolean, max: number) {
    const wasm = readFileSync(createRequire(import.meta.url).resolve("conntrack-wasm/conntrack.wasm"));
    const program = ruled ? ruledProgram() : null;
    const programSize = program?.bytes.length ?? 0;
    this.engine = Conntrack.openSync(wasm, { seed: 1, max, events: true, trace, programSize });
    if (program) loadRules(this.engine, program);
  }

  /** Ready for the next sequence. */
  begin({ sysctls = {} }: EngineOptions): Run {
    const { engine } = this;
    engine.flush();
    this.#start = engine.now > this.#start ? engine.now + PAUSE : this.#start + PAUSE;
    engine.advance(this.#start);
    engine.takeEvents();
    for (const [name, value] of this.#changed) engine.setSysctl(name, value);
    this.#changed.clear();
    this.change(sysctls);
    return { engine, start: this.#start, firstFrame: this.#frames + 1, before: engine.stats(), numbers: new Numbers() };
  }

  /** Until the next sequence begins. */
  change(sysctls: NonNullable<EngineOptions["sysctls"]>): void {
    for (const [name, value] of Object.entries(sysctls)) {
      if (!this.#changed.has(name)) this.#changed.set(name, this.engine.sysctl(name));
      this.engine.setSysctl(name, Number(value));
    }
  }

  end(packets: number): void {
    this.#frames += packets;
  }
}

interface Run {
  readonly engine: Conntrack;
  readonly start: bigint;
  readonly firstFrame: number;
  readonly before: Stats;
  readonly numbers: Numbers;
}

const sides = new Map<string, Side>();

function sideFor(trace: boolean, { iptables, large }: EngineOptions): Side {
  const ruled = iptables === RULED.iptables;
  const key = `${trace} ${ruled} ${large}`;
  const side = sides.get(key) ?? new Side(trace, ruled, large ? LARGE : MAX);
  sides.set(key, side);
  return side;
}

const timeAt = ({ start }: Run, milliseconds: number): bigint => start + BigInt(Math.round(milliseconds * 1e6));

const steer = ({ nft }: EngineOptions, data: Uint8Array): Steering => (nft === STEERING_RULES ? steeringOf(data) : {});

const seconds = (nanoseconds: bigint): number => Number(nanoseconds / NS);

const frameOf = ({ frame, data }: TimedPacket): EngineFrame =>
  frame ?? { link: LINKTYPE_RAW, data, length: data.length };

/** Why the engine does not see a frame that stands alone, by the name of the reason; null when it does. */
export function whyUnseen(frame: EngineFrame, sysctls: NonNullable<EngineOptions["sysctls"]> = {}): string | null {
  const side = sideFor(false, {});
  const { engine, start } = side.begin({ sysctls });
  const { state, reason } = engine.track({ time: start, ...frame });
  side.end(1);
  return state === null ? (reason ?? "nothing") : null;
}

/** The default of a sysctl. */
export const defaultOf = (name: string): number => sideFor(false, {}).begin({}).engine.sysctl(name);

function entryOf({ trace }: Decision, flow: Flow | undefined): OutcomeEntry | null {
  const after = trace?.after;
  if (!after) return null;
  const { timeout, protocolState, status } = after;
  return { seconds: seconds(timeout), protocolState, status, ...(flow && entryDetails(flow)) };
}

/** What the kernel tells with a packet; of zones only one for both directions. */
const entryDetails = (flow: Flow): Details => ({ ...detailsOf(flow), zoneOrig: undefined, zoneReply: undefined });

const zones = ({ zone, zoneDirection }: Flow) => ({
  zone: zoneDirection === "both" ? zone : undefined,
  zoneOrig: zoneDirection === "original" ? zone : undefined,
  zoneReply: zoneDirection === "reply" ? zone : undefined,
});

function detailsOf(flow: Flow): Details {
  const { windows, vtags, mark, labels, counters } = flow;
  return {
    scale: windows ? [windows.original.scale, windows.reply.scale] : undefined,
    flags: windows ? [windows.original.flags, windows.reply.flags] : undefined,
    vtags: vtags ? [vtags.original, vtags.reply] : undefined,
    mark,
    ...zones(flow),
    labels,
    packets: counters ? [counters.original.packets, counters.reply.packets] : undefined,
    bytes: counters ? [counters.original.bytes, counters.reply.bytes] : undefined,
  };
}

/** Numbers conns as the kernel's side does: in the order in which packets meet them. */
class Numbers {
  readonly #of = new Map<number, number>();
  of(conn: number): number {
    let number = this.#of.get(conn);
    if (number === undefined) {
      number = this.#of.size + 1;
      this.#of.set(conn, number);
    }
    return number;
  }
}

const flowText = (flow: Flow): string =>
  rowText(flow.l4proto, [tupleText(flow.original), tupleText(flow.reply)], {
    seconds: seconds(flow.timeout),
    protocolState: flow.protocolState,
    status: flow.status,
    ...detailsOf(flow),
  });

// The kernel tells the protocol state of a conn that is new or has changed it, ours always.
function eventOf({ type, bits, frame, flow }: FlowEvent, { numbers, firstFrame }: Run): string {
  const told = type === "UPDATE" && (bits & PROTOINFO) === 0 ? null : flow.protocolState;
  return eventText(type, numbers.of(flow.conn), frame - firstFrame, told, flow.status, eventDetails(type, bits, flow));
}

/** Which fields a message has: `packages/conntrack/src/format/message.ts`. */
function eventDetails(type: FlowEvent["type"], bits: number, flow: Flow): EventDetails {
  const { mark, labels, counters } = flow;
  return {
    ...zones(flow),
    mark: mark !== 0 || bits & MARK ? mark : undefined,
    labels: bits & LABEL && type !== "DESTROY" ? labels : undefined,
    packets: counters && type === "DESTROY" ? [counters.original.packets, counters.reply.packets] : undefined,
    bytes: counters && type === "DESTROY" ? [counters.original.bytes, counters.reply.bytes] : undefined,
  };
}

function ending(run: Run, events: readonly FlowEvent[], { realtime: timed = false, end }: EngineOptions) {
  if (end !== undefined) run.engine.advance(timeAt(run, end));
  const stats = run.engine.stats();
  const all = [...events, ...run.engine.takeEvents()].map((event) => eventOf(event, run));
  const isEnd = (text: string) => text.startsWith("DESTROY");
  return {
    events: timed ? all.filter((text) => !isEnd(text)) : all,
    ...(timed ? { ended: all.filter(isEnd) } : {}),
    table: sorted(run.engine.flows().map(flowText)),
    counters: Object.fromEntries(COUNTERS.map((name) => [name, stats[name] - run.before[name]])),
  };
}

export interface EngineOutcome extends Outcome {
  readonly reasons: readonly (string | null)[];
}

/** The exact path, packet by packet, with the entry after each. */
export function runEngine(packets: readonly TimedPacket[], options: EngineOptions = {}): EngineOutcome {
  const exact = sideFor(true, options);
  const run = exact.begin(options);
  const [texts, reasons]: [string[], (string | null)[]] = [[], []];
  const changes = new Map(options.changes?.map(({ before, sysctls }) => [before, sysctls]));
  for (const [i, packet] of packets.entries()) {
    const { data } = packet;
    exact.change(changes.get(i) ?? {});
    const decision = run.engine.track({ time: timeAt(run, packet.time), ...frameOf(packet), ...steer(options, data) });
    const { state, direction, conn } = decision;
    const invalid = state === "INVALID";
    const number = conn === null || invalid ? null : run.numbers.of(conn);
    const flow = number === null ? undefined : run.engine.flow(conn as number);
    texts.push(packetText(state, invalid ? null : direction, number, entryOf(decision, flow)));
    reasons.push(decision.reasonText);
  }
  exact.end(packets.length);
  return { packets: texts, reasons, ...ending(run, run.engine.takeEvents(), options) };
}

/** The fast path: all packets between two changes in one block. Without the entries after each, which only tracing tells. */
export function runFast(packets: readonly TimedPacket[], options: EngineOptions = {}): Outcome {
  const fast = sideFor(false, options);
  const run = fast.begin(options);
  const texts: string[] = [];
  const events: FlowEvent[] = [];
  const track = (part: readonly TimedPacket[]) => {
    for (const results of run.engine.trackBlock({ framing: "records", bytes: recordBlock(run, part, options) })) {
      for (let i = 0; i < results.count; i++) {
        const state = results.state(i);
        const invalid = state === "INVALID";
        const conn = invalid || results.conn(i) === 0 ? null : run.numbers.of(results.conn(i));
        texts.push(withoutEntry(packetText(state, invalid ? null : results.direction(i), conn, null)));
      }
      events.push(...run.engine.takeEvents());
    }
  };
  for (const { before, sysctls } of options.changes ?? []) {
    track(packets.slice(texts.length, before));
    fast.change(sysctls);
  }
  track(packets.slice(texts.length));
  fast.end(packets.length);
  return { packets: texts, ...ending(run, events, options) };
}

/** A packet's text without the entry behind it. */
export const withoutEntry = (text: string): string => text.split(" ").slice(0, 2).join(" ");

function recordBlock(run: Run, packets: readonly TimedPacket[], options: EngineOptions): Uint8Array {
  const size = (length: number) => (RECORD_HEADER + length + 7) & ~7;
  const bytes = new Uint8Array(packets.reduce((sum, packet) => sum + size(frameOf(packet).data.length), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const packet of packets) {
    const { zone = 0, notrack = false, drop = false } = steer(options, packet.data);
    const { link, data, length } = frameOf(packet);
    view.setBigUint64(at, timeAt(run, packet.time), true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, data.length, true);
    view.setUint16(at + 16, link, true);
    view.setUint32(at + 20, ((notrack ? NOTRACK : 0) | (drop ? DROP : 0) | (zone << 16)) >>> 0, true);
    bytes.set(data, at + RECORD_HEADER);
    at += size(data.length);
  }
  return bytes;
}
