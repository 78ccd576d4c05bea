// Committed results: a file for each question, so that one can be asked again alone, and nothing is lost when another fails.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Conditions } from "./machine.js";
import { type Row, rounded } from "./row.js";

export const RESULTS = new URL("../results/", import.meta.url);

export interface Saved extends Conditions {
  readonly form: "short" | "full";
  readonly rows: readonly Row[];
}

const SUFFIX = ".jsonl";

/** Writes the results of a question in place of those it had: a line of conditions, then a line for each row. */
export function saveResults(name: string, saved: Saved, directory = RESULTS): void {
  mkdirSync(directory, { recursive: true });
  const { rows, ...conditions } = saved;
  const lines = [conditions, ...rows.map(rounded)].map((line) => `${JSON.stringify(line)}\n`);
  // in one step: a run that is ended while it saves leaves the old results
  const draft = new URL(`${name}.new`, directory);
  writeFileSync(draft, lines.join(""));
  renameSync(draft, new URL(name + SUFFIX, directory));
}

/** All saved results by question. */
export function readResults(directory = RESULTS): ReadonlyMap<string, Saved> {
  const files = readdirSync(directory).filter((name) => name.endsWith(SUFFIX));
  return new Map(files.map((file) => [file.slice(0, -SUFFIX.length), read(new URL(file, directory))]));
}

function read(file: URL): Saved {
  const [conditions, ...rows] = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { ...conditions, rows } as Saved;
}
