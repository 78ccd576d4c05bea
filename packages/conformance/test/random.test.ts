// Random traffic: what a seed gives, and a few thousand packets through the kernel and the engine.

import { expect, test } from "vitest";
import { hunt } from "../src/hunt.js";
import { kernelAvailable } from "../src/kernel.js";
import { episode } from "../src/random.js";

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
