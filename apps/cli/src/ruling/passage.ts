// What the rules did with one packet: the way it took, the rules it was asked by, what they did to it, what was left open.
import { type Effect, effectOf, type Program, type RuleRef } from "conntrack-iptables";
import { type Conntrack, program as P } from "conntrack-wasm";

export interface Way {
  readonly hook: "INPUT" | "FORWARD" | "OUTPUT";
  /** null: there is none. */
  readonly in: string | null;
  readonly out: string | null;
}

/** A match that was asked and cannot be decided, and what it was taken for. */
export interface OpenQuestion {
  readonly ref: RuleRef;
  readonly matches: readonly string[];
}

/** A rule, or the end of a chain of the user (`ref` null), that the packet was asked by. */
export interface Asked {
  readonly ref: RuleRef | null;
  readonly table: string;
  readonly chain: string;
  /** In its chain, from 1; a policy or an end has the place behind the last rule. */
  readonly position: number;
  readonly matched: boolean;
  readonly undecided: boolean;
}

const HOOKS = ["FORWARD", "INPUT", "FORWARD", "OUTPUT"] as const;

export class Passage {
  readonly way: Way;
  readonly asked: readonly Asked[];

  /** Of the packet the engine saw last; `traceRules` must be on. */
  constructor(
    engine: Conntrack,
    private readonly program: Program,
    interfaces: readonly string[],
  ) {
    const way = engine.ruleWay();
    const name = (number: number) =>
      number === P.INTERFACE_NONE ? null : number === P.INTERFACE_UNKNOWN ? "?" : (interfaces[number] ?? "?");
    this.way = {
      hook: HOOKS[way & 0xff] ?? "FORWARD",
      in: name((way >> 8) & 0xff),
      out: name((way >> 16) & 0xff),
    };
    this.asked = follow(engine.ruleTrace(), program);
  }

  /** What the rules did to the packet or said of it, in their order. */
  effects(): { effect: Effect; ref: RuleRef }[] {
    return this.asked.flatMap(({ ref, matched }) => {
      const effect = matched && ref?.rule?.target ? effectOf(ref.rule.target, ref.family) : null;
      return effect === null ? [] : [{ effect, ref: ref as RuleRef }];
    });
  }

  open(): OpenQuestion[] {
    return this.asked.flatMap(({ ref, undecided }) =>
      undecided && ref !== null ? [{ ref, matches: this.#openMatches(ref) }] : [],
    );
  }

  /** Jumps (neither effect nor open), effects and open questions, as the packet met them. */
  events(): { ref: RuleRef; effect: Effect | null; open: readonly string[] | null }[] {
    return this.asked.flatMap(({ ref, matched, undecided }) => {
      const target = ref?.rule?.target;
      if (ref === null) return [];
      const open = undecided ? [{ ref, effect: null, open: this.#openMatches(ref) }] : [];
      if (!matched || !target) return open;
      const effect = effectOf(target, ref.family);
      const isJump = target.kind === "jump" || target.kind === "goto";
      return [...open, ...(effect !== null || isJump ? [{ ref, effect, open: null }] : [])];
    });
  }

  #openMatches(ref: RuleRef): string[] {
    const always = this.program.undecided.get(this.program.refs.indexOf(ref)) ?? [];
    const { rule } = ref;
    const side = [
      ...(rule?.in && this.way.in === "?" ? ["-i"] : []),
      ...(rule?.out && this.way.out === "?" ? ["-o"] : []),
    ];
    const found = [...always, ...side];
    if (found.length > 0) return found;
    const byPlace = rule?.matches.map(({ name }) => name).filter((name) => BY_PLACE.includes(name)) ?? [];
    return byPlace.length > 0 ? byPlace : ["bytes that were not captured"];
  }
}

/** Decided only by declared addresses or a link-layer header. */
const BY_PLACE: readonly string[] = ["addrtype", "rpfilter", "mac", "pkttype", "eui64"];

// The words of the engine's trace, with the ends of chains named: those have no number of their own.
function follow(words: Uint32Array, program: Program): Asked[] {
  const asked: Asked[] = [];
  let [table, chain]: [string, { name: string; length: number }] = ["", { name: "", length: 0 }];
  const back: (typeof chain)[] = [];
  const lengths = new Map<string, number>();
  for (const ref of program.refs)
    if (ref?.rule) lengths.set(`${ref.family} ${ref.table} ${ref.chain.name}`, ref.chain.rules.length);
  for (const word of words) {
    const ref = program.refs[word & NUMBER] ?? null;
    const matched = (word & P.TRACE_RULE_MATCHED) !== 0;
    const undecided = (word & P.TRACE_RULE_UNDECIDED) !== 0;
    if (ref === null) {
      asked.push({ ref, table, chain: chain.name, position: chain.length + 1, matched, undecided });
      chain = back.pop() ?? chain;
      continue;
    }
    table = ref.table;
    chain = { name: ref.chain.name, length: ref.chain.rules.length };
    const position = ref.rule === null ? chain.length + 1 : ref.position;
    asked.push({ ref, table, chain: chain.name, position, matched, undecided });
    const target = ref.rule?.target;
    if (!matched || !target) continue;
    if (target.kind === "RETURN") chain = back.pop() ?? chain;
    if (target.kind === "jump") back.push(chain);
    if (target.kind === "jump" || target.kind === "goto")
      chain = { name: target.chain, length: lengths.get(`${ref.family} ${ref.table} ${target.chain}`) ?? 0 };
    if (ref.rule === null) back.length = 0;
  }
  return asked;
}

const NUMBER = 0x3fffffff;
