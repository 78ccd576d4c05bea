// The runner, with lanes whose work is known: what it counts, in which order it calls, what it leaves out.
import { expect, test } from "vitest";
import { type Lane, paired } from "../src/paired.js";
import { median, percentiles, quantile } from "../src/percentiles.js";

test("percentiles are values that were measured", () => {
  const values = Array.from({ length: 101 }, (_, i) => 100 - i);
  expect(percentiles(values)).toEqual({ p10: 10, p50: 50, p90: 90 });
  expect(median([3, 1, 2])).toBe(2);
  expect(quantile([1, 2, 3], 1)).toBe(3);
  expect(quantile([], 0.5)).toBeNaN();
});

test("lanes take turns of whole chunks, inputs are made before", () => {
  const calls: string[] = [];
  const lane = (name: string): Lane => ({
    contender: name,
    prepare: () => calls.push(`prepare ${name}`),
    run: () => {
      calls.push(`run ${name}`);
      return 10;
    },
  });
  const measured = paired([lane("a"), lane("b")], {
    turn: 2,
    budget: 0,
    warmup: 0,
    prepareTurn: () => calls.push("turn"),
    prepareChunk: (chunk) => calls.push(`chunk ${chunk}`),
  });
  // as many chunks as asked for, or more where the clock is coarse
  const chunks = (calls.indexOf("prepare b") - 2) / 3;
  expect(chunks).toBeGreaterThanOrEqual(2);
  const once = (name: string) =>
    Array.from({ length: chunks }, (_, i) => [`chunk ${i}`, `prepare ${name}`, `run ${name}`]).flat();
  const turn = ["turn", ...once("a"), ...once("b")];
  expect(calls).toEqual(Array.from({ length: 5 }, () => turn).flat());
  expect(measured.map(({ contender, variant }) => [contender, variant])).toEqual([
    ["a", false],
    ["b", false],
  ]);
});

test("the ratio is that of times per item, against the first lane", () => {
  const wait = (milliseconds: number, items: number) => () => {
    for (const end = performance.now() + milliseconds; performance.now() < end; );
    return items;
  };
  const [one, half] = paired(
    [
      { contender: "one", run: wait(0.2, 100) },
      { contender: "the same for twice as many", variant: true, run: wait(0.2, 200) },
    ],
    { turn: 5, budget: 0, warmup: 0 },
  );
  expect(one?.ratio).toBe(1);
  expect(one?.ns.p10).toBeGreaterThanOrEqual(2000);
  expect(half?.ns.p10).toBeGreaterThanOrEqual(1000);
  expect(half?.variant).toBe(true);
});
