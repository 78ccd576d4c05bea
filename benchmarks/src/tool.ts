// What every question uses: the Contender interface, percentiles, and the runner that lets lanes alternate.
//
// The machine is never quiet for long. Lanes therefore take turns of a few chunks within one process, and what counts
// is the ratio of their medians within a turn; times are shown as percentiles over all chunks.

/** An implementation of connection tracking. */
export interface Contender {
  readonly name: string;
  /** The most flows it is asked to hold. */
  readonly maxFlows: number;
  open(capacity: number): Promise<Tracker>;
}

/** One table of a contender. */
export interface Tracker {
  /** Tracks a chunk of pcap records (Ethernet, microseconds). */
  track(records: Uint8Array, packets: number): void;
  /** What it said of a packet of the last chunk, STATE_*. */
  stateOf(packet: number): number;
  /** Lets time pass: what is due ends. Seconds since the epoch. */
  advance(second: number): void;
  readonly entries: number;
  /** Empties the table. */
  reset(): void;
}

export const STATE_NONE = 0;
export const STATE_NEW = 1;
export const STATE_ESTABLISHED = 2;
export const STATE_INVALID = 4;

/** How often a tracker said what about its last chunk. */
export function tally(tracker: Tracker, packets: number): number[] {
  const counts = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < packets; i++) counts[tracker.stateOf(i)]!++;
  return counts;
}

export interface Percentiles {
  /** Quiet. */
  readonly p10: number;
  readonly p50: number;
  /** Busy. */
  readonly p90: number;
}

/** The value below which the fraction `p` of the sorted values lies. */
export function quantile(sorted: readonly number[], p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

export function percentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  return { p10: quantile(sorted, 0.1), p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) };
}

export function median(values: readonly number[]): number {
  return percentiles(values).p50;
}

/** One line of results. */
export interface Row {
  readonly question: string;
  readonly contender: string;
  readonly flows: number;
  /** Nanoseconds for one packet, or for one of what `per` says; null when only memory was asked for. */
  readonly nsPerPacket: Percentiles | null;
  readonly bytesPerFlow: number | null;
  readonly runtime: string;
  readonly per: "packet" | "entry" | "start" | "flow";
  /** Median over the turns of this contender's time divided by the engine's; the engine has 1. */
  readonly ratio: number | null;
}

/** Name and version of what runs this. */
export function runtime(): string {
  const { bun, deno, node } = process.versions as Record<string, string | undefined>;
  return bun !== undefined ? `bun ${bun}` : deno !== undefined ? `deno ${deno}` : `node ${node}`;
}

/** What takes part in a paired run. */
export interface Lane {
  readonly contender: string;
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
  readonly ns: Percentiles;
  readonly ratio: number;
}

const LEAST_TURNS = 5;

// Browsers round their clock (5 µs when isolated); several chunks then make one sample.
function chunksPerSample(): number {
  let step = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20; i++) {
    const from = performance.now();
    let to = from;
    while (to === from) to = performance.now();
    step = Math.min(step, to - from);
  }
  return step > 0.001 ? 5 : 1;
}

/** Lets the lanes take turns. Ratios are against the first lane. */
export function paired(lanes: readonly Lane[], options: PairedOptions): Measured[] {
  const group = chunksPerSample();
  const turn = Math.ceil(options.turn / group) * group;
  const samples = lanes.map((): number[] => []);
  const medians = lanes.map((): number[] => []);
  let measuring = false;
  const takeTurn = (index: number, chunks: number) => {
    const lane = lanes[index] as Lane;
    const times: number[] = [];
    let spent = 0;
    let items = 0;
    for (let chunk = 0; chunk < chunks; chunk++) {
      options.prepareChunk?.(chunk);
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
    if (!measuring) return;
    for (const time of times) (samples[index] as number[]).push(time);
    (medians[index] as number[]).push(median(times));
  };
  const warmup = options.warmup ?? 200;
  for (let warmed = 0; warmed < warmup; warmed += turn) {
    options.prepareTurn?.();
    for (let index = 0; index < lanes.length; index++) takeTurn(index, turn);
  }
  measuring = true;
  const end = performance.now() + options.budget;
  for (let turns = 0; turns < LEAST_TURNS || performance.now() < end; turns++) {
    options.prepareTurn?.();
    for (let index = 0; index < lanes.length; index++) takeTurn(index, turn);
  }
  return lanes.map(({ contender }, index) => ({
    contender,
    ns: percentiles(samples[index] as number[]),
    ratio: median((medians[index] as number[]).map((value, k) => value / (medians[0]![k] as number))),
  }));
}
