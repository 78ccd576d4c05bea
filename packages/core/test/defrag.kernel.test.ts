// Random fragments, the engine against the kernel of this machine.
import { describe, expect, test } from "vitest";
import { kernelAvailable, withKernel } from "../../conformance/src/kernel.js";
import { Conntrack } from "../../conntrack/src/index.js";
import { START } from "./support/blocks.js";
import { BUILDS } from "./support/builds.js";
import { Random } from "./support/random.js";
import { randomTrains } from "./support/trains.js";

const available = kernelAvailable();
const why = available.ok ? "" : ` (${available.reason})`;
const SEEDS = Number(process.env.FRAGMENT_RUNS ?? 2);
const COUNT = Number(process.env.FRAGMENTS ?? 4000);

describe.skipIf(!available.ok)(`fragments as this kernel decides${why}`, () => {
  test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(`${COUNT} fragments, seed %i`, async (seed) => {
    const random = new Random(seed);
    const packets = randomTrains(random, { count: COUNT, hosts: 2 + (seed % 4), ids: 3 + (seed % 5), abreast: 2 + (seed % 7), dirt: 0.3 + 0.1 * (seed % 5) });
    const { decisions, table } = await withKernel({}, async (kernel) => ({
      decisions: await kernel.track(packets.map((data, i) => ({ time: i, data }))),
      table: await kernel.table(),
    }));
    const engine = Conntrack.openSync(BUILDS[seed % 2]?.wasm as WebAssembly.Module, { seed: 1, trace: true });
    const differences: string[] = [];
    const states = new Set<string | null>();
    packets.forEach((data, i) => {
      const mine = engine.track({ time: START + BigInt(i) * 1000n, data });
      const { state, dir, ct = null } = decisions[i] as (typeof decisions)[number];
      states.add(state);
      const same = mine.state === state && mine.direction === dir && (dir === null || mine.conn === ct);
      if (!same) differences.push(`${i}: ${mine.state} ${mine.direction} ${mine.conn} (${mine.reason}) / ${state} ${dir} ${ct} ${Buffer.from(data).toString("hex")}`);
    });
    expect(differences.slice(0, 20)).toEqual([]);
    expect(engine.entries).toBe(table.length);
    expect(states).toEqual(new Set([null, "NEW", "ESTABLISHED", "INVALID"]));
  });
});
