// `ctrack diff`: the same captures under two sets of settings or rules, and which packets and flows come out differently.
import { type Command, Option } from "commander";
import { loadRules, type RuleRef } from "conntrack-iptables";
import type { Profile } from "conntrack-wasm";
import { type Colors, colorsFor } from "../color.js";
import { EXIT_DONE, EXIT_FOUND, EXIT_INPUT, UsageError } from "../exit.js";
import { compileFilter } from "../filter.js";
import { type CommonOptions, collect, filesOf, withCommonOptions, withJson } from "../options.js";
import { Output } from "../output.js";
import { PacketView, protocolText, secondsText, timeText } from "../packet.js";
import { flowName } from "../ruling/flows.js";
import { place, refOf, ruleObject } from "../ruling/refs.js";
import { Session } from "../session.js";
import { endpoint } from "../text.js";
import { openRuling, type Ruling, type RulingOptions, withRulingOptions } from "./check.js";

interface DiffOptions extends CommonOptions, RulingOptions {
  readonly output: "text" | "json" | "none";
  readonly by: "packet" | "flow";
  readonly rules: readonly string[];
  readonly toRules: readonly string[];
  readonly toIpset: readonly string[];
  readonly toSysctl: readonly string[];
  readonly toHelper: readonly string[];
  readonly toProfile?: Profile;
}

export function addDiff(program: Command): void {
  const command = program
    .command("diff")
    .description("the same captures under two sets of rules or settings: which packets and flows change")
    .argument("[files...]", "captures, in order")
    .addOption(
      new Option("-o, --output <form>", "text; json: an object per packet or flow; none: only the summary")
        .choices(["text", "json", "none"])
        .default("text"),
    )
    .addOption(new Option("--by <what>", "a line per packet or per flow").choices(["packet", "flow"]).default("packet"))
    .addOption(
      new Option("--rules <file>", "rules of the first run, as of iptables-save; repeatable, one file of each family")
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(
      new Option("--to-rules <file>", "rules of the second run; repeatable; without it those of --rules")
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(
      new Option("--to-ipset <file>", "the sets of the second run; repeatable; without it those of --ipset")
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(
      new Option("--to-sysctl <name=value>", "a setting of the second run, on top of --sysctl; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(
      new Option("--to-helper <name[:port]>", "a helper of the second run, on top of --helper; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(new Option("--to-profile <name>", "profile of the second run").choices(["linux-6", "linux-2.4"]));
  withRulingOptions(command);
  withJson(withCommonOptions(command)).action(async (files: string[], options: DiffOptions) => {
    process.exitCode = await diff(files, options);
  });
}

/** A run's packet, and the rule that decided it. */
class Seen extends PacketView {
  ref: RuleRef | null = null;
}

/** What a run says of a packet, as far as it can change. */
const saidOf = ({ state, direction, verdict, reason, ref }: Seen) => ({
  state,
  direction,
  verdict,
  reason: reason?.name ?? null,
  ...(ref !== null && { rule: ruleObject(ref) }),
});

/** The reason and the rule alone are no change: they explain one. */
const changes = (from: Seen, to: Seen): boolean =>
  from.state !== to.state || from.direction !== to.direction || from.verdict !== to.verdict;

interface Flow {
  readonly name: string;
  readonly protocol: string | null;
  readonly first: number;
  packets: number;
  readonly changes: Map<string, number>;
}

async function diff(args: readonly string[], options: DiffOptions): Promise<number> {
  const files = filesOf(args, options);
  if (files.includes("-")) throw new UsageError("diff reads every capture twice: name files, not standard input");
  const settings = [options.toSysctl, options.toHelper, options.toRules, options.toIpset].flat().length;
  if (settings === 0 && options.toProfile === undefined)
    throw new UsageError(
      "nothing to compare: say how the second run differs, with --to-rules, --to-ipset, --to-sysctl, --to-helper or --to-profile",
    );
  const filter = options.filter === undefined ? null : compileFilter(options.filter);
  const rules = await openRuling(options.rules, files, options);
  const other = [...options.toRules, ...options.toIpset].length > 0;
  const toRules = other ? await openRuling(...secondRules(files, options)) : rules;
  if (rules === null || toRules === null) return EXIT_INPUT;
  const from = await openRun(files, options, rules, true);
  const to = await openRun(files, secondOf(options), toRules, false);
  const colors = colorsFor(options.color, process.stdout);
  const output = new Output();
  const flows = new Map<string, Flow>();
  let packets = 0;
  let changed = 0;
  for await (const [a, b] of sideBySide(from, to)) {
    packets++;
    if (!changes(a, b) || (filter !== null && !filter(a) && !filter(b))) continue;
    changed++;
    count(flows, a, b);
    if (options.by === "packet" && options.output === "json") output.line(packetJson(a, b));
    if (options.by === "packet" && options.output === "text")
      output.line(packetText(a, b, from.session.input.first ?? 0n, colors));
    if (output.full) await output.flush();
  }
  if (options.by === "flow")
    for (const flow of flows.values()) {
      if (options.output === "json") output.line(flowJson(flow));
      if (options.output === "text") output.line(flowText(flow));
    }
  const nothingRead = packets === 0 && from.session.input.failures.length > 0;
  if (options.output !== "json" && !options.quiet && !nothingRead) output.write(summary(packets, changed, flows.size));
  await output.flush();
  const code = from.session.finish();
  return code !== EXIT_DONE ? code : changed > 0 ? EXIT_FOUND : EXIT_DONE;
}

/** Rules and sets of the second run: what is not said anew is that of the first. */
function secondRules(files: readonly string[], options: DiffOptions): Parameters<typeof openRuling> {
  const { rules, toRules, ipset, toIpset } = options;
  return [toRules.length > 0 ? toRules : rules, files, { ...options, ipset: toIpset.length > 0 ? toIpset : ipset }];
}

interface Run {
  readonly session: Session;
  readonly ruling: Ruling;
}

async function openRun(
  files: readonly string[],
  options: CommonOptions,
  ruling: Ruling,
  progress: boolean,
): Promise<Run> {
  const { program, interfaces, matters } = ruling;
  const session = await Session.open(
    files,
    { ...options, read: [] },
    {
      trace: true,
      progress,
      interfaces,
      programSize: matters ? program.bytes.length : 0,
    },
  );
  if (matters) loadRules(session.engine, program);
  return { session, ruling };
}

/** The options of the second run. */
const secondOf = (options: DiffOptions): CommonOptions => ({
  ...options,
  sysctl: [...options.sysctl, ...options.toSysctl],
  helper: [...options.helper, ...options.toHelper],
  profile: options.toProfile ?? options.profile,
});

/** Both runs, packet by packet; both objects are valid until the next pair. */
async function* sideBySide(from: Run, to: Run): AsyncGenerator<[Seen, Seen], void> {
  const second = packets(to);
  for await (const a of packets(from)) {
    const { value: b, done } = await second.next();
    if (done) return;
    yield [a, b];
  }
}

async function* packets({ session, ruling: { program } }: Run): AsyncGenerator<Seen, void> {
  const packet = new Seen();
  for await (const { results, headers } of session.parts())
    for (let i = 0; i < results.count; i++) {
      headers.advance();
      packet.read(results, headers, i);
      packet.ref = refOf(program, results.rule(i));
      yield packet;
    }
}

// ---- Flows ----------------------------------------------------------------------------------------------------------

function count(flows: Map<string, Flow>, from: Seen, to: Seen): void {
  const name = flowName(from);
  let flow = flows.get(name);
  if (!flow) {
    flow = { name, protocol: from.trace.protocol, first: from.frame, packets: 0, changes: new Map() };
    flows.set(name, flow);
  }
  flow.packets++;
  const change = `${shown(from)} → ${shown(to)}`;
  flow.changes.set(change, (flow.changes.get(change) ?? 0) + 1);
}

// ---- Showing --------------------------------------------------------------------------------------------------------

function shown({ state, verdict, direction }: Seen): string {
  const what = state ?? "untouched";
  const way = direction === null ? "" : ` ${direction}`;
  return `${what}${way}${verdict === "DROP" ? " DROP" : ""}`;
}

function because(from: Seen, to: Seen): string {
  if (from.verdict !== to.verdict && (from.ref !== null || to.ref !== null)) {
    const name = ({ ref }: Seen) => (ref === null ? "no rule" : place(ref));
    return `(${name(from)} → ${name(to)})`;
  }
  const reason = to.reasonText ?? from.reasonText;
  return reason === null ? "" : `(${reason})`;
}

function packetText(from: Seen, to: Seen, origin: bigint, colors: Colors): string {
  const { trace } = from;
  return [
    String(from.frame).padStart(6),
    secondsText(from.time - origin).padStart(12),
    trace.src === null
      ? protocolText(trace)
      : `${protocolText(trace)} ${endpoint(trace.src, trace.sport)} > ${endpoint(trace.dst, trace.dport)}`,
    colors.bold(`${shown(from)} → ${shown(to)}`),
    colors.dim(because(from, to)),
  ]
    .join("  ")
    .trimEnd();
}

function packetJson(from: Seen, to: Seen): string {
  const { trace } = from;
  return JSON.stringify({
    frame: from.frame,
    time: timeText(from.seconds, from.nanoseconds),
    protocol: trace.protocol,
    src: trace.src,
    dst: trace.dst,
    sport: trace.sport,
    dport: trace.dport,
    from: saidOf(from),
    to: saidOf(to),
  });
}

const flowText = (flow: Flow): string =>
  `${flow.name}  from packet ${flow.first}: ${[...flow.changes].map(([change, n]) => `${n} × ${change}`).join(", ")}`;

const flowJson = ({ name, protocol, first, packets, changes: kinds }: Flow): string =>
  JSON.stringify({ flow: name, protocol, frame: first, packets, changes: Object.fromEntries(kinds) });

const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

const summary = (packets: number, changed: number, flows: number): string =>
  changed === 0
    ? `${plural(packets, "packet")}, no difference\n`
    : `${changed} of ${plural(packets, "packet")} differ, in ${plural(flows, "flow")}\n`;
