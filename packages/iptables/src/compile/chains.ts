// Chains and trees of a program, placed: entry lists that only lead forward, and chains behind those they call.
import { program as P } from "conntrack-wasm";
import { type Branch, type Candidate, growTree, isJoin, isLeaf, type Join, type Tree } from "./tree.js";

/** A chain whose rules have places. */
export interface PlacedChain {
  /** Positions of its rules, and of the rule that ends it. */
  readonly rules: readonly number[];
  readonly policy: number;
  readonly candidates: readonly Candidate[];
  /** Fields that stay as they are while a packet is in the chain. */
  readonly fields: readonly number[];
}

/** Rules that stand one behind the other, with a tree over them or none. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly tree: Branch | Join | null;
}

/** Runs shorter than this are not divided further. */
const SHORT = 32;

/** Where one tree over all rules would be too large, there is one over each half. */
function runsOf(candidates: readonly Candidate[], fields: readonly number[], from = 0, to = candidates.length): Run[] {
  const tree = growTree(candidates.slice(from, to), fields);
  if (tree !== null || to - from < SHORT) return [{ from, to, tree }];
  const middle = (from + to) >> 1;
  const runs = [...runsOf(candidates, fields, from, middle), ...runsOf(candidates, fields, middle, to)];
  return runs.every((run) => run.tree === null) ? [{ from, to, tree: null }] : runs;
}

/** Collects the two regions; positions in them become final with `place`. */
export class ChainWriter {
  readonly chains: number[] = [];
  readonly trees: number[] = [];
  /** Words of each that are positions in the trees. */
  readonly #toTrees: { words: number[]; at: number }[] = [];

  /** `base`: position of the first chain. */
  constructor(
    private readonly base: number,
    private readonly optimise: boolean,
  ) {}

  #here(): number {
    return this.base + 4 * this.chains.length;
  }

  /** Its position. */
  add({ rules, policy, candidates, fields }: PlacedChain): number {
    const start = this.#here();
    const { chains } = this;
    const header = chains.push(0, policy, 0, 0) - P.CHAIN_ENTRIES;
    const runs = this.optimise ? runsOf(candidates, fields) : [{ from: 0, to: rules.length, tree: null }];
    for (const run of runs) this.#run(run, rules, start);
    chains.push(policy | P.ENTRY_SURE);
    chains[header + P.CHAIN_END] = this.#here();
    return start;
  }

  #run({ from, to, tree }: Run, rules: readonly number[], chain: number): void {
    const own = rules.slice(from, to);
    if (tree === null) {
      for (const rule of own) this.chains.push(rule);
      return;
    }
    const entry = this.#here();
    const at = this.chains.push(0) - 1;
    for (const rule of own) this.chains.push(rule);
    const onward = [this.chains.push(0) - 1];
    const lists = new Map<Tree, number>();
    const list = (leaf: Tree): number => {
      const known = lists.get(leaf);
      if (known !== undefined || !isLeaf(leaf)) return known ?? 0;
      const place = this.#here() + P.ENTRY_LIST;
      lists.set(leaf, place);
      for (const [i, rule] of leaf.rules.entries())
        this.chains.push((own[rule] as number) + (leaf.sure[i] ? P.ENTRY_SURE : P.ENTRY_RULE));
      if (!leaf.ends) onward.push(this.chains.push(0) - 1);
      return place;
    };
    this.chains[at] = this.#tree(tree, { chain, entry, list, places: new Map(), joining: new Set() }) + P.ENTRY_TREE;
    this.#toTrees.push({ words: this.chains, at });
    for (const word of onward) this.chains[word] = this.#here() + P.ENTRY_LIST;
  }

  // Behind the trees it leads to. Its place among the trees.
  #tree(tree: Branch | Join, run: TreeRun): number {
    const known = run.places.get(tree);
    if (known !== undefined) return known;
    const { field, bounds, cells } = isJoin(tree)
      ? { field: P.FIELD_JOIN, bounds: [], cells: tree.trees }
      : tree.field < P.FIELDS_DIRECT
        ? direct(tree)
        : tree;
    const entries = cells.map((cell) => (isLeaf(cell) ? run.list(cell) : this.#tree(cell, run) + P.ENTRY_TREE));
    const { trees } = this;
    const place = 4 * trees.length;
    run.places.set(tree, place);
    const joining = isJoin(tree) || cells.some((cell) => run.joining.has(cell));
    if (joining) run.joining.add(tree);
    trees.push(field | (joining ? P.TREE_JOINS : 0), cells.length, run.chain, run.entry);
    for (const bound of bounds) trees.push(bound);
    for (const [i, entry] of entries.entries()) {
      const at = trees.push(entry) - 1;
      if (!isLeaf(cells[i] as Tree)) this.#toTrees.push({ words: trees, at });
    }
    return place;
  }

  /** The words of both, once it is known where the trees lie: behind the chains. */
  place(): { chains: readonly number[]; trees: readonly number[] } {
    const base = this.#here();
    for (const { words, at } of this.#toTrees) words[at] = (words[at] ?? 0) + base;
    return { chains: this.chains, trees: this.trees };
  }
}

/** A cell for each value, in the place of bounds. */
function direct({ field, bounds, cells }: Branch): Branch {
  const values = field === P.FIELD_STATE ? P.STATE_VALUES : P.INTERFACE_VALUES;
  const all = Array.from(
    { length: values },
    (_, value) => cells[bounds.filter((bound) => bound <= value).length] as Tree,
  );
  return { field, bounds: [], cells: all };
}

interface TreeRun {
  /** Position of the chain, and of the entry of the tree in it. */
  readonly chain: number;
  readonly entry: number;
  /** The entry of the list of a leaf. */
  readonly list: (leaf: Tree) => number;
  readonly places: Map<Tree, number>;
  /** Trees that join lists, or lead to one that does. */
  readonly joining: Set<Tree>;
}
