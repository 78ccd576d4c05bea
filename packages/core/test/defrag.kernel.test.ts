// Random fragments, the engine against the kernel of this machine.
import { describe, expect, test } from "vitest";
import { type KernelOptions, kernelAvailable, withKernel } from "../../conformance/src/kernel.js";
import { Conntrack } from "../../conntrack/src/index.js";
import { START } from "./support/blocks.js";
import { BUILDS } from "./support/builds.js";
import { Random } from "./support/random.js";
import { mutated, randomTrains, type TrainOptions } from "./support/trains.js";

const available = kernelAvailable();
const why = available.ok ? "" : ` (${available.reason})`;
const RUNS = Number(process.env.FRAGMENT_RUNS ?? 2);
const COUNT = Number(process.env.FRAGMENTS ?? 4000);

/** Runs the same fragments through both; the first differences, and the states that came up. */
async function compare(
  seed: number,
  train: Partial<TrainOptions>,
  sysctls: Readonly<Record<string, number>> = {},
  change = (_: Random, packets: Uint8Array[]) => packets,
) {
  const random = new Random(seed);
  const packets = change(random, randomTrains(random, { count: COUNT, ...train }));
  const options: KernelOptions = {
    sysctls: Object.fromEntries(Object.entries(sysctls).filter(([name]) => name.startsWith("nf_conntrack"))),
  };
  const { decisions, table } = await withKernel(options, async (kernel) => {
    for (const [name, value] of Object.entries(sysctls)) {
      if (name.startsWith("ipfrag")) await kernel.oracle.writeFile(`/proc/sys/net/ipv4/${name}`, String(value));
    }
    return {
      decisions: await kernel.track(packets.map((data, i) => ({ time: i, data }))),
      table: await kernel.table(),
    };
  });
  const engine = Conntrack.openSync(BUILDS[seed % 2]?.wasm as WebAssembly.Module, { seed: 1, sysctl: sysctls });
  const differences: string[] = [];
  const conns = new Map<number | null, number>();
  const seen = new Map<string, number>();
  packets.forEach((data, i) => {
    const { state, dir, ct = null, verdict } = decisions[i] as (typeof decisions)[number];
    // behind tracking the bridge drops a datagram whose hop-by-hop options, uncovered now, are no options
    const mine = engine.track({ time: START + BigInt(i) * 1000n, data, drop: verdict === "drop" });
    const name = state ?? mine.reason ?? "";
    seen.set(name, (seen.get(name) ?? 0) + 1);
    // the kernel's numbers count connections that were never confirmed
    if (dir !== null && mine.conn !== null && !conns.has(ct)) conns.set(ct, mine.conn);
    const same =
      mine.state === state &&
      mine.direction === dir &&
      (dir === null || mine.conn === null || mine.conn === conns.get(ct));
    if (!same)
      differences.push(
        `${i}: ${mine.state} ${mine.direction} ${mine.conn} (${mine.reason}) / ${state} ${dir} ${ct} ${Buffer.from(data).toString("hex")}`,
      );
  });
  expect(differences.slice(0, 20)).toEqual([]);
  expect(engine.entries).toBe(table.length);
  if (process.env.FRAGMENT_RUNS) console.log(Object.fromEntries(seen));
  return seen;
}

describe.skipIf(!available.ok)(`${COUNT} fragments as this kernel decides${why}`, () => {
  const seeds = Array.from({ length: RUNS }, (_, i) => i + 1);

  test.each(seeds)("seed %i", async (seed) => {
    const seen = await compare(seed, {
      hosts: 2 + (seed % 4),
      ids: 3 + (seed % 5),
      abreast: 2 + (seed % 7),
      dirt: 0.3 + 0.1 * (seed % 5),
    });
    for (const name of [
      "NEW",
      "ESTABLISHED",
      "INVALID",
      "fragment-waiting",
      "fragment-duplicate",
      "fragment-overlap",
      "fragment-length",
      "fragment-ecn",
    ]) {
      expect(seen.get(name), name).toBeGreaterThan(0);
    }
  });

  test.each(seeds)("headers changed and cut, seed %i", async (seed) => {
    const seen = await compare(300 + seed, { dirt: 0.3 }, {}, mutated);
    expect(seen.get("fragment-header")).toBeGreaterThan(0);
  });

  test.each(seeds)("little memory, seed %i", async (seed) => {
    const limit = 15_000 + 1000 * seed;
    const seen = await compare(
      100 + seed,
      { ids: 30, abreast: 12 },
      {
        ipfrag_low_thresh: 0,
        ipfrag_high_thresh: limit,
        nf_conntrack_frag6_low_thresh: 0,
        nf_conntrack_frag6_high_thresh: limit,
      },
    );
    expect(seen.get("fragment-memory")).toBeGreaterThan(0);
  });

  test.each(seeds)("little distance, seed %i", async (seed) => {
    await compare(
      200 + seed,
      { families: [4], ids: 40, hosts: 2, abreast: 8, dirt: 0.2 },
      { ipfrag_max_dist: seed % 8 },
    );
  });
});
