// npm run conformance -- --outputs

import { compareOutputsLive, recordOutputs } from "./golden.js";
import { huntOutputs } from "./hunt.js";
import { OUTPUT_SCRIPTS } from "./scripts/index.js";

/** Differences printed. */
const SHOWN = 20;

/** Compares the scripts with `only` in their name; true when nothing differs. */
export async function outputs(only: string): Promise<boolean> {
  const scripts = named(only);
  const report = await compareOutputsLive(scripts);
  console.log(`outputs: ${scripts.length} scripts, ${report.length} differences`);
  for (const line of report.slice(0, SHOWN)) console.log(`  ${line}`);
  if (report.length > SHOWN) console.log(`  and ${report.length - SHOWN} more`);
  return report.length === 0;
}

/** Records them anew. */
export async function recordScripts(only: string): Promise<void> {
  const scripts = named(only);
  await recordOutputs(scripts);
  console.log(`outputs: ${scripts.length} scripts recorded`);
}

function named(only: string) {
  const scripts = OUTPUT_SCRIPTS.filter(({ name }) => name.includes(only));
  if (scripts.length === 0) throw new Error(`no script with "${only}" in its name`);
  return scripts;
}

/** `count` packets of random traffic; true when nothing differs. */
export async function randomOutputs(count: number, seed: number): Promise<boolean> {
  const { packets, found } = await huntOutputs(count, seed, (done) => console.error(`${done} packets`));
  for (const text of found) console.log(`${text}\n`);
  console.log(`outputs, random, seed ${seed}: ${packets} packets, ${found.length} episodes differ`);
  return found.length === 0;
}
