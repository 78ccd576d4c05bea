// One run: captures in, the engine's results out, with what the common options ask for.

import type { PacketBlock } from "conntrack-capture";
import { type Conntrack, type ConntrackPool, Hindsight, type PoolReport, type Results } from "conntrack-wasm";
import { countBadHeaders, estimateOffload, offloadRemark, sampleOf } from "./checksum.js";
import { IGNORING, ignoreChecksums, openEngine, openPool } from "./engine.js";
import { EXIT_DONE, EXIT_INPUT, EXIT_INTERRUPTED } from "./exit.js";
import { Headers, singles } from "./headers.js";
import { Remarks } from "./hints.js";
import { Input } from "./input.js";
import { filesOf, type PlacedOptions, type Stop } from "./options.js";
import { note } from "./output.js";
import { Progress } from "./progress.js";
import { canReadAlone, type ShardCount, SharedCount } from "./shared-count.js";
import type { Tally } from "./summary.js";
import { WINDOW } from "./window.js";

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
  /** Only counts are wanted (`Session.count`), no results and no table. */
  readonly counting?: boolean;
  /** The table at the end is wanted (`Session.flows`). */
  readonly table?: boolean;
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

const PROGRESS_TURN = 200;

/** True if a helper can come to any connection. */
function helpersAssigned(engine: Conntrack, { helper }: PlacedOptions): boolean {
  return helper.length > 0 || engine.sysctl("net.netfilter.nf_conntrack_helper") !== 0;
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

export class Session {
  /** Packets whose transport checksum is wrong were taken as they are, because `--checksum auto` found offload. */
  ignoring = false;
  /** Packets dropped because of the checksum of their IP header. */
  #badHeaders = 0;
  /** What helpers would have announced. */
  readonly #remarks = new Remarks();
  /** What several engines amount to in the end, and their table if it was wished for. */
  #counted: Pick<PoolReport, "entries" | "now" | "totals"> | null = null;
  #flows: PoolReport["flows"] | null = null;

  private constructor(
    readonly engine: Conntrack,
    readonly input: Input,
    private readonly options: PlacedOptions,
    private readonly wishes: SessionOptions,
    private readonly pool: ConntrackPool | null,
    private readonly shared: SharedCount | null,
    readonly hindsight: Hindsight | null,
    private readonly args: readonly string[],
  ) {}

  static async open(args: readonly string[], options: PlacedOptions, wishes: SessionOptions = {}): Promise<Session> {
    const files = filesOf(args, options);
    const count = wishes.count ?? options.count;
    const { workers = 1, trace = false, interfaces = [], until } = wishes;
    // one engine tracks captures where they are read to; several share what the pool copies
    const engine = await openEngine(options, workers > 1 ? wishes : { ...wishes, windowSize: WINDOW });
    const reading = { files, link: options.link, count, until, interfaces };
    const input = new Input({ ...reading, window: workers > 1 ? undefined : engine.window });
    const several = workers > 1;
    const alone =
      several && wishes.counting === true && !helpersAssigned(engine, options) && (await canReadAlone(files));
    const shared = alone ? new SharedCount(options, reading, workers) : null;
    const pool = several && !alone ? await openPool(options, engine, trace, workers) : null;
    const { programSize } = wishes;
    const hindsight = wishes.hindsight
      ? new Hindsight(await openEngine(options, { trace: true, ...(programSize !== undefined && { programSize }) }))
      : null;
    return new Session(engine, input, options, wishes, pool, shared, hindsight, args);
  }

  /** Counts all packets, where `counting` was wished for. */
  async count(tally: Tally): Promise<void> {
    if (this.shared === null) {
      for await (const { results } of this.parts()) tally.addAll(results);
      return;
    }
    const { shared, input } = this;
    const onInterrupt = () => {
      input.interrupted = true;
      shared.board.close();
    };
    process.once("SIGINT", onInterrupt);
    const progress = new Progress(shared.board, this.wishes.progress === true && !this.options.quiet);
    const timer = setInterval(() => progress.update(), PROGRESS_TURN);
    try {
      const counts = await shared.run();
      this.#takeCounts(counts, tally);
    } finally {
      clearInterval(timer);
      progress.clear();
      process.off("SIGINT", onInterrupt);
    }
  }

  #takeCounts(counts: readonly ShardCount[], tally: Tally): void {
    const { input, shared } = this;
    const [one] = counts as [ShardCount]; // of the input all know the same
    this.ignoring = shared?.ignoring === true;
    input.packets = one.packets;
    input.first = one.first;
    input.failures.push(...one.failures);
    for (const { tally: own, badHeaders } of counts) {
      tally.addCounts(own);
      this.#badHeaders += badHeaders;
    }
    this.#counted = {
      entries: sumOf(counts.map(({ entries }) => entries)),
      now: one.now,
      totals: {
        packets: one.packets,
        created: sumOf(counts.map(({ totals }) => totals.created)),
        expired: sumOf(counts.map(({ totals }) => totals.expired)),
        checksumsVerified: sumOf(counts.map(({ totals }) => totals.checksumsVerified)),
        badChecksums: sumOf(counts.map(({ totals }) => totals.badChecksums)),
        rekeys: sumOf(counts.map(({ totals }) => totals.rekeys)),
      },
    };
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
    const report = await pool.report({ flows: this.wishes.table === true });
    this.#counted = report;
    this.#flows = report.flows;
  }

  /** Connections in the table. */
  get entries(): number {
    return this.#counted?.entries ?? this.engine.entries;
  }

  /** The packet clock. */
  get now(): bigint {
    return this.#counted?.now ?? this.engine.now;
  }

  get totals(): PoolReport["totals"] {
    return this.#counted?.totals ?? this.engine.totals();
  }

  flows(): PoolReport["flows"] {
    return this.#flows ?? this.engine.flows();
  }

  #look(results: Results): void {
    if (this.hindsight !== null) for (const hint of this.hindsight.hints(results)) this.#remarks.add(hint);
    this.#badHeaders += countBadHeaders(results);
  }

  #blocks(): AsyncGenerator<PacketBlock, void> {
    return this.options.checksum === "auto" ? this.#afterLook() : this.input.blocks();
  }

  // Looks at the first packets before the engine does.
  async *#afterLook(): AsyncGenerator<PacketBlock, void> {
    const sample = await sampleOf(this.input.blocks());
    this.ignoring = await estimateOffload(sample.blocks);
    if (this.ignoring) {
      ignoreChecksums(this.engine);
      if (this.hindsight) ignoreChecksums(this.hindsight.engine);
      for (const [name, value] of Object.entries(IGNORING)) await this.pool?.setSysctl(name, value);
    }
    yield* sample.blocks;
    yield* sample.rest;
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
