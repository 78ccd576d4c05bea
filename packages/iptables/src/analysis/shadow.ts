// Rules no packet can ever be counted by: an earlier rule takes all of them, nothing leads to their chain, or what they ask
// contradicts itself. What is claimed holds for every packet; what is not claimed may still be true.
import type { Chain, Rule, Ruleset, Table, TableName } from "../ruleset.js";
import { type Condition, type Conditions, changesOf, conditionsOf, contradict, implies } from "./condition.js";
import { add, intersection, isSubset, type Span, type Spans } from "./sets.js";

/** A rule and where it stands. */
export interface RulePlace {
  readonly table: TableName;
  readonly chain: string;
  /** In its chain, from 1. */
  readonly position: number;
  readonly rule: Rule;
}

/**
 * Why a rule can never be hit:
 *
 * - `"rule"`: the rules of `by` (nearly always one) decide each of its packets before, or lead them elsewhere;
 * - `"chain"`: no rule leads to its chain;
 * - `"contradiction"`: no packet is all that is asked, by the rule or, on the way to it, by the jumps of `by`.
 */
export interface ShadowedRule extends RulePlace {
  readonly why: "rule" | "chain" | "contradiction";
  readonly by: readonly RulePlace[];
}

/** The rules of a ruleset that can never be hit, in the order of the file; all tables, nat too. */
export function shadowedRules(ruleset: Ruleset): ShadowedRule[] {
  return ruleset.tables.flatMap((table) => new TableAnalysis(table, ruleset.family).shadowed());
}

interface Entry extends RulePlace {
  readonly conditions: Conditions;
  /** What it may change, with all it leads to; see CHANGES. */
  changes: number;
}

/** The packet goes no further in the table. */
const VERDICTS = new Set([
  "ACCEPT",
  "DROP",
  "REJECT",
  "QUEUE",
  "NFQUEUE",
  "SNAT",
  "DNAT",
  "MASQUERADE",
  "REDIRECT",
  "NETMAP",
]);
const isVerdict = ({ target }: Rule): boolean => target !== null && VERDICTS.has(target.kind);

/** What several rules take of the values one field may have. */
interface Share {
  readonly set: Span[];
  readonly by: RulePlace[];
  /** The values it may have with these changes behind it. */
  readonly wanted: Spans;
  readonly changes: number;
}

interface Site {
  readonly chain: Chain;
  readonly index: number;
}

type Finding = Pick<ShadowedRule, "why" | "by">;

/**
 * Comparisons for one rule, and for a table: chains may lead to each other in more ways than can be walked. Of what is left then,
 * nothing is claimed.
 */
const MOST_STEPS = 50_000;
const MOST_STEPS_OF_TABLE = 2_000_000;
const MOST_DEPTH = 64;

class TableAnalysis {
  readonly #entries = new Map<Chain, readonly Entry[]>();
  readonly #chains = new Map<string, Chain>();
  /** Rules that lead to a chain. */
  readonly #sites = new Map<Chain, Site[]>();
  readonly #changes = new Map<Chain, number>();
  readonly #indexes = new Map<Chain, ChainIndex>();
  #steps = 0;
  #left = MOST_STEPS_OF_TABLE;

  constructor(
    private readonly table: Table,
    family: Ruleset["family"],
  ) {
    for (const chain of table.chains) {
      this.#chains.set(chain.name, chain);
      const entries = chain.rules.map((rule, i) => ({
        table: table.name,
        chain: chain.name,
        position: i + 1,
        rule,
        conditions: conditionsOf(rule, family),
        changes: 0,
      }));
      this.#entries.set(chain, entries);
    }
    for (const chain of table.chains)
      for (const [index, rule] of chain.rules.entries()) {
        const next = this.#next(rule);
        if (next) this.#sites.set(next, [...(this.#sites.get(next) ?? []), { chain, index }]);
      }
    for (const entries of this.#entries.values())
      for (const entry of entries) entry.changes = this.#changesOf(entry.rule);
    for (const [chain, entries] of this.#entries) this.#indexes.set(chain, new ChainIndex(entries));
  }

  shadowed(): ShadowedRule[] {
    return this.table.chains.flatMap((chain) =>
      this.#of(chain).flatMap((entry, index) => {
        this.#steps = MOST_STEPS;
        const found = this.#find({ chain, index }, entry.conditions.known, 0);
        return found === null ? [] : [{ ...place(entry), ...found }];
      }),
    );
  }

  #step(): boolean {
    return this.#steps-- > 0 && this.#left-- > 0;
  }

  #of(chain: Chain): readonly Entry[] {
    return this.#entries.get(chain) ?? [];
  }

  /** The chain a rule leads to. */
  #next({ target }: Rule): Chain | undefined {
    return target?.kind === "jump" || target?.kind === "goto" ? this.#chains.get(target.chain) : undefined;
  }

  // Why no packet with all that is `known` of it when it is there gets to rule `index` of the chain; null: one may.
  #find({ chain, index }: Site, known: readonly Condition[], depth: number): Finding | null {
    if (depth > MOST_DEPTH || !this.#step()) return null;
    if (contradict(known, known)) return { why: "contradiction", by: [] };
    const taken = this.#takenBefore(chain, index, known);
    if (taken !== null) return { why: "rule", by: taken };
    if (chain.policy !== null) return null;
    const sites = this.#sites.get(chain) ?? [];
    if (sites.length === 0) return { why: "chain", by: [] };
    // What may have changed since the jump says nothing of the packet as it was there.
    const still = unchanged(known, (this.#indexes.get(chain) as ChainIndex).changes(0, index));
    const found: Finding[] = [];
    for (const site of sites) {
      const entry = this.#of(site.chain)[site.index] as Entry;
      const jump = unchanged(entry.conditions.known, changesOf(entry.rule));
      const reason = this.#find(site, [...still, ...jump], depth + 1);
      if (reason === null) return null;
      found.push(reason.why === "contradiction" ? { why: "contradiction", by: [place(entry), ...reason.by] } : reason);
    }
    return together(found);
  }

  // The rules in front of `index` that take every such packet: one, or several that share a field among them.
  #takenBefore(chain: Chain, index: number, known: readonly Condition[]): RulePlace[] | null {
    const entries = this.#of(chain);
    const chainIndex = this.#indexes.get(chain) as ChainIndex;
    const shares = new Map<string, Share>();
    for (const i of chainIndex.candidates(index, known)) {
      if (!this.#step()) return null;
      const entry = entries[i] as Entry;
      const changes = chainIndex.changes(i + 1, index);
      if (!this.#ends(entry, unchanged(known, changes | entry.changes))) continue;
      const rest = missing(entry, unchanged(known, changes));
      if (rest === null) continue;
      if (rest.length === 0) return [place(entry)];
      const [one] = rest;
      if (one?.kind !== "spans") continue;
      let share = shares.get(one.field);
      if (share?.changes !== changes) {
        share = {
          set: share?.set ?? [],
          by: share?.by ?? [],
          changes,
          wanted: valuesOf(one, unchanged(known, changes)),
        };
        shares.set(one.field, share);
      }
      const part = intersection(one.set, share.wanted);
      if (isSubset(part, share.set)) continue;
      add(share.set, part);
      share.by.push(place(entry));
      if (isSubset(share.wanted, share.set)) return share.by.reverse();
    }
    return null;
  }

  // No packet that matches the rule and is `known` to be so goes on to the rule behind it.
  #ends({ rule, conditions }: Entry, known: readonly Condition[]): boolean {
    if (conditions.needed === null) return false;
    const kind = rule.target?.kind;
    if (kind === "jump") return this.#takes(this.#next(rule), known, 0);
    return kind === "RETURN" || kind === "goto" || isVerdict(rule);
  }

  // A packet that goes into the chain does not come back.
  #takes(chain: Chain | undefined, known: readonly Condition[], depth: number): boolean {
    if (chain === undefined || depth > MOST_DEPTH) return false;
    for (const { rule, conditions } of this.#of(chain)) {
      if (!this.#step()) return false;
      const kind = rule.target?.kind;
      const stays = isVerdict(rule);
      const leaves = kind === "RETURN" || kind === "goto";
      if (!stays && !leaves && kind !== "jump") continue;
      if (contradict(known, conditions.known)) continue;
      const taken = stays || (kind !== "RETURN" && this.#takes(this.#next(rule), known, depth + 1));
      if (leaves && !taken) return false;
      if (taken && conditions.needed?.every((one) => implies(known, one))) return true;
    }
    return false;
  }

  /** What a rule may change, with all it leads to. */
  #changesOf(rule: Rule): number {
    const next = this.#next(rule);
    return changesOf(rule) | (next === undefined ? 0 : this.#changesOfChain(next));
  }

  #changesOfChain(chain: Chain): number {
    const known = this.#changes.get(chain);
    if (known !== undefined) return known;
    this.#changes.set(chain, 0); // of a loop, which iptables refuses
    const changes = chain.rules.reduce((sum, rule) => sum | this.#changesOf(rule), 0);
    this.#changes.set(chain, changes);
    return changes;
  }
}

/** Chains of up to so many rules that may end a packet's way are searched rule by rule. */
const SMALL = 300;
const CHANGE_BITS = 6;

/**
 * Which rules of a long chain may take packets of another one: a rule that asks a field for one value takes only those that are known
 * to have it.
 */
class ChainIndex {
  readonly #ending: readonly number[];
  readonly #anyValue: number[] = [];
  readonly #byValue = new Map<string, number[]>();
  /** By bit of CHANGES: how many rules in front of each may change it. */
  readonly #counts: readonly Uint32Array[];

  constructor(entries: readonly Entry[]) {
    this.#ending = entries.flatMap(({ rule, conditions }, i) =>
      conditions.needed !== null && mayEnd(rule) ? [i] : [],
    );
    if (this.#ending.length > SMALL) this.#sort(entries);
    this.#counts = Array.from({ length: CHANGE_BITS }, (_, bit) => {
      const counts = new Uint32Array(entries.length + 1);
      for (const [i, { changes }] of entries.entries()) counts[i + 1] = (counts[i] as number) + ((changes >> bit) & 1);
      return counts;
    });
  }

  // Each rule under the value that fewest others ask for.
  #sort(entries: readonly Entry[]): void {
    const keys = new Map(
      this.#ending.map((i) => [i, ((entries[i] as Entry).conditions.needed ?? []).flatMap(valueKey)]),
    );
    const uses = new Map<string, number>();
    for (const key of [...keys.values()].flat()) uses.set(key, (uses.get(key) ?? 0) + 1);
    for (const [i, own] of keys) {
      const [rarest] = own.sort((a, b) => (uses.get(a) ?? 0) - (uses.get(b) ?? 0));
      if (rarest === undefined) this.#anyValue.push(i);
      else if (!this.#byValue.get(rarest)?.push(i)) this.#byValue.set(rarest, [i]);
    }
  }

  /** Rules in front of `end` that may take such packets, the last one first. */
  *candidates(end: number, known: readonly Condition[]): Generator<number, void> {
    const keys = new Set(known.flatMap(valueKey));
    const lists =
      this.#ending.length <= SMALL
        ? [this.#ending]
        : [this.#anyValue, ...[...keys].map((key) => this.#byValue.get(key) ?? [])];
    // a rule is in one list only, and each is in order
    const tops = lists.map((list) => countBelow(list, end) - 1);
    for (;;) {
      let best = -1;
      let from = 0;
      for (let k = 0; k < lists.length; k++) {
        const last = lists[k]?.[tops[k] as number] ?? -1;
        if (last <= best) continue;
        best = last;
        from = k;
      }
      if (best < 0) return;
      tops[from] = (tops[from] as number) - 1;
      yield best;
    }
  }

  /** What rules from `from` up to, not with, `to` may change. */
  changes(from: number, to: number): number {
    return this.#counts.reduce((sum, counts, bit) => (counts[from] !== counts[to] ? sum | (1 << bit) : sum), 0);
  }
}

/** How many numbers of a sorted list are below `end`. */
function countBelow(list: readonly number[], end: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as number) < end) low = middle + 1;
    else high = middle;
  }
  return low;
}

const mayEnd = (rule: Rule): boolean => isVerdict(rule) || ["RETURN", "goto", "jump"].includes(rule.target?.kind ?? "");

/** The one value a condition leaves of a field. */
function valueKey(one: Condition): string[] {
  if (one.kind !== "spans" || one.set.length !== 1 || one.field === "transport header" || one.field === "protocol")
    return [];
  const [[first, last]] = one.set as [Spans[number]];
  return first === last ? [`${one.field} ${first}`] : [];
}

const unchanged = (known: readonly Condition[], changes: number): readonly Condition[] =>
  changes === 0 ? known : known.filter(({ reads }) => (reads & changes) === 0);

const place = ({ table, chain, position, rule }: Entry): RulePlace => ({ table, chain, position, rule });

/** What the rule asks and is not known to hold: none, one, or null for more. */
function missing({ conditions: { needed } }: Entry, known: readonly Condition[]): Condition[] | null {
  const rest: Condition[] = [];
  for (const one of needed ?? []) {
    if (implies(known, one)) continue;
    if (rest.length > 0) return null;
    rest.push(one);
  }
  return rest;
}

/** The values the field of a condition may have where all that is `known` holds; none: packets may be without it. */
function valuesOf({ field, ...one }: Condition, known: readonly Condition[]): Spans {
  const sets = known.flatMap((other) => (other.kind === "spans" && other.field === field ? [other.set] : []));
  if (one.kind === "spans" && one.total !== null) sets.push(one.total);
  return sets.length === 0 ? [] : sets.reduce(intersection);
}

/** One finding for all ways to a chain: the rules that close them. */
function together(found: readonly Finding[]): Finding {
  const by = found
    .flatMap((one) => one.by)
    .filter((one, i, all) => all.findIndex(({ rule }) => rule === one.rule) === i);
  const why = found.some((one) => one.why === "rule")
    ? "rule"
    : found.some((one) => one.why === "contradiction")
      ? "contradiction"
      : "chain";
  return { why, by };
}
