// `ctrack check`: a ruleset over a capture. Which rule decided each packet, and what every rule would have counted.
import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import {
  CompileError,
  compileRules,
  formatRule,
  formatRuleset,
  type Hook,
  PlaceError,
  type Program,
  parsePlace,
  parseRuleset,
  type RuleRef,
  type Ruleset,
  withCounters,
} from "conntrack-iptables";
import { program as P } from "conntrack-wasm";
import { EXIT_INPUT, messageOf, UsageError } from "../exit.js";
import { compileFilter } from "../filter.js";
import { hintMembers } from "../hints.js";
import { JsonLines } from "../json.js";
import { type CommonOptions, withCommonOptions } from "../options.js";
import { note, Output } from "../output.js";
import { openingOf, type PacketView, packetsOf, protocolText, secondsText } from "../packet.js";
import { isUndecided, place, refOf, ruleObject } from "../ruling/refs.js";
import { type Part, Session } from "../session.js";
import { endpoint, infoText } from "../text.js";

interface CheckOptions extends CommonOptions {
  readonly output: "text" | "json" | "iptables-save";
  readonly iface: readonly string[];
  readonly hook?: Hook;
  readonly in?: string;
  readonly out?: string;
  readonly undecided: "no" | "yes";
  readonly trace?: number;
  readonly hints?: boolean;
}

const collect = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];

export function addCheck(program: Command): void {
  const command = program
    .command("check")
    .description("which rule decided each packet, and what every rule would have counted")
    .argument("<rules>", "a file of iptables-save or ip6tables-save")
    .argument("[files...]", "captures, in order; - is standard input")
    .addOption(
      new Option(
        "-o, --output <form>",
        "text; json: an object per packet; iptables-save: the ruleset with its counters",
      )
        .choices(["text", "json", "iptables-save"])
        .default("text"),
    )
    .addOption(
      new Option("--iface <name=address/prefix>", "an interface of the box; the first leads to the world; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(new Option("--hook <hook>", "where every packet passes").choices(["INPUT", "FORWARD", "OUTPUT"]))
    .option("--in <name>", "interface of packets that come from no declared network")
    .option("--out <name>", "interface of packets that go to no declared network")
    .addOption(
      new Option("--undecided <answer>", "what matches answer that no capture can decide (owner, socket, …)")
        .choices(["no", "yes"])
        .default("no"),
    )
    .option(
      "--hints",
      "with -o json: what a helper would have announced, and why nothing was expected, in the packet's object",
    )
    .option("--trace <frame>", "every rule this packet was asked by", Number);
  withCommonOptions(command).action(async (rules: string, files: string[], options: CheckOptions) => {
    process.exitCode = await check(rules, files, options);
  });
}

async function check(file: string, files: readonly string[], options: CheckOptions): Promise<number> {
  const ruleset = readRules(file);
  if (ruleset === null) return EXIT_INPUT;
  const program = compile(ruleset, options);
  const stop = options.trace === undefined ? {} : { count: options.trace };
  const programSize = program.bytes.length;
  const hindsight = options.hints === true || options.output === "text";
  const session = await Session.open(files, options, { trace: true, programSize, hindsight, ...stop });
  session.engine.loadProgram(program.bytes);
  session.hindsight?.engine.loadProgram(program.bytes);
  const output = new Output();
  if (options.trace !== undefined) await traceFrame(session, program, options.trace, output);
  else await packets(session, program, options, output);
  if (options.output !== "json" && options.trace === undefined) {
    const [counted] = withCounters([ruleset], program, session.engine.programBytes);
    const text = formatRuleset(counted as Ruleset, { counters: true });
    if (options.output === "iptables-save") output.write(text);
    else annotate(output, program, counted as Ruleset, text);
  }
  await output.flush();
  session.noteHints();
  return session.finish();
}

function readRules(file: string): Ruleset | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    note(`ctrack: ${file}: ${messageOf(error)}`);
    return null;
  }
  const { ruleset, errors } = parseRuleset(text);
  for (const { line, column, message } of errors) note(`${file}:${line}:${column}: ${message}`);
  return errors.length > 0 ? null : ruleset;
}

function compile(ruleset: Ruleset, options: CheckOptions): Program {
  try {
    return compileRules(ruleset, {
      place: parsePlace(options.iface),
      assume: options.undecided === "yes",
      seed: Number(options.seed & 0xffffffffn),
      ...(options.hook && { hook: options.hook }),
      ...(options.in && { in: options.in }),
      ...(options.out && { out: options.out }),
    });
  } catch (error) {
    if (error instanceof CompileError || error instanceof PlaceError) throw new UsageError(error.message);
    throw error;
  }
}

// Rules of one family are read here, so that it goes without saying.
function ruleJson(ref: RuleRef | null): string {
  return JSON.stringify(ref && { ...ruleObject(ref), family: undefined });
}

async function packets(session: Session, program: Program, options: CheckOptions, output: Output): Promise<void> {
  const filter = options.filter === undefined ? null : compileFilter(options.filter);
  const json = new JsonLines();
  for await (const part of session.parts()) {
    if (options.output === "iptables-save") continue;
    for (const packet of packetsOf(part)) {
      if (filter !== null && !filter(packet)) continue;
      const rule = part.results.rule(packet.frame - part.results.firstFrame);
      if (options.output === "json") {
        const hints = session.hindsight === null ? "" : hintMembers(session.hindsight, openingOf(packet));
        output.line(`${jsonLine(json, part, packet, program, rule).slice(0, -1)}${hints}}`);
      } else output.line(textLine(packet, session.input.first ?? 0n, program, rule));
      if (output.full) await output.flush();
    }
    await output.flush();
  }
}

// The object of `ctrack track` with the rule in its place.
function jsonLine(
  json: JsonLines,
  { results, headers }: Part,
  packet: PacketView,
  program: Program,
  rule: number,
): string {
  json.clear();
  const line = json.line(results, headers, packet.frame - results.firstFrame);
  const undecided = isUndecided(rule) ? ',"undecided":true' : "";
  return line.replace('"rule":null', () => `"rule":${ruleJson(refOf(program, rule))}${undecided}`);
}

function textLine(packet: PacketView, origin: bigint, program: Program, rule: number): string {
  const { trace } = packet;
  const ref = refOf(program, rule);
  const cells = [
    `#${packet.frame}`,
    secondsText(packet.time - origin),
    protocolText(trace),
    `${endpoint(trace.src, trace.sport)} > ${endpoint(trace.dst, trace.dport)}`,
    infoText(packet),
    packet.state ?? "-",
    ref === null
      ? (packet.reasonText ?? "")
      : `${packet.verdict} by ${place(ref)}${isUndecided(rule) ? ", undecided" : ""}`,
  ];
  return cells.filter((cell) => cell !== "").join("  ");
}

// The ruleset as it would be saved, and behind it what strikes.
function annotate(output: Output, program: Program, ruleset: Ruleset, text: string): void {
  output.line();
  output.write(text);
  const idle = ruleset.tables.flatMap(({ name, chains }) =>
    chains.flatMap((chain) =>
      chain.rules.flatMap((rule, i) =>
        rule.counters?.packets === 0n && name !== "nat"
          ? [place({ table: name, chain, rule, position: i + 1, family: ruleset.family })]
          : [],
      ),
    ),
  );
  if (idle.length > 0) output.line(`\nNever hit: ${idle.join(", ")}`);
  for (const [number, names] of program.undecided) {
    const ref = program.refs[number];
    if (ref) output.line(`Undecided from packets: ${names.join(", ")} in ${place(ref)}`);
  }
}

async function traceFrame(session: Session, program: Program, frame: number, output: Output): Promise<void> {
  if (!Number.isInteger(frame) || frame < 1) throw new UsageError("--trace: give the number of a packet, from 1");
  session.engine.traceRules(true);
  let last: string | null = null;
  for await (const part of session.parts()) {
    for (const packet of packetsOf(part)) {
      if (packet.frame !== frame) continue;
      const rule = part.results.rule(packet.frame - part.results.firstFrame);
      last = textLine(packet, session.input.first ?? 0n, program, rule);
    }
  }
  if (last === null) throw new UsageError(`--trace ${frame}: the capture has no such packet`);
  output.line(last);
  for (const word of session.engine.ruleTrace()) {
    const ref = program.refs[word & 0x3fffffff];
    if (!ref) continue;
    const matched = (word & P.TRACE_RULE_MATCHED) !== 0;
    const rule = ref.rule === null ? `${ref.chain.policy}` : formatRule(ref.rule, ref.family);
    output.line(`  ${matched ? "*" : " "} ${place(ref)}  ${rule}`);
  }
}
