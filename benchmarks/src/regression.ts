// Committed results, and what became slower since. Times of two days cannot be compared, so ratios between contenders
// of one run are: how many times slower than the engine a contender is. A drop is reported and fails nothing.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import type { Row } from "./tool.js";

export const RESULTS = new URL("../results/results.json", import.meta.url);
const TOLERATED = 0.15;

export interface Saved {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly rows: readonly Row[];
}

export async function save(rows: readonly Row[], commit = process.env.BENCH_COMMIT ?? "unknown"): Promise<void> {
  const machine = `${os.cpus()[0]?.model ?? "unknown"}, ${os.cpus().length} cores`;
  const saved: Saved = { date: new Date().toISOString().slice(0, 10), commit, machine, rows };
  await mkdir(new URL(".", RESULTS), { recursive: true });
  await writeFile(RESULTS, `${JSON.stringify(saved, null, 2)}\n`);
}

export async function readSaved(): Promise<Saved> {
  return JSON.parse(await readFile(RESULTS, "utf8")) as Saved;
}

/** One line for each ratio that dropped by more than 15 %. */
export function drops(before: readonly Row[], after: readonly Row[]): string[] {
  const keyOf = ({ question, contender, flows, runtime }: Row) =>
    [question, contender, flows, runtime.split(" ")[0]].join(" | ");
  const ratios = new Map(before.map((row) => [keyOf(row), row.ratio]));
  return after.flatMap((row) => {
    const old = ratios.get(keyOf(row));
    if (old == null || row.ratio === null || row.ratio >= old * (1 - TOLERATED)) return [];
    const percent = (100 * (1 - row.ratio / old)).toFixed(0);
    return [
      `${row.question}, ${row.flows} flows: ${row.contender} took x${old.toFixed(2)}, now x${row.ratio.toFixed(2)} (-${percent} %)`,
    ];
  });
}
