// Decision trees over the rules of a chain: by the values of one field after the other to the rules that can still match.
//
// A tree never decides by itself: its leaves hold every rule that might match, in order, and those are asked as ever. So first
// match, counters and what is left open stay what they are without it; the property test of test/optimise.test.ts holds it to that.
import { program as P } from "conntrack-wasm";
import { type Footprint, isNarrow, unknownOf } from "./footprint.js";

/** A rule as trees see it. */
export interface Candidate extends Footprint {
  /** It never goes on to the next rule. */
  readonly ends: boolean;
}

/** The rules that are left, by place in what was given to `growTree`. */
export interface Leaf {
  readonly rules: readonly number[];
  /** Every match of the rule holds, by rule. */
  readonly sure: readonly boolean[];
  /** The last rule matches for sure and ends it. */
  readonly ends: boolean;
}

export interface Branch {
  readonly field: number;
  /** First values of the cells but the first. */
  readonly bounds: readonly number[];
  readonly cells: readonly Tree[];
}

/** Rules that ask for different fields, a tree for each of these: what they lead to is joined in order. None of them ends. */
export interface Join {
  readonly trees: readonly Tree[];
}

export type Tree = Branch | Join | Leaf;

export const isLeaf = (tree: Tree): tree is Leaf => "rules" in tree;
export const isJoin = (tree: Tree): tree is Join => "trees" in tree;

/** So few rules are asked one after the other. */
const FEW = 3;
/** Places in the leaves of a tree, by rule: more would cost more memory than they save time. */
const PLACES_PER_RULE = 24;
const SPARE_PLACES = 256;

/** How often the values of a field are met, by experience: nearly all packets belong to a connection that is known. */
const WEIGHTS: Readonly<Record<number, readonly (readonly [value: number, weight: number])[]>> = {
  [P.FIELD_STATE]: [0.01, 0.1, 0.8, 0.03, 0.03, 0.03].map((weight, state) => [state, weight]),
  [P.FIELD_PROTOCOL]: [
    [6, 0.6],
    [17, 0.3],
    [1, 0.04],
    [58, 0.04],
  ],
};

interface Cell {
  readonly from: number;
  readonly to: number;
  readonly rules: readonly number[];
}

/** Steps of a tree over so many rules, or of a list of few. */
const stepsOver = (rules: number) => (rules <= FEW ? rules : FEW + Math.log2(rules / FEW));
/** Fewer rules are not divided by what they ask. */
const JOIN_LEAST = 16;
/** More rules that no field tells apart leave too little room in a joined list. */
const PLAIN = P.MOST_JOINED_RULES >> 1;
/** Steps to follow one more tree and to join what it leads to. */
const JOINED = 4;
/** A rule that is sure is counted, and not asked. */
const SURE = 0.2;

/** Values by lists of numbers. Lists of thousands are met by the thousand: as keys of text they cost more than the trees. */
class ListMap<Value> {
  readonly #byHash = new Map<number, { readonly list: readonly number[]; readonly value: Value }[]>();

  get(list: readonly number[]): Value | undefined {
    return this.#byHash.get(hashOf(list))?.find((entry) => same(entry.list, list))?.value;
  }

  set(list: readonly number[], value: Value): void {
    const hash = hashOf(list);
    const found = this.#byHash.get(hash);
    if (found) found.push({ list, value });
    else this.#byHash.set(hash, [{ list, value }]);
  }
}

function hashOf(list: readonly number[]): number {
  let hash = list.length;
  for (let i = 0; i < list.length; i++) hash = (Math.imul(hash, 0x01000193) ^ (list[i] as number)) | 0; // FNV-1
  return hash;
}

/** A mask of fields no set of known fields covers: of a rule that is never sure. */
const NEVER = -1;

class Grower {
  #places: number;
  /** The fields each rule asks for, as a mask; and those that make it sure, and sure to be the last one asked. */
  readonly #asked: Int32Array;
  readonly #sure: Int32Array;
  readonly #last: Int32Array;
  readonly #leaves = new Map<boolean, ListMap<Leaf>>();
  readonly #nodes = new Map<string, ListMap<Tree>>();

  constructor(
    private readonly all: readonly Candidate[],
    private readonly fields: readonly number[],
  ) {
    this.#places = PLACES_PER_RULE * all.length + SPARE_PLACES;
    this.#asked = Int32Array.from(all, ({ spans }) =>
      spans.reduce((sum, span, field) => (span ? sum | (1 << field) : sum), 0),
    );
    this.#sure = this.#asked.map((asked, rule) => (all[rule]?.exact ? asked : NEVER));
    this.#last = this.#sure.map((sure, rule) => (all[rule]?.ends ? sure : NEVER));
  }

  /** Null: it would take too much room. */
  grow(): Tree | null {
    const tree = this.#node(this.#cut(this.all.keys(), 0), 0, 0, false);
    return this.#places < 0 ? null : tree;
  }

  // `known`: fields whose value is settled, of which those in `cut` can divide no more. `joined`: the tree is one of a join.
  #node(rules: readonly number[], known: number, cut: number, joined: boolean): Tree {
    if (rules.length <= (cut === 0 ? 0 : FEW)) return this.#leaf(rules, known, joined);
    const alike = madeOnce(this.#nodes, `${known} ${cut} ${joined}`);
    const found = alike.get(rules);
    if (found) return found;
    const node = this.#branch(rules, known, cut, joined);
    alike.set(rules, node);
    return node;
  }

  #branch(rules: readonly number[], known: number, cut: number, joined: boolean): Tree {
    const best = this.#best(rules, known, cut);
    if (best === null) {
      const groups = joined ? [] : this.#groups(rules, known, cut);
      if (groups.length < 2) return this.#leaf(rules, known, joined);
      return { trees: groups.map((group) => this.#node(group, known, cut, true)) };
    }
    const { field, cells } = best;
    const bit = 1 << field;
    const unknown = unknownOf(field);
    return {
      field,
      bounds: cells.slice(1).map(({ from }) => from),
      cells: cells.map(({ from, rules }) =>
        this.#node(rules, from === unknown ? known : known | bit, cut | bit, joined),
      ),
    };
  }

  // The rules by the field that tells most of them apart from the others; none, if that is the same for all, or there are too many.
  #groups(rules: readonly number[], known: number, cut: number): number[][] {
    if (rules.length < JOIN_LEAST) return [];
    const askers = this.fields.filter((field) => ((cut | known) & (1 << field)) === 0);
    const like = new Map<string, number>();
    const keys = rules.map((rule) => {
      const { spans = [] } = this.all[rule] ?? {};
      return askers.flatMap((field) => {
        const own = spans[field];
        return own && isNarrow(own, field) ? [{ field, key: `${field} ${own.join(";")}` }] : [];
      });
    });
    for (const { key } of keys.flat()) like.set(key, (like.get(key) ?? 0) + 1);
    const groups = new Map<number | null, number[]>();
    for (const [i, rule] of rules.entries()) {
      let [own, least] = [null as number | null, rules.length];
      for (const { field, key } of keys[i] ?? []) {
        const alike = like.get(key) ?? 0;
        if (alike < least) [own, least] = [field, alike];
      }
      const group = groups.get(own);
      if (group) group.push(rule);
      else groups.set(own, [rule]);
    }
    const plain = groups.get(null)?.length ?? 0;
    const found = [...groups.values()];
    const cost = found.reduce((sum, group) => sum + JOINED + stepsOver(group.length), plain);
    return found.length > P.MOST_JOINED || plain > PLAIN || cost >= rules.length ? [] : found;
  }

  #best(rules: readonly number[], known: number, cut: number): { field: number; cells: readonly Cell[] } | null {
    let best: { field: number; cells: readonly Cell[] } | null = null;
    let least = rules.length - this.#sureOf(rules, known);
    let asked = 0;
    for (const rule of rules) asked |= this.#asked[rule] as number;
    for (const field of this.fields) {
      if ((asked & ~cut & (1 << field)) === 0) continue;
      const cells = this.#cells(rules, field, known);
      if (cells === null || cells.length < 2) continue;
      const cost = this.#cost(field, cells, known);
      if (cost < least) {
        least = cost;
        best = { field, cells };
      }
    }
    return best;
  }

  // The field's values in cells within which the same rules are possible; null: their lists would be too long.
  #cells(rules: readonly number[], field: number, known: number): Cell[] | null {
    const steps: { at: number; place: number; enters: boolean }[] = [];
    const wild: number[] = [];
    for (let place = 0; place < rules.length; place++) {
      const spans = this.all[rules[place] as number]?.spans[field];
      if (!spans) wild.push(place);
      for (const [first, last] of spans ?? []) {
        steps.push({ at: first, place, enters: true });
        steps.push({ at: last + 1, place, enters: false });
      }
    }
    steps.sort((a, b) => a.at - b.at);
    const stops = rules.map((rule) => this.#isLast(rule, known | (1 << field)));
    const stopsUnknown = unknownOf(field) === null ? stops : rules.map((rule) => this.#isLast(rule, known));
    const inside = new Set<number>();
    const cells: Cell[] = [];
    const unknown = unknownOf(field);
    let room = Math.min(this.#places, PLACES_PER_RULE * rules.length + SPARE_PLACES);
    let from = 0;
    for (let i = 0; ; ) {
      while (i < steps.length && (steps[i] as { at: number }).at <= from) {
        const { place, enters } = steps[i++] as { place: number; enters: boolean };
        if (enters) inside.add(place);
        else inside.delete(place);
      }
      const next = steps[i]?.at ?? Number.POSITIVE_INFINITY;
      // the unknown value is a cell of its own
      const to =
        unknown === null || from > unknown ? next - 1 : Math.min(next - 1, from === unknown ? unknown : unknown - 1);
      const asked = [...inside].sort((a, b) => a - b);
      const list = merged(rules, wild, asked, from === unknown ? stopsUnknown : stops);
      const before = cells.at(-1);
      if (before && same(before.rules, list) && before.from !== unknown && from !== unknown)
        cells[cells.length - 1] = { ...before, to };
      else {
        cells.push({ from, to, rules: list });
        room -= list.length;
        if (room < 0) return null;
      }
      if (to >= 0xffffffff) return cells;
      from = to + 1;
    }
  }

  #steps(rules: readonly number[], known: number): number {
    const sure = this.#sureOf(rules, known);
    return stepsOver(rules.length - sure) + SURE * sure;
  }

  // Steps to be expected, the search in the cells first.
  #cost(field: number, cells: readonly Cell[], known: number): number {
    const search = field < P.FIELDS_DIRECT ? 0.5 : 1 + Math.log2(cells.length) / 2;
    const weights = WEIGHTS[field] ?? [];
    const rest = (1 - weights.reduce((sum, [, weight]) => sum + weight, 0)) / cells.length;
    return cells.reduce((sum, { from, to, rules }) => {
      const weight = weights.reduce((all, [value, own]) => (value >= from && value <= to ? all + own : all), rest);
      const settled = from === unknownOf(field) ? known : known | (1 << field);
      return sum + weight * this.#steps(rules, settled);
    }, search);
  }

  #isSure(rule: number, known: number): boolean {
    return ((this.#sure[rule] as number) & ~known) === 0;
  }

  // How many of the rules match for sure.
  #sureOf(rules: readonly number[], known: number): number {
    let sure = 0;
    for (let i = 0; i < rules.length; i++) if (this.#isSure(rules[i] as number, known)) sure++;
    return sure;
  }

  // Behind a rule that matches for sure and ends it, none is asked.
  #cut(rules: Iterable<number>, known: number): number[] {
    const list: number[] = [];
    for (const rule of rules) {
      list.push(rule);
      if (this.#isLast(rule, known)) break;
    }
    return list;
  }

  #isLast(rule: number, known: number): boolean {
    return ((this.#last[rule] as number) & ~known) === 0;
  }

  #leaf(rules: readonly number[], known: number, joined: boolean): Leaf {
    const sure = rules.map((rule) => this.#isSure(rule, known));
    const alike = madeOnce(this.#leaves, joined);
    const key = rules.map((rule, i) => 2 * rule + Number(sure[i]));
    const found = alike.get(key);
    if (found) return found;
    this.#places -= rules.length + 1;
    const last = rules.at(-1);
    const ends = !joined && last !== undefined && sure.at(-1) === true && (this.all[last]?.ends ?? false);
    const leaf = { rules, sure, ends };
    alike.set(key, leaf);
    return leaf;
  }
}

function madeOnce<Key, Value>(lists: Map<Key, ListMap<Value>>, key: Key): ListMap<Value> {
  const found = lists.get(key);
  if (found) return found;
  const made = new ListMap<Value>();
  lists.set(key, made);
  return made;
}

/** The rules at the places of both lists in order, up to the first at which asking stops. */
function merged(
  rules: readonly number[],
  a: readonly number[],
  b: readonly number[],
  stops: readonly boolean[],
): number[] {
  const list: number[] = [];
  let i = 0;
  let k = 0;
  while (i < a.length || k < b.length) {
    const first = k === b.length || (i < a.length && (a[i] as number) < (b[k] as number));
    const place = (first ? a[i++] : b[k++]) as number;
    list.push(rules[place] as number);
    if (stops[place]) break;
  }
  return list;
}

const same = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((rule, i) => rule === b[i]);

/** Null: the rules differ in nothing a tree could use, or it would be too large. */
export function growTree(all: readonly Candidate[], fields: readonly number[]): Branch | Join | null {
  const tree = new Grower(all, fields).grow();
  return tree === null || isLeaf(tree) ? null : tree;
}
