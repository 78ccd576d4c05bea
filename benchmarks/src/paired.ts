// The runner: lanes take turns of a few chunks within one process. What counts is the ratio of their medians within a
// turn, since both had the same machine; times are shown as percentiles over all chunks.
import { median, type Percentiles, percentiles } from "./percentiles.js";

/** What takes part in a paired run. */
export interface Lane {
  readonly contender: string;
  readonly variant?: boolean;
  /** Untimed, before each chunk. */
  prepare?(): void;
  /** Timed. Returns how many packets (or entries, …) were done. */
  run(): number;
}

export interface PairedOptions {
  /** Chunks a lane runs before the next one has its turn. */
  readonly turn: number;
  /** Wall time for the whole, in milliseconds; at least five turns are taken. */
  readonly budget: number;
  /** Chunks at the start that are not measured: the optimising compilers come after 50 to 100 calls. */
  readonly warmup?: number;
  /** Called before each turn, for inputs that all lanes share. */
  prepareTurn?(): void;
  /** Called before each chunk of each lane. */
  prepareChunk?(chunk: number): void;
}

export interface Measured {
  readonly contender: string;
  readonly variant: boolean;
  readonly ns: Percentiles;
  /** Against the first lane. */
  readonly ratio: number;
}

const LEAST_TURNS = 5;
const COARSE_CLOCK = 0.001;

/** The smallest step of the clock, in milliseconds. */
function clockStep(): number {
  let step = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20; i++) {
    const from = performance.now();
    let to = from;
    while (to === from) to = performance.now();
    step = Math.min(step, to - from);
  }
  return step;
}

/** Lets the lanes take turns. */
export function paired(lanes: readonly Lane[], options: PairedOptions): Measured[] {
  // browsers round their clock (5 µs when isolated, 100 µs otherwise): several chunks then make one sample
  const group = clockStep() > COARSE_CLOCK ? 5 : 1;
  const turn = Math.ceil(options.turn / group) * group;
  const samples = lanes.map((): number[] => []);
  const medians = lanes.map((): number[] => []);
  const takeTurns = (measuring: boolean): void => {
    options.prepareTurn?.();
    for (const [index, lane] of lanes.entries()) {
      const times = timesOf(lane, turn, group, options.prepareChunk);
      if (!measuring) continue;
      for (const time of times) (samples[index] as number[]).push(time);
      (medians[index] as number[]).push(median(times));
    }
  };
  const warmup = options.warmup ?? 200;
  for (let warmed = 0; warmed < warmup; warmed += turn) takeTurns(false);
  const end = performance.now() + options.budget;
  for (let turns = 0; turns < LEAST_TURNS || performance.now() < end; turns++) takeTurns(true);
  return lanes.map(({ contender, variant = false }, index) => ({
    contender,
    variant,
    ns: percentiles(samples[index] as number[]),
    ratio: median((medians[index] as number[]).map((value, k) => value / (medians[0]![k] as number))),
  }));
}

// One turn of a lane: nanoseconds per item, a sample for each group of chunks.
function timesOf(lane: Lane, chunks: number, group: number, prepareChunk: PairedOptions["prepareChunk"]): number[] {
  const times: number[] = [];
  let spent = 0;
  let items = 0;
  for (let chunk = 0; chunk < chunks; chunk++) {
    prepareChunk?.(chunk);
    lane.prepare?.();
    const start = performance.now();
    const done = lane.run();
    spent += performance.now() - start;
    items += done;
    if ((chunk + 1) % group !== 0) continue;
    times.push((spent * 1e6) / items);
    spent = 0;
    items = 0;
  }
  return times;
}
