// Rules as the editor has them: text and place into a program, and the program's numbers into rows to show.
import {
  CompileError,
  compileRules,
  formatRule,
  type Program,
  parsePlace,
  parseRuleset,
  type RuleRef,
  type Ruleset,
  readCounters,
} from "conntrack-iptables";
import type { RuleRow, RuleRows, RuleSettings } from "../worker/messages";
import { interfacesOf } from "./interfaces";

export function compileRuleset(ruleset: Ruleset, { interfaces, hook }: RuleSettings): Program {
  return compileRules(ruleset, { place: parsePlace(interfacesOf(interfaces)), seed: 0, ...(hook !== "" && { hook }) });
}

export function compileText(rules: RuleSettings): Program {
  const { ruleset, errors } = parseRuleset(rules.text);
  const [error] = errors;
  if (error) throw new CompileError(`the rules, line ${error.line}, column ${error.column}: ${error.message}`);
  return compileRuleset(ruleset, rules);
}

/** The rows of a program with the counters its bytes have now. */
export function ruleRows(program: Program, bytes: Uint8Array): RuleRows {
  const counters = readCounters(program, bytes);
  return program.refs.map((ref, number): RuleRow | null => {
    if (ref === null) return null;
    const { packets = 0n, bytes: size = 0n } = counters[number] ?? {};
    const { table, chain, rule, position } = ref;
    return {
      table,
      chain: chain.name,
      position: rule === null ? 0 : position,
      line: rule?.line ?? 0,
      text: rule === null ? `${chain.policy}` : formatRule(rule, ref.family),
      packets: Number(packets),
      bytes: Number(size),
      undecided: program.undecided.get(number) ?? [],
      to: wayOn(ref),
    };
  });
}

function wayOn({ rule }: RuleRef): RuleRow["to"] {
  const target = rule?.target;
  return target?.kind === "jump" || target?.kind === "goto"
    ? { chain: target.chain, back: target.kind === "jump" }
    : null;
}
