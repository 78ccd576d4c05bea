// Cases over the engine: every packet is tracked, and what comes out is held against what was expected.
import { readFileSync } from "node:fs";
import { openFile } from "conntrack-capture/node";
import {
  CompileError,
  Firewall,
  type IpSet,
  PlaceError,
  parseSets,
  parseTimeoutPolicies,
  type RuleError,
  type RuleRef,
  type Ruleset,
  type TimeoutPolicy,
} from "conntrack-iptables";
import { Conntrack, ConntrackError, type Decision, type PacketInput } from "conntrack-wasm";
import { messageOf, UsageError } from "../exit.js";
import { assignHelper } from "../helper.js";
import { protocolText } from "../packet.js";
import { parseAssume } from "../ruling/assume.js";
import { parseFamilies } from "../ruling/load.js";
import { type Nameable, nameable, type Outside } from "../ruling/outside.js";
import { place } from "../ruling/refs.js";
import { CraftError, Crafter, endOf } from "./craft.js";
import { type CaptureCheck, type Case, CaseError, type Expected, type ExpectedRule, type Place } from "./file.js";

export interface Outcome {
  readonly file: string;
  readonly case: string;
  readonly line: number;
  readonly text: string;
  /** null: as expected. */
  readonly problem: string | null;
}

/** Crafted packets begin here: 2024-01-01, a day without meaning. */
const BEGIN = 1_704_067_200_000_000_000n;
const RAW_IP = 101;

/** What comes of a packet; with rules, the one that decided. */
interface Answer extends Omit<Decision, "rule"> {
  readonly rule: RuleRef | null;
}

interface CasePacket extends PacketInput {
  readonly in?: string;
  readonly out?: string;
}

type Tracker = (packet: CasePacket) => Answer;

export async function runCase(one: Case, file: string): Promise<Outcome[]> {
  const track = one.rules.length === 0 ? await openEngine(one) : await openFirewall(one);
  const outcome = (check: { text: string; line: number }, problem: string | null): Outcome => ({
    file,
    case: one.name,
    line: check.line,
    text: check.text,
    problem,
  });
  if (one.capture === null) {
    const crafter = new Crafter();
    let time = BEGIN;
    return one.packets.map((check) => {
      const { after, ...packet } = atPlace(check, () => crafter.craft(check.packet));
      time += after;
      const answer = atPlace(check, () => track({ ...packet, time, link: RAW_IP }));
      return outcome(check, compare(check.expected, answer));
    });
  }
  const seen = one.expect.map(() => ({ packets: 0, problem: null as string | null }));
  const asked = one.expect.map((check) => atPlace(check, () => matcherOf(check)));
  for await (const { time, data, link, frame } of packetsOf(one.capture, one)) {
    const decision = track({ time, data, link });
    one.expect.forEach((check, i) => {
      const tally = seen[i];
      if (!tally || !asked[i]?.(frame, decision)) return;
      tally.packets++;
      const problem = compare(check.expected, decision);
      if (problem !== null) tally.problem ??= "frame" in check.of ? problem : `packet ${frame}: ${problem}`;
    });
  }
  return one.expect.map((check, i) =>
    outcome(check, seen[i]?.packets === 0 ? "no such packet in the capture" : (seen[i]?.problem ?? null)),
  );
}

async function openEngine(one: Case): Promise<Tracker> {
  const engine = await Conntrack.open({ seed: 0n, trace: true });
  prepare(one, engine);
  return (packet) => ({ ...engine.track(packet), rule: null });
}

async function openFirewall(one: Case): Promise<Tracker> {
  const firewall = await atCase(one, async () => {
    const known = nameable(readOutside(one), one);
    return Firewall.open({
      rules: one.rules.flatMap((rules) => readRules(rules, known)),
      ...known,
      interfaces: one.interfaces,
      assume: parseAssume(one.assume, false),
      ...(one.hook !== null && { hook: one.hook }),
      link: RAW_IP,
      seed: 0n,
      trace: true,
    });
  });
  prepare(one, firewall.engine);
  return ({ data, ...way }) => firewall.packet(data, way);
}

/** A file, or what would be in one; what is wrong with it is said with its name, or `what` it is. */
function readSource(given: string, what: string): { text: string; check: (error: RuleError | undefined) => void } {
  const inline = given.includes("\n");
  const source = inline ? what : given;
  const check = (error: RuleError | undefined) => {
    if (error) throw new SyntaxError(`${source}: line ${error.line}, column ${error.column}: ${error.message}`);
  };
  try {
    return { text: inline ? given : readFileSync(given, "utf8"), check };
  } catch (error) {
    throw new SyntaxError(`${source}: ${messageOf(error)}`);
  }
}

/** Rules of one family or both. */
function readRules(rules: string, known: Nameable): Ruleset[] {
  const { text, check } = readSource(rules, "rules");
  return parseFamilies(text, 4, known).map(({ ruleset, errors }) => {
    check(errors[0]);
    return ruleset;
  });
}

function readOutside({ ipset, timeoutPolicies: policies }: Case): Outside {
  const [sets, timeoutPolicies] = [new Map<string, IpSet>(), new Map<string, TimeoutPolicy>()];
  const readAll = (sources: readonly string[], what: string, read: (text: string) => readonly RuleError[]) => {
    for (const source of sources) {
      const { text, check } = readSource(source, what);
      check(read(text)[0]);
    }
  };
  readAll(ipset, "ipset", (text) => parseSets(text, sets).errors);
  readAll(policies, "timeout-policies", (text) => parseTimeoutPolicies(text, timeoutPolicies).errors);
  return { sets, timeoutPolicies };
}

/** What is wrong with the rules or the interfaces of a case is an error of its file. */
async function atCase<T>(one: Case, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const known = [SyntaxError, CompileError, PlaceError, UsageError].some((kind) => error instanceof kind);
    if (known) throw new CaseError(one, (error as Error).message);
    throw error;
  }
}

function prepare(one: Case, engine: Conntrack): void {
  for (const helper of one.helpers) {
    try {
      assignHelper(engine, helper);
    } catch (error) {
      if (error instanceof UsageError || error instanceof ConntrackError)
        throw new CaseError(one, `helper ${helper}: ${error.message}`);
      throw error;
    }
  }
  for (const [name, value] of one.sysctl) {
    try {
      engine.setSysctl(name, value);
    } catch (error) {
      if (error instanceof ConntrackError) throw new CaseError(one, `${name}: ${error.message}`);
      throw error;
    }
  }
}

async function* packetsOf(
  file: string,
  place: Place,
): AsyncGenerator<{ time: bigint; data: Uint8Array; link: number; frame: number }, void> {
  try {
    const capture = await openFile(file);
    let frame = 0;
    for await (const packet of capture.packets()) {
      frame++;
      yield { time: packet.time, data: packet.data, link: capture.interfaces[packet.interface]?.link ?? RAW_IP, frame };
    }
  } catch (error) {
    throw new CaseError(place, `${file}: ${messageOf(error)}`);
  }
}

function atPlace<T>(place: Place, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof CraftError || error instanceof RangeError) throw new CaseError(place, error.message);
    throw error;
  }
}

/** Whether a packet of the capture is one this check asks about. */
function matcherOf({ of }: CaptureCheck): (frame: number, answer: Answer) => boolean {
  if ("frame" in of) return (frame) => frame === of.frame;
  const [protocol, from = "", arrow, to = ""] = of.flow.split(/\s+/);
  if (arrow !== ">") throw new CraftError(`"${of.flow}": wanted is PROTOCOL SOURCE > DESTINATION`);
  const hasPorts = protocol === "tcp" || protocol === "udp";
  const ends = [endOf(from, hasPorts), endOf(to, hasPorts)].map(({ text }) => text);
  return (_, { trace }) => {
    if (trace === null || trace.src === null || trace.dst === null || protocolText(trace) !== protocol) return false;
    const place = (address: string, port: number | null) => {
      const bracketed = address.includes(":") ? `[${address}]` : address;
      return endOf(hasPorts ? `${bracketed}:${port ?? 0}` : bracketed, hasPorts).text;
    };
    const [source, destination] = [place(trace.src, trace.sport), place(trace.dst, trace.dport)];
    return (source === ends[0] && destination === ends[1]) || (source === ends[1] && destination === ends[0]);
  };
}

/** The first thing that is not as expected. */
function compare(expected: Expected, decision: Answer): string | null {
  const because = decision.reasonText === null ? "" : ` (${decision.reasonText})`;
  for (const key of ["state", "verdict"] as const)
    if (expected[key] !== undefined && expected[key] !== decision[key])
      return `${key} is ${decision[key] ?? "none"}, expected was ${expected[key]}${because}${by(decision)}`;
  if (expected.rule !== undefined && !isRule(expected.rule, decision.rule))
    return `rule is ${decision.rule === null ? "none" : place(decision.rule)}, expected was ${ruleText(expected.rule)}`;
  for (const key of ["direction", "reason"] as const)
    if (expected[key] !== undefined && expected[key] !== decision[key])
      return `${key} is ${decision[key] ?? "none"}, expected was ${expected[key]}${because}`;
  return null;
}

const by = ({ rule }: Answer): string => (rule === null ? "" : `, decided by ${place(rule)}`);

function isRule(expected: ExpectedRule, ref: RuleRef | null): boolean {
  if (ref === null) return false;
  if ("line" in expected) return ref.rule?.line === expected.line;
  if ("comment" in expected)
    return ref.rule?.matches.some((match) => match.name === "comment" && match.text === expected.comment) === true;
  const { table, chain, position } = expected;
  return ref.table === table && ref.chain.name === chain && ref.position === position;
}

function ruleText(expected: ExpectedRule): string {
  if ("line" in expected) return `the one in line ${expected.line}`;
  if ("comment" in expected) return `the one with the comment "${expected.comment}"`;
  const { table, chain, position } = expected;
  return `${table === "filter" ? "" : `${table}/`}${chain}:${position === 0 ? "policy" : position}`;
}
