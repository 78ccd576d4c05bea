// `ctrack list`: the table, behind the last packet or at a moment.
import type { Command } from "commander";
import { beginXml, endXml } from "conntrack-wasm";
import { UsageError } from "../exit.js";
import { compileFlowFilter } from "../filter.js";
import { parseForm } from "../form.js";
import { type PlacedOptions, parseAt, withCommonOptions, withInterfaces, withJson } from "../options.js";
import { note, Output } from "../output.js";
import { Session } from "../session.js";
import { signature } from "../version.js";

interface ListOptions extends PlacedOptions {
  readonly output?: string;
  readonly at?: string;
  readonly expect?: boolean;
}

const FORMS = ["proc", "legacy", "conntrack", "extended", "xml", "save", "json"] as const;
const EXPECT_FORMS = ["proc", "conntrack", "xml", "json"] as const;

export function addList(program: Command): void {
  const command = program
    .command("list")
    .description("the connection tracking table, as /proc/net/nf_conntrack or conntrack -L show it")
    .argument("[files...]", "captures, in order; - is standard input")
    .option(
      "--at <when>",
      "'#12': behind packet 12; +3.5: seconds after the first packet; 1700000000.5: since the epoch (default: the last packet)",
    )
    .option(
      "-o, --output <form>",
      `${FORMS.join(", ")}; with conntrack, extended, xml: ,id,timestamp,ktimestamp,labels (default: proc)`,
    );
  command.option("--expect", "the expectations instead, as /proc/net/nf_conntrack_expect or conntrack -L expect");
  withJson(withInterfaces(withCommonOptions(command))).action(async (files: string[], options: ListOptions) => {
    process.exitCode = await list(files, options);
  });
}

async function list(files: readonly string[], options: ListOptions): Promise<number> {
  if (options.expect) return listExpectations(files, options);
  const old = options.profile === "linux-2.4";
  const { name, format, options: details } = parseForm(options.output, FORMS, old ? "legacy" : "proc");
  const filter = options.filter === undefined ? () => true : compileFlowFilter(options.filter);
  const session = await Session.open(files, options, { ...parseAt(options.at), progress: true });
  for await (const _ of session.parts());
  const output = new Output();
  if (format.begin !== undefined) output.line(format.begin);
  let shown = 0;
  for (const flow of session.engine.flows()) {
    if (!filter(flow) || (name === "legacy" && flow.l3num !== 2)) continue; // that file lists IPv4 only
    output.line(format.flow(flow, details));
    shown++;
    if (output.full) await output.flush();
  }
  if (format.end !== undefined) output.line(format.end);
  await output.flush();
  if (!options.quiet) note(`${signature()}: ${shown} flow entries have been shown.`);
  return session.finish();
}

async function listExpectations(files: readonly string[], options: ListOptions): Promise<number> {
  const { name, format, options: details } = parseForm(options.output, EXPECT_FORMS, "proc");
  if (options.filter !== undefined) throw new UsageError("--filter does not go with --expect");
  const session = await Session.open(files, options, { ...parseAt(options.at), progress: true });
  for await (const _ of session.parts());
  const output = new Output();
  const xml = name === "xml";
  if (xml) output.line(beginXml("expect"));
  const expectations = session.engine.expectations();
  const stamp = details.timestamp ? { timestamp: session.engine.now } : {};
  for (const expectation of expectations) output.line(format.expectation?.(expectation, stamp));
  if (xml) output.line(endXml("expect"));
  await output.flush();
  if (!options.quiet) note(`${signature()}: ${expectations.length} expectations have been shown.`);
  return session.finish();
}
