// A stateful firewall in front of anything that sends and receives packets: rules over a connection tracking engine.
import { Conntrack, type Decision, type OpenOptions, program as P } from "conntrack-wasm";
import { type Aftermath, aftermathOf, type Effect, effectOf } from "./aftermath.js";
import {
  type CompileOptions,
  compileRules,
  type Program,
  type RuleRef,
  setsOf,
  withCounters,
} from "./compile/index.js";
import { loadRules } from "./compile/load.js";
import { parsePlace } from "./compile/place.js";
import type { RuleError } from "./failure.js";
import { parseSets } from "./ipset/parse.js";
import type { IpSet } from "./ipset/types.js";
import { type ParseOptions, parseRuleset } from "./parse.js";
import type { Ruleset } from "./ruleset.js";
import { parseTimeoutPolicies } from "./timeout/parse.js";
import type { TimeoutPolicy } from "./timeout/policy.js";

/** The number of a rule in a word of the trace. */
const NUMBER = ~(P.TRACE_RULE_MATCHED | P.TRACE_RULE_UNDECIDED);

export interface FirewallOptions extends Omit<OpenOptions, "programSize">, Pick<CompileOptions, "hook" | "assume"> {
  /** A file of iptables-save, or rulesets read before: one of each family. Default: no rules, all is accepted. */
  readonly rules?: string | Ruleset | readonly Ruleset[];
  /**
   * The sets of ipset that rules name: a file of `ipset save`, or sets read before. With them a rule may name no others; without them
   * `assume` says what is in a set.
   */
  readonly sets?: string | ReadonlyMap<string, IpSet>;
  /**
   * The timeout policies that rules name in `CT --timeout`: what `nfct list timeout` prints, lines of `nfct add timeout`, or policies
   * read before. A rule may name no others.
   */
  readonly timeoutPolicies?: string | ReadonlyMap<string, TimeoutPolicy>;
  /** The box's interfaces: `eth0`, or with its addresses `eth0=203.0.113.1/24`. The first one leads to the rest of the world. */
  readonly interfaces?: readonly string[];
  /** LINKTYPE_ number of the packets: 1 is Ethernet (default), 101 begins with the IP header. */
  readonly link?: number;
  /** Tell with each verdict what rules on the packet's way did to it or said of it; default false. */
  readonly effects?: boolean;
}

/** How a packet passes the box. Only `in`: it is for the box; only `out`: the box sent it; none: its addresses tell. */
export interface Way {
  readonly in?: string;
  readonly out?: string;
  /** Nanoseconds since the epoch; default: now. */
  readonly time?: bigint;
  /** LINKTYPE_ number of this packet, where it is not the firewall's. */
  readonly link?: number;
}

export interface Verdict extends Omit<Decision, "rule">, Aftermath {
  /** The rule that decided, or the policy; null when no rule was asked. */
  readonly rule: RuleRef | null;
  /** A match on its way cannot be decided from packets, and was answered as `assume` says. */
  readonly undecided: boolean;
  /** Log entries, marks and the like, in their order; empty unless the firewall was opened with `effects`. */
  readonly effects: readonly { readonly effect: Effect; readonly rule: RuleRef }[];
}

export class Firewall {
  readonly #numbers: ReadonlyMap<string, number>;

  private constructor(
    readonly engine: Conntrack,
    readonly rulesets: readonly Ruleset[],
    private readonly given: ReadonlyMap<string, IpSet>,
    readonly program: Program,
    interfaces: readonly string[],
    private readonly link: number,
    private readonly tellsEffects: boolean,
  ) {
    this.#numbers = new Map(interfaces.map((name, number) => [name, number]));
  }

  static async open({
    rules = [],
    sets: given,
    interfaces = [],
    hook,
    assume,
    timeoutPolicies: policies = "",
    link = 1,
    effects = false,
    ...rest
  }: FirewallOptions): Promise<Firewall> {
    const sets = given === undefined ? null : readSets(given);
    const outside = { ...(sets && { sets }), timeoutPolicies: readTimeoutPolicies(policies) };
    const rulesets = readRulesets(rules, outside);
    const place = parsePlace(interfaces);
    const seed = Number(BigInt(rest.seed ?? 1) & 0xffffffffn);
    const program = compileRules(rulesets, {
      place,
      perPacket: true,
      seed,
      ...(hook && { hook }),
      ...(assume !== undefined && { assume }),
      ...outside,
    });
    const engine = await Conntrack.open({ ...rest, programSize: program.bytes.length });
    loadRules(engine, program);
    engine.traceRules(effects);
    return new Firewall(
      engine,
      rulesets,
      sets ?? new Map(),
      program,
      place.map(({ name }) => name),
      link,
      effects,
    );
  }

  /** What happens to a packet. */
  packet(data: Uint8Array, way: Way = {}): Verdict {
    const time = way.time ?? BigInt(Date.now()) * 1_000_000n;
    const number = this.#number(way.in) | (this.#number(way.out) << 8);
    const decision = this.engine.track({ time, data, link: way.link ?? this.link, interface: number });
    const rule = this.program.refs[(decision.rule & ~P.RULE_UNDECIDED) >>> 0] ?? null;
    return {
      ...decision,
      ...aftermathOf(rule?.rule?.target ?? null),
      rule,
      undecided: decision.rule >>> 31 === 1,
      effects: this.tellsEffects ? this.#effects() : [],
    };
  }

  #effects(): Verdict["effects"] {
    return [...this.engine.ruleTrace()].flatMap((word) => {
      const rule = (word & P.TRACE_RULE_MATCHED) === 0 ? null : (this.program.refs[word & NUMBER] ?? null);
      const effect = rule?.rule?.target ? effectOf(rule.rule.target, rule.family) : null;
      return rule === null || effect === null ? [] : [{ effect, rule }];
    });
  }

  #number(name: string | undefined): number {
    if (name === undefined) return 0;
    const number = this.#numbers.get(name);
    if (number === undefined) throw new RangeError(`interface "${name}" was not declared`);
    return number + 1;
  }

  /** The rulesets with the counters they have now, for `formatRuleset`. */
  counted(): Ruleset[] {
    return withCounters(this.rulesets, this.program, this.engine.programBytes);
  }

  /** The sets as they are now, by name, for `formatSets`: with what `-j SET` added and removed, without what has ended. */
  sets(): Map<string, IpSet> {
    const changed = setsOf(this.program, this.engine.programBytes, this.engine.now);
    return new Map([...this.given, ...changed.map((set) => [set.name, set] as const)]);
  }
}

function readRulesets(
  rules: NonNullable<FirewallOptions["rules"]>,
  outside: Pick<ParseOptions, "sets" | "timeoutPolicies">,
): readonly Ruleset[] {
  if (typeof rules !== "string") return Array.isArray(rules) ? rules : [rules as Ruleset];
  const { ruleset, errors } = parseRuleset(rules, outside);
  refuse(errors);
  return [ruleset];
}

function readSets(given: NonNullable<FirewallOptions["sets"]>): ReadonlyMap<string, IpSet> {
  if (typeof given !== "string") return given;
  const { sets, errors } = parseSets(given);
  refuse(errors, "sets, ");
  return sets;
}

function readTimeoutPolicies(
  given: NonNullable<FirewallOptions["timeoutPolicies"]>,
): ReadonlyMap<string, TimeoutPolicy> {
  if (typeof given !== "string") return given;
  const { policies, errors } = parseTimeoutPolicies(given);
  refuse(errors, "timeout policies, ");
  return policies;
}

function refuse([error]: readonly RuleError[], where = ""): void {
  if (error) throw new SyntaxError(`${where}line ${error.line}, column ${error.column}: ${error.message}`);
}
