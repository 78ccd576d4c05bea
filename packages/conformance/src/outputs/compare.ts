// The engine's side: the same packets at the moments they were sent, and its formats byte for byte against what the kernel
// and conntrack(8) printed.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { compileRules, loadRules, type Program, parseRuleset } from "conntrack-iptables";
import { Conntrack, type ExpectEvent, type FlowEvent, type LabelNames, type Stats } from "conntrack-wasm";
import { ruledProgram } from "../ruled.js";
import type { Printed, PrintedReading, PrintedStep } from "./ask.js";
import { EVENT_FORMS, EXPECT_EVENT_FORMS, READINGS, type View, viewOf } from "./forms.js";
import { KernelValues } from "./kernel-values.js";
import type { OutputScript, Step } from "./script.js";
import { compareStream, type Happened } from "./streams.js";
import { compareReading, countersOf } from "./tables.js";

/** One line for each difference. */
export function compareOutputs(script: OutputScript, printed: Printed): string[] {
  const engine = openEngine(script);
  const labels: LabelNames = script.labels ?? false;
  const views: { readonly view: View; readonly readings: readonly PrintedReading[] }[] = [];
  const happened: Happened<FlowEvent>[] = [];
  const expected: Happened<ExpectEvent>[] = [];
  const [baseline, ...steps] = printed.steps;
  script.steps.forEach((step, i) => {
    const { times, readings = [] } = steps[i] as PrintedStep;
    play(engine, step, times.map(BigInt));
    const flush = step.kind === "flush" ? { span: BigInt(times[1] ?? 0) - BigInt(times[0] ?? 0) } : null;
    happened.push(...engine.takeEvents().map((event) => ({ event, flush })));
    expected.push(...engine.takeExpectEvents().map((event) => ({ event, flush })));
    if (step.kind === "read") views.push({ view: viewOf(engine, labels), readings });
  });

  const report: string[] = [];
  const before = countersOf(baseline?.readings?.[0]?.text ?? "");
  const kernel = new KernelValues(
    happened.map(({ event }) => event),
    printed,
  );
  for (const { view, readings } of views) {
    const flows = view.flows.map((flow) => kernel.flow(flow));
    const mine = { ...view, flows, stats: sum(view.stats, before) };
    READINGS.forEach((reading, i) => {
      report.push(...compareReading(reading, readings[i] as PrintedReading, mine));
    });
  }
  const mine = happened.map(({ event, flush }) => ({
    event: { ...event, flow: kernel.flow(event.flow, flush?.span) },
    flush,
  }));
  for (const form of EVENT_FORMS) report.push(...compareStream(form, printed.events[form.name] ?? "", mine, labels));
  for (const form of EXPECT_EVENT_FORMS)
    report.push(...compareStream(form, printed.events[form.name] ?? "", expected, labels));
  return report.map((line) => `${script.name}: ${line}`);
}

let wasm: WebAssembly.Module | undefined;

function openEngine({ sysctls = {}, iptables, ip6tables, ruled }: OutputScript): Conntrack {
  wasm ??= new WebAssembly.Module(
    readFileSync(createRequire(import.meta.url).resolve("conntrack-wasm/conntrack.wasm")),
  );
  const program = ruled ? ruledProgram() : iptables || ip6tables ? compiled(iptables, ip6tables) : null;
  const programSize = program?.bytes.length ?? 0;
  const engine = Conntrack.openSync(wasm, { seed: 1, max: 1024, events: true, sysctl: sysctls, programSize });
  if (program) loadRules(engine, program);
  return engine;
}

function compiled(iptables = "", ip6tables = ""): Program {
  const rulesets = ([4, 6] as const).map((family) => {
    const { ruleset, errors } = parseRuleset(family === 4 ? iptables : ip6tables, { family });
    if (errors[0]) throw new Error(errors[0].message);
    return ruleset;
  });
  return compileRules(rulesets, { hook: "FORWARD" });
}

function play(engine: Conntrack, step: Step, times: readonly bigint[]): void {
  if (step.kind === "packets")
    step.packets.forEach(({ data }, i) => {
      engine.track({ time: times[i] as bigint, data });
    });
  else engine.advance(times[0] as bigint);
  if (step.kind === "flush") engine.flush();
}

/** The kernel counts from the birth of its namespace, we from the first packet. */
function sum(stats: Stats, before: Partial<Stats>): Stats {
  const entries = Object.entries(stats) as [keyof Stats, number][];
  return Object.fromEntries(
    entries.map(([name, value]) => [name, name === "entries" ? value : value + (before[name] ?? 0)]),
  ) as unknown as Stats;
}
