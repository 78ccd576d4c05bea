// What the kernel said to the dialogues, and how the engine's answers differ from it.
import * as abi from "@conntrack-wasm/core/abi";
import { recordSequences } from "../../../conformance/src/record.js";
import type { Recording } from "../../../conformance/src/recording.js";
import { ipv4Text, ipv6Text } from "../../../conntrack/src/address.js";
import { expandAddress } from "../../../conntrack/src/format/address.js";
import { NS, START } from "./blocks.js";
import { type Inspected, inspect } from "./builds.js";
import type { Dialogue } from "./dialogues.js";

/** One dialogue as the kernel took it: what is compared, and no more. */
export interface Told {
  readonly name: string;
  readonly packets: readonly {
    readonly state: string | null;
    readonly dir: string | null;
    readonly verdict: string;
    readonly timeout: number | null;
    /** null: not recorded after this packet. */
    readonly expect: readonly string[] | null;
  }[];
}

/** Lines of `/proc/net/nf_conntrack_expect`, in an order of their own: the file's is that of a hash table. */
const sorted = (lines: readonly string[]) => [...lines].sort((a, b) => (withoutTime(a) < withoutTime(b) ? -1 : 1));
const withoutTime = (line: string) => line.replace(/^\d+ +/, "");
const seconds = (line: string) => Number(/^\d+/.exec(line)?.[0] ?? -1);
const near = (a: number, b: number) => Math.abs(a - b) <= 1;

export function told(name: string, recording: Recording): Told {
  const dumps = (recording.dumps ?? []) as readonly {
    readonly after: number;
    readonly expect: readonly { readonly line: string }[];
  }[];
  const expectations = (i: number) => {
    const entries =
      i === recording.packets.length - 1 ? recording.expectations : dumps.find(({ after }) => after === i)?.expect;
    return entries ? sorted(entries.map(({ line }) => line.trim())) : null;
  };
  return {
    name,
    packets: recording.packets.map(({ state, dir, verdict, after }, i) => ({
      state,
      dir,
      verdict,
      timeout: after?.timeout ?? null,
      expect: expectations(i),
    })),
  };
}

/** Asks the kernel of this machine. */
export async function askKernel(dialogues: readonly Dialogue[]): Promise<Told[]> {
  const jobs = dialogues.map(({ packets, helpers }) => ({
    packets,
    options: { helpers, dumpAt: packets.map((_, i) => i) },
  }));
  return (await recordSequences(jobs)).map((recording, i) => told((dialogues[i] as Dialogue).name, recording));
}

const HELPERS: Readonly<Record<string, number>> = {
  sip: abi.HELPER_SIP,
  pptp: abi.HELPER_PPTP,
  RAS: abi.HELPER_RAS,
  "Q.931": abi.HELPER_Q931,
  "H.245": abi.HELPER_H245,
};
const OVER_TCP = new Set(["pptp", "Q.931"]);
const CLASSES: Readonly<Record<string, readonly string[]>> = { sip: ["signalling", "audio", "video", "image"] };
const FLAGS = ["PERMANENT", "INACTIVE"];

/** An engine that gives the helpers of a dialogue to its ports. */
export function engineFor(
  wasm: WebAssembly.Module,
  helpers: string,
  sysctl: Readonly<Record<string, number>> = {},
): Inspected {
  const inspected = inspect(wasm, { trace: true, seed: 1, max: 1000, sysctl });
  for (const text of helpers.split(",")) {
    const [, name = "", port, protocol] = /^([\w.-]+):(\d+)(?:\/(tcp))?$/.exec(text) ?? [];
    const l4proto = protocol || OVER_TCP.has(name) ? abi.IPPROTO_TCP : abi.IPPROTO_UDP;
    inspected.core.assignPort(l4proto, Number(port), HELPERS[name] as number);
  }
  return inspected;
}

/** The engine's expectations as `/proc/net/nf_conntrack_expect` has them. */
export function expectationLines({ engine, core }: Inspected): string[] {
  const view = new DataView(core.memory.buffer);
  const bytes = new Uint8Array(core.memory.buffer);
  const lines: string[] = [];
  for (let i = 0; i < core.expectRecords(); i++) {
    const at = (core.expectRecordRegion() >>> 0) + i * abi.EXPECT_SIZE;
    if (view.getUint32(at + abi.EXPECT_SERIAL, true) === 0) continue;
    const isV4 = bytes[at + abi.EXPECT_L3NUM] === abi.L3_IPV4;
    const address = (where: number) => (isV4 ? ipv4Text(bytes, where) : expandAddress(ipv6Text(bytes, where)));
    const l4proto = bytes[at + abi.EXPECT_L4PROTO];
    const [from, to] = [view.getUint16(at + abi.EXPECT_PORTS), view.getUint16(at + abi.EXPECT_PORTS + 2)];
    const parts =
      l4proto === abi.IPPROTO_GRE
        ? `srckey=0x${from.toString(16)} dstkey=0x${to.toString(16)}`
        : `sport=${from} dport=${to}`;
    const flags = FLAGS.filter((_, bit) => ((bytes[at + abi.EXPECT_FLAGS] ?? 0) >> bit) & 1).join(",");
    const helper = Object.keys(HELPERS).find((name) => HELPERS[name] === bytes[at + abi.EXPECT_MASTER_HELPER]) ?? "";
    const klass = CLASSES[helper]?.[bytes[at + abi.EXPECT_CLASS] ?? 0];
    const left = (view.getBigUint64(at + abi.EXPECT_DEADLINE, true) - engine.now) / NS;
    const words = [
      `${left} l3proto = ${isV4 ? 2 : 10} proto=${l4proto}`,
      `src=${address(at)} dst=${address(at + 16)}`,
      parts,
    ];
    if (flags) words.push(flags);
    lines.push([...words, klass ? `${helper}/${klass}` : helper].join(" "));
  }
  return lines;
}

/** Plays a dialogue to an engine; one line for each difference. */
export function differences(
  wasm: WebAssembly.Module,
  { name, helpers, packets }: Dialogue,
  kernel: Told,
  sysctl: Readonly<Record<string, number>> = {},
): string[] {
  const inspected = engineFor(wasm, helpers, sysctl);
  const { engine } = inspected;
  const report: string[] = [];
  packets.forEach(({ data, etherType = 0x0800 }, i) => {
    if (etherType !== 0x0800 && etherType !== 0x86dd) return;
    const decision = engine.track({ time: START + BigInt(i) * (NS / 1000n), data });
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
    const timeout = decision.verdict === "DROP" && wanted.timeout === null ? null : decision.trace?.after?.timeout;
    if (wanted.timeout !== null && !near(Number((timeout ?? 0n) / NS), wanted.timeout))
      say("timeout", timeout, wanted.timeout);
    if (wanted.expect === null) return;
    const theirs = wanted.expect;
    const mine = sorted(expectationLines(inspected));
    const same =
      mine.length === theirs.length &&
      mine.every((line, k) => {
        const other = theirs[k] as string;
        return withoutTime(line) === withoutTime(other) && near(seconds(line), seconds(other));
      });
    if (!same) say("expectations", `[${mine.join("; ")}]`, `[${theirs.join("; ")}]`);
  });
  return report;
}
