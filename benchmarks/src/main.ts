// npm run bench [-- --json] [--full] [--only WORD] [--budget MS] [--compare] [--save]: asks the questions; see README.md.

import { readFile } from "node:fs/promises";
import { capture } from "./questions/capture.js";
import type { Question, Settings } from "./questions/common.js";
import { established } from "./questions/established.js";
import { expiry } from "./questions/expiry.js";
import { measureMemory, memory } from "./questions/memory.js";
import { newFlows } from "./questions/new-flows.js";
import { startUp } from "./questions/start-up.js";
import { styles } from "./questions/styles.js";
import { drops, readSaved, save } from "./regression.js";
import { report } from "./report.js";
import type { Row } from "./tool.js";

const QUESTIONS: Readonly<Record<string, Question>> = {
  established,
  "new-flows": newFlows,
  expiry,
  styles,
  "start-up": startUp,
  memory,
  capture,
};

const args = process.argv.slice(2);
if (await measureMemory(args)) process.exit(0);
const argument = (name: string) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const only = argument("--only");
const against = argument("--against");
const settings: Settings = {
  full: args.includes("--full"),
  budget: Number(argument("--budget") ?? 5_000),
  against: against === undefined ? null : await readFile(against),
};
const json = args.includes("--json");
const chosen = Object.entries(QUESTIONS).filter(([name]) => only === undefined || name.includes(only));
if (chosen.length === 0) {
  console.error(`bench: no question has "${only}" in its name; there are ${Object.keys(QUESTIONS).join(", ")}`);
  process.exit(2);
}

const rows: Row[] = [];
for (const [, question] of chosen) {
  for await (const row of question(settings)) {
    rows.push(row);
    console.log(json ? JSON.stringify(row) : report(row));
  }
}
if (args.includes("--compare")) {
  const lost = drops((await readSaved()).rows, rows);
  console.error(
    lost.length === 0 ? "no ratio dropped by more than 15 %" : `dropped by more than 15 %:\n${lost.join("\n")}`,
  );
}
if (args.includes("--save")) await save(rows);
