// Sequences through the engine, by its exact and its fast path, against what the kernel said of them.

import { type EngineOptions, runEngine, runFast, withoutEntry } from "./engine.js";
import { differences, type Outcome } from "./outcome.js";
import type { Sequence } from "./sequence.js";

export interface Comparison {
  readonly name: string;
  readonly packets: number;
  /** Numbers of the packets that differ. */
  readonly wrong: readonly number[];
  /** What differs, for people. */
  readonly report: readonly string[];
}

type Subject = Pick<Sequence, "name" | "packets" | "options">;

/** `besides`: what only the engine is told. */
export function compare({ name, packets, options }: Subject, kernel: Outcome, besides?: EngineOptions): Comparison {
  const told = { ...options, ...besides, sysctls: { ...options.sysctls, ...besides?.sysctls } };
  const mine = runEngine(packets, told);
  const found = differences(mine, kernel);
  const report = found.map(({ packet, text }) => {
    const reason = packet === null ? null : mine.reasons[packet];
    return `${name}: ${text}${reason ? ` (${reason})` : ""}`;
  });
  const wrong = new Set(found.flatMap(({ packet }) => (packet === null ? [] : [packet])));
  const quick = runFast(packets, told);
  for (const [i, text] of quick.packets.entries()) {
    if (text === withoutEntry(mine.packets[i] as string)) continue;
    report.push(`${name}: packet ${i}: fast path ${text}, exact path ${mine.packets[i]}`);
    wrong.add(i);
  }
  for (const part of ["events", "ended", "table", "counters"] as const)
    if (JSON.stringify(quick[part]) !== JSON.stringify(mine[part]))
      report.push(`${name}: ${part} of the two paths differ`);
  return { name, packets: packets.length, wrong: [...wrong], report };
}
