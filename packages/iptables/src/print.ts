// Data into text, byte for byte as iptables-save of iptables 1.8.9 (nf_tables) prints it.
import { formatNetwork } from "./address.js";
import { findMatch } from "./match/index.js";
import { formatInterface, join, not } from "./option.js";
import { protocolName } from "./protocols.js";
import type {
  AddressTest,
  Chain,
  Counters,
  Family,
  InterfaceTest,
  Match,
  Rule,
  Ruleset,
  Table,
  Target,
} from "./ruleset.js";
import { findTarget } from "./target/index.js";

const printAddress = (name: string, test: AddressTest | null) => test && `${not(test)}${name} ${formatNetwork(test)}`;
const printInterface = (name: string, test: InterfaceTest | null) =>
  test && `${not(test)}${name} ${formatInterface(test)}`;

export function formatMatch(match: Match, family: Family): string {
  return join(`-m ${match.name}`, findMatch(match.name, family)?.print(match, family));
}

export function formatTarget(target: Target, family: Family): string {
  if (target.kind === "jump") return `-j ${target.chain}`;
  if (target.kind === "goto") return `-g ${target.chain}`;
  return join(`-j ${target.kind}`, findTarget(target.kind, family)?.print(target, family));
}

/** A rule without its chain and counters: `-s 10.0.0.0/8 -j DROP`. */
export function formatRule(rule: Rule, family: Family): string {
  return join(
    printAddress("-s", rule.source),
    printAddress("-d", rule.destination),
    printInterface("-i", rule.in),
    printInterface("-o", rule.out),
    rule.protocol && `${not(rule.protocol)}-p ${protocolName(rule.protocol.number)}`,
    rule.fragment && `${not(rule.fragment)}-f`,
    ...rule.matches.map((match) => formatMatch(match, family)),
    rule.target && formatTarget(rule.target, family),
  );
}

const printCounters = (counters: Counters | null) => `[${counters?.packets ?? 0}:${counters?.bytes ?? 0}]`;

export interface FormatOptions {
  /** Whether rules carry their counters; as they were read unless given. */
  counters?: boolean;
}

/** The whole file. Built-in chains come first, then those of the user by name. */
export function formatRuleset(ruleset: Ruleset, options: FormatOptions = {}): string {
  const counters = options.counters ?? ruleset.counters;
  return ruleset.tables.map((table) => formatTable(table, ruleset.family, counters)).join("");
}

function formatTable({ name, chains }: Table, family: Family, counters: boolean): string {
  const lines = [`*${name}`];
  const sorted = [...chains.filter(({ policy }) => policy), ...chains.filter(({ policy }) => !policy).sort(byName)];
  for (const chain of sorted) lines.push(`:${chain.name} ${chain.policy ?? "-"} ${printCounters(chain.counters)}`);
  for (const chain of sorted)
    for (const rule of chain.rules)
      lines.push(join(counters && printCounters(rule.counters), `-A ${chain.name}`, formatRule(rule, family)));
  lines.push("COMMIT", "");
  return lines.join("\n");
}

const byName = (a: Chain, b: Chain): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
