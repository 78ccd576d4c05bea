// One run: captures in, the engine's results out, with what the common options ask for.

import type { PacketBlock } from "conntrack-capture";
import { compileRules, PlaceError, parsePlace } from "conntrack-iptables";
import {
  Conntrack,
  ConntrackError,
  ConntrackPool,
  findSysctl,
  Hindsight,
  type PoolReport,
  REASONS,
  type Results,
} from "conntrack-wasm";
import { estimateOffload, OFFLOAD_SAMPLE, offloadRemark } from "./checksum.js";
import { EXIT_DONE, EXIT_INPUT, EXIT_INTERRUPTED, UsageError } from "./exit.js";
import { Headers, singles } from "./headers.js";
import { assignHelper, parseHelper } from "./helper.js";
import { Remarks } from "./hints.js";
import { Input } from "./input.js";
import { filesOf, type PlacedOptions, type Stop } from "./options.js";
import { note } from "./output.js";
import { Progress } from "./progress.js";

export interface SessionOptions extends Stop {
  readonly trace?: boolean;
  readonly events?: boolean;
  /** Share the work between so many engines; 1: none but this one. */
  readonly workers?: number;
  /** Room for a rule program. */
  readonly programSize?: number;
  /** See what helpers would have announced, where none is assigned; costs about as much as the run. */
  readonly hindsight?: boolean;
  /** Show progress on a terminal. */
  readonly progress?: boolean;
  /** Parts of one packet each, so that the engine can be asked about it. */
  readonly single?: boolean;
  /** Interfaces the rules know, by number: packets of a capture that names its own bring theirs along. */
  readonly interfaces?: readonly string[];
}

/** Results of up to 4096 packets, and their headers; valid until the next part. Take exactly `results.count` headers. */
export interface Part {
  readonly results: Results;
  readonly headers: Headers;
}

const DEFAULT_MAX = 262_144;
const IP_CHECKSUM = (REASONS.find(({ name }) => name === "ip-checksum")?.code ?? -1) << 16;
/** Small enough to be in the processor's cache when it is tracked. */
const WINDOW = 1 << 19;
const MAX_SYSCTL = "net.netfilter.nf_conntrack_max";

/** `--sysctl` arguments as names and values. */
function parseSysctls(settings: readonly string[]): { text: string; name: string; value: number }[] {
  return settings.map((setting) => {
    const text = `--sysctl ${setting}`;
    const [, name, value] = /^([^=]+)=(.*)$/.exec(setting) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`${text}: write NAME=VALUE`);
    if (!/^\s*\d+\s*$/.test(value)) throw new UsageError(`${text}: "${value}" is not a whole number`);
    return { text, name: name.trim(), value: Number(value) };
  });
}

/** The engine the options describe. */
export async function openEngine(
  options: PlacedOptions,
  wishes: Pick<SessionOptions, "trace" | "events" | "programSize"> & { readonly windowSize?: number } = {},
): Promise<Conntrack> {
  const sysctls = parseSysctls(options.sysctl);
  const wanted = sysctls.filter(({ name }) => findSysctl(name)?.name === MAX_SYSCTL).map(({ value }) => value);
  // only a program tells the engine where it stands
  const place =
    wishes.programSize === undefined && (options.iface ?? []).length > 0 ? placeProgram(options.iface ?? []) : null;
  try {
    const engine = await Conntrack.open({
      max: options.max ?? Math.max(DEFAULT_MAX, ...wanted.filter((value) => value <= 28_000_000)),
      sizing: "exact", // half as many pages to touch for the first time, which is what short runs spend their time on
      seed: options.seed,
      profile: options.profile,
      trace: wishes.trace ?? false,
      events: wishes.events ?? false,
      programSize: place?.length ?? wishes.programSize ?? 0,
      windowSize: wishes.windowSize ?? 0,
    });
    if (place !== null) engine.loadProgram(place);
    if (options.checksum === "ignore") ignoreChecksums(engine);
    for (const { text, name, value } of sysctls) setSysctl(engine, text, name, value);
    for (const helper of options.helper) giveHelper(engine, helper);
    return engine;
  } catch (error) {
    if (error instanceof ConntrackError && ["bad-option", "no-memory"].includes(error.code)) {
      throw new UsageError(`--${error.message}`);
    }
    throw error;
  }
}

/** No rules, but interfaces. */
function placeProgram(interfaces: readonly string[]): Uint8Array {
  try {
    return compileRules([], { place: parsePlace(interfaces) }).bytes;
  } catch (error) {
    if (error instanceof PlaceError) throw new UsageError(error.message);
    throw error;
  }
}

/** The same engine as several, in workers; `openEngine` has found the options in order. */
function openPool(options: PlacedOptions, engine: Conntrack, trace: boolean, workers: number): Promise<ConntrackPool> {
  if ((options.iface ?? []).length > 0)
    throw new UsageError("--workers: the interfaces of --iface are not known to workers");
  const sysctl: Record<string, number> = {};
  if (options.checksum === "ignore") Object.assign(sysctl, IGNORING);
  for (const { name, value } of parseSysctls(options.sysctl)) sysctl[name] = value;
  const { seed, profile } = options;
  const helpers = options.helper.map(parseHelper);
  return ConntrackPool.open({ workers, max: engine.capacity, seed, profile, trace, sysctl, helpers });
}

/** What `--checksum ignore` stands for. */
const IGNORING = { nf_conntrack_checksum: 0, "capture.offload": 1 } as const;

function ignoreChecksums(engine: Conntrack): void {
  for (const [name, value] of Object.entries(IGNORING)) engine.setSysctl(name, value);
}

function setSysctl(engine: Conntrack, text: string, name: string, value: number): void {
  try {
    engine.setSysctl(name, value);
  } catch (error) {
    if (error instanceof ConntrackError) throw new UsageError(`${text}: ${error.message}`);
    throw error;
  }
}

function giveHelper(engine: Conntrack, text: string): void {
  try {
    assignHelper(engine, text);
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConntrackError)
      throw new UsageError(`--helper ${text}: ${error.message}`);
    throw error;
  }
}

export class Session {
  /** Packets whose transport checksum is wrong were taken as they are, because `--checksum auto` found offload. */
  ignoring = false;
  /** Packets dropped because of the checksum of their IP header. */
  #badHeaders = 0;
  /** What helpers would have announced. */
  readonly #remarks = new Remarks();
  /** What the workers amounted to in the end. */
  #report: PoolReport | null = null;

  private constructor(
    readonly engine: Conntrack,
    readonly input: Input,
    private readonly options: PlacedOptions,
    private readonly wishes: SessionOptions,
    private readonly pool: ConntrackPool | null,
    readonly hindsight: Hindsight | null,
    private readonly args: readonly string[],
  ) {}

  static async open(args: readonly string[], options: PlacedOptions, wishes: SessionOptions = {}): Promise<Session> {
    const files = filesOf(args, options);
    const count = wishes.count ?? options.count;
    const { workers = 1, trace = false, interfaces = [] } = wishes;
    // one engine tracks captures where they are read to; several share what the pool copies
    const engine = await openEngine(options, workers > 1 ? wishes : { ...wishes, windowSize: WINDOW });
    const window = workers > 1 ? undefined : engine.window;
    const input = new Input({ files, link: options.link, count, until: wishes.until, interfaces, window });
    const pool = workers > 1 ? await openPool(options, engine, trace, workers) : null;
    const { programSize } = wishes;
    const hindsight = wishes.hindsight
      ? new Hindsight(await openEngine(options, { trace: true, ...(programSize !== undefined && { programSize }) }))
      : null;
    return new Session(engine, input, options, wishes, pool, hindsight, args);
  }

  /** Tracks everything, part by part; afterwards the clock stands where `--at` asked for. */
  async *parts(): AsyncGenerator<Part, void> {
    const { engine, input } = this;
    const onInterrupt = () => void input.interrupt();
    process.once("SIGINT", onInterrupt);
    const progress = new Progress(input, this.wishes.progress === true && !this.options.quiet);
    try {
      if (this.pool !== null) {
        yield* this.#partsOf(this.pool, progress);
        return;
      }
      for await (const block of this.#blocks()) {
        for (const piece of this.wishes.single ? singles(block) : [block]) {
          const headers = new Headers(piece);
          this.hindsight?.follow(piece);
          for (const results of engine.trackBlock(piece)) {
            this.#look(results);
            yield { results, headers };
          }
        }
        progress.update();
      }
      const { end } = input;
      if (end !== null && end > engine.now && !input.interrupted) engine.advance(end);
    } finally {
      await this.pool?.close();
      progress.clear();
      process.off("SIGINT", onInterrupt);
    }
  }

  async *#partsOf(pool: ConntrackPool, progress: Progress): AsyncGenerator<Part, void> {
    for await (const { results, block } of pool.track(this.#blocks())) {
      this.hindsight?.follow(block);
      this.#look(results);
      yield { results, headers: new Headers(block) };
      progress.update();
    }
    this.#report = await pool.report({ flows: true });
  }

  /** Connections in the table. */
  get entries(): number {
    return this.#report?.entries ?? this.engine.entries;
  }

  /** The packet clock. */
  get now(): bigint {
    return this.#report?.now ?? this.engine.now;
  }

  get totals(): PoolReport["totals"] {
    return this.#report?.totals ?? this.engine.totals();
  }

  flows(): PoolReport["flows"] {
    return this.#report?.flows ?? this.engine.flows();
  }

  #look(results: Results): void {
    const { words, count } = results;
    if (this.hindsight !== null) for (const hint of this.hindsight.hints(results)) this.#remarks.add(hint);
    let bad = 0;
    for (let i = 0; i < count; i++) if (((words[2 * i] as number) & 0xff0000) === IP_CHECKSUM) bad++;
    this.#badHeaders += bad;
  }

  #blocks(): AsyncGenerator<PacketBlock, void> {
    return this.options.checksum === "auto" ? this.#afterLook() : this.input.blocks();
  }

  // Looks at the first packets before the engine does.
  async *#afterLook(): AsyncGenerator<PacketBlock, void> {
    const blocks = this.input.blocks();
    const sample: PacketBlock[] = [];
    let packets = 0;
    let ended = false;
    while (packets < OFFLOAD_SAMPLE && !ended) {
      const { value: block, done } = await blocks.next();
      ended = done === true;
      if (!block) break;
      sample.push({ ...block, bytes: block.bytes.slice() });
      packets += block.count;
    }
    this.ignoring = await estimateOffload(sample);
    if (this.ignoring) {
      ignoreChecksums(this.engine);
      if (this.hindsight) ignoreChecksums(this.hindsight.engine);
      for (const [name, value] of Object.entries(IGNORING)) await this.pool?.setSysctl(name, value);
    }
    yield* sample;
    if (!ended) yield* blocks;
  }

  /** Says what helpers would have announced. */
  noteHints(): void {
    if (!this.options.quiet) for (const line of this.#remarks.lines()) note(`ctrack: ${line}`);
  }

  /** Says what has to be said beside the data, and returns the exit code. */
  finish(): number {
    const { input, options } = this;
    if (options.verbose) for (const line of this.#account()) note(`ctrack: ${line}`);
    if (!options.quiet) {
      const { checksumsVerified, badChecksums } = this.totals;
      const remark = offloadRemark(
        checksumsVerified + this.#badHeaders,
        badChecksums + this.#badHeaders,
        this.ignoring,
      );
      if (remark !== null) note(`ctrack: ${remark}`);
    }
    for (const failure of input.failures) note(`ctrack: ${failure}`);
    if (input.failures.length > 0) return EXIT_INPUT;
    return input.interrupted ? EXIT_INTERRUPTED : EXIT_DONE;
  }
  // What was read, and with which settings.
  #account(): string[] {
    const { input, options, engine } = this;
    const time = (nanoseconds: bigint) => new Date(Number(nanoseconds / 1_000_000n)).toISOString();
    const span = input.first === null ? "" : `, ${time(input.first)} to ${time(this.now)}`;
    return [
      `${input.packets} packets of ${filesOf(this.args, options).join(", ")}${span}`,
      `checksums ${this.ignoring ? "ignored, as found" : options.checksum}, room for ${engine.capacity} connections, seed ${options.seed}, ${options.profile}`,
      ...options.sysctl.map((setting) => `--sysctl ${setting}`),
      ...options.helper.map((helper) => `--helper ${helper}`),
    ];
  }
}
