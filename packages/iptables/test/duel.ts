// The same packets through the kernel's router and through ours: counter by counter, verdict by verdict.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Conntrack } from "conntrack-wasm";
import { describe, expect, test } from "vitest";
import { kernelAvailable } from "../../conformance/src/kernel.js";
import { recordSequences } from "../../conformance/src/record.js";
import type { Recording } from "../../conformance/src/recording.js";
import type { Mode } from "../../conformance/src/topology.js";
import { compileRules, type Program, readCounters } from "../src/compile/index.js";
import { parsePlace } from "../src/compile/place.js";
import { type Counters, formatRule, formatSets, parseRuleset, parseSets, setsOf } from "../src/index.js";
import { type Sample, saveText } from "./rulesets.js";

export interface Duel extends Sample {
  readonly family?: 4 | 6;
  readonly packets: readonly Uint8Array[];
  /** Seconds at which the packets are sent; without them only their order counts. */
  readonly times?: readonly number[];
  readonly mode?: Mode;
  /** Sets of ipset that the rules name. */
  readonly sets?: string;
}

export const wasm = readFileSync(new URL("../../core/build/conntrack.wasm", import.meta.url));
export const available = kernelAvailable();

/** Why sets cannot be loaded into the kernel here, or null. */
export function reasonWithoutSets(): string | null {
  const { error, status, stderr } = spawnSync("unshare", ["-n", "ipset", "list", "-n"], { encoding: "utf8" });
  return error ? `no unshare: ${error.message}` : status === 0 ? null : `ipset cannot be asked: ${stderr.trim()}`;
}

/** conformance/src/topology.ts */
export const PLACE = ["orc-in=198.19.255.1/32,fd6f:7263::1/128", "orc-out=198.19.255.2/32,fd6f:7263::2/128"];
const ROUTER_AND_SENDER = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

interface Line {
  readonly table: string;
  readonly chain: string;
  /** `-` for a chain of the user, which has no counter. */
  readonly policy?: string;
  readonly rule?: string;
  readonly packets: number;
  readonly bytes: number;
}
const lineText = ({ table, chain, rule = "policy", packets, bytes }: Line) =>
  `${table} ${chain} ${rule} ${packets}:${bytes}`;

// What the router sends of its own (REJECT, errors) passes OUTPUT, POSTROUTING and lo: not our packets.
const compared = (line: string) =>
  !/^\w+ (OUTPUT|POSTROUTING|INPUT) policy/.test(line) && !/^\w+ INPUT -i lo /.test(line);

/** As it enters the router, in Ethernet. */
export function frameOf(data: Uint8Array): Uint8Array {
  const type = (data[0] ?? 0) >> 4 === 6 ? [0x86, 0xdd] : [8, 0];
  return Uint8Array.from([...ROUTER_AND_SENDER, ...type, ...data]);
}

/** What our rules and policies counted, in lines to compare. */
export function ourCounters(program: Program, engine: Conntrack): string[] {
  const counters = readCounters(program, engine.programBytes);
  const lines = program.refs.flatMap((ref, number) => {
    if (ref === null) return [];
    const { packets, bytes } = counters[number] as Counters;
    const rule = ref.rule === null ? "policy" : formatRule(ref.rule, ref.family);
    return [
      lineText({ table: ref.table, chain: ref.chain.name, rule, packets: Number(packets), bytes: Number(bytes) }),
    ];
  });
  return lines.filter(compared).sort();
}

/** The kernel's, of `parseSave`. */
export const theirCounters = (counters: readonly Line[]): string[] =>
  counters
    .filter(({ policy }) => policy !== "-")
    .map(lineText)
    .filter(compared)
    .sort();

/** `times`: seconds at which the kernel saw the packets. */
export function ours(
  duel: Duel,
  start: bigint,
  times: readonly number[],
): { lines: string[]; verdicts: string[]; sets: string[] } {
  const { sets, errors: faults } = parseSets(duel.sets ?? "");
  const { ruleset, errors } = parseRuleset(saveText(duel), { family: duel.family ?? 4, sets });
  expect([...faults, ...errors]).toEqual([]);
  const everything = duel.mode === "input";
  const program = compileRules(ruleset, {
    place: parsePlace(PLACE),
    in: "orc-in",
    out: "orc-out",
    sets,
    ...(everything && { hook: "INPUT" as const }),
  });
  const engine = Conntrack.openSync(wasm, { seed: 1, max: 1000, programSize: program.bytes.length });
  engine.loadProgram(program.bytes);
  const verdicts = duel.packets.map((data, i) => {
    const time = start + BigInt(Math.round((times[i] ?? i * 1e-5) * 1e6)) * 1000n;
    return engine.track({ time, data: frameOf(data), link: 1 }).verdict.toLowerCase();
  });
  const lines = ourCounters(program, engine);
  const changed = setsOf(program, engine.programBytes, engine.now);
  for (const set of changed) sets.set(set.name, set);
  return { lines, verdicts, sets: setLines(formatSets(sets.values())) };
}

// Order and seed are the hash's own affair, and seconds pass until the kernel is asked.
const setLines = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("add "))
    .map((line) => line.replace(/ timeout [1-9]\d*/, " timeout"))
    .sort();

export function compare(duel: Duel, recording: Recording, start: bigint): void {
  const times = duel.times ? recording.packets.map(({ t }) => t as number) : [];
  const { lines, verdicts, sets } = ours(duel, start, times);
  expect(lines).toEqual(theirCounters((recording.iptables ?? []) as Line[]));
  expect(sets).toEqual(setLines((recording.ipset as string | undefined) ?? ""));
  // an answer of the box to itself over lo is taken for the packet that got through
  if (!duel.text?.includes("-A INPUT -i lo "))
    expect(verdicts).toEqual(recording.packets.map(({ verdict }) => verdict));
}

/** Runs them all in the kernel first; each is a test of its own. */
export async function duels(title: string, all: readonly Duel[]): Promise<void> {
  const start = BigInt(Date.now()) * 1_000_000n;
  const reason = available.ok ? all.some(({ sets }) => sets) && reasonWithoutSets() : available.reason;
  const recordings = !reason
    ? await recordSequences(
        all.map((duel) => ({
          packets: duel.packets.map((data, i) => ({ time: (duel.times?.[i] ?? 0) * 1000, data })),
          options: {
            mode: duel.mode ?? "route",
            realtime: duel.times !== undefined,
            ...(duel.sets && { ipset: duel.sets }),
            [duel.family === 6 ? "ip6tables" : "iptables"]: saveText(duel),
          },
        })),
      )
    : [];
  describe.skipIf(reason)(`${title}${reason ? ` (${reason})` : ""}`, () => {
    test.each(all.map((duel, i) => ({ name: duel.name, duel, recording: recordings[i] as Recording })))(
      "$name",
      ({ duel, recording }) => compare(duel, recording, start),
    );
  });
}
