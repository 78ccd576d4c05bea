// What the kernel's helpers make of dialogues, and where the engine's answers differ: after every packet its state,
// direction and verdict, the entry's timeout, and the whole of /proc/net/nf_conntrack_expect.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Conntrack, type Decision, type Expectation, formatExpectProc } from "conntrack-wasm";
import type { Dialogue } from "./dialogue.js";
import { Kernel } from "./kernel.js";
import type { RecordedPacket } from "./recording.js";

/** One dialogue as the kernel took it: what is compared, and no more. */
export interface Told {
  readonly name: string;
  readonly packets: readonly ToldPacket[];
}

export interface ToldPacket {
  readonly state: string | null;
  readonly dir: string | null;
  readonly verdict: string;
  readonly timeout: number | null;
  /** null: not recorded after this packet. */
  readonly expect: readonly string[] | null;
}

const NS = 1_000_000_000n;
const START = 1_700_000_000n * NS;
const ETHERTYPES = [undefined, 0x0800, 0x86dd];

const withoutTime = (line: string) => line.replace(/^\d+ +/, "");
const seconds = (line: string) => Number(/^\d+/.exec(line)?.[0] ?? -1);
const near = (a: number, b: number) => Math.abs(a - b) <= 1;
/** In an order of their own: the file's is that of a hash table. */
const sorted = (lines: readonly string[]) => [...lines].sort((a, b) => (withoutTime(a) < withoutTime(b) ? -1 : 1));

export const toldPacket = (
  { state, dir, verdict, after }: RecordedPacket,
  expect: readonly { readonly line: string }[] | null | undefined,
): ToldPacket => ({
  state,
  dir,
  verdict,
  timeout: after?.timeout ?? null,
  expect: expect ? sorted(expect.map(({ line }) => line.trim())) : null,
});

// ---- the kernel

const LOOSE = "/sys/module/nf_conntrack_ftp/parameters/loose";
const EXPECT_MAX = "/proc/sys/net/netfilter/nf_conntrack_expect_max";

/** Asks the kernel of this machine. Dialogues of the same helpers share a namespace, those in real time go all at once. */
export async function askKernel(dialogues: readonly Dialogue[]): Promise<Told[]> {
  const answers: Told[] = new Array(dialogues.length);
  const groups = new Map<string, number[]>();
  for (const [i, { helpers, realtime, name }] of dialogues.entries()) {
    const key = realtime ? `${helpers} ${name}` : helpers;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  const work = async (group: readonly number[]) => {
    const kernel = await Kernel.open({ helpers: dialogues[group[0] as number]?.helpers ?? "" });
    try {
      for (const i of group) answers[i] = await tell(kernel, dialogues[i] as Dialogue);
    } finally {
      await kernel.close();
    }
  };
  const isSlow = (group: readonly number[]) => dialogues[group[0] as number]?.realtime === true;
  const slow = Promise.all([...groups.values()].filter(isSlow).map(work));
  slow.catch(() => {}); // awaited below
  for (const group of groups.values()) if (!isSlow(group)) await work(group);
  await slow;
  return answers;
}

/** Settings of the whole machine; returns what puts them back. */
function setMachine({ loose, expectMax }: Dialogue): () => void {
  const settings = [
    ...(loose ? [[LOOSE, "Y"]] : []),
    ...(expectMax === undefined ? [] : [[EXPECT_MAX, `${expectMax}`]]),
  ];
  const before = settings.map(([file = "", value = ""]) => {
    const was = readFileSync(file, "utf8");
    writeFileSync(file, value);
    return [file, was] as const;
  });
  return () => {
    for (const [file, was] of before) writeFileSync(file, was);
  };
}

async function tell(kernel: Kernel, dialogue: Dialogue): Promise<Told> {
  const { name, packets, sysctls = {}, realtime = false } = dialogue;
  await kernel.setSysctls(sysctls);
  await kernel.reset();
  const putBack = setMachine(dialogue);
  try {
    const told: ToldPacket[] = [];
    for (const [i, one] of packets.entries()) {
      const [decision] = await kernel.track([one], { realtime }, i);
      told.push(toldPacket(decision as RecordedPacket, await kernel.expectations()));
    }
    return { name, packets: told };
  } finally {
    putBack();
  }
}

// ---- the engine

/** `ftp:21,sip:5060/tcp` */
export const assignments = (helpers: string): { name: string; port: number }[] =>
  helpers.split(",").map((text) => {
    const [, name, port] = /^([\w.-]+):(\d+)(?:\/(?:tcp|udp))?$/.exec(text) ?? [];
    if (name === undefined) throw new Error(`not a helper: ${text}`);
    return { name, port: Number(port) };
  });

const engines = new Map<string, Conntrack>();

/** The engine as it ships, with the helpers of a dialogue; dialogues of the same settings share one. */
export function engineOf({ helpers, sysctls, loose, expectMax }: Dialogue): Conntrack {
  const sysctl = {
    ...sysctls,
    ...(loose ? { "nf_conntrack_ftp.loose": 1 } : {}),
    ...(expectMax === undefined ? {} : { nf_conntrack_expect_max: expectMax }),
  };
  const key = JSON.stringify([helpers, sysctl]);
  let engine = engines.get(key);
  if (engine === undefined) {
    const wasm = new Uint8Array(readFileSync(createRequire(import.meta.url).resolve("conntrack-wasm/conntrack.wasm")));
    engine = Conntrack.openSync(wasm, {
      trace: true,
      events: false,
      seed: 1,
      max: 1024,
      sysctl,
      helpers: assignments(helpers),
    });
    engines.set(key, engine);
  }
  engine.flush();
  return engine;
}

/** What is asked of an engine. */
export interface Tracker {
  readonly now: bigint;
  track(packet: { time: bigint; data: Uint8Array }): Decision;
  expectations(): Expectation[];
}

/** Plays a dialogue to an engine; one line for each difference. */
export function differences(dialogue: Dialogue, kernel: Told, engine: Tracker = engineOf(dialogue)): string[] {
  const { name, packets, realtime } = dialogue;
  const report: string[] = [];
  const start = engine.now < START ? START : engine.now + NS;
  packets.forEach(({ time, data, etherType }, i) => {
    if (!ETHERTYPES.includes(etherType)) return;
    const microseconds = realtime ? Math.round(time * 1000) : i;
    const decision = engine.track({ time: start + BigInt(microseconds) * 1000n, data });
    const wanted = kernel.packets[i];
    if (!wanted) {
      report.push(`${name}, packet ${i}: not recorded`);
      return;
    }
    const say = (what: string, mine: unknown, theirs: unknown) =>
      report.push(`${name}, packet ${i}: ${what} ${mine} / ${theirs} (${decision.reasonText ?? ""})`);
    if (decision.state !== wanted.state) say("state", decision.state, wanted.state);
    if (decision.direction !== wanted.dir) say("direction", decision.direction, wanted.dir);
    if (decision.verdict.toLowerCase() !== wanted.verdict) say("verdict", decision.verdict, wanted.verdict);
    const timeout = decision.trace?.after?.timeout ?? 0n;
    if (wanted.timeout !== null && !near(Number(timeout / NS), wanted.timeout)) say("timeout", timeout, wanted.timeout);
    if (wanted.expect === null) return;
    const mine = sorted(engine.expectations().map(formatExpectProc));
    if (!sameTables(mine, wanted.expect)) say("expectations", `[${mine.join("; ")}]`, `[${wanted.expect.join("; ")}]`);
  });
  return report;
}

const sameTables = (mine: readonly string[], theirs: readonly string[]) =>
  mine.length === theirs.length &&
  mine.every((line, k) => {
    const other = theirs[k] as string;
    return withoutTime(line) === withoutTime(other) && near(seconds(line), seconds(other));
  });
