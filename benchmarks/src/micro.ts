// Questions about single calls, by tinybench: it warms up, repeats and keeps the samples.
import { Bench } from "tinybench";
import type { Measured } from "./paired.js";
import { median, percentiles } from "./percentiles.js";

export interface Micro {
  readonly name: string;
  /** Untimed, before each run. */
  prepare?(): void;
  run(): void;
}

/** Measures tasks that do `items` things a run; ratios are against the first one, all are variants of it. */
export async function micro(
  tasks: readonly Micro[],
  { items, budget }: { items: number; budget: number },
): Promise<Measured[]> {
  const time = budget / tasks.length;
  const bench = new Bench({ time, iterations: 16, warmupTime: time / 4, warmupIterations: 4, retainSamples: true });
  for (const { name, prepare, run } of tasks)
    bench.add(name, run, prepare === undefined ? {} : { beforeEach: prepare });
  await bench.run();
  const samples = bench.tasks.map(({ name, result }) => {
    if (result.state !== "completed")
      throw new Error(`${name}: ${result.state === "errored" ? result.error : result.state}`);
    return (result.latency.samples ?? []).map((milliseconds) => (milliseconds * 1e6) / items);
  });
  const reference = median(samples[0] ?? []);
  return bench.tasks.map(({ name }, i) => {
    const own = samples[i] as number[];
    return { contender: name, variant: true, ns: percentiles(own), ratio: median(own) / reference };
  });
}
