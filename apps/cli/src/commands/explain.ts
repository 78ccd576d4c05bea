// `ctrack explain FILE FRAME`: one packet's decision, step by step.
import { type Command, Option } from "commander";
import { loadRules } from "conntrack-iptables";
import { type Colors, colorsFor } from "../color.js";
import { EXIT_INPUT, EXIT_USAGE, UsageError } from "../exit.js";
import { explainPacket, oneLine, type Step } from "../explain.js";
import { hintMembers, notExpectedText } from "../hints.js";
import { JsonLines } from "../json.js";
import { type CommonOptions, collect, withCommonOptions, withJson } from "../options.js";
import { note, Output } from "../output.js";
import { openingOf, PacketView } from "../packet.js";
import { packetJson, rulesStep } from "../ruling/lines.js";
import { Passage } from "../ruling/passage.js";
import { Session } from "../session.js";
import { paintState } from "../text.js";
import { openRuling, type Ruling, type RulingOptions, withRulingOptions } from "./check.js";

interface ExplainOptions extends CommonOptions, RulingOptions {
  readonly output: "text" | "json";
  readonly rules: readonly string[];
}

export function addExplain(program: Command): void {
  const command = program
    .command("explain")
    .description("one packet's decision, step by step")
    .argument("<args...>", "captures, in order, then the number of the packet")
    .addOption(new Option("-o, --output <form>", "text or json").choices(["text", "json"]).default("text"))
    .addOption(
      new Option("--rules <file>", "rules of iptables or ip6tables the packets meet; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .usage("[options] FILE... FRAME");
  withRulingOptions(command);
  withJson(withCommonOptions(command)).action(async (args: string[], options: ExplainOptions) => {
    process.exitCode = await explain(args.slice(0, -1), args.at(-1) ?? "", options);
  });
}

interface Found {
  readonly session: Session;
  readonly packet: PacketView;
  /** Its line of JSON. */
  readonly json: string;
  /** The packet that opened each connection. */
  readonly opened: ReadonlyMap<number, number>;
  /** The number of the deciding rule, and the packet's way through all of them. */
  readonly rule: number;
  readonly passage: Passage;
}

// Tracks up to packet `frame`: it is the last of its run, so what the engine holds is what it was right behind it.
async function runTo(
  files: readonly string[],
  frame: number,
  options: CommonOptions,
  { program, interfaces, matters }: Ruling,
  hindsight = false,
): Promise<Found | Session> {
  const programSize = matters ? program.bytes.length : 0;
  const wishes = { trace: true, count: frame, progress: true, hindsight, programSize, interfaces };
  const session = await Session.open(files, options, wishes);
  if (matters) {
    loadRules(session.engine, program);
    if (session.hindsight) loadRules(session.hindsight.engine, program);
    session.engine.traceRules(true);
  }
  const opened = new Map<number, number>();
  let packet: PacketView | null = null;
  let json = "";
  let rule = 0;
  for await (const { results, headers } of session.parts()) {
    for (let i = 0; i < results.count; i++) {
      headers.advance();
      const conn = results.conn(i);
      if (conn > 0 && !opened.has(conn)) opened.set(conn, results.firstFrame + i);
      if (results.firstFrame + i !== frame) continue;
      packet = new PacketView();
      packet.read(results, headers, i);
      json = new JsonLines().line(results, headers, i);
      rule = results.rule(i);
    }
  }
  if (packet === null) return session;
  const passage = new Passage(session.engine, program, interfaces);
  if (rule !== 0) json = packetJson(json, program, rule, passage);
  return { session, packet, json, opened, rule, passage };
}

async function explain(files: readonly string[], frameText: string, options: ExplainOptions): Promise<number> {
  const [, digits] = /^#?(\d+)$/.exec(frameText) ?? [];
  if (digits === undefined)
    throw new UsageError(`explain: "${frameText}" is not the number of a packet; write ctrack explain FILE FRAME`);
  const frame = Number(digits);
  if (frame < 1 || frame > 2 ** 31) throw new UsageError("explain: packets count from 1");
  const ruling = await openRuling(options.rules, [...files, ...(options.read ?? [])], options);
  if (ruling === null) return EXIT_INPUT;
  const found = await runTo(files, frame, options, ruling, true);
  if (found instanceof Session) {
    const code = found.finish();
    note(`ctrack: explain: there is no packet ${frame}; ${found.input.packets} could be read`);
    return code || EXIT_USAGE;
  }
  const { session, packet, json, opened, rule, passage } = found;
  const origin = session.input.first ?? 0n;
  const cause = await describe(files, packet.trace.cause, packet.frame, options, ruling, origin);
  const announcement = await describe(files, packet.trace.announced, packet.frame, options, ruling, origin);
  const steps = explainPacket({
    packet,
    engine: session.engine,
    origin,
    openedBy: (conn) => opened.get(conn) ?? null,
    cause,
    announcement,
    foreseen: session.hindsight?.hint(packet)?.text ?? null,
    rules: rulesStep(ruling.program, rule, passage, ruling.files.length > 1),
    notExpected: session.hindsight?.notExpected(openingOf(packet)).map(notExpectedText) ?? [],
  });
  const output = new Output();
  const hints = session.hindsight === null ? "" : hintMembers(session.hindsight, openingOf(packet));
  if (options.output === "json") output.line(`${json.slice(0, -1)}${hints},"steps":${JSON.stringify(steps)}}`);
  else output.write(layOut(packet, origin, steps, colorsFor(options.color, process.stdout)));
  await output.flush();
  return session.finish();
}

// Another run up to a packet this one goes back to; standard input cannot be read again.
async function describe(
  files: readonly string[],
  frame: number | null,
  own: number,
  options: CommonOptions,
  ruling: Ruling,
  origin: bigint,
): Promise<string | null> {
  if (frame === null || frame === own || [...files, ...(options.read ?? [])].includes("-")) return null;
  const found = await runTo(files, frame, options, ruling);
  if (found instanceof Session) return null;
  return oneLine(found.packet, origin);
}

function layOut(packet: PacketView, origin: bigint, steps: readonly Step[], colors: Colors): string {
  const width = Math.max(...steps.map(({ step }) => step.length)) + 2;
  let text = `${colors.bold(oneLine(packet, origin))}\n\n`;
  for (const { step, lines } of steps) {
    for (const [i, line] of lines.entries()) {
      const label = (i === 0 ? step : "").padEnd(width);
      const isOutcome = step === "Outcome";
      const painted = isOutcome
        ? paintState(colors, packet.state, line.text)
        : line.verdict === "fails"
          ? colors.red(line.text)
          : line.verdict === "ok"
            ? colors.green(line.text)
            : line.text;
      text += `${colors.dim(label)}${painted}\n`;
    }
  }
  return text;
}
