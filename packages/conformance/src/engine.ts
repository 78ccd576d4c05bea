// The engine's side: a sequence through it, with the exact path (tracing) and with the fast one (blocks, no trace).

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Conntrack, type Decision, type Flow, type FlowEvent, type Stats } from "conntrack-wasm";
import type { TimedPacket } from "./kernel.js";
import { COUNTERS, eventText, type Outcome, type OutcomeEntry, packetText, rowText, tupleText } from "./outcome.js";
import { STEERING_RULES, type Steering, steeringOf } from "./steering.js";

const NS = 1_000_000_000n;
const START = 1_700_000_000n * NS;
const PROTOINFO = 1 << 5;
const RECORD_HEADER = 24;
const NOTRACK = 4;
const DROP = 8;
const LINKTYPE_RAW = 101;

export interface EngineOptions {
  readonly sysctls?: Readonly<Record<string, number | string>>;
  /** The rules of steering.ts hold. */
  readonly nft?: string;
  readonly realtime?: boolean;
}

/** Longer than a fragment waits. */
const PAUSE = 3_600n * NS;
const MAX = 1024;

/** An engine that goes from sequence to sequence: emptied, its clock moved on, its settings back at their defaults. */
class Side {
  readonly engine: Conntrack;
  #start = START;
  #frames = 0;
  #changed = new Map<string, number>();

  constructor(trace: boolean) {
    const wasm = readFileSync(createRequire(import.meta.url).resolve("conntrack-wasm/conntrack.wasm"));
    this.engine = Conntrack.openSync(wasm, { seed: 1, max: MAX, events: true, trace });
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
    for (const [name, value] of Object.entries(sysctls)) {
      this.#changed.set(name, engine.sysctl(name));
      engine.setSysctl(name, Number(value));
    }
    return { engine, start: this.#start, firstFrame: this.#frames + 1, before: engine.stats(), numbers: new Numbers() };
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

let exact: Side | null = null;
let fast: Side | null = null;

const timeOf = ({ start }: Run, packet: TimedPacket): bigint => start + BigInt(Math.round(packet.time * 1e6));

const steer = ({ nft }: EngineOptions, data: Uint8Array): Steering => (nft === STEERING_RULES ? steeringOf(data) : {});

const seconds = (nanoseconds: bigint): number => Number(nanoseconds / NS);

function entryOf({ trace }: Decision): OutcomeEntry | null {
  const after = trace?.after;
  return after ? { seconds: seconds(after.timeout), protocolState: after.protocolState, status: after.status } : null;
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

const flowText = ({ l4proto, original, reply, zone, mark, timeout, protocolState, status }: Flow): string =>
  rowText(l4proto, [tupleText(original), tupleText(reply)], zone, mark, {
    seconds: seconds(timeout),
    protocolState,
    status: status & ~1, // /proc does not show EXPECTED
  });

// The kernel tells the protocol state of a conn that is new or has changed it, ours always.
const eventOf = ({ type, bits, frame, flow }: FlowEvent, { numbers, firstFrame }: Run): string =>
  eventText(
    type,
    numbers.of(flow.conn),
    frame - firstFrame,
    type === "UPDATE" && (bits & PROTOINFO) === 0 ? null : flow.protocolState,
    flow.status,
  );

function ending(run: Run, events: readonly FlowEvent[], timed: boolean) {
  const stats = run.engine.stats();
  return {
    events: events.filter(({ type }) => !timed || type !== "DESTROY").map((event) => eventOf(event, run)),
    table: run.engine.flows().map(flowText).sort(),
    counters: Object.fromEntries(COUNTERS.map((name) => [name, stats[name] - run.before[name]])),
  };
}

export interface EngineOutcome extends Outcome {
  readonly reasons: readonly (string | null)[];
}

/** The exact path, packet by packet, with the entry after each. */
export function runEngine(packets: readonly TimedPacket[], options: EngineOptions = {}): EngineOutcome {
  exact ??= new Side(true);
  const run = exact.begin(options);
  const [texts, reasons]: [string[], (string | null)[]] = [[], []];
  for (const packet of packets) {
    const { data } = packet;
    const decision = run.engine.track({ time: timeOf(run, packet), data, ...steer(options, data) });
    const { state, direction, conn } = decision;
    const invalid = state === "INVALID";
    const number = conn === null || invalid ? null : run.numbers.of(conn);
    texts.push(packetText(state, invalid ? null : direction, number, entryOf(decision)));
    reasons.push(decision.reasonText);
  }
  exact.end(packets.length);
  return { packets: texts, reasons, ...ending(run, run.engine.takeEvents(), options.realtime ?? false) };
}

/** The fast path: everything in one block. Without the entries after each packet, which only tracing tells. */
export function runFast(packets: readonly TimedPacket[], options: EngineOptions = {}): Outcome {
  fast ??= new Side(false);
  const run = fast.begin(options);
  const texts: string[] = [];
  const events: FlowEvent[] = [];
  for (const results of run.engine.trackBlock({ framing: "records", bytes: recordBlock(run, packets, options) })) {
    for (let i = 0; i < results.count; i++) {
      const state = results.state(i);
      const invalid = state === "INVALID";
      const conn = invalid || results.conn(i) === 0 ? null : run.numbers.of(results.conn(i));
      texts.push(withoutEntry(packetText(state, invalid ? null : results.direction(i), conn, null)));
    }
    events.push(...run.engine.takeEvents());
  }
  fast.end(packets.length);
  return { packets: texts, ...ending(run, events, options.realtime ?? false) };
}

/** A packet's text without the entry behind it. */
export const withoutEntry = (text: string): string => text.split(" ").slice(0, 2).join(" ");

function recordBlock(run: Run, packets: readonly TimedPacket[], options: EngineOptions): Uint8Array {
  const size = (length: number) => (RECORD_HEADER + length + 7) & ~7;
  const bytes = new Uint8Array(packets.reduce((sum, { data }) => sum + size(data.length), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const packet of packets) {
    const { data } = packet;
    const { zone = 0, notrack = false, drop = false } = steer(options, data);
    view.setBigUint64(at, timeOf(run, packet), true);
    view.setUint32(at + 8, data.length, true);
    view.setUint32(at + 12, data.length, true);
    view.setUint16(at + 16, LINKTYPE_RAW, true);
    view.setUint32(at + 20, ((notrack ? NOTRACK : 0) | (drop ? DROP : 0) | (zone << 16)) >>> 0, true);
    bytes.set(data, at + RECORD_HEADER);
    at += size(data.length);
  }
  return bytes;
}
