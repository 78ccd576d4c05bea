// How much several engines in workers are faster than one: a run of blocks through ConntrackPool. The engine by itself, in
// the thread that reads, is the reference; with one worker it is the price of sharing.
import { Conntrack, ConntrackPool, type PacketBlock } from "conntrack-wasm";
import { SYSCTL } from "../contenders/engine.js";
import { Established, MAX_RECORD } from "../packets.js";
import { median, percentiles } from "../percentiles.js";
import type { Row } from "../row.js";
import { runtime } from "../runtime.js";
import type { Settings } from "./common.js";

const BLOCK = 4096;
const BLOCKS = 100;
const SIZES = [1_000, 100_000, 1_000_000];

/** Something that tracks a run of blocks and looks at every result. */
interface Runner {
  readonly name: string;
  run(blocks: readonly PacketBlock[]): Promise<number>;
  close(): Promise<void>;
}

export async function* workers(settings: Settings): AsyncGenerator<Row, void> {
  for (const flows of settings.full ? SIZES : SIZES.slice(0, 2)) yield* await ask(flows, settings);
}

async function ask(flows: number, { budget }: Settings): Promise<Row[]> {
  const input = new Established(flows, false, "uniform", BLOCK);
  const blocks = Array.from({ length: BLOCKS }, () =>
    blockOf(input.fill(new Uint8Array(BLOCK * MAX_RECORD), BLOCK).bytes),
  );
  const runners = [await single(flows), await pooled(1, flows), await pooled(2, flows)];
  const times = runners.map((): number[] => []);
  try {
    for (const runner of runners) await runner.run([...copies(input)]);
    const end = performance.now() + budget;
    for (let round = -1; round < 5 || performance.now() < end; round++) {
      for (const [index, runner] of runners.entries()) {
        const start = performance.now();
        const established = await runner.run(blocks);
        if (established !== BLOCKS * BLOCK) throw new Error(`workers, ${runner.name}: ${established} ESTABLISHED`);
        if (round >= 0) times[index]?.push(((performance.now() - start) * 1e6) / established);
      }
    }
  } finally {
    for (const runner of runners) await runner.close();
  }
  return runners.map(({ name }, index) => ({
    question: "workers",
    contender: name,
    flows,
    nsPerPacket: percentiles(times[index] as number[]),
    bytesPerFlow: null,
    runtime: runtime(),
    per: "packet",
    ratio: median((times[index] as number[]).map((time, round) => time / (times[0]?.[round] as number))),
    variant: true,
  }));
}

function blockOf(bytes: Uint8Array): PacketBlock {
  return { framing: "pcap", link: 1, bytes };
}

function* copies(input: Established): Generator<PacketBlock> {
  for (const part of input.setup(BLOCK)) yield blockOf(part.bytes.slice());
}

function establishedOf({ words, count }: { words: Uint32Array; count: number }): number {
  let seen = 0;
  for (let i = 0; i < count; i++) if (((words[2 * i] as number) & 0xff) === 2) seen++;
  return seen;
}

async function single(flows: number): Promise<Runner> {
  const engine = await Conntrack.open({ seed: 1, max: flows, sysctl: SYSCTL });
  return {
    name: "engine",
    async run(blocks) {
      let seen = 0;
      for (const block of blocks) for (const results of engine.trackBlock(block)) seen += establishedOf(results);
      return seen;
    },
    close: async () => {},
  };
}

async function pooled(workers: number, flows: number): Promise<Runner> {
  const pool = await ConntrackPool.open({ workers, seed: 1, max: flows, sysctl: SYSCTL });
  return {
    name: `${workers} worker${workers > 1 ? "s" : ""}`,
    async run(blocks) {
      let seen = 0;
      for await (const { results } of pool.track(blocks)) seen += establishedOf(results);
      return seen;
    },
    close: () => pool.close(),
  };
}
