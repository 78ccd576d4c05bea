// The rule that decided a packet, in the words of `ctrack check`.
import type { Program } from "conntrack-iptables";
import type { Conntrack } from "conntrack-wasm";
import { Passage, packetJson, place, refOf, rulesStep, type Step } from "ctrack/parts";

/** A program, and the names of the firewall's interfaces. */
export interface Ruling {
  readonly program: Program;
  readonly interfaces: readonly string[];
}

export const rulingOf = (program: Program | null, interfaces: readonly string[]): Ruling | null =>
  program && { program, interfaces };

/** A line of `ctrack check -o json` of the packet the engine saw last; without rules that of `ctrack track`. */
export function withRule(line: string, ruling: Ruling | null, engine: Conntrack, rule: number): string {
  if (ruling === null) return line;
  return packetJson(line, ruling.program, rule, new Passage(engine, ruling.program, ruling.interfaces));
}

/** What rules did with the packet the engine saw last. */
export function ruleStep({ program, interfaces }: Ruling, engine: Conntrack, rule: number): Step | null {
  return rulesStep(program, rule, new Passage(engine, program, interfaces), false);
}

/** `FORWARD:3 (line 7)`; "" when no rule was asked. */
export function ruleName(program: Program | null, rule: number): string {
  const ref = program && refOf(program, rule);
  return ref ? place(ref) : "";
}
