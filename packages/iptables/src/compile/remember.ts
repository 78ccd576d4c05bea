// hashlimit, recent, connlimit: the tables they keep, placed with the program, and their questions.
import { program as P } from "conntrack-wasm";
import type { Address, ConnlimitMatch, Family, HashlimitMatch, Match, RecentMatch } from "../ruleset.js";
import { ask, rawWords, u64 } from "./words.js";

/** A table of a program: entries found by key. */
export interface TableSpec {
  readonly capacity: number;
  readonly keyWords: number;
  /** Bytes of an entry. */
  readonly entry: number;
}

/** Tables by name: the rules that name one share it, and what the first of them says of it holds. */
export class Tables {
  readonly specs: TableSpec[];
  readonly #shared = new Map<string, { readonly number: number; readonly first: Match }>();
  readonly #stamps: ReadonlyMap<string, number>;

  /** Every match of the rulesets: a list of `recent` has as many stamps as its most demanding rule wants. `first`: tables of sets. */
  constructor(matches: Iterable<Match>, first: readonly TableSpec[]) {
    this.specs = [...first];
    const stamps = new Map<string, number>();
    for (const match of matches)
      if (match.name === "recent") stamps.set(match.list, Math.max(stamps.get(match.list) ?? 0, stampsOf(match)));
    this.#stamps = stamps;
  }

  add(spec: TableSpec): number {
    return this.specs.push(spec) - 1;
  }

  stamps(list: string): number {
    return this.#stamps.get(list) ?? DEFAULT_STAMPS;
  }

  shared<T extends Match>(name: string, match: T, spec: () => TableSpec): { number: number; first: T } {
    const found = this.#shared.get(name) ?? { number: this.add(spec()), first: match };
    this.#shared.set(name, found);
    return { number: found.number, first: found.first as T };
  }
}

/** Bytes of a table, and the beginning of its header. */
export function tableSize({ capacity, entry }: TableSpec): number {
  return P.STORE_HEADER + 4 * bucketsOf(capacity) + capacity * entry;
}
export const tableHeader = ({ capacity, keyWords, entry }: TableSpec, seed: number): number[] => [
  bucketsOf(capacity),
  capacity,
  entry,
  keyWords,
  seed,
];
/** An even number, so that entries are aligned. */
const bucketsOf = (capacity: number) => capacity + (capacity % 2);

const four = (address: Address): number[] => [...rawWords(address), 0, 0, 0, 0].slice(0, 4);

// ---- hashlimit

/** Buckets the kernel chooses on a machine with more than 1 GB; it takes 8 entries a bucket unless told, and at least one. */
const KERNEL_BUCKETS = 8192;
const KERNEL_ENTRIES_PER_BUCKET = 8;
/** More are not kept: then the entry used longest ago makes room. */
const MOST_ENTRIES = 16_384;

const MODES = {
  srcip: P.HASHLIMIT_SRC,
  dstip: P.HASHLIMIT_DST,
  srcport: P.HASHLIMIT_SRC_PORT,
  dstport: P.HASHLIMIT_DST_PORT,
} as const;

const PER_MILLISECOND = 1_000_000n;
const PER_MICROSECOND = 1000n;
const U32_MAX = 0xffffffffn;
/** Credits a second, and the shift by which the kernel brings the cost of 16 bytes to them. */
const BYTE_CREDITS = 4_194_304_000n;

/** Cost of a packet, or of 16 bytes; the most credit, or the seconds in reserve. */
function rateOf({ rate }: HashlimitMatch): { cost: bigint; most: bigint } {
  if (rate.unit === "packets") {
    const cost = rate.avg * PER_MICROSECOND;
    return { cost, most: cost * BigInt(rate.burst) };
  }
  const cost = U32_MAX / ((rate.perSecond >> 4n) + 1n);
  return { cost: (cost * BYTE_CREDITS) >> 32n, most: rate.burst === null ? 0n : rate.burst / rate.perSecond };
}

const prefix = (bits: number, family: Family): number[] =>
  four(
    Array.from({ length: family === 4 ? 4 : 16 }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff),
  );

function hashlimit(match: HashlimitMatch, family: Family, tables: Tables): number[] {
  const buckets = match.size || KERNEL_BUCKETS;
  const most = match.max === 0 ? KERNEL_ENTRIES_PER_BUCKET * buckets : Math.max(match.max, buckets);
  const { number, first } = tables.shared(`hashlimit ${family} ${match.table}`, match, () => ({
    capacity: Math.min(most, MOST_ENTRIES),
    keyWords: P.HASHLIMIT_KEY_WORDS,
    entry: P.HASHLIMIT_ENTRY,
  }));
  const { cost, most: credit } = rateOf(first);
  const flags =
    first.mode.reduce((sum, mode) => sum | MODES[mode], 0) |
    (match.above ? P.HASHLIMIT_ABOVE : 0) |
    (first.rate.unit === "bytes" ? P.HASHLIMIT_BYTES : 0) |
    (most <= MOST_ENTRIES ? P.HASHLIMIT_DROP : 0);
  return ask(P.MATCH_HASHLIMIT, [
    number,
    flags,
    ...u64(BigInt(first.expire) * PER_MILLISECOND),
    ...u64(BigInt(first.gcInterval) * PER_MILLISECOND),
    ...u64(cost),
    ...u64(credit),
    ...prefix(first.srcMask, family),
    ...prefix(first.dstMask, family),
  ]);
}

// ---- recent

/** ip_list_tot of xt_recent */
const LIST_ENTRIES = 100;
const DEFAULT_STAMPS = 32;

/** A power of two; rules that ask for no count make room for the default. */
const stampsOf = ({ hitcount }: RecentMatch) =>
  hitcount === null ? DEFAULT_STAMPS : 2 ** Math.ceil(Math.log2(hitcount));

const ACTIONS = { set: P.RECENT_SET, rcheck: 0, update: P.RECENT_UPDATE, remove: P.RECENT_REMOVE } as const;

function recent(match: RecentMatch, tables: Tables): number[] {
  const stamps = tables.stamps(match.list);
  const { number, first } = tables.shared(`recent ${match.list}`, match, () => ({
    capacity: LIST_ENTRIES,
    keyWords: P.RECENT_KEY_WORDS,
    entry: P.RECENT_ENTRY + 8 * stamps,
  }));
  const flags =
    ACTIONS[match.action] |
    (match.invert ? P.RECENT_INVERT : 0) |
    (match.rttl ? P.RECENT_TTL : 0) |
    (match.reap ? P.RECENT_REAP : 0) |
    (match.side === "rdest" ? P.RECENT_DEST : 0);
  const { seconds, hitcount } = match;
  return ask(P.MATCH_RECENT, [number, flags, seconds ?? 0, hitcount ?? 0, stamps - 1, ...four(first.mask)]);
}

// ---- connlimit

const MOST_CONNS = 8192;

function connlimit({ limit, above, mask, by }: ConnlimitMatch, tables: Tables): number[] {
  const spec = { capacity: MOST_CONNS, keyWords: P.CONNLIMIT_KEY_WORDS, entry: P.CONNLIMIT_ENTRY };
  return ask(P.MATCH_CONNLIMIT, [tables.add(spec), limit, by === "daddr" ? 1 : 0, ...four(mask)], !above);
}

/** The questions of a match that remembers; null when it is none. */
export function rememberQuestions(match: Match, family: Family, tables: Tables): number[] | null {
  switch (match.name) {
    case "hashlimit":
      return hashlimit(match, family, tables);
    case "recent":
      return recent(match, tables);
    case "connlimit":
      return connlimit(match, tables);
    default:
      return null;
  }
}
