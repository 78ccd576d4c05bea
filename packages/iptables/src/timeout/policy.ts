// Timeout policies: what `CT --timeout` names and `nfct add timeout` makes.
import { fail, type Word } from "../failure.js";
import { list } from "../option.js";
import type { Family } from "../ruleset.js";

/** Timeouts of its own for connections whose first packet meets a rule that names it. */
export interface TimeoutPolicy {
  readonly name: string;
  readonly family: Family;
  /** Number of the protocol; 255: all those that connection tracking knows nothing about. */
  readonly protocol: number;
  /** Seconds by the name of the sysctl they stand in for; what is not given keeps the sysctl's value. */
  readonly timeouts: Readonly<Record<string, number>>;
  /** Line of its file. */
  readonly line: number;
}

export const GENERIC = 255;

const named = (prefix: string, states: string): Record<string, string> =>
  Object.fromEntries(states.split(" ").map((state) => [state, `${prefix}${state}`]));

const queries = (protocol: string): Record<string, string> => ({
  unreplied: `${protocol}_timeout`,
  replied: `${protocol}_timeout_stream`,
});

/** By the name `nfct` gives them: number, and of each state the sysctl it stands in for, without `nf_conntrack_`. */
export const PROTOCOLS: Readonly<
  Record<string, { readonly number: number; readonly states: Readonly<Record<string, string>> }>
> = {
  tcp: {
    number: 6,
    states: {
      ...named(
        "tcp_timeout_",
        "syn_sent syn_recv established fin_wait close_wait last_ack time_wait close syn_sent2 unacknowledged",
      ),
      retrans: "tcp_timeout_max_retrans",
    },
  },
  udp: { number: 17, states: queries("udp") },
  udplite: { number: 136, states: queries("udp") },
  gre: { number: 47, states: queries("gre") },
  icmp: { number: 1, states: { timeout: "icmp_timeout" } },
  icmpv6: { number: 58, states: { timeout: "icmpv6_timeout" } },
  sctp: {
    number: 132,
    states: named(
      "sctp_timeout_",
      "closed cookie_wait cookie_echoed established shutdown_sent shutdown_recd shutdown_ack_sent",
    ),
  },
  generic: { number: GENERIC, states: { timeout: "generic_timeout" } },
};

const TRACKED = new Set(Object.values(PROTOCOLS).map(({ number }) => number));

export const protocolName = (number: number): string =>
  Object.entries(PROTOCOLS).find(([, protocol]) => protocol.number === number)?.[0] ?? String(number);

/** Letters of a policy's name that the kernel gives back with a rule, and so iptables-save prints (xt_CT.c, usersize). */
const LETTERS_SAVED = 4;

/** What a rule is about. `protocol` 0: not one. */
export interface RuleProtocol {
  readonly family: Family;
  readonly protocol: number;
}

const fits = (policy: TimeoutPolicy, { family, protocol }: RuleProtocol): boolean =>
  policy.family === family && policy.protocol === (TRACKED.has(protocol) ? protocol : GENERIC);

/**
 * The policy a rule names. iptables-save prints the first four letters of a name: such a name stands for the one policy that begins with
 * them and fits the rule. Undefined when there is none, or more than one.
 */
export function findPolicy(
  policies: ReadonlyMap<string, TimeoutPolicy>,
  name: string,
  rule: RuleProtocol,
): TimeoutPolicy | undefined {
  const whole = policies.get(name);
  if (whole || name.length !== LETTERS_SAVED) return whole;
  const begun = [...policies.values()].filter((policy) => policy.name.startsWith(name) && fits(policy, rule));
  return begun.length === 1 ? begun[0] : undefined;
}

/** As the kernel does when a rule is added. */
export function checkPolicy(
  word: Word,
  policies: ReadonlyMap<string, TimeoutPolicy>,
  rule: RuleProtocol & { readonly protocolInvert: boolean },
): void {
  const policy = findPolicy(policies, word.text, rule);
  if (policy === undefined) fail(word, noSuchPolicy(word.text, policies));
  if (rule.protocol === 0 || rule.protocolInvert) fail(word, "a timeout policy needs a protocol: -p without !");
  if (!fits(policy, rule))
    fail(
      word,
      `the timeout policy ${policy.name} is for ${protocolName(policy.protocol)} over IPv${policy.family}, this rule is not`,
    );
}

export function noSuchPolicy(name: string, policies: ReadonlyMap<string, TimeoutPolicy>): string {
  const begun = [...policies.keys()].filter((one) => one.startsWith(name));
  if (name.length === LETTERS_SAVED && begun.length > 0)
    return `iptables-save prints the first four letters of a timeout policy only, and these may be ${list(begun.slice(0, 8))}; write the whole name`;
  const known = [...policies.keys()].slice(0, 8);
  return `there is no timeout policy ${name}; ${known.length > 0 ? `there is ${list(known)}` : "give the file of nfct list timeout that has it (--timeout-policies FILE)"}`;
}
