// `ctrack track`: what connection tracking says of every packet.
import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import { formatProc, STATE_NAMES } from "conntrack-wasm";
import { colorsFor } from "../color.js";
import { compileFilter, type Filter } from "../filter.js";
import { hintMembers } from "../hints.js";
import { JsonLines, TOUCHED } from "../json.js";
import { FastLines } from "../lines.js";
import { integer, type PlacedOptions, withCommonOptions, withInterfaces, withJson } from "../options.js";
import { Output, writeOut } from "../output.js";
import { openingOf, PacketView, packetsOf } from "../packet.js";
import { Session } from "../session.js";
import { summaryText, Tally } from "../summary.js";
import { TextTable } from "../text.js";

const MOST_WORKERS = 64;
const NEW = STATE_NAMES.indexOf("NEW");

interface TrackOptions extends PlacedOptions {
  readonly output: "text" | "json" | "none";
  readonly table?: boolean;
  readonly workers: number;
  readonly hints?: boolean;
}

export function addTrack(program: Command): void {
  const command = program
    .command("track", { isDefault: true })
    .description("what connection tracking says of every packet (default command)")
    .argument("[files...]", "captures, in order; - is standard input")
    .addOption(
      new Option("-o, --output <form>", "text; json: an object per packet; none: only the summary")
        .choices(["text", "json", "none"])
        .default("text"),
    )
    .addOption(
      new Option("--workers <n>", "share the work between so many threads, by host pair; auto: one per processor")
        .argParser(workerCount)
        .default(1),
    )
    .option(
      "--hints",
      "what a helper would have announced, and why nothing was expected: with -o json, in the packet's object",
    )
    .option("--table", "show the table at the end, as /proc/net/nf_conntrack has it");
  withJson(withInterfaces(withCommonOptions(command))).action(async (files: string[], options: TrackOptions) => {
    process.exitCode = await track(files, options);
  });
}

function workerCount(text: string): number {
  return text === "auto" ? Math.min(MOST_WORKERS, availableParallelism()) : integer(1, MOST_WORKERS)(text);
}

async function track(files: readonly string[], options: TrackOptions): Promise<number> {
  const filter = options.filter === undefined ? null : compileFilter(options.filter);
  const trace = options.output !== "none" || filter !== null;
  const session = await Session.open(files, options, {
    trace,
    workers: options.workers,
    hindsight: options.hints === true || (options.output === "text" && options.workers === 1),
    progress: options.output === "none" || !process.stdout.isTTY,
    counting: options.output === "none" && filter === null && options.table !== true,
    table: options.table === true,
  });
  const colors = colorsFor(options.color, process.stdout);
  const output = new Output();
  const tally = new Tally();
  if (options.output === "json") await writeJson(session, filter);
  else if (options.output === "text")
    await writeText(session, filter, output, tally, new TextTable(colors, !options.quiet));
  else await countOnly(session, filter, tally);
  const nothingRead = session.input.packets === 0 && session.input.failures.length > 0;
  if (options.output !== "json" && !options.quiet && !nothingRead) {
    if (options.output === "text") output.line();
    output.write(summaryText(tally, session, colors));
  }
  if (options.table) {
    if (options.output !== "json" && !options.quiet) output.line();
    for (const flow of session.flows()) output.line(formatProc(flow));
  }
  await output.flush();
  session.noteHints();
  return session.finish();
}

async function writeJson(session: Session, filter: Filter | null): Promise<void> {
  if (filter === null && session.hindsight === null) {
    const lines = await FastLines.open();
    for await (const { results, headers } of session.parts()) await lines.add(results, headers, writeOut);
    return;
  }
  const json = new JsonLines();
  const packet = new PacketView();
  for await (const { results, headers } of session.parts()) {
    for (let i = 0; i < results.count; i++) {
      if (i % TOUCHED === 0) json.touch(results, i);
      headers.advance();
      if (filter !== null) {
        packet.read(results, headers, i);
        if (!filter(packet)) continue;
      }
      json.add(results, headers, i);
      if (session.hindsight !== null && results.stateCode(i) === NEW) {
        packet.read(results, headers, i);
        json.extend(hintMembers(session.hindsight, openingOf(packet)));
      }
    }
    await writeOut(json.lines);
    json.clear();
  }
}

async function writeText(
  session: Session,
  filter: Filter | null,
  output: Output,
  tally: Tally,
  table: TextTable,
): Promise<void> {
  for await (const part of session.parts()) {
    const origin = session.input.first ?? 0n;
    for (const packet of packetsOf(part)) {
      if (filter !== null && !filter(packet)) continue;
      tally.add(part.results, packet.frame - part.results.firstFrame);
      table.add(packet, origin);
    }
    output.write(table.take());
    await output.flush();
  }
}

async function countOnly(session: Session, filter: Filter | null, tally: Tally): Promise<void> {
  if (filter === null) {
    await session.count(tally);
    return;
  }
  for await (const part of session.parts()) {
    for (const packet of packetsOf(part))
      if (filter(packet)) tally.add(part.results, packet.frame - part.results.firstFrame);
  }
}
