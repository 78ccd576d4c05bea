// `ctrack events`: births, changes and ends of connections, as conntrack -E prints them.
import type { Command } from "commander";
import { beginXml, endXml, type FlowEvent } from "conntrack-wasm";
import { UsageError } from "../exit.js";
import { compileEventFilter } from "../filter.js";
import { parseForm } from "../form.js";
import { type PlacedOptions, parseAt, withCommonOptions, withInterfaces, withJson } from "../options.js";
import { note, Output } from "../output.js";
import { Session } from "../session.js";
import { signature } from "../version.js";

interface EventsOptions extends PlacedOptions {
  readonly output?: string;
  readonly at?: string;
  readonly eventMask?: string;
  readonly expect?: boolean;
}

const EXPECT_FORMS = ["conntrack", "xml", "json"] as const;
const FORMS = ["conntrack", "extended", "xml", "save", "json"] as const;

export function addEvents(program: Command): void {
  const command = program
    .command("events")
    .description("births, changes and ends of connections, as conntrack -E prints them")
    .argument("[files...]", "captures, in order; - is standard input")
    .option(
      "-o, --output <form>",
      `${FORMS.join(", ")}; with conntrack, extended, xml: ,timestamp,id,ktimestamp,labels (default: conntrack)`,
    )
    .option("-e, --event-mask <types>", "NEW, UPDATES, DESTROY or ALL, separated by commas")
    .option("--expect", "of expectations instead, as conntrack -E expect prints them")
    .option("--at <when>", "stop there, as in list; later than the last packet, entries that are due end");
  withJson(withInterfaces(withCommonOptions(command))).action(async (files: string[], options: EventsOptions) => {
    process.exitCode = await events(files, options);
  });
}

const TYPES: Readonly<Record<string, readonly FlowEvent["type"][]>> = {
  NEW: ["NEW"],
  UPDATE: ["UPDATE"],
  UPDATES: ["UPDATE"],
  DESTROY: ["DESTROY"],
  ALL: ["NEW", "UPDATE", "DESTROY"],
};

function wantedTypes(mask = "ALL"): ReadonlySet<FlowEvent["type"]> {
  const types = mask.split(",").map((word) => {
    const known = TYPES[word.trim().toUpperCase()];
    if (known === undefined) throw new UsageError(`-e ${mask}: "${word}" is not one of NEW, UPDATES, DESTROY, ALL`);
    return known;
  });
  return new Set(types.flat());
}

async function events(files: readonly string[], options: EventsOptions): Promise<number> {
  if (options.expect) return expectEvents(files, options);
  const { format, options: details } = parseForm(options.output, FORMS, "conntrack");
  const types = wantedTypes(options.eventMask);
  const filter = options.filter === undefined ? () => true : compileEventFilter(options.filter);
  const session = await Session.open(files, options, { ...parseAt(options.at), events: true, progress: true });
  const output = new Output();
  let shown = 0;
  const show = async () => {
    session.engine.takeExpectEvents();
    for (const event of session.engine.takeEvents()) {
      if (!types.has(event.type) || !filter(event)) continue;
      output.line(format.event?.(event, details));
      shown++;
    }
    await output.flush();
  };
  if (format.begin !== undefined) output.line(format.begin);
  for await (const _ of session.parts()) await show();
  await show();
  if (format.end !== undefined) output.line(format.end);
  await output.flush();
  if (!options.quiet) note(`${signature()}: ${shown} flow events have been shown.`);
  return session.finish();
}

async function expectEvents(files: readonly string[], options: EventsOptions): Promise<number> {
  const { name, format, options: details } = parseForm(options.output, EXPECT_FORMS, "conntrack");
  if (options.filter !== undefined) throw new UsageError("--filter does not go with --expect");
  const types = wantedTypes(options.eventMask);
  const session = await Session.open(files, options, { ...parseAt(options.at), events: true, progress: true });
  const output = new Output();
  let shown = 0;
  const show = async () => {
    session.engine.takeEvents();
    for (const event of session.engine.takeExpectEvents()) {
      if (!types.has(event.type)) continue;
      output.line(format.expectEvent?.(event, details));
      shown++;
    }
    await output.flush();
  };
  if (name === "xml") output.line(beginXml("expect"));
  for await (const _ of session.parts()) await show();
  await show();
  if (name === "xml") output.line(endXml("expect"));
  await output.flush();
  if (!options.quiet) note(`${signature()}: ${shown} expectation events have been shown.`);
  return session.finish();
}
