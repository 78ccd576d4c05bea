// npm run conformance -- [options]: the engine against the kernel that runs here.

import { parseArgs } from "node:util";
import type { Comparison } from "./agree.js";
import { compareLive, recordFamily } from "./golden.js";
import { hunt } from "./hunt.js";
import { kernelAvailable } from "./kernel.js";
import { FAMILIES } from "./sequences/index.js";

const USAGE = `npm run conformance -- [options]

Without options: every sequence through this kernel and through the engine.

  --record            record the golden files anew (packages/conformance/golden)
  --family NAME       only this family of sequences
  --random N          N packets of random traffic instead (a night's worth: 1000000)
  --seed S            where it begins; the same seed gives the same traffic. Default: 1
  --help
`;

/** Differences printed of each family. */
const SHOWN = 20;

function summarize(name: string, comparisons: readonly Comparison[]): boolean {
  const packets = comparisons.reduce((sum, comparison) => sum + comparison.packets, 0);
  const report = comparisons.flatMap((comparison) => comparison.report);
  const differing = comparisons.filter((comparison) => comparison.report.length > 0).length;
  console.log(`${name}: ${comparisons.length} sequences, ${packets} packets, ${differing} sequences differ`);
  for (const line of report.slice(0, SHOWN)) console.log(`  ${line}`);
  if (report.length > SHOWN) console.log(`  and ${report.length - SHOWN} more`);
  return differing === 0;
}

async function random(count: number, seed: number): Promise<boolean> {
  if (!Number.isSafeInteger(count) || count < 1) throw new Error("--random takes a number of packets");
  if (!Number.isSafeInteger(seed)) throw new Error("--seed takes a whole number");
  const { packets, wrong, found } = await hunt(count, seed, (done) => console.error(`${done} packets`));
  for (const text of found) console.log(`${text}\n`);
  console.log(`random, seed ${seed}: ${packets} packets, ${wrong} differ, in ${found.length} episodes`);
  return found.length === 0;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      record: { type: "boolean" },
      family: { type: "string" },
      random: { type: "string" },
      seed: { type: "string", default: "1" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  const available = kernelAvailable();
  if (!available.ok) throw new Error(`the kernel cannot be asked here: ${available.reason}`);
  if (values.random !== undefined) return random(Number(values.random), Number(values.seed));
  const families = FAMILIES.filter(({ name }) => values.family === undefined || name === values.family);
  if (families.length === 0)
    throw new Error(`no family ${values.family}; there are ${FAMILIES.map(({ name }) => name).join(", ")}`);
  let agreed = true;
  for (const family of families) {
    if (values.record) console.log(`${family.name}: ${await recordFamily(family)} sequences recorded`);
    else agreed = summarize(family.name, await compareLive(family)) && agreed;
  }
  return agreed;
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
