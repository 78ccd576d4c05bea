// npm run conformance -- [options]: the engine against the kernel that runs here.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Comparison } from "./agree.js";
import { agreementText, type Measured, writeAgreement } from "./agreement.js";
import { compareCapture } from "./captures.js";
import { compareLive, recordFamily } from "./golden.js";
import { hunt, huntTimed } from "./hunt.js";
import { kernelAvailable, withKernel } from "./kernel.js";
import { FAMILIES, type Family } from "./sequences/index.js";

const USAGE = `npm run conformance -- [options]

Without options: every sequence through this kernel and through the engine.

  --record            record the golden files anew (packages/conformance/golden)
  --family NAME       only this family of sequences
  --random N          N packets of random traffic (a night's worth: 1000000)
  --timed N           N packets of random traffic in real time: entries end and are made anew while it lasts
  --seed S            where it begins; the same seed gives the same traffic. Default: 1
  --capture FILE      this capture, frame by frame; may be given again
  --captures FOLDER   every capture of a folder
  --agreement         all sequences, random traffic (100000 packets and 30000 timed, or as said), captures where given; writes README.md
  --help
`;

/** Differences printed of each part. */
const SHOWN = 20;

const packetsOf = (comparisons: readonly Comparison[]) => comparisons.reduce((sum, { packets }) => sum + packets, 0);
const wrongOf = (comparisons: readonly Comparison[]) =>
  comparisons.reduce((sum, { wrong, report }) => sum + Math.max(wrong.length, Math.min(report.length, 1)), 0);

function say(title: string, report: readonly string[]): void {
  console.log(title);
  for (const line of report.slice(0, SHOWN)) console.log(`  ${line}`);
  if (report.length > SHOWN) console.log(`  and ${report.length - SHOWN} more`);
}

async function sequences(families: readonly Family[]): Promise<Measured> {
  const all: Comparison[] = [];
  for (const family of families) {
    const comparisons = await compareLive(family);
    const differing = comparisons.filter(({ report }) => report.length > 0);
    say(
      `${family.name}: ${comparisons.length} sequences, ${packetsOf(comparisons)} packets, ${differing.length} sequences differ`,
      differing.flatMap(({ report }) => report),
    );
    all.push(...comparisons);
  }
  const count = all.length.toLocaleString("en-US");
  return { what: `${count} sequences by table`, packets: packetsOf(all), wrong: wrongOf(all) };
}

async function random(option: "random" | "timed", count: number, seed: number): Promise<Measured> {
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`--${option} takes a number of packets`);
  if (!Number.isSafeInteger(seed)) throw new Error("--seed takes a whole number");
  const { packets, wrong, found } = await (option === "timed" ? huntTimed : hunt)(count, seed, {
    progress: (done) => console.error(`${done} packets`),
  });
  for (const text of found) console.log(`${text}\n`);
  const what = option === "timed" ? "random traffic with waits" : "random traffic";
  console.log(`${what}, seed ${seed}: ${packets} packets, ${wrong} differ, in ${found.length} episodes`);
  return { what: `${what}, seed ${seed}`, packets, wrong: Math.max(wrong, found.length) };
}

const CAPTURE = /\.(pcap|pcapng|cap)(\.gz|\.zst)?$/;

const capturesOf = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => CAPTURE.test(name))
    .map((name) => join(folder, name));

async function captures(paths: readonly string[]): Promise<Measured> {
  const all: Comparison[] = [];
  let out = 0;
  for (const path of paths) {
    const { parts, frames, leftOut, damage } = await compareCapture(path);
    const report = parts.flatMap((part) => part.report);
    say(`${path}: ${frames} frames, ${packetsOf(parts)} compared, ${report.length} differences`, [
      ...(damage === null ? [] : [damage]),
      ...report,
    ]);
    all.push(...parts);
    out += leftOut;
  }
  const measured = { what: `${paths.length} real captures`, packets: packetsOf(all), wrong: wrongOf(all) };
  console.log(`${measured.what}: ${measured.packets} packets, ${out} frames left out, ${measured.wrong} differ`);
  return measured;
}

/** Packets of random traffic when none are asked for. */
const AGREEMENT_RANDOM = 100_000;
const AGREEMENT_TIMED = 30_000;

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      record: { type: "boolean", default: false },
      family: { type: "string" },
      capture: { type: "string", multiple: true, default: [] },
      captures: { type: "string" },
      random: { type: "string" },
      timed: { type: "string" },
      seed: { type: "string", default: "1" },
      agreement: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return true;
  }
  const available = kernelAvailable();
  if (!available.ok) throw new Error(`the kernel cannot be asked here: ${available.reason}`);
  const { agreement, seed } = values;
  const families = FAMILIES.filter(({ name }) => values.family === undefined || name === values.family);
  if (families.length === 0)
    throw new Error(`no family ${values.family}; there are ${FAMILIES.map(({ name }) => name).join(", ")}`);
  if (values.record) {
    for (const family of families) console.log(`${family.name}: ${await recordFamily(family)} sequences recorded`);
    return true;
  }

  const files = [...values.capture, ...(values.captures === undefined ? [] : capturesOf(values.captures))];
  const count = values.random ?? (agreement ? AGREEMENT_RANDOM : undefined);
  const timed = values.timed ?? (agreement ? AGREEMENT_TIMED : undefined);
  const measured: Measured[] = [];
  if (agreement || (files.length === 0 && count === undefined && timed === undefined))
    measured.push(await sequences(families));
  if (count !== undefined) measured.push(await random("random", Number(count), Number(seed)));
  if (timed !== undefined) measured.push(await random("timed", Number(timed), Number(seed)));
  if (files.length > 0) measured.push(await captures(files));
  if (agreement) {
    const kernel = await withKernel({}, (open) => open.release());
    writeAgreement(agreementText(kernel, new Date().toISOString().slice(0, 10), measured));
  }
  return measured.every(({ wrong }) => wrong === 0);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
