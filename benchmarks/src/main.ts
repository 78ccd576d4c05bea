// npm run bench -- …: asks the questions; README.md has the options.
import { readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Watch } from "./machine.js";
import { OptionError, type Options, parseOptions } from "./options.js";
import type { Settings } from "./questions/common.js";
import { measureMemory } from "./questions/memory.js";
import { resultsText, withTables } from "./readme.js";
import { comparable, losses } from "./regression.js";
import { HEADING, report } from "./report.js";
import { readResults, type Saved, saveResults } from "./results.js";
import { type Row, toJson } from "./row.js";
import { everywhere } from "./runtimes/index.js";
import { ALL } from "./suite-node.js";
import { targetTable } from "./targets.js";
import { wasmBytes } from "./wasm-bytes.js";

const README = new URL("../README.md", import.meta.url);

/** Everything to be asked, by the name it is saved under. */
function* chosen(options: Options, settings: Settings): Generator<[name: string, rows: AsyncGenerator<Row, void>]> {
  const { only, full, budget } = options;
  if (options.runtimes)
    yield ["runtimes", everywhere({ full, budget, only }, (text) => console.error(`bench: ${text}`))];
  else
    for (const [name, question] of Object.entries(ALL))
      if (only === null || name.includes(only)) yield [name, question(settings)];
}

/** Asks one after the other; what fails is said, and the rest goes on. Returns what all came to. */
async function askAll(options: Options, settings: Settings): Promise<{ rows: Row[]; failed: number }> {
  const { json, save, full } = options;
  const all: Row[] = [];
  let failed = 0;
  if (!json) console.log(options.runtimes ? `${"".padEnd(16)}${HEADING}` : HEADING);
  for (const [name, answers] of chosen(options, settings)) {
    const watch = new Watch();
    const rows: Row[] = [];
    try {
      for await (const row of answers) {
        rows.push(row);
        console.log(json ? toJson(row) : report(row, options.runtimes));
      }
    } catch (error) {
      console.error(`bench: ${name}: ${(error as Error).stack ?? error}`);
      failed++;
      continue;
    }
    if (save && rows.length > 0) saveResults(name, { ...watch.conditions(), form: full ? "full" : "short", rows });
    all.push(...rows);
  }
  return { rows: all, failed };
}

function compare(before: ReadonlyMap<string, Saved>, rows: readonly Row[]): void {
  const saved = [...before.values()].flatMap((one) => one.rows);
  const lost = losses(saved, rows);
  const compared = comparable(saved, rows);
  console.error(
    lost.length === 0
      ? `compared ${compared} ratios with the saved ones: none became worse by more than 15 %`
      : `compared ${compared} ratios with the saved ones; worse by more than 15 %:\n${lost.join("\n")}`,
  );
}

/** Writes all tables of README.md from what is saved. */
async function writeTables(): Promise<void> {
  const results = readResults();
  const tables = new Map([...results].map(([name, saved]) => [name, resultsText(saved)]));
  tables.set("targets", targetTable(results, (await wasmBytes()).length));
  writeFileSync(README, withTables(readFileSync(README, "utf8"), tables));
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, Object.keys(ALL));
  const before = readResults();
  const settings: Settings = {
    full: options.full,
    budget: options.budget,
    against: options.against === null ? null : await readFile(options.against),
  };
  const { rows, failed } = await askAll(options, settings);
  if (options.compare) compare(before, rows);
  if (options.save) await writeTables();
  return failed > 0 ? 1 : 0;
}

const args = process.argv.slice(2);
if (!(await measureMemory(args))) {
  try {
    process.exitCode = await main(args);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    console.error(`bench: ${error.message}`);
    process.exitCode = 2;
  }
}
