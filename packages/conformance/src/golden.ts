// The committed recordings of the families: where they are, made and compared.

import { fileURLToPath } from "node:url";
import { type Comparison, compare } from "./agree.js";
import { kernelOutcomes } from "./ask.js";
import { withKernel } from "./kernel.js";
import type { Family } from "./sequences/index.js";
import { readFamily, type StoredOutcome, sumOf, writeFamily } from "./stored.js";

export const goldenPath = ({ name }: Family): string =>
  fileURLToPath(new URL(`../golden/${name}.json.gz`, import.meta.url));

/** Records a family anew. */
export async function recordFamily(family: Family): Promise<number> {
  const sequences = family.sequences();
  const outcomes = await kernelOutcomes(sequences);
  const stored: Record<string, StoredOutcome> = {};
  for (const [i, sequence] of sequences.entries()) {
    if (sequence.name in stored) throw new Error(`two sequences are called "${sequence.name}"`);
    stored[sequence.name] = { sum: sumOf(sequence), ...(outcomes[i] as (typeof outcomes)[number]) };
  }
  const kernel = await withKernel({}, (open) => open.release());
  writeFamily(goldenPath(family), { kernel, date: new Date().toISOString().slice(0, 10), sequences: stored });
  return sequences.length;
}

/** The engine against the recording; a sequence that has changed since is an error. */
export function compareGolden(family: Family): Comparison[] {
  const stored = readFamily(goldenPath(family));
  if (!stored) throw new Error(`${family.name} was not recorded: npm run conformance -- --record`);
  return family.sequences().map((sequence) => {
    const outcome = stored.sequences[sequence.name];
    if (outcome?.sum !== sumOf(sequence))
      throw new Error(`"${sequence.name}" is not what was recorded: npm run conformance -- --record`);
    return compare(sequence, outcome);
  });
}

/** The engine against the kernel that runs here; `every`: only every nth sequence. */
export async function compareLive(family: Family, every = 1): Promise<Comparison[]> {
  const sequences = family.sequences().filter((_, i) => i % every === 0);
  const outcomes = await kernelOutcomes(sequences);
  return sequences.map((sequence, i) => compare(sequence, outcomes[i] as (typeof outcomes)[number]));
}
