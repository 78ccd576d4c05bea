// Rules that no packet can hit, in words.
import { type Ruleset, type ShadowedRule, shadowedRules } from "conntrack-iptables";
import { rulePlace } from "./row";

export interface Shadow {
  /** Line of the rule, and of the rule that shadows it; 0 where none does. */
  readonly line: number;
  readonly byLine: number;
  readonly text: string;
}

export function shadowsOf(ruleset: Ruleset): Map<number, Shadow> {
  return new Map(
    shadowedRules(ruleset).map((shadowed) => [
      shadowed.rule.line,
      { line: shadowed.rule.line, byLine: shadowed.by[0]?.rule.line ?? 0, text: textOf(shadowed) },
    ]),
  );
}

function textOf({ why, by, chain }: ShadowedRule): string {
  const others = by.map((place) => `${rulePlace(place)} (line ${place.rule.line})`).join(" and ");
  if (why === "chain") return `can never be hit: no rule leads to ${chain}`;
  if (why === "contradiction")
    return `can never be hit: no packet is all that is asked${others && `, here and by ${others}`}`;
  return `can never be hit: ${others} ${by.length === 1 ? "takes" : "take"} all of its packets before`;
}
