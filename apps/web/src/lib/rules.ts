// Rules as the editor has them: text and place into a program, and the program's numbers into rows to show.
import {
  CompileError,
  type CompileOptions,
  compileRules,
  formatRule,
  type Program,
  parsePlace,
  parseRuleset,
  parseSets,
  parseTimeoutPolicies,
  type RuleError,
  type RuleRef,
  type Ruleset,
  readCounters,
} from "conntrack-iptables";
import type { RuleRow, RuleRows, RuleSettings } from "../worker/messages";
import { interfacesOf } from "./interfaces";

/** A text of the settings, and what it is called. */
export const OUTSIDE = { sets: "the sets", timeoutPolicies: "the timeout policies" } as const;

export interface ReadRules {
  readonly ruleset: Ruleset;
  readonly errors: readonly RuleError[];
  /** What is wrong with what rules may name. */
  readonly outsideErrors: readonly (RuleError & { readonly of: keyof typeof OUTSIDE })[];
  readonly known: Pick<CompileOptions, "sets" | "timeoutPolicies">;
}

export function readRules({ text, sets, timeoutPolicies }: RuleSettings): ReadRules {
  const [someSets, policies] = [parseSets(sets), parseTimeoutPolicies(timeoutPolicies)];
  const known = { ...(sets.trim() !== "" && { sets: someSets.sets }), timeoutPolicies: policies.policies };
  const of = (name: keyof typeof OUTSIDE, errors: readonly RuleError[]) =>
    errors.map((error) => ({ ...error, of: name }));
  const outsideErrors = [...of("sets", someSets.errors), ...of("timeoutPolicies", policies.errors)];
  return { ...parseRuleset(text, known), outsideErrors, known };
}

export function compileRead({ ruleset, known }: ReadRules, { interfaces, hook }: RuleSettings): Program {
  const place = parsePlace(interfacesOf(interfaces));
  return compileRules(ruleset, { place, seenOn: place.length > 0, seed: 0, ...known, ...(hook !== "" && { hook }) });
}

export function compileText(rules: RuleSettings): Program {
  const read = readRules(rules);
  const [outside] = read.outsideErrors;
  const error = outside ?? read.errors[0];
  const where = outside ? OUTSIDE[outside.of] : "the rules";
  if (error) throw new CompileError(`${where}, line ${error.line}, column ${error.column}: ${error.message}`);
  return compileRead(read, rules);
}

export { loadRules } from "conntrack-iptables";

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
