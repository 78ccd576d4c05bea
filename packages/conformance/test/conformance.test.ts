// The engine against the kernel, sequence by sequence: as recorded, on any machine; live, where the kernel can be asked.

import { describe, expect, test } from "vitest";
import { compareGolden, compareLive } from "../src/golden.js";
import { kernelAvailable } from "../src/kernel.js";
import { FAMILIES } from "../src/sequences/index.js";

const available = kernelAvailable();

/** Live, of the large families, only every so manyth: `npm run conformance` asks all. */
const EVERY: Readonly<Record<string, number>> = {
  "tcp-table": 5,
  "tcp-open-close": 3,
  "tcp-window": 3,
  icmp: 5,
  "icmp-errors": 5,
  sctp: 7,
  timeouts: 3,
};

describe("as recorded", () => {
  test.each(FAMILIES)("$name", (family) => {
    const comparisons = compareGolden(family);
    expect(comparisons.flatMap(({ report }) => report)).toEqual([]);
    expect(comparisons.length).toBeGreaterThan(30);
  });
});

describe.skipIf(!available.ok)(`the kernel that runs here${available.ok ? "" : ` (${available.reason})`}`, () => {
  test.each(FAMILIES)("$name", async (family) => {
    const comparisons = await compareLive(family, EVERY[family.name]);
    expect(comparisons.flatMap(({ report }) => report)).toEqual([]);
  });
});
