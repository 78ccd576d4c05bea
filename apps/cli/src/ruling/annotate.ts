// What strikes in a ruleset that was run: rules nothing hit, rules nothing can hit, matches left open, verdicts.
import { formatRule, type RuleRef, type Ruleset, type ShadowedRule, shadowedRules } from "conntrack-iptables";
import type { Ruling, Verdicts } from "../commands/check.js";
import type { Output } from "../output.js";
import { placeOf, placesOf } from "./lines.js";
import { ruleObject } from "./refs.js";

interface Counted {
  readonly ref: RuleRef;
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly shadowed: ShadowedRule | null;
}

/** All rules and policies, in the order of the files. */
function countedRules(rulesets: readonly Ruleset[]): Counted[] {
  return rulesets.flatMap((ruleset) => {
    const { family } = ruleset;
    const shadowed = new Map(shadowedRules(ruleset).map((one) => [one.rule, one]));
    return ruleset.tables.flatMap(({ name: table, chains }) =>
      chains.flatMap((chain) => [
        ...chain.rules.map(
          (rule, i): Counted => ({
            ref: { table, chain, rule, position: i + 1, family },
            packets: rule.counters?.packets ?? 0n,
            bytes: rule.counters?.bytes ?? 0n,
            shadowed: shadowed.get(rule) ?? null,
          }),
        ),
        ...(chain.policy === null
          ? []
          : [{ ref: { table, chain, rule: null, position: 0, family }, ...chain.counters, shadowed: null }]),
      ]),
    );
  });
}

/** Chains of the nat table are kept and not run. */
const runs = ({ ref }: Counted): boolean => ref.table !== "nat";

export function annotate(
  output: Output,
  { files, program, interfaces }: Ruling,
  rulesets: readonly Ruleset[],
  verdicts: Verdicts,
): void {
  const both = files.length > 1;
  const rules = countedRules(rulesets).filter(({ ref }) => ref.rule !== null);
  const idle = rules.filter((one) => runs(one) && one.packets === 0n && one.shadowed === null);
  const idlePlaces = placesOf(
    idle.map(({ ref }) => ref),
    both,
  );
  if (idle.length > 0) output.line(`\nNever hit: ${idlePlaces.join(", ")}`);
  const dead = rules.filter(({ shadowed }) => shadowed !== null);
  if (dead.length > 0) output.line("\nCan never be hit:");
  for (const { ref, shadowed } of dead) {
    output.line(`  ${placeOf(ref, both)}  ${ref.rule ? formatRule(ref.rule, ref.family) : ""}`);
    output.line(`      ${reasonText(shadowed as ShadowedRule, ref)}`);
  }
  const unknownInterfaces = interfaces.length === 0 && rules.some(({ ref: { rule } }) => rule?.in || rule?.out);
  if (program.undecided.size > 0 || unknownInterfaces) output.line();
  if (unknownInterfaces)
    output.line("Undecided from packets: -i and -o; --iface NAME=ADDRESS/PREFIX says where the box stands");
  for (const [number, names] of program.undecided) {
    const ref = program.refs[number];
    if (ref) output.line(`Undecided from packets: ${names.join(", ")} in ${placeOf(ref, both)}`);
  }
  output.line(`\n${verdictText(verdicts)}`);
  const [only, more] = files;
  if (verdicts.untouched > 0 && only !== undefined && more === undefined)
    output.line(`The rules are of ${only.ruleset.family === 6 ? "ip6tables (IPv6)" : "iptables (IPv4)"} alone`);
}

function reasonText({ why, by }: ShadowedRule, { family, table }: RuleRef): string {
  const places = by.map((one) => {
    const name = table === "filter" ? one.chain : `${table}/${one.chain}`;
    return `${name}:${one.position} (line ${one.rule.line})  ${formatRule(one.rule, family)}`;
  });
  if (why === "chain") return "no rule leads to its chain";
  if (why === "contradiction")
    return places.length === 0
      ? "no packet can be all that it asks"
      : `contradicts what leads to its chain: ${places.join("; ")}`;
  return places.length === 1
    ? `its packets are taken before by ${places[0]}`
    : `its packets are taken before by, together, ${places.join("; ")}`;
}

function verdictText({ ACCEPT, DROP, untouched, undecided }: Verdicts): string {
  const total = ACCEPT + DROP + untouched;
  return [
    `${total} packet${total === 1 ? "" : "s"}: ${ACCEPT} ACCEPT, ${DROP} DROP`,
    ...(untouched > 0 ? [`${untouched} no rule was asked about`] : []),
    ...(undecided > 0 ? [`${undecided} with a match that could not be decided (--assume answers it)`] : []),
  ].join(", ");
}

const keyOf = ({ family, table, chain, position }: RuleRef): string => `${family} ${table} ${chain.name} ${position}`;

/** One object: verdicts, and every rule and policy with its counters. */
export function rulesetJson({ files, program }: Ruling, rulesets: readonly Ruleset[], verdicts: Verdicts): string {
  const undecided = new Map(
    [...program.undecided].map(([number, names]) => [keyOf(program.refs[number] as RuleRef), names]),
  );
  return JSON.stringify({
    verdicts,
    rules: countedRules(rulesets).map(({ ref, packets, bytes, shadowed }) => ({
      ...ruleObject(ref),
      file: files.find(({ ruleset }) => ruleset.family === ref.family)?.file ?? null,
      packets: Number(packets),
      bytes: Number(bytes),
      shadowed: shadowed && {
        why: shadowed.why,
        by: shadowed.by.map(({ chain, position, rule }) => ({ chain, position, line: rule.line })),
      },
      undecided: undecided.get(keyOf(ref)) ?? [],
    })),
  });
}
