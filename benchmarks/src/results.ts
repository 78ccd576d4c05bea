// Committed results: a file for each question, so that one can be asked again alone, and nothing is lost when another fails.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Conditions } from "./machine.js";
import { type Row, rounded } from "./row.js";

export const RESULTS = new URL("../results/", import.meta.url);

export interface Saved extends Conditions {
  readonly form: "short" | "full";
  readonly rows: readonly Row[];
}

/** Writes the results of a question in place of those it had. */
export function saveResults(name: string, saved: Saved, directory = RESULTS): void {
  mkdirSync(directory, { recursive: true });
  const { rows, ...conditions } = saved;
  const lines = rows.map((row) => `    ${JSON.stringify(rounded(row))}`).join(",\n");
  const head = JSON.stringify(conditions, null, 2).slice(0, -2);
  // in one step: a run that is ended while it saves leaves the old results
  const file = new URL(`${name}.json`, directory);
  const draft = new URL(`${name}.json.new`, directory);
  writeFileSync(draft, `${head},\n  "rows": [\n${lines}\n  ]\n}\n`);
  renameSync(draft, file);
}

/** All saved results by question. */
export function readResults(directory = RESULTS): ReadonlyMap<string, Saved> {
  const files = readdirSync(directory).filter((name) => name.endsWith(".json"));
  return new Map(
    files.map((file) => [
      file.slice(0, -".json".length),
      JSON.parse(readFileSync(new URL(file, directory), "utf8")) as Saved,
    ]),
  );
}
