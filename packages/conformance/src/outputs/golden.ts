// The committed recordings of the outputs, and the comparison with the kernel that runs here.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { askOutputs, type Printed } from "./ask.js";
import { compareOutputs } from "./compare.js";
import { type OutputScript, sumOf } from "./script.js";
import { OUTPUT_SCRIPTS } from "./scripts/index.js";

interface Stored extends Printed {
  readonly sum: string;
}

const path = new URL("../../golden/outputs.json.gz", import.meta.url);

const stored = (): Record<string, Stored> =>
  existsSync(path) ? JSON.parse(gunzipSync(readFileSync(path)).toString("utf8")) : {};

/** Namespaces at a time: most of the time one waits for a program to start. */
const AT_ONCE = 4;
/** What a busy machine delays is delayed otherwise the next time; what differs by nature differs again. */
const TRIES = 3;

interface Answer {
  readonly printed: Printed;
  readonly report: readonly string[];
}

async function answerTo(script: OutputScript, tries = TRIES): Promise<Answer> {
  const last = tries === 1;
  try {
    const printed = await askOutputs(script);
    const report = compareOutputs(script, printed);
    if (report.length === 0 || last) return { printed, report };
  } catch (error) {
    if (last) throw error;
  }
  return answerTo(script, tries - 1);
}

/**
 * In the order of the scripts. Those with expectations go one after the other: the kernel keeps those of all namespaces in
 * one table, and may print one twice when another comes or goes meanwhile.
 */
async function answers(scripts: readonly OutputScript[]): Promise<Answer[]> {
  const found: Answer[] = new Array(scripts.length);
  const alone = [...scripts.entries()].filter(([, { iptables }]) => iptables !== undefined);
  const others = [...scripts.entries()].filter(([, { iptables }]) => iptables === undefined);
  const work = async (left: [number, OutputScript][]) => {
    for (let next = left.shift(); next; next = left.shift()) found[next[0]] = await answerTo(next[1]);
  };
  await Promise.all([work(alone), ...Array.from({ length: AT_ONCE - 1 }, () => work(others))]);
  return found;
}

/** Records these; recordings of the others stay. */
export async function recordOutputs(scripts: readonly OutputScript[]): Promise<void> {
  const all = stored();
  const found = await answers(scripts);
  for (const [i, script] of scripts.entries())
    all[script.name] = { sum: sumOf(script), ...(found[i] as Answer).printed };
  const known = Object.fromEntries(OUTPUT_SCRIPTS.map(({ name }) => [name, all[name]]));
  writeFileSync(path, gzipSync(`${JSON.stringify(known)}\n`, { level: 9 }));
}

/** What was recorded of a script; one that has changed since is an error. */
export function recordedOutputs(script: OutputScript): Printed {
  recordings ??= stored();
  const printed = recordings[script.name];
  if (printed?.sum !== sumOf(script))
    throw new Error(`"${script.name}" is not what was recorded: npm run conformance -- --outputs --record`);
  return printed;
}

let recordings: Record<string, Stored> | undefined;

/** The engine against the kernel that runs here. */
export const compareOutputsLive = async (scripts: readonly OutputScript[]): Promise<string[]> =>
  (await answers(scripts)).flatMap(({ report }) => report);
