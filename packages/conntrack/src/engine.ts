// The engine: one conntrack table in one linear memory, packets in, facts out.
import * as abi from "@conntrack-wasm/core/abi";
import { ConntrackError } from "./error.js";
import { EventCollector, type EventRecords } from "./event-records.js";
import { getHelper } from "./helper.js";
import { type Core, compile, instantiate, type WasmSource } from "./instantiate.js";
import { PROGRAM_FAULTS } from "./program.js";
import { readExpectation } from "./read-expect.js";
import { readFlow, readTuple } from "./read-flow.js";
import { Results } from "./results.js";
import { readSnapshot, SIZINGS, type Sizing, type SnapshotLayout, writeSnapshot } from "./snapshot.js";
import { findSysctl, MODULE_PARAMETERS, SYSCTLS, type SysctlRow, similarSysctls } from "./sysctl.js";
import type { PacketTrace } from "./trace.js";
import type { Direction, Expectation, ExpectEvent, Flow, FlowEvent, State, Stats } from "./types.js";

export type Profile = "linux-6" | "linux-2.4";

export interface OpenOptions {
  /** Most connections the engine can ever hold, and the start value of `nf_conntrack_max`. Default 262144. */
  readonly max?: number;
  /** Seed of the hash key and the ids; random by default. Same packets and seed: same output. */
  readonly seed?: number | bigint;
  readonly profile?: Profile;
  /** Sysctls by kernel name, with or without `net.netfilter.`. */
  readonly sysctl?: Readonly<Record<string, number>>;
  /** Record for each packet what it was, what it met and why (about 100 ns a packet). */
  readonly trace?: boolean;
  /** Listen to events from the start; without a reader they cost nothing. */
  readonly events?: boolean;
  /**
   * Table size: the next power of two (the default, fastest), fitted to `max` (smaller), or growing: no larger than the entries
   * there are need it, up to what fits `max`. Each time it doubles all entries move, between two blocks: 0.15 to 0.3 µs each.
   */
  readonly sizing?: Sizing;
  /** Where the module comes from; by default `conntrack.wasm` beside this file. */
  readonly wasm?: WasmSource;
  /** This engine is one of several: see ConntrackPool. */
  readonly shard?: Shard;
  /**
   * Helpers by port: new connections to it get one, as a `-j CT --helper` rule would give it. Without, nothing is assigned,
   * as since Linux 6.0; `sysctl: { nf_conntrack_helper: 1 }` assigns by the usual ports, and profile linux-2.4 does so.
   */
  readonly helpers?: readonly HelperAssignment[];
  /** Bytes of the input region: the most one call takes. Default 2 MiB. */
  readonly inputSize?: number;
  /** Bytes of {@link Conntrack.window}. Default 0. */
  readonly windowSize?: number;
  /** Room for a rule program ({@link Conntrack.loadProgram}), in bytes. Default 0: no rules. */
  readonly programSize?: number;
}

/** @internal One engine of several. */
export interface Shard {
  readonly index: number;
  readonly count: number;
  /**
   * Whether packet `index` of the call under way, `frame` in all, opens a connection in the engine of `owner`: waits until that
   * one knows. `words` are the results of the packets before it.
   */
  opens(index: number, frame: number, owner: number, words: Uint32Array): boolean;
}

export interface HelperAssignment {
  /** Name of the helper, as in {@link HELPERS}. */
  readonly name: string;
  /** Destination port of the first packet; default: the helper's usual one. */
  readonly port?: number;
}

/** One packet for {@link Conntrack.track}. */
export interface PacketInput {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  readonly data: Uint8Array;
  /** LINKTYPE_ number; default 101, raw IP. */
  readonly link?: number;
  /** Bytes on the wire when `data` is cut. */
  readonly length?: number;
  /** Number of the interface it was seen on. */
  readonly interface?: number;
  /** Conntrack zone, both directions. */
  readonly zone?: number;
  /** Exempt it from tracking, as `-j CT --notrack` does. */
  readonly notrack?: boolean;
  /** A rule drops it after tracking: a new connection is not confirmed, an existing one has moved all the same. */
  readonly drop?: boolean;
  /** Timeout policy a new connection gets; see {@link Conntrack.setTimeoutPolicy}. */
  readonly timeoutPolicy?: number;
  /** Helper a new connection gets, as from `-j CT --helper`; one that does not speak its protocol is not taken. */
  readonly helper?: string;
}

/** What connection tracking says of one packet. */
export interface Decision {
  /** Number of the packet, from 1. */
  readonly frame: number;
  /** null: connection tracking never sees it, or the capture holds too little; the reason says which. */
  readonly state: State | null;
  readonly direction: Direction | null;
  /** Number of the connection, null for none. */
  readonly conn: number | null;
  /** Stable name of the reason, null when there is nothing to say. */
  readonly reason: string | null;
  readonly reasonText: string | null;
  readonly verdict: "ACCEPT" | "DROP";
  /** Number of the rule that decided, see {@link Results.rule}; 0: none. */
  readonly rule: number;
  /** Present when tracing. */
  readonly trace: PacketTrace | null;
}

/** A block of packet records, as `conntrack-capture` yields them. */
export interface PacketBlock {
  readonly bytes: Uint8Array;
  readonly framing: "records" | "pcap";
  /** With framing "pcap". */
  readonly link?: number;
  readonly swapped?: boolean;
  readonly nanoseconds?: boolean;
}

const MAX_PACKETS = 4096;
const EVENT_CAPACITY = 8192;
/** Holds what both thresholds (4 MiB each, as the kernel counts) let in, at the worst ratio: 8 bytes across two blocks. */
const FRAGMENT_BYTES = 16 << 20;
const DEFAULT_MAX = 262144;
const DEFAULT_INPUT = 2 << 20;
const MAX_SYSCTL = "net.netfilter.nf_conntrack_max";
/** As in every network namespace but the first. */
const READ_ONLY = /^(net[./]netfilter[./])?nf_conntrack_(count|buckets)$/;
const ALL_RESULTS = 0xffffffff;
const GONE = 0xffffffff;
const STOP_BUSY = 1;
const STOP_MALFORMED = 2;
const NS = 1_000_000_000n;
const PROFILES: readonly Profile[] = ["linux-6", "linux-2.4"];

/** Packet records begin at multiples of 8. */
function aligned(size: number): number {
  return (size + 7) & ~7;
}

function randomSeed(): bigint {
  return new BigUint64Array(crypto.getRandomValues(new Uint8Array(8)).buffer)[0] as bigint;
}

function checkInteger(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new ConntrackError("bad-option", `${name}: ${value} is not a whole number from ${least} to ${most}`);
  }
}

/** A connection tracking engine. */
export class Conntrack {
  readonly profile: Profile;
  /**
   * Memory to read captures into (`windowSize` bytes): {@link Conntrack.trackBlock} tracks a block that lies in it where it
   * lies, and copies any other. The engine itself never writes there.
   */
  readonly window: Uint8Array<ArrayBuffer>;
  readonly #core: Core;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #results: Results;
  readonly #input: number;
  readonly #inputSize: number;
  readonly #programSize: number;
  readonly #stats: Float64Array;
  /** Of one engine of several. */
  readonly #places: Uint32Array | null;
  readonly #layout: SnapshotLayout;
  readonly #tracing: boolean;
  #listening: boolean;
  readonly #events: EventCollector;
  #expectEvents: ExpectEvent[] = [];
  #dead: unknown = null;
  readonly #id: (serial: number) => number;

  /** Loads the module and creates an engine. Rejects with a ConntrackError: `no-wasm`, `no-memory`, `bad-option`, … */
  static async open(options: OpenOptions = {}): Promise<Conntrack> {
    return new Conntrack(await compile(options.wasm), options);
  }

  /** The same without waiting, from a compiled module or its bytes. */
  static openSync(wasm: WebAssembly.Module | BufferSource, options: Omit<OpenOptions, "wasm"> = {}): Conntrack {
    return new Conntrack(wasm instanceof WebAssembly.Module ? wasm : new WebAssembly.Module(wasm), options);
  }

  /** An engine that goes on exactly where the snapshot was taken; rules are loaded again, as `programBytes` had them then. */
  static async restore(
    snapshot: Uint8Array,
    options: Pick<OpenOptions, "wasm" | "programSize"> = {},
  ): Promise<Conntrack> {
    const { layout, load } = readSnapshot(snapshot);
    const engine = new Conntrack(await compile(options.wasm), {
      max: layout.capacity,
      sizing: layout.sizing,
      inputSize: layout.inputSize,
      profile: PROFILES[layout.profile] ?? "linux-6",
      trace: layout.trace,
      events: layout.listening,
      programSize: options.programSize ?? 0,
      seed: 0,
    });
    load(engine.#core);
    return engine;
  }

  private constructor(module: WebAssembly.Module, options: Omit<OpenOptions, "wasm">) {
    const max = options.max ?? DEFAULT_MAX;
    checkInteger("max", max, 1, 28_000_000);
    this.#inputSize = options.inputSize ?? DEFAULT_INPUT;
    checkInteger("inputSize", this.#inputSize, 65_536, 1 << 30);
    const windowSize = options.windowSize ?? 0;
    checkInteger("windowSize", windowSize, 0, 1 << 30);
    this.#programSize = options.programSize ?? 0;
    checkInteger("programSize", this.#programSize, 0, 1 << 28);
    this.profile = options.profile ?? "linux-6";
    if (!PROFILES.includes(this.profile)) {
      throw new ConntrackError("bad-option", `profile: "${this.profile}" is not one of ${PROFILES.join(", ")}`);
    }
    const seed = BigInt.asUintN(64, BigInt(options.seed ?? randomSeed()));
    const { sizing = "power-of-two" } = options;
    if (!SIZINGS.includes(sizing)) {
      throw new ConntrackError("bad-option", `sizing: "${sizing}" is not one of ${SIZINGS.join(", ")}`);
    }
    const { shard } = options;
    this.#core = instantiate(
      module,
      shard && ((index, frame, owner) => shard.opens(index, frame, owner, this.#results.wordsOf(index))),
    );
    const core = this.#core;
    const created = core.create(
      max,
      SIZINGS.indexOf(sizing),
      aligned(this.#inputSize) + windowSize,
      MAX_PACKETS,
      EVENT_CAPACITY,
      FRAGMENT_BYTES,
      this.#programSize,
      Number(seed & 0xffffffffn),
      Number(seed >> 32n),
    );
    if (!created) {
      throw new ConntrackError(
        "no-memory",
        `no memory for ${max} connections (at most 4 GiB in one engine); choose a smaller max`,
      );
    }
    const { buffer } = core.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#input = core.inputRegion() >>> 0;
    this.window = new Uint8Array(buffer, this.#input + aligned(this.#inputSize), windowSize);
    this.#results = new Results(
      buffer,
      core.resultRegion() >>> 0,
      core.traceRegion() >>> 0,
      MAX_PACKETS,
      this.#programSize ? core.ruleRegion() >>> 0 : null,
    );
    this.#stats = new Float64Array(buffer, core.statsRegion() >>> 0, abi.STATS);
    this.#tracing = options.trace ?? false;
    this.#listening = options.events ?? false;
    this.#id = (serial) => core.idOf(serial) >>> 0;
    this.#events = new EventCollector(this.#id);
    this.#layout = {
      capacity: max,
      sizing,
      inputSize: this.#inputSize,
      profile: PROFILES.indexOf(this.profile),
      trace: this.#tracing,
      listening: this.#listening,
    };
    this.#applySwitches();
    if (shard !== undefined) core.setShard(shard.index, shard.count);
    this.#places = shard === undefined ? null : new Uint32Array(buffer, core.placeRegion() >>> 0, MAX_PACKETS);
    for (const { name, value, legacy } of [...SYSCTLS, ...MODULE_PARAMETERS]) {
      if (name === MAX_SYSCTL) this.setSysctl(name, max);
      else this.setSysctl(name, this.profile === "linux-2.4" ? (legacy ?? value) : value);
    }
    for (const [name, value] of Object.entries(options.sysctl ?? {})) this.setSysctl(name, value);
    for (const { name, port } of options.helpers ?? []) this.assignHelper(name, port);
  }

  #applySwitches(): void {
    this.#core.setSwitches(this.#tracing, this.#listening, PROFILES.indexOf(this.profile));
  }

  // A trap is a bug of ours and leaves the table half written: never go on with it.
  #call<T>(work: () => T): T {
    if (this.#dead !== null) {
      throw new ConntrackError("engine-dead", "this engine stopped on an internal error; open a new one", {
        cause: this.#dead,
      });
    }
    try {
      return work();
    } catch (error) {
      this.#dead = error;
      throw new ConntrackError(
        "engine-dead",
        `internal error in the engine: ${(error as Error).message}; please report it`,
        {
          cause: error,
        },
      );
    }
  }

  // ---- settings

  #findSysctl(name: string): SysctlRow {
    const sysctl = findSysctl(name);
    if (sysctl !== undefined) return sysctl;
    const near = similarSysctls(name);
    const hint =
      near.length > 0
        ? `; did you mean ${near.join(", ")}?`
        : "; the names are those under net.netfilter.nf_conntrack_*";
    throw new ConntrackError("unknown-sysctl", `there is no sysctl "${name}"${hint}`);
  }

  /** Sets a sysctl by its kernel name. As in the kernel, timeouts apply from the next refresh on. */
  setSysctl(name: string, value: number): void {
    if (READ_ONLY.test(name)) {
      throw new ConntrackError("bad-sysctl-value", `${name} can only be read; the size of the table follows from max`);
    }
    const sysctl = this.#findSysctl(name);
    const { min } = sysctl;
    const max = sysctl.name === MAX_SYSCTL ? this.#layout.capacity : sysctl.max;
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new ConntrackError(
        "bad-sysctl-value",
        `${sysctl.name}: ${value} is not a whole number from ${min} to ${max}`,
      );
    }
    for (const index of sysctl.indices) this.#core.setSetting(index, value);
  }

  /**
   * The value of a sysctl; throws `unknown-sysctl`. `nf_conntrack_count` is the number of entries,
   * `nf_conntrack_buckets` the number of slots they lie in, of a growing table at present.
   */
  sysctl(name: string): number {
    if (READ_ONLY.test(name)) return name.endsWith("count") ? this.entries : this.#core.slotCount() >>> 0;
    const sysctl = this.#findSysctl(name);
    return this.#core.getSetting(sysctl.indices[0] as number);
  }

  /**
   * Sets a timeout policy (`nfct timeout`), 1 … 31: for connections of the protocol whose first packet names it, its
   * timeouts replace the sysctls. Keys are the sysctls' names; what is not given keeps the sysctl's present value.
   */
  setTimeoutPolicy(policy: number, timeouts: Readonly<Record<string, number>>): void {
    checkInteger("policy", policy, 1, abi.POLICIES);
    for (const { indices } of [...SYSCTLS, ...MODULE_PARAMETERS]) {
      for (const index of indices) {
        if (index >= abi.TIMEOUT_TCP) this.#core.setPolicyTimeout(policy, index, this.#core.getSetting(index));
      }
    }
    for (const [name, seconds] of Object.entries(timeouts)) {
      const sysctl = this.#findSysctl(name);
      checkInteger(sysctl.name, seconds, 0, sysctl.max);
      for (const index of sysctl.indices) this.#core.setPolicyTimeout(policy, index, seconds);
    }
  }

  /** New connections to the port get the helper from now on, in every L4 protocol it speaks. */
  assignHelper(name: string, port?: number): void {
    const helper = getHelper(name);
    const to = port ?? helper.port;
    checkInteger(`port of helper ${name}`, to, 1, 65535);
    for (const l4proto of helper.l4protos) {
      if (!this.#core.assignPort(l4proto, to, helper.number))
        throw new ConntrackError("bad-option", "no more than 64 ports can have a helper");
    }
  }

  // ---- packets

  /** Tracks one packet. A bad packet is INVALID with a reason, not an exception. */
  track(packet: PacketInput): Decision {
    const { data } = packet;
    const room = this.#inputSize - abi.RECORD_HEADER - 8;
    const captured = Math.min(data.length, room);
    const at = this.#input;
    const view = this.#view;
    view.setBigUint64(at, packet.time, true);
    view.setUint32(at + 8, Math.max(packet.length ?? 0, data.length), true);
    view.setUint32(at + 12, captured, true);
    view.setUint16(at + 16, packet.link ?? 101, true);
    view.setUint16(at + 18, packet.interface ?? 0, true);
    const helper = packet.helper === undefined ? 0 : getHelper(packet.helper).number;
    const flags =
      (packet.notrack ? abi.RECORD_NOTRACK : 0) |
      (packet.drop ? abi.RECORD_DROP : 0) |
      (helper << abi.RECORD_HELPER_SHIFT);
    view.setUint32(at + 20, (flags | ((packet.timeoutPolicy ?? 0) << 8) | ((packet.zone ?? 0) << 16)) >>> 0, true);
    this.#bytes.set(captured < data.length ? data.subarray(0, captured) : data, at + abi.RECORD_HEADER);
    const length = (abi.RECORD_HEADER + captured + 7) & ~7;
    this.#call(() => {
      while (this.#core.track(abi.FRAMING_RECORDS, 0, length, 0) === 0) this.#collectEvents();
    });
    this.#collectEvents();
    this.#results.count = 1;
    this.#results.firstFrame = this.#core.frames() >>> 0;
    return this.#decision(0);
  }

  #decision(i: number): Decision {
    const results = this.#results;
    const row = results.reason(i);
    const code = results.reasonCode(i);
    const trace = this.#tracing ? results.trace(i) : null;
    return {
      frame: results.firstFrame + i,
      state: results.state(i),
      direction: results.direction(i),
      conn: results.conn(i) || null,
      reason: code === 0 ? null : row.name,
      reasonText: code === 0 ? null : row.text(trace?.numbers ?? [], trace?.l4proto ?? 0),
      verdict: results.verdict(i),
      rule: results.rule(i),
      trace,
    };
  }

  /**
   * Tracks a block of records. Yields the results of each part (at most 4096 packets): the same object every time,
   * valid until the next step. Events of the part can be taken in between. A step does a bounded amount of work: when very
   * many entries end at once, parts without a packet come first.
   */
  *trackBlock(block: PacketBlock): Generator<Results, void, undefined> {
    const framing =
      block.framing === "pcap"
        ? abi.FRAMING_PCAP |
          (block.swapped ? abi.FRAMING_SWAPPED : 0) |
          (block.nanoseconds ? abi.FRAMING_NANOSECONDS : 0)
        : abi.FRAMING_RECORDS;
    if (this.#isInWindow(block)) {
      yield* this.#trackInPlace(block, framing);
      return;
    }
    let { bytes } = block;
    let loaded = 0;
    while (loaded < bytes.length) {
      const part = bytes.subarray(loaded, loaded + this.#inputSize);
      let start = 0;
      while (start < part.length) {
        // afresh each time: whoever read the last part may have called track() meanwhile
        this.#bytes.set(start > 0 ? part.subarray(start) : part, this.#input);
        const { done, next, stop } = this.#trackInput(framing, block.link, part.length - start, 0);
        if (done > 0 || stop === STOP_BUSY) yield this.#results;
        start += next;
        if (stop === STOP_MALFORMED || (done === 0 && stop !== STOP_BUSY)) break;
      }
      if (start === 0) {
        bytes = this.#trimRecord(bytes, loaded, block);
        continue;
      }
      loaded += start;
    }
  }

  // One call of the core, and what it left to do.
  #trackInput(
    framing: number,
    link: number | undefined,
    end: number,
    start: number,
  ): { done: number; next: number; stop: number } {
    const done = this.#call(() => this.#core.track(framing, link ?? 0, end, start));
    const next = this.#core.consumedBytes() >>> 0;
    const stop = this.#core.stopReason();
    this.#collectEvents();
    const results = this.#results;
    const own = this.#places === null ? ALL_RESULTS : this.#core.ownResults() >>> 0;
    results.count = own === ALL_RESULTS ? done : own;
    results.places = own === ALL_RESULTS ? null : this.#places;
    results.records = done;
    results.firstFrame = (this.#core.frames() >>> 0) - done + 1;
    return { done, next, stop };
  }

  // A block of packet records anywhere else than at a multiple of 8 is copied to one.
  #isInWindow({ bytes, framing }: PacketBlock): boolean {
    const { window } = this;
    if (bytes.buffer !== window.buffer || bytes.byteOffset < window.byteOffset) return false;
    if (bytes.byteOffset + bytes.length > window.byteOffset + window.length) return false;
    return framing === "pcap" || bytes.byteOffset % 8 === 0;
  }

  *#trackInPlace(block: PacketBlock, framing: number): Generator<Results, void, undefined> {
    let at = block.bytes.byteOffset - this.#input;
    const end = at + block.bytes.length;
    while (at < end) {
      const { done, next, stop } = this.#trackInput(framing, block.link, end, at);
      if (done === 0 && stop !== STOP_BUSY) {
        throw new ConntrackError(
          "bad-packet",
          `a record at byte ${at + this.#input - block.bytes.byteOffset} of the block claims more bytes than the block holds`,
        );
      }
      yield this.#results;
      at = next;
    }
  }

  // A record larger than the input region: its first bytes decide as well, with its length on the wire kept.
  #trimRecord(bytes: Uint8Array, at: number, block: PacketBlock): Uint8Array {
    const pcap = block.framing === "pcap";
    const header = pcap ? 16 : abi.RECORD_HEADER;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const field = at + (pcap ? 8 : 12);
    const little = !block.swapped || !pcap;
    const captured = field + 4 <= bytes.length ? view.getUint32(field, little) : 0;
    const kept = this.#inputSize >> 1;
    const end = at + header + (pcap ? captured : (captured + 7) & ~7);
    if (captured <= kept || end > bytes.length) {
      throw new ConntrackError(
        "bad-packet",
        `a record at byte ${at} of the block claims ${captured} bytes, more than the block holds`,
      );
    }
    const trimmed = new Uint8Array(header + kept + bytes.length - end);
    trimmed.set(bytes.subarray(at, at + header + kept));
    trimmed.set(bytes.subarray(end), header + kept);
    new DataView(trimmed.buffer).setUint32(field - at, kept, little);
    const whole = new Uint8Array(at + trimmed.length);
    whole.set(trimmed, at);
    return whole;
  }

  /** Lets time pass without a packet: entries whose time is up end. Nanoseconds since the epoch; never backwards. */
  advance(time: bigint): void {
    while (!this.advanceStep(time));
  }

  /** One bounded step of {@link advance}; false when there is more to do and it has to be called again with the same time. */
  advanceStep(time: bigint): boolean {
    const finished = this.#call(() => this.#core.advance(Number(time / NS), Number(time % NS)));
    this.#collectEvents();
    return Boolean(finished);
  }

  /** The packet clock, nanoseconds since the epoch: the latest time seen. */
  get now(): bigint {
    return BigInt(this.#core.nowSeconds()) * NS + BigInt(this.#core.nowNanoseconds() >>> 0);
  }

  // ---- rules

  /**
   * Loads a rule program, as `conntrack-iptables` compiles it: from the next packet on it decides. Its counters and what its
   * rules remember begin as the program says. An empty one takes the rules out. It is not part of a snapshot.
   * @throws ConntrackError `bad-option` naming the place, when the engine has no room for it or something in it is wrong: a
   *   position that leads nowhere, an operation there is none of, a loop. Then there are no rules.
   */
  loadProgram(bytes: Uint8Array): void {
    if (bytes.length > this.#programSize) {
      throw new ConntrackError(
        "bad-option",
        `a rule program of ${bytes.length} bytes; the engine was opened with programSize ${this.#programSize}`,
      );
    }
    this.#bytes.set(bytes, this.#core.programRegion() >>> 0);
    if (this.#core.loadProgram(bytes.length)) return;
    const fault = PROGRAM_FAULTS[this.#core.programFault()];
    throw new ConntrackError(
      "bad-option",
      `not a rule program: ${fault}, at byte ${this.#core.programFaultAt() >>> 0}`,
    );
  }

  /** The loaded program as it is now, counters and all: a view, valid as long as the engine. */
  get programBytes(): Uint8Array {
    const at = this.#core.programRegion() >>> 0;
    return this.#bytes.subarray(at, at + this.#programSize);
  }

  /** Keeps the rules each packet is asked by, for {@link ruleTrace}. */
  traceRules(on: boolean): void {
    this.#core.traceRules(on);
  }

  /** The rules the last packet was asked by, in order: `program.TRACE_RULE_*`. */
  ruleTrace(): Uint32Array {
    const at = this.#core.ruleTraceRegion() >>> 0;
    return new Uint32Array(this.#core.memory.buffer, at, this.#core.ruleTraceLength() >>> 0).slice();
  }

  /**
   * The way of the last packet the rules saw: `program.HOOK_*` in the low byte, then the numbers of the interfaces it came in
   * and goes out by (`program.INTERFACE_NONE`, `INTERFACE_UNKNOWN`).
   */
  ruleWay(): number {
    return this.#core.ruleWay();
  }

  // ---- events

  /** Starts or stops listening. Connections born while nobody listened stay silent for ever (`nf_conntrack_events` = 2). */
  listen(on: boolean): void {
    this.#listening = on;
    this.#applySwitches();
  }

  #collectEvents(): void {
    const count = this.#core.eventCount() >>> 0;
    const expectCount = this.#core.expectEventCount() >>> 0;
    if (count === 0 && expectCount === 0) return;
    for (let i = 0; i < expectCount; i++) this.#expectEvents.push(this.#expectEventAt(i));
    this.#events.add(this.#bytes, this.#core.eventRegion() >>> 0, count);
    this.#core.dropEvents();
  }

  #expectEventAt(i: number): ExpectEvent {
    const at = (this.#core.expectEventRegion() >>> 0) + i * abi.EXPECT_EVENT_SIZE;
    const time = this.#view.getBigUint64(at + abi.EVENT_RECORD_TIME, true);
    return {
      type: this.#view.getUint16(at, true) === abi.EVENT_TYPE_NEW ? "NEW" : "DESTROY",
      time,
      frame: this.#view.getUint32(at + abi.EVENT_RECORD_FRAME, true),
      expectation: this.#expectation(
        at + abi.EXPECT_EVENT_EXPECTATION,
        at + abi.EXPECT_EVENT_MASTER,
        at + abi.EXPECT_EVENT_ADDR6,
        time,
      ),
    };
  }

  // The expectation at `at`, announced by the conn at `conn`.
  #expectation(at: number, conn: number, addr6: number, time: bigint): Expectation {
    const [bytes, view] = [this.#bytes, this.#view];
    const swapped = (view.getUint32(conn + abi.CONN_STATUS, true) & abi.STATUS_SWAPPED) !== 0;
    const master = readTuple({ bytes, view, conn, addr6 }, swapped, false);
    return readExpectation({
      bytes,
      view,
      at,
      time,
      master,
      masterConn: view.getUint32(conn + abi.CONN_SERIAL, true),
    });
  }

  /** The expectations there are, in order of insertion: `/proc/net/nf_conntrack_expect`. */
  expectations(): Expectation[] {
    const found: { serial: number; expectation: Expectation }[] = [];
    const base = this.#core.expectRecordRegion() >>> 0;
    const time = this.now;
    for (let i = 0; i < this.#core.expectRecords() >>> 0; i++) {
      const at = base + i * abi.EXPECT_SIZE;
      const serial = this.#view.getUint32(at + abi.EXPECT_SERIAL, true);
      if (serial === 0) continue;
      const slot = this.#core.slotOfHelp(this.#view.getUint16(at + abi.EXPECT_MASTER, true)) >>> 0;
      const conn = (this.#core.connRegion() >>> 0) + slot * abi.CONN_SIZE;
      const addr6 = (this.#core.addr6Region() >>> 0) + slot * 32;
      found.push({ serial, expectation: this.#expectation(at, conn, addr6, time) });
    }
    return found.sort((a, b) => a.serial - b.serial).map(({ expectation }) => expectation);
  }

  /** Takes the events of expectations since the last call, in order. Listening is as for other events. */
  takeExpectEvents(): ExpectEvent[] {
    const events = this.#expectEvents;
    this.#expectEvents = [];
    return events;
  }

  /** Takes the events since the last call, in order. */
  takeEvents(): FlowEvent[] {
    return this.takeEventRecords().events();
  }

  /** The same without an object for each: for who counts them, or looks at a few. */
  takeEventRecords(): EventRecords {
    return this.#events.take();
  }

  // ---- the table

  /** Most connections the engine can ever hold. */
  get capacity(): number {
    return this.#layout.capacity;
  }

  /** Connections in the table. */
  get entries(): number {
    return (this.#core.entries() >>> 0) - (this.#core.copies() >>> 0);
  }

  /** Copies of all connections, in order of creation, as they are now. */
  flows(): Flow[] {
    const flows: Flow[] = [];
    for (const slot of this.#occupied()) if (!this.#isCopy(slot)) flows.push(this.#flowAt(slot));
    return flows.sort((a, b) => a.conn - b.conn);
  }

  /** The id the connection of this number has: it depends on the seed alone. */
  idOf(conn: number): number {
    return this.#id(conn);
  }

  /** A copy of one connection by its number, or undefined when it is gone. */
  flow(conn: number): Flow | undefined {
    const slot = this.#slotOf(conn);
    return slot === GONE ? undefined : this.#flowAt(slot);
  }

  #slotOf(conn: number): number {
    if (!Number.isInteger(conn) || conn < 1 || conn >= GONE) return GONE;
    return this.#core.slotOfConn(conn) >>> 0;
  }

  *#occupied(): Generator<number> {
    const groups = this.#core.groupCount() >>> 0;
    const base = this.#core.groupRegion() >>> 0;
    for (let group = 0; group < groups; group++) {
      for (let i = 0; i < 15; i++) if (this.#bytes[base + group * 16 + i] !== 0) yield group * 15 + i;
    }
  }

  // Of another shard, followed because of its helper.
  #isCopy(slot: number): boolean {
    const at = (this.#core.connRegion() >>> 0) + slot * abi.CONN_SIZE + abi.CONN_STATUS;
    return (this.#view.getUint32(at, true) & abi.STATUS_COPY) !== 0;
  }

  #serialAt(slot: number): number {
    return this.#view.getUint32((this.#core.connRegion() >>> 0) + slot * abi.CONN_SIZE + abi.CONN_SERIAL, true);
  }

  #flowAt(slot: number): Flow {
    const conn = (this.#core.connRegion() >>> 0) + slot * abi.CONN_SIZE;
    const time = this.now;
    return readFlow({
      time,
      bytes: this.#bytes,
      view: this.#view,
      conn,
      addr6: (this.#core.addr6Region() >>> 0) + slot * 32,
      ext: (this.#core.extRegion() >>> 0) + slot * abi.EXT_SIZE,
      timeout: this.#view.getBigUint64(conn + abi.CONN_DEADLINE, true) - time,
      id: this.#id,
    });
  }

  /** Removes one connection (`conntrack -D`); false when it is gone already. */
  delete(conn: number): boolean {
    return this.#change(conn, (slot) => this.#remove(slot));
  }

  /** Sets the mark of a connection (`conntrack -U -m`); false when it is gone. */
  setMark(conn: number, mark: number): boolean {
    checkInteger("mark", mark, 0, 0xffffffff);
    return this.#change(conn, (slot) => this.#core.setMark(slot, mark));
  }

  /** Sets the labels of a connection, bits 0 … 127; false when it is gone. */
  setLabels(conn: number, labels: readonly number[]): boolean {
    const words = [0, 0, 0, 0];
    for (const label of labels) {
      checkInteger("label", label, 0, 127);
      words[label >> 5] = (words[label >> 5] as number) | (1 << (label & 31));
    }
    const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words;
    return this.#change(conn, (slot) => this.#core.setLabels(slot, w0, w1, w2, w3));
  }

  #change(conn: number, change: (slot: number) => void): boolean {
    const slot = this.#slotOf(conn);
    if (slot === GONE) return false;
    change(slot);
    this.#collectEvents();
    return true;
  }

  /** Removes all connections (`conntrack -F`). */
  flush(): void {
    const slots = [...this.#occupied()].sort((a, b) => this.#serialAt(a) - this.#serialAt(b));
    // a PPTP control connection takes its calls with it
    for (const slot of slots) if (this.#serialAt(slot) !== 0) this.#remove(slot);
  }

  #remove(slot: number): void {
    if (!this.#call(() => this.#core.removeSlot(slot)))
      throw new ConntrackError("event-ring-full", "the event ring is full");
    this.#collectEvents();
  }

  /** Counters as in `/proc/net/stat/nf_conntrack`. */
  stats(): Stats {
    const stat = (index: number) => this.#stats[index] ?? 0;
    return {
      entries: this.entries,
      clashres: stat(abi.STAT_CLASHRES),
      found: stat(abi.STAT_FOUND),
      new: stat(abi.STAT_NEW),
      invalid: stat(abi.STAT_INVALID),
      ignore: stat(abi.STAT_IGNORE),
      delete: stat(abi.STAT_DELETE),
      chainlength: stat(abi.STAT_CHAINLENGTH),
      insert: stat(abi.STAT_INSERT),
      insert_failed: stat(abi.STAT_INSERT_FAILED),
      drop: stat(abi.STAT_DROP),
      early_drop: stat(abi.STAT_EARLY_DROP),
      icmp_error: stat(abi.STAT_ICMP_ERROR),
      expect_new: stat(abi.STAT_EXPECT_NEW),
      expect_create: stat(abi.STAT_EXPECT_CREATE),
      expect_delete: stat(abi.STAT_EXPECT_DELETE),
      search_restart: stat(abi.STAT_SEARCH_RESTART),
    };
  }

  /** Our own counters: what the kernel does not count. */
  totals(): {
    packets: number;
    created: number;
    expired: number;
    checksumsVerified: number;
    badChecksums: number;
    rekeys: number;
  } {
    const stat = (index: number) => this.#stats[index] ?? 0;
    return {
      packets: this.#core.frames() >>> 0,
      created: stat(abi.STAT_CONNS_CREATED),
      expired: stat(abi.STAT_EXPIRED),
      checksumsVerified: stat(abi.STAT_CHECKSUM_SEEN),
      badChecksums: stat(abi.STAT_BAD_CHECKSUM),
      rekeys: stat(abi.STAT_REKEY),
    };
  }

  /** The whole engine as bytes, with version and checksum. Take the events before: they are not part of it. */
  snapshot(): Uint8Array {
    return writeSnapshot(this.#core, { ...this.#layout, listening: this.#listening });
  }
}
