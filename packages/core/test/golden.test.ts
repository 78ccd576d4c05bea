// The engine against recordings of the kernel (Linux 6.18.44): state, direction, entry and events packet by packet, the
// table and the counters at the end. with rules also their verdicts and counters.
// Sequences with NAT or helpers are not here.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readPcap } from "../../conformance/src/pcap.js";
import { type RecordedEntry, type RecordedEvent, readRecording } from "../../conformance/src/recording.js";
import {
  Conntrack,
  type Decision,
  type ExpectEvent,
  expectFlagNames,
  type FlowEvent,
  formatExpectProc,
  type Tuple,
} from "../../conntrack/src/index.js";
import {
  type Counters,
  compileRules,
  formatRule,
  type Program,
  parseRuleset,
  readCounters,
} from "../../iptables/src/index.js";
import { NS, START } from "./support/blocks.js";
import { BUILDS } from "./support/builds.js";

const golden = process.env.GOLDEN ?? fileURLToPath(new URL("../../../../shared/golden", import.meta.url));
const present = existsSync(golden);

interface Input {
  readonly mode?: "bridge" | "route" | "input";
  readonly realtime?: boolean;
  readonly sysctl?: Readonly<Record<string, number>>;
  readonly iptables?: string;
  readonly ip6tables?: string;
  readonly nft?: string;
  readonly helpers?: string;
}

const names = present
  ? readdirSync(golden).flatMap((file) => (file.endsWith(".input.json") ? [file.slice(0, -".input.json".length)] : []))
  : [];
const inputOf = (name: string) => JSON.parse(readFileSync(join(golden, `${name}.input.json`), "utf8")) as Input;

/** Those the core has. */
const HELPERS = ["ftp", "irc", "tftp", "amanda", "sane", "sip", "pptp"];

/** `ftp:21,sip:5060/tcp` */
const helpersOf = ({ helpers = "" }: Input) =>
  helpers === ""
    ? []
    : helpers.split(",").map((helper) => {
        const [name = "", port] = helper.split(":");
        return { name, port: Number.parseInt(port ?? "", 10) };
      });

/** Not here, and why. */
function leftOut(name: string): string | null {
  const input = inputOf(name);
  if (input.nft) return "rules of nftables";
  if (/\*nat/.test(input.iptables ?? "")) return "NAT";
  if (input.iptables || input.ip6tables) return null;
  if (input.helpers && helpersOf(input).some(({ name }) => !HELPERS.includes(name))) return "helpers";
  if (input.mode === "route") return "a router's own decisions: TTL, scopes";
  return null;
}

/** Where the kernel, which removes lazily, had not sent all DESTROY events yet when the recording ended. */
const LAZY = new Map([
  ["sctp.timeouts", "an entry whose time was up when the recording ended"],
  ["tcp.timeout-unacknowledged", "an entry whose time was up when the recording ended"],
]);

const EXPECTED = 1;
const SEEN_REPLY = 2;
const ASSURED = 4;
const HELPER = 1 << 13;

const near = (a: number, b: number) => Math.abs(a - b) <= 1;
const seconds = (time: bigint) => Number(time / NS);

function entryDifference(decision: Decision, after: RecordedEntry | null | undefined): string {
  const mine = decision.trace?.after ?? null;
  if (decision.state === "INVALID") return ""; // the trace has no entry; the table at the end tells
  if (!after || !mine)
    return !after === !mine ? "" : `entry ${mine !== null} / ${after !== null && after !== undefined}`;
  const { status, timeout, protocolState } = mine;
  if (!near(seconds(timeout), after.timeout)) return `timeout ${seconds(timeout)} / ${after.timeout}`;
  if (protocolState !== (after.tcp ?? after.sctp ?? null))
    return `protocol state ${protocolState} / ${after.tcp ?? after.sctp}`;
  if (((status & SEEN_REPLY) !== 0) !== after.seen_reply) return `SEEN_REPLY / ${after.seen_reply}`;
  return ((status & ASSURED) !== 0) === after.assured ? "" : `ASSURED / ${after.assured}`;
}

const PROTOINFO = 1 << 5;

// The kernel tells the protocol state of a connection that is new or has changed it, ours always.
function eventText({ type, bits, frame, flow }: FlowEvent, connections: Map<number, number>): string {
  const told = type === "UPDATE" && (bits & PROTOINFO) === 0 ? null : flow.protocolState;
  return `${type} of ${connections.get(flow.conn)} at ${frame - 1} ${told ?? ""} status ${flow.status & (EXPECTED | SEEN_REPLY | ASSURED | HELPER)}`;
}

const STATUS_BITS: Readonly<Record<string, number>> = { EXPECTED, SEEN_REPLY, ASSURED, HELPER };

function tupleText({ src, dst, sport, dport, type, code, id, srckey, dstkey }: Tuple): string {
  const parts = { src, dst, sport, dport, type, code, id, srckey, dstkey };
  return Object.entries(parts)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]))
    .join(" ");
}

/** A recorded tuple in the same words. */
function recordedTuple(tuple: Readonly<Record<string, string | number>>): string {
  return ["src", "dst", "sport", "dport", "type", "code", "id", "srckey", "dstkey"]
    .flatMap((key) =>
      tuple[key] === undefined ? [] : [`${key}=${key.endsWith("key") ? Number(tuple[key]) : tuple[key]}`],
    )
    .join(" ");
}

/** Counters of a rule or policy, in the order of iptables-save. */
interface RecordedCounter {
  readonly table: string;
  readonly chain: string;
  /** Absent: the policy's. */
  readonly rule?: string;
  readonly packets: number;
  readonly bytes: number;
}

/** The rules of a recording: its router forwards everything. */
function programOf(name: string): Program | null {
  const { iptables, ip6tables } = inputOf(name);
  const rulesets = [iptables, ip6tables].flatMap((text, i) =>
    text === undefined ? [] : [parseRuleset(text, { family: i === 0 ? 4 : 6 }).ruleset],
  );
  return rulesets.length === 0 ? null : compileRules(rulesets, { hook: "FORWARD" });
}

function counterDifferences(program: Program, engine: Conntrack, recorded: readonly RecordedCounter[]): string[] {
  const text = ({ table, chain, rule = "policy", packets, bytes }: RecordedCounter) =>
    `${table} ${chain} ${rule} ${packets}:${bytes}`;
  const counters = readCounters(program, engine.programBytes);
  const mine = program.refs.flatMap((ref, number) => {
    if (ref === null) return [];
    const { packets, bytes } = counters[number] as Counters;
    const rule = ref.rule === null ? "policy" : formatRule(ref.rule, ref.family);
    return [text({ table: ref.table, chain: ref.chain.name, rule, packets: Number(packets), bytes: Number(bytes) })];
  });
  const theirs = recorded.map(text);
  const differ = [...mine.filter((line) => !theirs.includes(line)), ...theirs.filter((line) => !mine.includes(line))];
  return differ.map((line) => `counter ${line}`);
}

const isFlowEvent = ({ type }: RecordedEvent) => !`${type}`.startsWith("EXP_");

const pair = ({ src, dst, sport, dport }: Tuple) => `${src}>${dst} ${sport}>${dport}`;

function expectText({ type, frame, expectation }: ExpectEvent): string {
  const { tuple, mask, master, helper, flags } = expectation;
  const words = expectFlagNames(flags);
  return `EXP_${type} at ${frame - 1} ${pair(tuple)} ${pair(mask)} ${pair(master)} ${helper} ${words} ${expectation.class}`;
}

/** The same of a recorded one, whose tuples begin with the protocol. */
function recordedExpectText(event: RecordedEvent): string {
  const [tuple, mask, master] = [event.tuple, event.mask, event.master].map((text) => `${text}`.replace(/^\w+ /, ""));
  return `${event.type} at ${event.at} ${tuple} ${mask} ${master} ${event.helper} ${event.flags} ${event.class}`;
}

const COUNTERS = [
  "invalid",
  "icmp_error",
  "drop",
  "early_drop",
  "insert_failed",
  "expect_new",
  "expect_create",
  "expect_delete",
] as const;

/** Lines of /proc/net/nf_conntrack_expect, which begin with the seconds left, in any order. */
function sameLines(mine: readonly string[], theirs: readonly string[]): boolean {
  const split = (lines: readonly string[]) =>
    lines.map((line) => [line.slice(line.indexOf(" ")), Number.parseInt(line, 10)] as const).sort();
  const [a, b] = [split(mine), split(theirs)];
  return a.length === b.length && a.every(([text, left], i) => text === b[i]?.[0] && near(left, b[i][1]));
}

function compare(name: string, wasm: WebAssembly.Module): string[] {
  const input = inputOf(name);
  const { realtime = false, sysctl = {} } = input;
  // entries were recorded from events, which this rule keeps back
  const hidden = /--ctevents/.test(input.iptables ?? "");
  const recording = readRecording(join(golden, `${name}.kernel.json.gz`));
  const program = programOf(name);
  const programSize = program?.bytes.length ?? 0;
  const engine = Conntrack.openSync(wasm, {
    trace: true,
    events: true,
    seed: 1,
    max: 1000,
    sysctl,
    programSize,
    helpers: helpersOf(input),
  });
  if (program) engine.loadProgram(program.bytes);
  const report: string[] = [];
  const connections = new Map<number, number>();
  for (const [i, { time, data }] of readPcap(readFileSync(join(golden, `${name}.pcap`))).entries()) {
    // without realtime the packets were sent back to back, whatever the file says
    const at = realtime ? START + BigInt(Math.round(time * 1e6)) : START + BigInt(i) * 100_000n;
    const decision = engine.track({ time: at, data });
    const packet = recording.packets[i];
    if (!packet) return [...report, `packet ${i}: not recorded`];
    const say = (text: string) =>
      text !== "" &&
      report.push(`packet ${i}: ${text} (${decision.reasonText ?? ""} / ${packet.why ?? ""}) ${packet.sum}`);
    if (decision.state !== packet.state) say(`state ${decision.state} / ${packet.state}`);
    if (decision.verdict.toLowerCase() !== packet.verdict && packet.seen && decision.state !== null)
      say(`verdict ${decision.verdict} / ${packet.verdict}`);
    if (decision.direction !== packet.dir) say(`direction ${decision.direction} / ${packet.dir}`);
    if (!packet.seen !== (decision.state === null)) say(`seen ${decision.state !== null} / ${packet.seen}`);
    if (decision.state === null && decision.reason === null) say("no state and no reason");
    if (decision.state === "INVALID" && decision.reason === null) say("INVALID without a reason");
    if (decision.conn !== null && packet.ct !== undefined && decision.state !== "INVALID") {
      if (!connections.has(decision.conn)) connections.set(decision.conn, packet.ct);
      if (connections.get(decision.conn) !== packet.ct)
        say(`connection ${connections.get(decision.conn)} / ${packet.ct}`);
    }
    if (!hidden) say(entryDifference(decision, packet.after));
    if (program && decision.verdict.toLowerCase() !== packet.verdict)
      say(`verdict ${decision.verdict} / ${packet.verdict}`);
  }
  const mine = engine.takeEvents().map((event) => eventText(event, connections));
  const theirs = recording.events.filter(isFlowEvent).map(({ type, ct, at, status, tcp, sctp }) => {
    const bits = (status as string[]).reduce((sum, bit) => sum | (STATUS_BITS[bit] ?? 0), 0);
    return `${type} of ${ct} at ${at} ${tcp ?? sctp ?? ""} status ${bits}`;
  });
  if (!LAZY.has(name)) {
    const first = mine.findIndex((event, i) => event !== theirs[i]);
    if (first >= 0 || mine.length !== theirs.length)
      report.push(`event ${first}: ${mine[first]} / ${theirs[first]} (${mine.length} / ${theirs.length})`);
  } else if (theirs.some((event) => !mine.includes(event)))
    report.push(`events: ${mine.join(", ")} / ${theirs.join(", ")}`);
  const expectations = engine.takeExpectEvents().map(expectText);
  const announced = recording.events.filter((event) => !isFlowEvent(event)).map(recordedExpectText);
  if (expectations.join("\n") !== announced.join("\n"))
    report.push(`expectation events: ${JSON.stringify(expectations)} / ${JSON.stringify(announced)}`);
  const flows = engine.flows().map(({ original, reply, timeout, protocolState, status }) => {
    const [orig, back] = [original, reply].map(tupleText);
    return {
      text: `${orig} ${back} ${protocolState} ${(status & SEEN_REPLY) !== 0} ${(status & ASSURED) !== 0}`,
      timeout: seconds(timeout),
    };
  });
  const recorded = recording.table.map(({ orig, reply, timeout, state, flags }) => {
    const text = `${recordedTuple(orig)} ${recordedTuple(reply)} ${state} ${!flags.includes("UNREPLIED")} ${flags.includes("ASSURED")}`;
    return { text, timeout };
  });
  const byText = (a: { text: string }, b: { text: string }) => (a.text < b.text ? -1 : 1);
  flows.sort(byText);
  recorded.sort(byText);
  const same =
    flows.length === recorded.length &&
    flows.every((flow, i) => flow.text === recorded[i]?.text && near(flow.timeout, recorded[i].timeout));
  if (!same) report.push(`table: ${JSON.stringify(flows)} / ${JSON.stringify(recorded)}`);
  if (program) report.push(...counterDifferences(program, engine, recording.iptables as RecordedCounter[]));
  const expected = engine.expectations().map(formatExpectProc);
  if (
    !sameLines(
      expected,
      recording.expectations.map(({ line }) => line),
    )
  )
    report.push(`expectations: ${JSON.stringify(expected)} / ${JSON.stringify(recording.expectations)}`);
  const stats = engine.stats();
  for (const counter of COUNTERS) {
    if (stats[counter] !== recording.counters[counter])
      report.push(`${counter} ${stats[counter]} / ${recording.counters[counter]}`);
  }
  return report;
}

describe.skipIf(!present).each(BUILDS)(
  `recordings of the kernel${present ? "" : ` (none in ${golden})`}, $name build`,
  ({ wasm }) => {
    const cases = names.map((name) => ({ name, reason: leftOut(name) }));
    test.each(cases.filter(({ reason }) => reason === null))("$name", ({ name }) => {
      expect(compare(name, wasm)).toEqual([]);
    });
    test.skip.each(cases.filter(({ reason }) => reason !== null))("$name ($reason)", () => {});
  },
);

test.skipIf(!present)("most recordings need neither rules nor helpers", () => {
  expect(names.filter((name) => leftOut(name) === null).length).toBeGreaterThan(95);
});
