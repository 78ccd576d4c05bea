// `ctrack diff`: the same captures under two sets of settings, and which packets and flows come out differently.
import { type Command, Option } from "commander";
import type { Profile } from "conntrack-wasm";
import { type Colors, colorsFor } from "../color.js";
import { EXIT_DONE, EXIT_FOUND, UsageError } from "../exit.js";
import { compileFilter } from "../filter.js";
import { type CommonOptions, filesOf, withCommonOptions } from "../options.js";
import { Output } from "../output.js";
import { type PacketView, packetsOf, protocolText, secondsText, timeText } from "../packet.js";
import { Session } from "../session.js";

interface DiffOptions extends CommonOptions {
  readonly output: "text" | "json" | "none";
  readonly by: "packet" | "flow";
  readonly toSysctl: readonly string[];
  readonly toHelper: readonly string[];
  readonly toProfile?: Profile;
}

const collect = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];

export function addDiff(program: Command): void {
  const command = program
    .command("diff")
    .description("the same captures under two sets of settings: which packets and flows change")
    .argument("[files...]", "captures, in order")
    .addOption(
      new Option("-o, --output <form>", "text; json: an object per packet or flow; none: only the summary")
        .choices(["text", "json", "none"])
        .default("text"),
    )
    .addOption(new Option("--by <what>", "a line per packet or per flow").choices(["packet", "flow"]).default("packet"))
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
  withCommonOptions(command).action(async (files: string[], options: DiffOptions) => {
    process.exitCode = await diff(files, options);
  });
}

/** What a run says of a packet, as far as it can change. */
interface Said {
  readonly state: string | null;
  readonly direction: string | null;
  readonly verdict: string;
  readonly reason: string | null;
}

const saidOf = ({ state, direction, verdict, reason }: PacketView): Said => ({
  state,
  direction,
  verdict,
  reason: reason?.name ?? null,
});

/** The reason alone is no change: it explains one. */
const changes = (from: PacketView, to: PacketView): boolean =>
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
  if (options.toSysctl.length + options.toHelper.length === 0 && options.toProfile === undefined)
    throw new UsageError(
      "nothing to compare: say how the second run differs, with --to-sysctl, --to-helper or --to-profile",
    );
  const filter = options.filter === undefined ? null : compileFilter(options.filter);
  const from = await Session.open(files, options, { trace: true, progress: true });
  const to = await Session.open(files, secondOf(options), { trace: true });
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
      output.line(packetText(a, b, from.input.first ?? 0n, colors));
    await output.flush();
  }
  if (options.by === "flow")
    for (const flow of flows.values()) {
      if (options.output === "json") output.line(flowJson(flow));
      if (options.output === "text") output.line(flowText(flow));
    }
  if (options.output !== "json" && !options.quiet) output.write(summary(packets, changed, flows.size));
  await output.flush();
  const code = from.finish();
  return code !== EXIT_DONE ? code : changed > 0 ? EXIT_FOUND : EXIT_DONE;
}

/** The options of the second run. */
const secondOf = (options: DiffOptions): CommonOptions => ({
  ...options,
  sysctl: [...options.sysctl, ...options.toSysctl],
  helper: [...options.helper, ...options.toHelper],
  profile: options.toProfile ?? options.profile,
});

/** Both runs, packet by packet; both objects are valid until the next pair. */
async function* sideBySide(from: Session, to: Session): AsyncGenerator<[PacketView, PacketView], void> {
  const second = packets(to);
  for await (const a of packets(from)) {
    const { value: b, done } = await second.next();
    if (done) return;
    yield [a, b];
  }
}

async function* packets(session: Session): AsyncGenerator<PacketView, void> {
  for await (const part of session.parts()) yield* packetsOf(part);
}

// ---- Flows ----------------------------------------------------------------------------------------------------------

function count(flows: Map<string, Flow>, from: PacketView, to: PacketView): void {
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

/** Both directions of a conversation have one name. */
function flowName({ trace }: PacketView): string {
  const ends = [end(trace.src, trace.sport), end(trace.dst, trace.dport)].sort();
  return `${protocolText(trace)} ${ends.join(" ⇄ ")}`;
}

const end = (address: string | null, port: number | null): string => {
  if (address === null) return "-";
  if (port === null) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
};

// ---- Showing --------------------------------------------------------------------------------------------------------

function shown({ state, verdict, direction }: PacketView): string {
  const what = state ?? "untouched";
  const way = direction === null ? "" : ` ${direction}`;
  return `${what}${way}${verdict === "DROP" ? " DROP" : ""}`;
}

function packetText(from: PacketView, to: PacketView, origin: bigint, colors: Colors): string {
  const { trace } = from;
  const because = to.reasonText ?? from.reasonText;
  return [
    String(from.frame).padStart(6),
    secondsText(from.time - origin).padStart(12),
    `${protocolText(trace)} ${end(trace.src, trace.sport)} > ${end(trace.dst, trace.dport)}`,
    colors.bold(`${shown(from)} → ${shown(to)}`),
    because === null ? "" : colors.dim(`(${because})`),
  ]
    .join("  ")
    .trimEnd();
}

function packetJson(from: PacketView, to: PacketView): string {
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
