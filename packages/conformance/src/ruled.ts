// Rules that act on connections, asked of both sides: marks, labels, zones, timeout policies, NOTRACK, DROP. The packet's
// DSCP picks the rule. The kernel gets them by iptables, the engine the same text compiled to its program.
//
//   1 … 3    conntrack zone                      16 … 18   label
//   4 … 7    zone of one direction               22 … 24   zone by mark
//   8 … 10   mark set                            20, 21    timeout policy
//   11, 12   mark or, and                        61        not tracked
//   13, 14   mark xor, set to 0                  62        dropped behind connection tracking, before confirm

import { compileRules, type Program, parseRuleset } from "conntrack-iptables";
import type { TimeoutPolicy } from "./timeout-policy.js";

const ZONES = [1, 2, 3];
/** Those that hold for one direction. */
const ONE_WAY: readonly (readonly [dscp: number, option: string])[] = [
  [4, "--zone-orig 1"],
  [5, "--zone-orig 2"],
  [6, "--zone-reply 1"],
  [7, "--zone-reply 2"],
];
/** The mark is set behind the rule that names it: it is read when the packet comes to connection tracking. */
const BY_MARK: readonly (readonly [dscp: number, option: string, mark: number])[] = [
  [22, "--zone-orig mark", 0x10001],
  [23, "--zone mark", 2],
  [24, "--zone-reply mark", 0],
];
const LABELS: Readonly<Record<number, number>> = { 16: 0, 17: 64, 18: 127 };
// biome-ignore format: a table
const MARKS: readonly (readonly [dscp: number, operation: string])[] = [
  [8, "--set-xmark 0x8/0xffffffff"], [9, "--set-xmark 0x9/0xff"], [10, "--set-xmark 0xabcdef12/0xffffffff"],
  [11, "--or-mark 0x100"], [12, "--and-mark 0xf"], [13, "--xor-mark 0x3"], [14, "--set-xmark 0x0/0xffffffff"],
];
const POLICIES: readonly (readonly [dscp: number, name: string])[] = [
  [20, "brief"],
  [21, "long"],
];
/**
 * Rules of random traffic. Those with a zone of the reply direction alone are left to the sequences: two entries may then share
 * their original tuple, and the kernel, asked by it, tells of either.
 */
const DSCPS = [
  ...ZONES,
  ...[...ONE_WAY, ...BY_MARK].filter(([, option]) => !option.startsWith("--zone-reply")).map(([dscp]) => dscp),
  ...MARKS.map(([dscp]) => dscp),
  ...Object.keys(LABELS).map(Number),
  20,
  21,
  61,
  62,
];

/** The DSCP of a rule, by what it does. */
// biome-ignore format: a table
const NAMES = {
  "label 0": 16, "label 64": 17, "label 127": 18, "mark 8": 8, "mark 9": 9, "mark 0xabcdef12": 10, "or 0x100": 11, "and 0xf": 12, "xor 3": 13, "mark 0": 14, brief: 20, long: 21,
  "zone 1": 1, "zone 2": 2, "original 1": 4, "original 2": 5, "reply 1": 6, "reply 2": 7, "original by mark 1": 22, "by mark 2": 23, "reply by mark 0": 24,
  notrack: 61, drop: 62,
} as const;

export const dscpOf = (name: keyof typeof NAMES): number => NAMES[name];

/** The type-of-service byte of a packet some rule is for. */
export const tosFor = (random: { pick<T>(items: readonly T[]): T }): number => random.pick(DSCPS) << 2;

/** Of each protocol: its number, the name in a rule for IPv4 and IPv6, and the sysctl of each state, in the kernel's order. */
// biome-ignore format: a table
const PROTOCOLS: readonly { readonly l4proto: Readonly<Record<Family, number>>; readonly states: readonly string[] }[] = [
  { l4proto: { 4: 6, 6: 6 }, states: [
    "tcp_timeout_syn_sent", "tcp_timeout_syn_recv", "tcp_timeout_established", "tcp_timeout_fin_wait", "tcp_timeout_close_wait",
    "tcp_timeout_last_ack", "tcp_timeout_time_wait", "tcp_timeout_close", "tcp_timeout_syn_sent2", "tcp_timeout_max_retrans",
    "tcp_timeout_unacknowledged",
  ] },
  { l4proto: { 4: 17, 6: 17 }, states: ["udp_timeout", "udp_timeout_stream"] },
  { l4proto: { 4: 47, 6: 47 }, states: ["gre_timeout", "gre_timeout_stream"] },
  { l4proto: { 4: 132, 6: 132 }, states: [
    "sctp_timeout_closed", "sctp_timeout_cookie_wait", "sctp_timeout_cookie_echoed", "sctp_timeout_established",
    "sctp_timeout_shutdown_sent", "sctp_timeout_shutdown_recd", "sctp_timeout_shutdown_ack_sent", "sctp_timeout_heartbeat_sent",
  ] },
];
type Family = 4 | 6;

/** The timeouts a policy replaces: sysctls, but for that of SYN_SENT2. */
export const POLICY_TIMEOUTS = [...new Set(PROTOCOLS.flatMap(({ states }) => states))].map(
  (name) => `nf_conntrack_${name}`,
);
const FAMILIES = [4, 6] as const;

/** Different for every state, so that a mix-up shows. */
function policyTimeouts(policy: number): Record<string, number> {
  return Object.fromEntries(POLICY_TIMEOUTS.map((name, i) => [name, (policy === 0 ? 11 : 5000) + 3 * i]));
}

const policyName = (name: string, l4proto: number, family: Family): string => `${name}-${l4proto}-${family}`;

const eachPolicy = <T>(make: (policy: number, protocol: (typeof PROTOCOLS)[number], family: Family) => T): T[] =>
  POLICIES.flatMap((_, policy) =>
    PROTOCOLS.flatMap((protocol) => FAMILIES.map((family) => make(policy, protocol, family))),
  );

const nameOf = (policy: number, l4proto: number, family: Family): string =>
  policyName((POLICIES[policy] as (typeof POLICIES)[number])[1], l4proto, family);

const timeoutPolicies = eachPolicy((policy, { l4proto, states }, family): TimeoutPolicy => {
  const timeouts = policyTimeouts(policy);
  return {
    name: nameOf(policy, l4proto[family], family),
    l3num: family === 4 ? 2 : 10,
    l4proto: l4proto[family],
    seconds: states.map((name) => timeouts[`nf_conntrack_${name}`] as number),
  };
});

/** The same, as the engine's side takes them. */
const POLICIES_BY_NAME = new Map(
  eachPolicy((policy, { l4proto }, family) => {
    const name = nameOf(policy, l4proto[family], family);
    return [name, { name, family, protocol: l4proto[family], timeouts: policyTimeouts(policy), line: 0 }];
  }),
);

function rules(family: Family): string {
  const raw = ZONES.map((zone) => `-m dscp --dscp ${zone} -j CT --zone ${zone}`);
  for (const [dscp, option] of ONE_WAY) raw.push(`-m dscp --dscp ${dscp} -j CT ${option}`);
  for (const [dscp, option, mark] of BY_MARK)
    raw.push(`-m dscp --dscp ${dscp} -j CT ${option}`, `-m dscp --dscp ${dscp} -j MARK --set-mark ${mark}`);
  raw.push("-m dscp --dscp 61 -j CT --notrack");
  for (const [dscp, name] of POLICIES)
    for (const { l4proto } of PROTOCOLS) {
      const policy = policyName(name, l4proto[family], family);
      raw.push(`-p ${l4proto[family]} -m dscp --dscp ${dscp} -j CT --timeout ${policy}`);
    }
  const mangle = MARKS.map(([dscp, operation]) => `-m dscp --dscp ${dscp} -j CONNMARK ${operation}`);
  for (const [dscp, label] of Object.entries(LABELS))
    mangle.push(`-m dscp --dscp ${dscp} -m connlabel --label ${label} --set`);
  const table = (name: string, chain: string, lines: readonly string[]) =>
    `*${name}\n:${chain} ACCEPT [0:0]\n${lines.map((line) => `-A ${chain} ${line}\n`).join("")}COMMIT\n`;
  return (
    table("raw", "PREROUTING", raw) +
    table("mangle", "PREROUTING", mangle) +
    table("filter", "FORWARD", ["-m dscp --dscp 62 -j DROP"])
  );
}

/** Options of a kernel, and by which the engine's side knows them. */
export const RULED = { iptables: rules(4), ip6tables: rules(6), timeoutPolicies } as const;

/** The engine's program. */
export function ruledProgram(): Program {
  const rulesets = FAMILIES.map((family) => {
    const { ruleset, errors } = parseRuleset(rules(family), { family });
    if (errors[0]) throw new Error(errors[0].message);
    return ruleset;
  });
  return compileRules(rulesets, { hook: "FORWARD", timeoutPolicies: POLICIES_BY_NAME });
}
