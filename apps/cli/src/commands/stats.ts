// `ctrack stats`: the counters of conntrack -S and /proc/net/stat/nf_conntrack.
import { type Command, Option } from "commander";
import { formatConntrackStats, formatProcStats, statsToJson } from "conntrack-wasm";
import { type PlacedOptions, parseAt, withCommonOptions, withInterfaces, withJson } from "../options.js";
import { Output } from "../output.js";
import { Session } from "../session.js";

interface StatsOptions extends PlacedOptions {
  readonly output: "conntrack" | "proc" | "json";
  readonly at?: string;
}

export function addStats(program: Command): void {
  const command = program
    .command("stats")
    .description("the kernel's counters, as conntrack -S shows them")
    .argument("[files...]", "captures, in order; - is standard input")
    .addOption(
      new Option("-o, --output <form>", "conntrack: as conntrack -S; proc: as /proc/net/stat/nf_conntrack; json")
        .choices(["conntrack", "proc", "json"])
        .default("conntrack"),
    )
    .option("--at <when>", "stop there, as in list");
  withJson(withInterfaces(withCommonOptions(command))).action(async (files: string[], options: StatsOptions) => {
    process.exitCode = await stats(files, options);
  });
}

async function stats(files: readonly string[], options: StatsOptions): Promise<number> {
  const session = await Session.open(files, options, { ...parseAt(options.at), progress: true });
  for await (const _ of session.parts());
  const output = new Output();
  const counters = session.engine.stats();
  if (options.output === "json")
    output.line(JSON.stringify({ ...statsToJson(counters), totals: session.engine.totals() }));
  else output.write(ensureLine(options.output === "proc" ? formatProcStats(counters) : formatConntrackStats(counters)));
  await output.flush();
  return session.finish();
}

function ensureLine(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
