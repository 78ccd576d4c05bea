// A ruleset into a program for the core, and the counters back.
//
// Every rule and every policy of raw, mangle, filter and security gets a number: the core counts by it and names the
// deciding rule with it. The nat table is kept and not executed.
import { program as P } from "conntrack-wasm";
import type { IpSet } from "../ipset/types.js";
import type { Chain, Counters, Match, Rule, Ruleset, Table, TableName } from "../ruleset.js";
import { findPolicy, noSuchPolicy, type TimeoutPolicy } from "../timeout/policy.js";
import { ChainWriter, type PlacedChain } from "./chains.js";
import { footprintOf } from "./footprint.js";
import { addressQuestion, type MatchContext, matchQuestions } from "./match.js";
import { type Hook, interfaceBits, type PlaceInterface, placeWords } from "./place.js";
import { Tables, tableHeader, tableSize } from "./remember.js";
import { readSets, SetError, Sets } from "./sets.js";
import { NOTHING, type Operation, targetOperation } from "./target.js";
import type { Candidate } from "./tree.js";
import { ask } from "./words.js";

export interface CompileOptions {
  /** Interfaces of the box and their addresses. */
  readonly place?: readonly PlaceInterface[];
  /** The hook of every packet; by default it follows from the place, and without one it is FORWARD. */
  readonly hook?: Hook;
  /** Interfaces of every packet by name, where the place does not tell them. */
  readonly in?: string;
  readonly out?: string;
  /** Each packet brings its way along: see `Firewall`. */
  readonly perPacket?: boolean;
  /** Each packet brings along the interface it was seen on: `program.FLAG_SEEN`. */
  readonly seenOn?: boolean;
  /** The answer of matches that cannot be decided offline, also by rule and match; default false. */
  readonly assume?: boolean | Assume;
  /** Seed of `statistic --mode random`. */
  readonly seed?: number;
  /**
   * The sets of ipset rules may name, from `parseSets`; a rule that names another one is refused. Without them it cannot be decided
   * what is in a set.
   */
  readonly sets?: ReadonlyMap<string, IpSet>;
  /** The timeout policies `CT --timeout` may name, from `parseTimeoutPolicies`. */
  readonly timeoutPolicies?: ReadonlyMap<string, TimeoutPolicy>;
  /** false: rules are asked one after the other, as they stand. Nothing else changes; for measurements and tests. */
  readonly optimise?: boolean;
}

/** Whether a match holds that cannot be decided: its name, or `in` and `out` for an interface nobody knows. */
export type Assume = (rule: RuleRef, match: string) => boolean;

/** What a number of the program stands for. */
export interface RuleRef {
  readonly table: TableName;
  readonly chain: Chain;
  /** null: the chain's policy. */
  readonly rule: Rule | null;
  /** Place in the chain, from 1; 0 for the policy. */
  readonly position: number;
  readonly family: 4 | 6;
}

export interface Program {
  readonly bytes: Uint8Array;
  /** By number; 0 is nobody's. */
  readonly refs: readonly (RuleRef | null)[];
  /** Matches no capture can decide, by the number of their rule. */
  readonly undecided: ReadonlyMap<number, readonly string[]>;
  /** The sets of ipset that rules name, and what the core calls them: for `setsOf`. */
  readonly sets: Pick<Sets, "compiled" | "names">;
  /** The timeout policies that rules name: the first one is number 1 of the engine. */
  readonly timeoutPolicies: readonly TimeoutPolicy[];
}

export class CompileError extends Error {
  override readonly name = "CompileError";
}

/** Tables that are executed, and which stage a built-in chain is. */
const STAGES: Partial<Record<TableName, Readonly<Record<string, number>>>> = {
  raw: { PREROUTING: P.STAGE_RAW_PREROUTING, OUTPUT: P.STAGE_RAW_OUTPUT },
  mangle: {
    PREROUTING: P.STAGE_MANGLE_PREROUTING,
    INPUT: P.STAGE_MANGLE_INPUT,
    FORWARD: P.STAGE_MANGLE_FORWARD,
    OUTPUT: P.STAGE_MANGLE_OUTPUT,
    POSTROUTING: P.STAGE_MANGLE_POSTROUTING,
  },
  filter: { INPUT: P.STAGE_FILTER_INPUT, FORWARD: P.STAGE_FILTER_FORWARD, OUTPUT: P.STAGE_FILTER_OUTPUT },
  security: { INPUT: P.STAGE_SECURITY_INPUT, FORWARD: P.STAGE_SECURITY_FORWARD, OUTPUT: P.STAGE_SECURITY_OUTPUT },
};

/** Fields trees may look at. */
const FIELDS: Readonly<Record<4 | 6, readonly number[]>> = { 4: fieldsOf(1), 6: fieldsOf(4) };

function fieldsOf(addressWords: number): number[] {
  const words = Array.from({ length: addressWords }, (_, i) => i);
  return [
    P.FIELD_STATE,
    P.FIELD_PROTOCOL,
    P.FIELD_IN,
    P.FIELD_OUT,
    P.FIELD_SPORT,
    P.FIELD_DPORT,
    P.FIELD_MARK,
    ...words.map((i) => P.FIELD_SRC + i),
    ...words.map((i) => P.FIELD_DST + i),
  ];
}

/** Operations behind which the next rule is not asked. */
const ENDING: ReadonlySet<number> = new Set([P.TARGET_ACCEPT, P.TARGET_DROP, P.TARGET_RETURN, P.TARGET_GOTO]);

/** Timeout policies of an engine: `Conntrack.setTimeoutPolicy`. */
const MOST_POLICIES = 31;

/** Operations that may change the mark of a packet. */
const MARKING: ReadonlySet<number> = new Set([P.TARGET_MARK, P.TARGET_CONNMARK_RESTORE, P.TARGET_SET]);

interface WrittenChain extends Omit<PlacedChain, "fields"> {
  readonly rules: number[];
  readonly candidates: Candidate[];
  /** Words that are to hold the place of a chain. */
  readonly jumps: { at: number; chain: string }[];
  /** A rule changes the mark of packets. */
  marks: boolean;
  policy: number;
}

interface WrittenTable {
  readonly table: Table;
  readonly family: 4 | 6;
  readonly order: readonly Chain[];
  readonly chains: ReadonlyMap<Chain, WrittenChain>;
}

const HOOKS: Readonly<Record<Hook, number>> = {
  INPUT: P.HOOK_INPUT,
  FORWARD: P.HOOK_FORWARD,
  OUTPUT: P.HOOK_OUTPUT,
};

/** Compiles one ruleset, or one of each family. */
export function compileRules(rulesets: Ruleset | readonly Ruleset[], options: CompileOptions = {}): Program {
  return new Compiler(options).compile(Array.isArray(rulesets) ? rulesets : [rulesets as Ruleset]);
}

class Compiler {
  readonly #words: number[] = Array<number>(P.PROGRAM_HEADER).fill(0);
  readonly #refs: (RuleRef | null)[] = [null];
  readonly #undecided = new Map<number, string[]>();
  readonly #place: readonly PlaceInterface[];
  #seed: number;
  #tables = new Tables([], []);
  #sets = new Sets([], null, []);
  readonly #policies: TimeoutPolicy[] = [];

  constructor(private readonly options: CompileOptions) {
    this.#place = options.place ?? [];
    this.#seed = (options.seed ?? 1) >>> 0;
  }

  compile(rulesets: readonly Ruleset[]): Program {
    const words = this.#words;
    const { hook, perPacket } = this.options;
    words[0] = P.PROGRAM_MAGIC;
    words[P.PROGRAM_HOOK] = hook === undefined ? P.HOOK_BY_PLACE : HOOKS[hook];
    words[P.PROGRAM_IN] = this.#interface(this.options.in);
    words[P.PROGRAM_OUT] = this.#interface(this.options.out);
    const networks = placeWords(this.#place);
    words[P.PROGRAM_PLACE] = words.length * 4;
    words[P.PROGRAM_NETWORKS] = networks.length / P.NETWORK_WORDS;
    words.push(...networks);
    this.#sets = new Sets(
      rulesets,
      this.options.sets ?? null,
      this.#place.map(({ name }) => name),
    );
    this.#tables = new Tables(
      matchesOf(rulesets),
      this.#sets.compiled.map(({ spec }) => spec),
    );
    words[P.PROGRAM_RULES] = words.length * 4;
    const tables = rulesets.flatMap(({ tables, family }) =>
      tables.filter(({ name }) => STAGES[name]).map((table) => this.#table(table, family)),
    );
    words[P.PROGRAM_CHAINS] = words.length * 4;
    const writer = new ChainWriter(words.length * 4, this.options.optimise ?? true);
    for (const table of tables) this.#placeTable(table, writer);
    const { chains, trees } = writer.place();
    append(words, chains);
    words[P.PROGRAM_TREES] = words.length * 4;
    append(words, trees);
    const raw = rulesets.flatMap(({ tables }) => tables.filter(({ name }) => name === "raw"));
    const plain = raw.every(({ chains }) =>
      chains.every(({ rules, policy }) => rules.length === 0 && policy !== "DROP"),
    );
    const counts = [...matchesOf(rulesets)].some(({ name }) => name === "connbytes");
    words[P.PROGRAM_FLAGS] =
      (plain ? P.FLAG_RAW_PLAIN : 0) |
      (perPacket ? P.FLAG_INTERFACES : 0) |
      (this.options.seenOn ? P.FLAG_SEEN : 0) |
      (counts ? P.FLAG_ACCOUNTING : 0);
    const { specs } = this.#tables;
    words[P.PROGRAM_TABLES] = words.length * 4;
    words[P.PROGRAM_TABLE_COUNT] = specs.length;
    const positions = words.length;
    for (const _ of specs) words.push(0);
    if (words.length % 2) words.push(0);
    words[P.PROGRAM_SETS] = words.length * 4;
    words[P.PROGRAM_SET_COUNT] = this.#sets.compiled.length;
    append(words, this.#sets.words());
    words[P.PROGRAM_COUNTERS] = words.length * 4;
    words[P.PROGRAM_NUMBERS] = this.#refs.length;
    let size = words.length * 4 + this.#refs.length * 16;
    for (const [i, spec] of specs.entries()) {
      words[positions + i] = size;
      size += tableSize(spec);
    }
    words[P.PROGRAM_SIZE] = size;
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    const write = (at: number, values: readonly number[]) => {
      for (const [i, word] of values.entries()) view.setUint32(at + 4 * i, word, true);
    };
    write(0, words);
    for (const [i, spec] of specs.entries()) write(words[positions + i] ?? 0, tableHeader(spec, this.#random()));
    for (const [i, compiled] of this.#sets.compiled.entries()) {
      const table = words[positions + i] ?? 0;
      view.setUint32(table + 4 * P.STORE_GIVEN, compiled.set.entries.size, true);
      this.#sets.write(view, table + tableSize({ ...compiled.spec, entry: 0 }), compiled);
    }
    const { compiled, names } = this.#sets;
    const timeoutPolicies = this.#policies;
    return { bytes, refs: this.#refs, undecided: this.#undecided, sets: { compiled, names }, timeoutPolicies };
  }

  // Packets that come from no declared network come by the named interface, else by the first, as by a default route.
  #interface(name: string | undefined): number {
    if (name === undefined) return this.#place.some(({ networks }) => networks.length > 0) ? 0 : P.INTERFACE_UNKNOWN;
    const number = this.#place.findIndex((known) => known.name === name);
    if (number < 0) throw new CompileError(`interface "${name}" is not one of the declared ones`);
    return number;
  }

  #random = (): number => {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed;
  };

  // Rules first, in the order in which they are numbered.
  #table(table: Table, family: 4 | 6): WrittenTable {
    const order = callOrder(table);
    const chains = new Map<Chain, WrittenChain>();
    for (const chain of table.chains) chains.set(chain, this.#chain(table, chain, family));
    return { table, family, order, chains };
  }

  #placeTable({ table, family, order, chains }: WrittenTable, writer: ChainWriter): void {
    const places = new Map<string, number>();
    const marking = new Set<string>();
    for (const chain of order) {
      const written = chains.get(chain) as WrittenChain;
      for (const { at, chain: called } of written.jumps) this.#words[at] = places.get(called) as number;
      if (written.marks || written.jumps.some(({ chain: called }) => marking.has(called))) marking.add(chain.name);
      const fields = FIELDS[family].filter((field) => field !== P.FIELD_MARK || !marking.has(chain.name));
      places.set(chain.name, writer.add({ ...written, fields }));
    }
    for (const [name, stage] of Object.entries(STAGES[table.name] ?? {})) {
      const place = places.get(name);
      if (place !== undefined) this.#words[P.PROGRAM_STAGES + (family === 6 ? P.STAGES : 0) + stage] = place;
    }
  }

  #chain(table: Table, chain: Chain, family: 4 | 6): WrittenChain {
    const words = this.#words;
    const written: WrittenChain = { rules: [], candidates: [], jumps: [], marks: false, policy: 0 };
    for (const [i, rule] of chain.rules.entries()) {
      const number = this.#refs.push({ table: table.name, chain, rule, position: i + 1, family }) - 1;
      const { op, args, chain: to } = this.#operation(rule, family);
      const at = words.length;
      const questions = this.#questions(rule, number, family);
      words.push(number, op, ...Array.from({ length: 4 }, (_, k) => (args[k] ?? 0) >>> 0), ...questions, P.MATCH_END);
      written.rules.push(at * 4);
      written.candidates.push({ ...footprintOf(questions, family), ends: ENDING.has(op) });
      if (to !== undefined) written.jumps.push({ at: at + P.RULE_ARGS, chain: to });
      if (MARKING.has(op)) written.marks = true;
    }
    const policy = chain.policy === null ? null : { table: table.name, chain, rule: null, position: 0, family };
    const number = policy === null ? 0 : this.#refs.push(policy) - 1;
    const op = chain.policy === null ? P.TARGET_RETURN : chain.policy === "DROP" ? P.TARGET_DROP : P.TARGET_ACCEPT;
    written.policy = words.length * 4;
    words.push(number, op, 0, 0, 0, 0, P.MATCH_END);
    return written;
  }

  #operation(rule: Rule, family: 4 | 6): Operation {
    const { target, line } = rule;
    if (target?.kind === "SET") return atLine(line, () => this.#sets.operation(target, family)) ?? NOTHING;
    return targetOperation(target, (name) => this.#policy(name, rule, family));
  }

  #policy(name: string, { protocol, line }: Rule, family: 4 | 6): number {
    const { timeoutPolicies = new Map() } = this.options;
    const policy = findPolicy(timeoutPolicies, name, { family, protocol: protocol?.number ?? 0 });
    if (policy === undefined) throw new CompileError(`line ${line}: ${noSuchPolicy(name, timeoutPolicies)}`);
    const named = this.#policies.indexOf(policy);
    if (named >= 0) return named + 1;
    if (this.#policies.length === MOST_POLICIES)
      throw new CompileError(`line ${line}: rules may name ${MOST_POLICIES} timeout policies, and this is one more`);
    return this.#policies.push(policy);
  }

  // In the kernel's order: the IP header, then the matches as they are written.
  #questions(rule: Rule, number: number, family: 4 | 6): number[] {
    const { assume = false } = this.options;
    const ref = this.#refs[number] as RuleRef;
    const answer = (match: string) => (typeof assume === "function" ? assume(ref, match) : assume);
    const questions = [
      ...addressQuestion(P.MATCH_SRC4, rule.source),
      ...addressQuestion(P.MATCH_DST4, rule.destination),
      ...(rule.in === null ? [] : ask(P.MATCH_IN, [interfaceBits(rule.in, this.#place)], rule.in.invert, answer("in"))),
      ...(rule.out === null
        ? []
        : ask(P.MATCH_OUT, [interfaceBits(rule.out, this.#place)], rule.out.invert, answer("out"))),
      ...(rule.protocol === null ? [] : ask(P.MATCH_PROTOCOL, [rule.protocol.number], rule.protocol.invert)),
      ...(rule.fragment === null ? [] : ask(P.MATCH_FRAGMENT, [], rule.fragment.invert)),
    ];
    for (const match of rule.matches) {
      const context: MatchContext = {
        family,
        assume: answer(match.name),
        random: this.#random,
        tables: this.#tables,
      };
      const asked =
        match.name === "set"
          ? atLine(rule.line, () => this.#sets.question(match, family))
          : matchQuestions(match, context);
      if (asked !== null) questions.push(...asked);
      else {
        questions.push(...ask(P.MATCH_UNDECIDED, [], false, context.assume));
        this.#undecided.set(number, [...(this.#undecided.get(number) ?? []), match.name]);
      }
    }
    return questions;
  }
}

/** A rule that names a set in vain says where it stands. */
function atLine<T>(line: number, find: () => T): T {
  try {
    return find();
  } catch (error) {
    throw error instanceof SetError ? new CompileError(`line ${line}: ${error.message}`) : error;
  }
}

function* matchesOf(rulesets: readonly Ruleset[]): Iterable<Match> {
  for (const { tables } of rulesets)
    for (const { name, chains } of tables)
      if (STAGES[name]) for (const { rules } of chains) for (const { matches } of rules) yield* matches;
}

/** The chains of a table, each behind those it calls. A chain that leads back to itself would never end; iptables refuses it as well. */
function callOrder({ name, chains }: Table): Chain[] {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const done = new Set<Chain>();
  const visit = (chain: Chain, path: readonly string[]): void => {
    if (path.includes(chain.name))
      throw new CompileError(`${name}: a loop of chains: ${[...path, chain.name].join(" -> ")}`);
    if (done.has(chain)) return;
    for (const { target } of chain.rules) {
      if (target?.kind !== "jump" && target?.kind !== "goto") continue;
      const next = byName.get(target.chain);
      if (next === undefined) throw new CompileError(`${name}: there is no chain "${target.chain}"`);
      visit(next, [...path, chain.name]);
    }
    done.add(chain);
  };
  for (const chain of chains) visit(chain, []);
  return [...done];
}

/** In pieces: a call takes so many arguments only. */
function append(words: number[], more: readonly number[]): void {
  for (const word of more) words.push(word);
}

/** The counters of a program by number, read from its bytes as they are in the engine. */
export function readCounters({ refs }: Program, bytes: Uint8Array): Counters[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = view.getUint32(4 * P.PROGRAM_COUNTERS, true);
  return refs.map((_, number) => ({
    packets: view.getBigUint64(start + 16 * number, true),
    bytes: view.getBigUint64(start + 16 * number + 8, true),
  }));
}

/**
 * The sets of ipset a program has as they are in its bytes: with what rules added and removed, and counters. `time`: nanoseconds since
 * the epoch for what is left of entries that end; default: the moment of the first packet.
 */
export function setsOf({ sets }: Program, bytes: Uint8Array, time: bigint | null = null): IpSet[] {
  return readSets(sets, bytes, time);
}

/** Copies of the rulesets with these counters: what `iptables-save -c` would print. Chains that did not run keep theirs. */
export function withCounters<T extends Ruleset>(rulesets: readonly T[], program: Program, bytes: Uint8Array): T[] {
  const counters = readCounters(program, bytes);
  const byRule = new Map<Rule | Chain, Counters>();
  for (const [number, ref] of program.refs.entries()) {
    const found = counters[number];
    if (ref !== null && found !== undefined) byRule.set(ref.rule ?? ref.chain, found);
  }
  return rulesets.map((ruleset) => ({
    ...ruleset,
    counters: true,
    tables: ruleset.tables.map((table) => ({
      ...table,
      chains: table.chains.map((chain) => ({
        ...chain,
        counters: byRule.get(chain) ?? chain.counters,
        rules: chain.rules.map((rule) => ({ ...rule, counters: byRule.get(rule) ?? rule.counters })),
      })),
    })),
  }));
}
