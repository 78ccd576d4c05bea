// Sets of ipset: their descriptions and tables in a program, the questions and changes of rules, and the sets read back.
import { program as P } from "conntrack-wasm";
import { prefixMask } from "../address.js";
import { type IpSet, isBitmap, partsOf, type SetEntry } from "../ipset/types.js";
import { noSuchSet } from "../match/set.js";
import type { Rule, Ruleset, SetMatch, SetReference, SetTarget } from "../ruleset.js";
import type { TableSpec } from "./remember.js";
import { entryWords, ifacesOf, readEntry, type SetNames } from "./set-entries.js";
import type { Operation } from "./target.js";
import { ask, rawWords, u64 } from "./words.js";

/** Room for what `-j SET` adds; a set whose file says more (maxelem) is full before. */
const MOST_ADDED = 65_536;
const U32_MAX = 0xffffffff;

/** The set with number i of a program has its table i. */
export interface CompiledSet {
  readonly set: IpSet;
  readonly spec: TableSpec;
}

// ---- shape

function shapeOf({ type, family, options }: IpSet): number {
  const parts = partsOf(type);
  const [first, second] = parts.filter((part) => part === "ip" || part === "net");
  const bits: readonly (readonly [boolean, number])[] = [
    [first !== undefined, P.SET_ADDRESS],
    [second !== undefined, P.SET_SECOND],
    [first === "net", P.SET_NET],
    [second === "net", P.SET_SECOND_NET],
    [parts.includes("port"), type === "bitmap:port" ? P.SET_BARE_PORT : P.SET_PORT],
    [parts.includes("mac"), P.SET_MAC],
    [parts.includes("mark"), P.SET_MARK],
    [parts.includes("iface"), P.SET_IFACE],
    [type === "list:set", P.SET_LIST],
    [family === 6, P.SET_SIX],
    [family === null, P.SET_ANY_FAMILY],
    [isBitmap(type), P.SET_RANGE],
    [type === "bitmap:ip,mac", P.SET_FILLED],
    [type === "hash:ip", P.SET_NOT_ZERO],
    [options.timeout !== null, P.SET_TIMEOUTS],
    [options.counters, P.SET_COUNTERS],
    [options.skbinfo, P.SET_SKB],
    [options.forceadd, P.SET_FORCE],
  ];
  return bits.reduce((sum, [on, bit]) => (on ? sum | bit : sum), parts.length << P.SET_DIMENSIONS_SHIFT);
}

/** Words of a key, as the core counts them. */
function keyWordsOf(set: IpSet): number {
  if (set.type === "list:set") return 1;
  const parts = partsOf(set.type);
  const addresses = parts.filter((part) => part === "ip" || part === "net").length;
  return 2 + addresses * (set.family === 6 ? 4 : 1) + (parts.includes("mac") && !isBitmap(set.type) ? 2 : 0);
}

function valueBytes({ options }: IpSet): number {
  const kind = options.skbinfo ? 3 : options.counters ? 2 : options.timeout === null ? 0 : 1;
  return (P.SET_VALUE_SIZES >>> (8 * kind)) & 0xff;
}

/** Where the value of an entry begins. */
const valueAt = (keyWords: number): number => P.STORE_ENTRY_KEY + 8 * Math.ceil(keyWords / 2);

function capacityOf(set: IpSet, grows: boolean): number {
  const { range, netmask, maxelem } = set.options;
  const { size } = set.entries;
  if (!grows || set.type === "list:set") return Math.max(1, size);
  if (range === null) return Math.max(1, size, Math.min(maxelem, MOST_ADDED));
  return (range.last - range.first + 1) / 2 ** (netmask === 0 ? 0 : 32 - netmask);
}

function maskWords({ family, options: { netmask, bitmask } }: IpSet): number[] {
  const all = [U32_MAX, U32_MAX, U32_MAX, U32_MAX];
  if (family === null) return all;
  const mask = bitmask ?? (netmask === 0 ? null : prefixMask(netmask, family));
  return mask === null ? all : [...rawWords(mask), ...all].slice(0, 4);
}

/** The description of a set: SET_WORDS of them. */
function descriptionOf(set: IpSet): number[] {
  const { timeout, markmask, range } = set.options;
  const words = Array<number>(P.SET_WORDS).fill(0);
  words[P.SET_SHAPE] = shapeOf(set) >>> 0;
  words[P.SET_TIMEOUT] = timeout ?? 0;
  words[P.SET_MARK_MASK] = markmask;
  words[P.SET_FIRST] = range?.first ?? 0;
  words[P.SET_LAST] = range?.last ?? 0;
  words[P.SET_EARLIEST] = U32_MAX;
  words[P.SET_EARLIEST + 1] = U32_MAX;
  for (const [i, word] of maskWords(set).entries()) words[P.SET_MASK + i] = word;
  return words;
}

// ---- the sets of a program

/** Those that rules name, and the members of lists among them. */
export class Sets {
  readonly compiled: readonly CompiledSet[];
  readonly names: SetNames;

  constructor(
    rulesets: readonly Ruleset[],
    private readonly known: ReadonlyMap<string, IpSet> | null,
    interfaces: readonly string[],
  ) {
    const named = new Set<string>();
    const growing = new Set<string>();
    const name = (set: string, grows: boolean) => {
      const found = known?.get(set);
      if (found === undefined) return;
      named.add(set);
      if (grows) growing.add(set);
      if (found.type === "list:set") for (const member of found.entries.keys()) name(member, grows);
    };
    for (const rule of rulesOf(rulesets)) {
      for (const match of rule.matches) if (match.name === "set") name(match.set, false);
      if (rule.target?.kind !== "SET") continue;
      const { add, del, map } = rule.target;
      for (const one of [add, del, map]) if (one) name(one.set, one === add);
    }
    this.compiled = [...named].map((one) => {
      const set = known?.get(one) as IpSet;
      const keyWords = keyWordsOf(set);
      const spec = {
        capacity: capacityOf(set, growing.has(one)),
        keyWords,
        entry: valueAt(keyWords) + valueBytes(set),
      };
      return { set, spec };
    });
    const ifaces = new Map(this.compiled.map(({ set }) => [set.name, ifacesOf(set)]));
    this.names = { interfaces, sets: [...named], ifaces };
  }

  /** Words of the descriptions. */
  words(): number[] {
    return this.compiled.flatMap(({ set }) => descriptionOf(set));
  }

  /** Writes the entries a set has into its table, the first one at `at`. */
  write(view: DataView, at: number, { set, spec }: CompiledSet): void {
    for (const one of set.entries.values()) {
      const { key, value } = entryWords(set, one, this.names);
      for (const [i, word] of key.entries()) view.setUint32(at + P.STORE_ENTRY_KEY + 4 * i, word, true);
      for (let i = 0; i < valueBytes(set) / 4; i++)
        view.setUint32(at + valueAt(spec.keyWords) + 4 * i, value[i] ?? 0, true);
      at += spec.entry;
    }
  }

  /** The number of a set; null: sets are not known at all. */
  #find({ set }: SetReference, family: 4 | 6): number | null {
    if (this.known === null) return null;
    const number = this.names.sets.indexOf(set);
    if (number < 0) throw new SetError(noSuchSet(set));
    const own = this.compiled[number]?.set.family ?? null;
    if (own !== null && own !== family) throw new SetError(`the set ${JSON.stringify(set)} has addresses of IPv${own}`);
    return number;
  }

  /** `-m set`; null: it cannot be decided. */
  question(match: SetMatch, family: 4 | 6): number[] | null {
    const number = this.#find(match, family);
    if (number === null) return null;
    const { packets, bytes } = match;
    const flags =
      (match.returnNomatch ? P.SET_TEST_RETURN_NOMATCH : 0) |
      (match.updateCounters ? 0 : P.SET_TEST_KEEP_COUNTERS) |
      (match.updateSubcounters ? 0 : P.SET_TEST_KEEP_MEMBERS);
    const op = this.#changes(number, match) ? P.MATCH_SET_COUNT : P.MATCH_SET;
    const how = comparison(packets) | (comparison(bytes) << 8);
    const args = [number, directions(match), how, flags, ...u64(packets?.value ?? 0n), ...u64(bytes?.value ?? 0n)];
    return ask(op, args, match.invert);
  }

  /** Whether being asked changes the set or a member of it. */
  #changes(number: number, { updateCounters, updateSubcounters }: SetMatch): boolean {
    const set = this.compiled[number]?.set as IpSet;
    const counts = ({ options, type }: IpSet, counted: boolean) =>
      type === "bitmap:ip,mac" || (options.counters && counted);
    const members =
      set.type === "list:set" ? [...set.entries.keys()].map((name) => this.known?.get(name) as IpSet) : [];
    return counts(set, updateCounters) || members.some((member) => counts(member, updateCounters && updateSubcounters));
  }

  /** `-j SET`; null: sets are not known. */
  operation({ add, del, map }: SetTarget, family: 4 | 6): Operation | null {
    const word = (one: SetReference | null) => {
      const number = one && this.#find(one, family);
      return one === null || number === null ? 0 : (number + 1) | (directions(one) << 16);
    };
    if (this.known === null) return null;
    return {
      op: P.TARGET_SET,
      args: [
        (word(add) | (add?.exist ? P.SET_EXIST : 0)) >>> 0,
        word(del) >>> 0,
        (word(map) | (map?.mark ? P.SET_MAP_MARK : 0)) >>> 0,
        add?.timeout === null || add === null ? P.SET_NO_TIMEOUT : Math.min(add.timeout, MOST_SECONDS),
      ],
    };
  }
}

// ---- read back

/** The sets of a program as they are in its bytes, at a time in ns since the epoch; null: when its first packet came. */
export function readSets(
  { compiled, names }: Pick<Sets, "compiled" | "names">,
  bytes: Uint8Array,
  time: bigint | null,
): IpSet[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const epoch = view.getBigUint64(4 * P.PROGRAM_EPOCH, true);
  const clock = epoch === 0n || time === null || time < epoch ? 0n : time - epoch;
  const tables = view.getUint32(4 * P.PROGRAM_TABLES, true);
  return compiled.map(({ set, spec }, number) => {
    const table = view.getUint32(tables + 4 * number, true);
    const word = (at: number) => view.getUint32(at, true);
    const words = (at: number, count: number) => Array.from({ length: count }, (_, i) => word(at + 4 * i));
    const first = table + P.STORE_HEADER + 4 * word(table + 4 * P.STORE_BUCKETS);
    const entries = new Map<string, SetEntry>();
    let at = word(table + 4 * P.STORE_OLDEST);
    while (at !== 0) {
      const entry = first + (at - 1) * spec.entry;
      const value = words(entry + valueAt(spec.keyWords), valueBytes(set) / 4);
      const found = readEntry(set, words(entry + P.STORE_ENTRY_KEY, spec.keyWords), value, names, clock);
      if (found) entries.set(found.element, found.entry);
      at = word(entry + 4 * P.STORE_NEWER);
    }
    return { ...set, entries };
  });
}

/** IPSET_MAX_TIMEOUT */
const MOST_SECONDS = 2_147_483;

export class SetError extends Error {
  override readonly name = "SetError";
}

const directions = ({ dimensions }: SetReference): number =>
  dimensions.reduce((sum, side, i) => (side === "src" ? sum | (1 << i) : sum), dimensions.length << 8);

function comparison(test: SetMatch["packets"]): number {
  if (test === null) return P.COUNTER_ANY;
  if (test.how === "eq") return test.invert ? P.COUNTER_OTHER : P.COUNTER_EQUAL;
  return test.how === "lt" ? P.COUNTER_LESS : P.COUNTER_MORE;
}

function* rulesOf(rulesets: readonly Ruleset[]): Iterable<Rule> {
  for (const { tables } of rulesets)
    for (const { name, chains } of tables) if (name !== "nat") for (const { rules } of chains) yield* rules;
}
