// What became slower than the committed results. Times of two days cannot be compared, so ratios of one run are: how many
// times slower than the engine a contender is, and how much slower a variant of the engine. A loss fails nothing.
import type { Row } from "./row.js";

const TOLERATED = 0.15;

/** Rows of different runs, forms and versions of a runtime are about the same when they agree in these. */
function keyOf({ question, contender, flows, runtime }: Row): string {
  return [question, contender, flows, runtime.split(" ")[0]].join(" | ");
}

/** One line for each ratio that became worse by more than 15 %. */
export function losses(before: readonly Row[], after: readonly Row[]): string[] {
  const saved = new Map(before.map((row) => [keyOf(row), row]));
  return after.flatMap((row) => {
    const old = saved.get(keyOf(row))?.ratio ?? null;
    if (old === null || row.ratio === null) return [];
    const change = row.variant ? old / row.ratio : row.ratio / old;
    if (change >= 1 - TOLERATED) return [];
    const percent = (100 * (1 - change)).toFixed(0);
    return [
      `${row.question}, ${row.flows} flows: ${row.contender} took x${figure(old)}, now x${figure(row.ratio)} (-${percent} %)`,
    ];
  });
}

/** Rows that have something to be compared with. */
export function comparable(before: readonly Row[], after: readonly Row[]): number {
  const saved = new Set(before.filter(({ ratio }) => ratio !== null).map(keyOf));
  return after.filter((row) => row.ratio !== null && saved.has(keyOf(row))).length;
}

function figure(ratio: number): string {
  return ratio.toPrecision(3);
}
