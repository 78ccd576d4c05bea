// `ctrack check`: rulesets over captures. Which rule decided each packet, what rules did to it, and what every rule would have counted.
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { type Command, Option } from "commander";
import type { Capture } from "conntrack-capture";
import { openFile } from "conntrack-capture/node";
import {
  CompileError,
  compileRules,
  formatRuleset,
  formatSets,
  type Hook,
  type IpSet,
  loadRules,
  PlaceError,
  type PlaceInterface,
  type Program,
  parsePlace,
  setsOf,
  withCounters,
} from "conntrack-iptables";
import { EXIT_INPUT, messageOf, UsageError } from "../exit.js";
import { compileFilter } from "../filter.js";
import { hintMembers } from "../hints.js";
import { interfaceNames } from "../interfaces.js";
import { JsonLines } from "../json.js";
import { type CommonOptions, collect, integer, withCommonOptions, withJson } from "../options.js";
import { Output } from "../output.js";
import { openingOf, packetsOf } from "../packet.js";
import { annotate, rulesetJson } from "../ruling/annotate.js";
import { checkAssume, parseAssume } from "../ruling/assume.js";
import { FlowTally } from "../ruling/flows.js";
import { packetJson, packetText } from "../ruling/lines.js";
import { type RuleFile, readRuleFiles } from "../ruling/load.js";
import { type Nameable, nameable, readOutside } from "../ruling/outside.js";
import { Passage } from "../ruling/passage.js";
import { parsePlaceFile } from "../ruling/place-file.js";
import { refOf } from "../ruling/refs.js";
import { traceLines } from "../ruling/trace.js";
import { type Part, Session } from "../session.js";

type Form = "text" | "json" | "iptables-save" | "rules-json" | "ipset";

/** What says where the firewall stands, and what its rules are. */
export interface RulingOptions {
  readonly iface: readonly string[];
  readonly place?: string;
  readonly hook?: Hook;
  readonly in?: string;
  readonly out?: string;
  readonly undecided: "no" | "yes";
  readonly assume: readonly string[];
  readonly ipset: readonly string[];
  readonly timeoutPolicies: readonly string[];
  readonly ipv6?: boolean;
  readonly seed: bigint;
}

interface CheckOptions extends CommonOptions, RulingOptions {
  readonly output: Form;
  readonly rules: readonly string[];
  readonly by: "packet" | "flow";
  readonly trace?: number;
  readonly hints?: boolean;
}

export function addCheck(program: Command): void {
  const command = program
    .command("check")
    .description("which rule decided each packet, and what every rule would have counted")
    .argument("<rules>", "a file of iptables-save or ip6tables-save, or of both; - is standard input")
    .argument("[files...]", "more files of rules (those of ip6tables), then captures, in order; - is standard input")
    .addOption(
      new Option(
        "-o, --output <form>",
        "text; json: an object per packet or flow; iptables-save: the rulesets with their counters; rules-json: one object for all rules; ipset: the sets as they are then",
      )
        .choices(["text", "json", "iptables-save", "rules-json", "ipset"])
        .default("text"),
    )
    .addOption(
      new Option("--rules <file>", "another file of rules, such as those of ip6tables; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(new Option("--by <what>", "a line per packet or per flow").choices(["packet", "flow"]).default("packet"))
    .option(
      "--hints",
      "with -o json: what a helper would have announced, and why nothing was expected, in the packet's object",
    )
    .option(
      "--trace <frame>",
      "every rule and chain this packet passed, as TRACE logs them; -v: also those that did not match",
      integer(1, 2 ** 31),
    );
  withRulingOptions(command);
  withJson(withCommonOptions(command)).action(async (rules: string, files: string[], options: CheckOptions) => {
    process.exitCode = await check(rules, files, options);
  });
}

/** The options of every command that runs rules. */
export function withRulingOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--iface <name=address/prefix>", "an interface of the box; the first leads to the world; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .option("--place <file>", "the interfaces of the box as YAML or JSON, instead of --iface")
    .addOption(new Option("--hook <hook>", "where every packet passes").choices(["INPUT", "FORWARD", "OUTPUT"]))
    .option("--in <name>", "interface of packets that come from no declared network")
    .option("--out <name>", "interface of packets that go to no declared network")
    .addOption(
      new Option("--undecided <answer>", "what matches answer that no capture can decide (owner, socket, …)")
        .choices(["no", "yes"])
        .default("no"),
    )
    .addOption(
      new Option(
        "--assume <what=answer>",
        "the same for one match (owner=yes) or rule (line:7=yes, FORWARD:3=no); repeatable",
      )
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(
      new Option("--ipset <file>", "the sets that rules name, as ipset save prints them; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(
      new Option("--timeout-policies <file>", "those CT --timeout names, as nfct list timeout prints them; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .option("-6, --ipv6", "rules are those of ip6tables, where nothing in their file says so");
}

/** Rules, ready to run. */
export interface Ruling {
  readonly files: readonly RuleFile[];
  readonly program: Program;
  /** As the files have them. */
  readonly sets: ReadonlyMap<string, IpSet>;
  readonly interfaces: readonly string[];
  /** There are rules, or the box was described: without the program the engine would know neither. */
  readonly matters: boolean;
}

/** Reads and compiles rules; null when they have errors, which are then told. */
export async function openRuling(
  rules: readonly string[],
  captures: readonly string[],
  options: RulingOptions,
): Promise<Ruling | null> {
  const outside = await readOutside(options);
  const known = outside === null ? {} : nameable(outside, options);
  const files = await readRuleFiles(rules, options.ipv6 ? 6 : 4, known);
  return files === null || outside === null ? null : compileRuling(files, captures, options, outside.sets, known);
}

async function compileRuling(
  files: readonly RuleFile[],
  captures: readonly string[],
  options: RulingOptions,
  sets: ReadonlyMap<string, IpSet>,
  known: Nameable,
): Promise<Ruling> {
  const given = options.place === undefined ? null : readPlace(options.place);
  const specs = [...(given?.interfaces ?? []), ...options.iface];
  const hook = options.hook ?? given?.hook;
  const inside = options.in ?? given?.in;
  const outside = options.out ?? given?.out;
  const asked = [inside, outside].filter((name) => name !== undefined);
  try {
    const declared = parsePlace(specs);
    // Without a word about the box, what the capture calls its interfaces is all there is to know.
    const place = declared.length > 0 ? declared : parsePlace([...new Set([...asked, ...(await namesIn(captures))])]);
    for (const [option, name] of [
      ["--in", inside],
      ["--out", outside],
    ] as const)
      if (name !== undefined && !place.some((known) => known.name === name))
        throw new UsageError(
          `${option} ${name}: not one of the declared interfaces ${place.map((known) => known.name).join(", ")}`,
        );
    const rulesets = files.map(({ ruleset }) => ruleset);
    if (files.length > 0) checkAssume(options.assume, rulesets);
    const program = compileRules(rulesets, {
      place,
      seenOn: place.length > 0,
      assume: parseAssume(options.assume, options.undecided === "yes"),
      seed: Number(options.seed & 0xffffffffn),
      ...known,
      ...(hook && { hook }),
      ...(inside !== undefined && { in: inside }),
      ...(outside !== undefined && { out: outside }),
    });
    const interfaces = place.map(({ name }: PlaceInterface) => name);
    return { files, program, sets, interfaces, matters: files.length > 0 || declared.length > 0 };
  } catch (error) {
    if (error instanceof CompileError)
      throw new UsageError(`${files.map(({ file }) => file).join(", ")}: ${error.message}`);
    if (error instanceof PlaceError) throw new UsageError(`--iface: ${error.message}`);
    throw error;
  }
}

function readPlace(file: string): ReturnType<typeof parsePlaceFile> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--place ${file}: ${messageOf(error)}`);
  }
  return parsePlaceFile(text, file);
}

// Interfaces a pcapng file describes before its first packets.
async function namesIn(captures: readonly string[]): Promise<string[]> {
  const described: Capture["interfaces"][number][] = [];
  for (const file of captures) {
    if (file === "-") continue;
    try {
      const capture = await openFile(file);
      for await (const _ of capture.packets()) break;
      described.push(...capture.interfaces);
      await capture.close();
    } catch {
      // told when it is read
    }
  }
  return interfaceNames(described);
}

/** A file that is text is one of rules: no capture is. */
export function splitArguments(args: readonly string[]): { rules: string[]; captures: string[] } {
  const texts = args.map(isText);
  return { rules: args.filter((_, i) => texts[i]), captures: args.filter((_, i) => !texts[i]) };
}

const LOOK = 512;

function isText(file: string): boolean {
  if (file === "-") return false;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, "r");
    const bytes = new Uint8Array(LOOK);
    const length = readSync(descriptor, bytes, 0, LOOK, 0);
    return length > 0 && bytes.subarray(0, length).every((byte) => byte >= 32 || (byte >= 9 && byte <= 13));
  } catch {
    return false; // told when it is read
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

async function check(first: string, args: readonly string[], options: CheckOptions): Promise<number> {
  const { rules, captures } = splitArguments(args);
  if (first === "-" && captures.includes("-")) throw new UsageError("standard input (-) can be read only once");
  const all = [...(options.read ?? []), ...captures];
  const ruling = await openRuling([first, ...rules, ...options.rules], all, options);
  if (ruling === null) return EXIT_INPUT;
  const { program, interfaces } = ruling;
  const counting = options.trace === undefined && ["iptables-save", "rules-json", "ipset"].includes(options.output);
  const session = await Session.open(captures, options, {
    trace: !counting,
    programSize: program.bytes.length,
    interfaces,
    single: !counting,
    hindsight: options.hints === true || options.output === "text",
    progress: counting || !process.stdout.isTTY,
    ...(options.trace !== undefined && { count: options.trace }),
  });
  loadRules(session.engine, program);
  session.engine.traceRules(!counting);
  if (session.hindsight) loadRules(session.hindsight.engine, program);
  const output = new Output();
  if (options.trace !== undefined) await traceFrame(session, ruling, options, options.trace, output);
  else {
    const verdicts = await showPackets(session, ruling, options, output);
    const nothingRead = session.input.packets === 0 && session.input.failures.length > 0;
    if (options.output !== "json" && !nothingRead) {
      const rulesets = ruling.files.map(({ ruleset }) => ruleset);
      const counted = withCounters(rulesets, program, session.engine.programBytes);
      if (options.output === "ipset") output.write(formatSets(setsAfter(ruling, session.engine)));
      else if (options.output === "rules-json") output.line(rulesetJson(ruling, counted, verdicts));
      else {
        if (options.output === "text" && !options.quiet) output.line();
        for (const ruleset of counted) {
          if (counted.length > 1) output.line(`# rules of ${ruleset.family === 6 ? "ip6tables" : "iptables"}`);
          output.write(formatRuleset(ruleset, { counters: true }));
        }
        if (options.output === "text" && !options.quiet) annotate(output, ruling, counted, verdicts);
      }
    }
  }
  await output.flush();
  session.noteHints();
  return session.finish();
}

/** All sets of the files, with what rules made of those they name. */
function setsAfter({ sets, program }: Ruling, engine: Session["engine"]): Iterable<IpSet> {
  const after = new Map(sets);
  for (const set of setsOf(program, engine.programBytes, engine.now)) after.set(set.name, set);
  return after.values();
}

/** Packets by what became of them; `untouched`: the rules never saw them. */
export interface Verdicts {
  ACCEPT: number;
  DROP: number;
  untouched: number;
  /** Of ACCEPT and DROP: with a match on their way that could not be decided. */
  undecided: number;
}

async function showPackets(
  session: Session,
  { program, interfaces, files }: Ruling,
  options: CheckOptions,
  output: Output,
): Promise<Verdicts> {
  const filter = options.filter === undefined ? null : compileFilter(options.filter);
  const json = new JsonLines();
  const flows = options.by === "flow" ? new FlowTally(program) : null;
  const verdicts: Verdicts = { ACCEPT: 0, DROP: 0, untouched: 0, undecided: 0 };
  const showing = options.output === "text" || options.output === "json";
  for await (const part of session.parts()) {
    const { results } = part;
    for (let i = 0; i < results.count; i++) countVerdict(verdicts, results.rule(i), results.verdict(i));
    if (!showing) continue;
    for (const packet of packetsOf(part)) {
      if (filter !== null && !filter(packet)) continue;
      const rule = results.rule(packet.frame - results.firstFrame);
      if (flows !== null) {
        flows.add(packet, rule);
        continue;
      }
      const passage = new Passage(session.engine, program, interfaces);
      const origin = session.input.first ?? 0n;
      if (options.output === "json") {
        const hints = session.hindsight === null ? "" : hintMembers(session.hindsight, openingOf(packet));
        const line = packetJson(baseLine(json, part, packet.frame), program, rule, passage);
        output.line(`${line.slice(0, -1)}${hints}}`);
      } else output.line(packetText(packet, origin, refOf(program, rule), rule, passage, files.length > 1));
      if (output.full) await output.flush();
    }
  }
  for (const flow of flows?.all() ?? []) output.line(options.output === "json" ? flow.json() : flow.text());
  await output.flush();
  return verdicts;
}

function countVerdict(verdicts: Verdicts, rule: number, verdict: "ACCEPT" | "DROP"): void {
  if (rule === 0) verdicts.untouched++;
  else verdicts[verdict]++;
  if (rule >>> 31 === 1) verdicts.undecided++;
}

// The object of `ctrack track`.
function baseLine(json: JsonLines, { results, headers }: Part, frame: number): string {
  json.clear();
  return json.line(results, headers, frame - results.firstFrame);
}

async function traceFrame(
  session: Session,
  { program, interfaces, files }: Ruling,
  options: CheckOptions,
  frame: number,
  output: Output,
): Promise<void> {
  let packets = 0;
  for await (const part of session.parts()) {
    packets += part.results.count;
    for (const packet of packetsOf(part)) {
      if (packet.frame !== frame) continue;
      const rule = part.results.rule(packet.frame - part.results.firstFrame);
      const passage = new Passage(session.engine, program, interfaces);
      const { headers } = part;
      const bytes = headers.bytes.subarray(headers.data, headers.data + headers.captured);
      if (options.output === "json") {
        output.line(packetJson(baseLine(new JsonLines(), part, frame), program, rule, passage, true));
        return;
      }
      output.line(packetText(packet, session.input.first ?? 0n, refOf(program, rule), rule, passage, files.length > 1));
      const lines = traceLines(passage, packet, bytes, options.verbose === true);
      output.line(lines.length > 0 ? lines.join("\n") : "no rule was asked");
      return;
    }
  }
  if (session.input.failures.length === 0)
    throw new UsageError(`--trace ${frame}: there is no such packet; ${packets} could be read`);
}
