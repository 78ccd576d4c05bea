// Rules of a program as people and programs read them.
import { formatRule, type Program, type RuleRef } from "conntrack-iptables";
import { program as P } from "conntrack-wasm";

export const isUndecided = (rule: number): boolean => rule >>> 31 === 1;

/** What a number of the rule column stands for; null: no rule was asked. */
export const refOf = (program: Program, rule: number): RuleRef | null =>
  program.refs[(rule & ~P.RULE_UNDECIDED) >>> 0] ?? null;

/** `FORWARD:3 (line 7)`, or `FORWARD policy`; tables other than filter by name. */
export function place({ table, chain, rule, position }: RuleRef): string {
  const name = table === "filter" ? chain.name : `${table}/${chain.name}`;
  return rule === null ? `${name} policy` : `${name}:${position} (line ${rule.line})`;
}

export interface RuleObject {
  readonly family: 4 | 6;
  readonly table: string;
  readonly chain: string;
  readonly position: number | null;
  readonly line: number | null;
  readonly text: string;
}

export function ruleObject({ table, chain, rule, position, family }: RuleRef): RuleObject {
  return {
    family,
    table,
    chain: chain.name,
    position: rule === null ? null : position,
    line: rule?.line ?? null,
    text: rule === null ? `-P ${chain.name} ${chain.policy}` : `-A ${chain.name} ${formatRule(rule, family)}`.trimEnd(),
  };
}
