// How long one call takes at worst, while connections begin and end all the time: half of the packets are data of
// connections that stand, half are first packets, whose entries end two minutes (of the packets' clock) later. The clock
// runs so that DUE of them are in the table at any time. Then it jumps, and all of them end in one call.
//
// The engine ends what is due as packets move its clock. A table in JavaScript is swept once a second, as one does.
import { engine } from "../contenders/engine.js";
import { typedArray } from "../contenders/typed-array.js";
import { Established, fillSyns, MAX_RECORD } from "../packets.js";
import { percentiles, quantile } from "../percentiles.js";
import type { Row } from "../row.js";
import { runtime } from "../runtime.js";
import type { Tracker } from "../tool.js";
import type { Settings } from "./common.js";

const STANDING = 100_000;
const DUE = 96_000;
const SYN_SENT = 120;
const BATCH = 256;
const HALF = BATCH / 2;
const CALLS_PER_SECOND = DUE / SYN_SENT / HALF;
/** Calls of a round; each round gives one value of every percentile. */
const ROUND = 2_000;

const PERCENTILES = [
  ["p50", 0.5],
  ["p99", 0.99],
  ["p99.9", 0.999],
  ["max", 1],
] as const;

/** A tracker under that load. */
class Load {
  readonly #input = new Established(STANDING, false, "uniform", 1024);
  readonly #bytes = new Uint8Array(BATCH * MAX_RECORD);
  #second = 2;
  #next = 10_000_000;
  #calls = 0;

  constructor(
    readonly name: string,
    readonly tracker: Tracker,
    readonly swept: boolean,
  ) {
    for (const part of this.#input.setup(1024)) tracker.track(part.bytes, part.packets);
  }

  /** One call; returns its time in nanoseconds, the sweep included. */
  call(): number {
    const data = this.#input.fill(this.#bytes, HALF, this.#second);
    const syns = fillSyns(this.#bytes.subarray(data.bytes.length), this.#next, HALF, this.#second);
    this.#next += HALF;
    const bytes = this.#bytes.subarray(0, data.bytes.length + syns.bytes.length);
    const ticks = ++this.#calls % CALLS_PER_SECOND < 1;
    if (ticks) this.#second++;
    const start = performance.now();
    if (ticks && this.swept) this.tracker.advance(this.#second);
    this.tracker.track(bytes, BATCH);
    return (performance.now() - start) * 1e6;
  }

  /** Until as many entries end as begin. */
  settle(): void {
    for (const end = this.#second + SYN_SENT + 2; this.#second < end; ) this.call();
  }

  /** The call in which all first packets' entries end. */
  jump(): number {
    this.#second += 2 * SYN_SENT;
    this.#calls = -1;
    return this.call();
  }
}

export async function* latency({ budget }: Settings): AsyncGenerator<Row, void> {
  const room = 2 * (STANDING + DUE);
  const loads = [
    new Load(engine.name, await engine.open(room), false),
    new Load(`${typedArray.name}, swept`, await typedArray.open(room), true),
  ];
  const steady = loads.map((): Float64Array[] => []);
  const jumps = loads.map((): number[] => []);
  const end = performance.now() + budget;
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    for (const [index, load] of loads.entries()) {
      load.settle();
      steady[index]?.push(Float64Array.from({ length: ROUND }, () => load.call()).sort());
      jumps[index]?.push(load.jump());
    }
  }
  for (const [label, p] of PERCENTILES) {
    const values = steady.map((rounds) => rounds.map((times) => quantile(times, p)));
    yield* rowsOf(`latency of ${BATCH} packets, ${label}`, loads, values);
  }
  yield* rowsOf(`latency, ${DUE} entries end at once`, loads, jumps);
}

function rowsOf(question: string, loads: readonly Load[], values: readonly (readonly number[])[]): Row[] {
  const reference = percentiles(values[0] ?? []).p50;
  return loads.map(({ name }, index) => {
    const ns = percentiles(values[index] ?? []);
    return {
      question,
      contender: name,
      flows: STANDING + DUE,
      nsPerPacket: ns,
      bytesPerFlow: null,
      runtime: runtime(),
      per: "batch",
      ratio: ns.p50 / reference,
      variant: false,
    };
  });
}
