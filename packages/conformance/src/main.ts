// npm run conformance -- [options]: the engine against the kernel that runs here.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CaptureError } from "conntrack-capture/node";
import type { Comparison } from "./agree.js";
import { agreementText, type Measured, writeAgreement } from "./agreement.js";
import { type CaptureOptions, compareCapture } from "./captures.js";
import { compareLive, recordFamily } from "./golden.js";
import { hunt, huntOdd, huntTimed } from "./hunt.js";
import { kernelAvailable, withKernel } from "./kernel.js";
import { outputs, randomOutputs, recordScripts } from "./outputs/command.js";
import { FAMILIES, type Family } from "./sequences/index.js";

const USAGE = `npm run conformance -- [options]

Without options: every sequence through this kernel and through the engine.

  --record            record the golden files anew (packages/conformance/golden)
  --family NAME       only this family of sequences
  --random N          N packets of random traffic (a night's worth: 1000000)
  --timed N           N packets of random traffic in real time: entries end and are made anew while it lasts
  --odd N             N packets of the rarer kind, in frames of all link layers
  --seed S            where it begins; the same seed gives the same traffic. Default: 1
  --capture FILE      this capture, frame by frame; may be given again
  --captures FOLDER   every capture of a folder
  --speed N           captures with their waits, N times as fast, timeouts divided by N; without, only the order counts
  --outputs           what /proc and conntrack(8) print, in every form; with --random N, of random traffic; with --record, anew
  --only TEXT         of outputs: scripts with that in their name
  --agreement         all sequences, random traffic (100000 packets, 30000 timed, 100000 odd, or as said), captures where given; writes README.md
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

const RANDOM = {
  random: { what: "random traffic", look: hunt },
  timed: { what: "random traffic with waits", look: huntTimed },
  odd: { what: "random traffic of the rarer kind", look: huntOdd },
} as const;

async function random(option: keyof typeof RANDOM, count: number, seed: number): Promise<Measured> {
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`--${option} takes a number of packets`);
  if (!Number.isSafeInteger(seed)) throw new Error("--seed takes a whole number");
  const { what, look } = RANDOM[option];
  const { packets, wrong, found } = await look(count, seed, {
    progress: (done) => console.error(`${done} packets`),
  });
  for (const text of found) console.log(`${text}\n`);
  console.log(`${what}, seed ${seed}: ${packets} packets, ${wrong} differ, in ${found.length} episodes`);
  return { what: `${what}, seed ${seed}`, packets, wrong: Math.max(wrong, found.length) };
}

const CAPTURE = /\.(pcap|pcapng|cap)(\.gz|\.zst)?$/;

const capturesOf = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => CAPTURE.test(name))
    .map((name) => join(folder, name));

/** Numbers of frames printed of each reason. */
const FRAMES_SHOWN = 10;

async function captures(paths: readonly string[], options: CaptureOptions): Promise<Measured> {
  const all: Comparison[] = [];
  const out = new Map<string, number>();
  let read = 0;
  for (const path of paths) {
    const comparison = await compareCapture(path, options).catch((error: unknown) => {
      if (!(error instanceof CaptureError) || paths.length === 1) throw error;
      console.log(`${path}: left out, ${error.message}`);
    });
    if (!comparison) continue;
    read++;
    const { parts, frames, filled, leftOut, seen, damage } = comparison;
    const report = [...parts.flatMap((part) => part.report), ...seen];
    say(`${path}: ${frames} frames, ${packetsOf(parts)} compared, ${report.length} differences`, [
      ...(damage === null ? [] : [damage]),
      ...(filled > 0 ? [`${filled} frames cut by the snaplen, filled with zeros; checksums not verified`] : []),
      ...[...leftOut].map(([why, numbers]) => `left out, ${why}: ${framesText(numbers)}`),
      ...report,
    ]);
    all.push(...parts);
    if (seen.length > 0) all.push({ name: path, packets: 0, wrong: [], report: seen });
    for (const [why, numbers] of leftOut) out.set(why, (out.get(why) ?? 0) + numbers.length);
  }
  const measured = { what: `${read} real captures`, packets: packetsOf(all), wrong: wrongOf(all) };
  console.log(`${measured.what}: ${measured.packets} packets, ${measured.wrong} differ; frames left out:`);
  for (const [why, count] of [...out].sort(([, a], [, b]) => b - a)) console.log(`  ${count} ${why}`);
  return measured;
}

function framesText(numbers: readonly number[]): string {
  const shown = numbers.slice(0, FRAMES_SHOWN).join(", ");
  const more = numbers.length - FRAMES_SHOWN;
  return `frame${numbers.length > 1 ? "s" : ""} ${shown}${more > 0 ? ` and ${more} more` : ""}`;
}

function speedOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const speed = Number(text);
  if (!(speed > 0)) throw new Error("--speed takes a number greater than 0: 1 is as fast as captured");
  return speed;
}

/** Packets of random traffic when none are asked for. */
const AGREEMENT = { random: 100_000, timed: 30_000, odd: 100_000 } as const;

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      record: { type: "boolean", default: false },
      family: { type: "string" },
      capture: { type: "string", multiple: true, default: [] },
      captures: { type: "string" },
      speed: { type: "string" },
      odd: { type: "string" },
      random: { type: "string" },
      timed: { type: "string" },
      seed: { type: "string", default: "1" },
      outputs: { type: "boolean", default: false },
      only: { type: "string", default: "" },
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
  if (values.outputs && values.record) {
    await recordScripts(values.only);
    return true;
  }
  if (values.outputs) return values.random ? randomOutputs(Number(values.random), Number(seed)) : outputs(values.only);
  const families = FAMILIES.filter(({ name }) => values.family === undefined || name === values.family);
  if (families.length === 0)
    throw new Error(`no family ${values.family}; there are ${FAMILIES.map(({ name }) => name).join(", ")}`);
  if (values.record) {
    for (const family of families) console.log(`${family.name}: ${await recordFamily(family)} sequences recorded`);
    if (values.family === undefined) await recordScripts("");
    return true;
  }

  const files = [...values.capture, ...(values.captures === undefined ? [] : capturesOf(values.captures))];
  const counts = (Object.keys(RANDOM) as (keyof typeof RANDOM)[]).flatMap((option) => {
    const count = values[option] ?? (agreement ? AGREEMENT[option] : undefined);
    return count === undefined ? [] : [[option, Number(count)] as const];
  });
  const measured: Measured[] = [];
  if (agreement || (files.length === 0 && counts.length === 0)) measured.push(await sequences(families));
  for (const [option, count] of counts) measured.push(await random(option, count, Number(seed)));
  if (files.length > 0) measured.push(await captures(files, { speed: speedOf(values.speed) }));
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
