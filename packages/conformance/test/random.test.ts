// Random traffic: what a seed gives, and a few thousand packets through the kernel and the engine.

import { expect, test } from "vitest";
import { askTogether, hunt, huntOdd } from "../src/hunt.js";
import { kernelAvailable } from "../src/kernel.js";
import { differences, type Outcome } from "../src/outcome.js";
import { episode } from "../src/random.js";
import { timedEpisode } from "../src/timed.js";

const available = kernelAvailable();
const bytes = (seed: number) => episode(seed, 100).packets.map(({ data }) => Buffer.from(data).toString("hex"));

test("the same seed, the same sessions; another seed, others", () => {
  expect(bytes(7)).toEqual(bytes(7));
  expect(bytes(7)).not.toEqual(bytes(8));
  expect(episode(7, 100).packets.length).toBeGreaterThanOrEqual(100);
});

test.skipIf(!available.ok)(
  `5000 packets, live${available.ok ? "" : ` (${available.reason})`}`,
  { timeout: 120_000 },
  async () => {
    // ten episodes without rules, ten with
    const { packets, found } = await hunt(5000, 1_000_090);
    expect(found).toEqual([]);
    expect(packets).toBeGreaterThanOrEqual(5000);
  },
);

test.skipIf(!available.ok)(
  `5000 packets of the rarer kind in frames of all link layers, live${available.ok ? "" : ` (${available.reason})`}`,
  { timeout: 120_000 },
  async () => {
    const { packets, found } = await huntOdd(5000, 300);
    expect(found).toEqual([]);
    expect(packets).toBeGreaterThanOrEqual(5000);
  },
);

test("time: what is renewed in one burst ends far from every other", () => {
  const { packets, options } = timedEpisode(7);
  const bursts = [...new Set(packets.map(({ time }) => Math.round(time / 1000)))];
  expect(bursts).toEqual([0, 3, 6, 9, 12]);
  for (const { time } of packets) expect(Math.abs(time - 1000 * Math.round(time / 1000))).toBeLessThan(100);
  const all = [options.sysctls ?? {}, ...(options.changes ?? []).map(({ sysctls }) => sysctls)];
  const timeouts = all.flatMap((sysctls) => Object.entries(sysctls)).filter(([name]) => /timeout|time$/.test(name));
  expect(timeouts.length).toBeGreaterThan(20);
  for (const [, seconds] of timeouts) expect(Number(seconds) % 3).not.toBe(0);
});

test.skipIf(!available.ok)(
  `5000 packets with waits, live, and a timeout that only the engine has${available.ok ? "" : ` (${available.reason})`}`,
  { timeout: 120_000 },
  async () => {
    const episodes = [11, 12, 13].map((seed) => timedEpisode(seed, { ruled: seed % 2 === 1 }));
    const [agreed, disturbed] = await Promise.all([
      askTogether(episodes),
      askTogether([timedEpisode(14)], { sysctls: { nf_conntrack_udp_timeout: 500 } }),
    ]);
    expect(agreed.flatMap(({ report }) => report)).toEqual([]);
    expect(agreed.reduce((sum, { packets }) => sum + packets, 0)).toBeGreaterThan(5000);
    expect(disturbed[0]?.wrong.length).toBeGreaterThan(0);
  },
);

test("ends by time: told later, or not at all, but in the same words and once", () => {
  const outcome = (...ended: string[]): Outcome => ({ packets: [], events: [], table: [], counters: {}, ended });
  const engine = outcome("DESTROY #1 at 5 ra", "DESTROY #2 at 7 TIME_WAIT ra");
  const say = (...kernel: string[]) => differences(engine, outcome(...kernel)).map(({ text }) => text);
  expect(say("DESTROY #2 at 9 TIME_WAIT ra", "DESTROY #1 at 9 ra")).toEqual([]);
  expect(say("DESTROY #1 at 5 ra", "DESTROY #- at 1")).toEqual([]);
  expect(say("DESTROY #1 at 9 r")).toEqual(["ended: engine at 5 ra, kernel DESTROY #1 at 9 r"]);
  expect(say("DESTROY #1 at 3 ra")).toEqual(["ended: engine at 5 ra, kernel DESTROY #1 at 3 ra"]);
  expect(say("DESTROY #3 at 9", "DESTROY #1 at 9 ra", "DESTROY #1 at 9 ra")).toHaveLength(2);
});
