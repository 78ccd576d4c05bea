// The rule that decided a packet, in the words of `ctrack check`.
import type { Program } from "conntrack-iptables";
import { isUndecided, place, refOf, ruleObject, type Step } from "ctrack/parts";

/** A line of `ctrack check -o json`: that of `ctrack track` with the rule in its place. */
export function withRule(line: string, program: Program | null, rule: number): string {
  if (program === null) return line;
  const ref = refOf(program, rule);
  const undecided = isUndecided(rule) ? ',"undecided":true' : "";
  return line.replace(
    '"rule":null',
    () => `"rule":${JSON.stringify(ref && { ...ruleObject(ref), family: undefined })}${undecided}`,
  );
}

export function ruleStep(program: Program, rule: number): Step {
  const ref = refOf(program, rule);
  if (ref === null) return { step: "Rules", lines: [{ text: "no rule was asked" }] };
  const unsure = isUndecided(rule) ? [{ text: "a match on its way cannot be decided from packets" }] : [];
  return { step: "Rules", lines: [{ text: `decided by ${place(ref)}: ${ruleObject(ref).text}` }, ...unsure] };
}

/** `FORWARD:3 (line 7)`; "" when no rule was asked. */
export function ruleName(program: Program | null, rule: number): string {
  const ref = program && refOf(program, rule);
  return ref ? place(ref) : "";
}
