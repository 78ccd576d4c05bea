// What a rule asks of a packet, as conditions that can be compared: "whatever satisfies these satisfies that one".
import { prefixLength } from "../address.js";
import type {
  Address,
  AddressTest,
  ConntrackState,
  Family,
  IcmpTypeTest,
  InterfaceTest,
  InvertibleRange,
  MaskedTest,
  Match,
  MultiportMatch,
  Range,
  Rule,
  Target,
} from "../ruleset.js";
import { areDisjoint, complement, isSubset, type Span, type Spans, spans, those, type Value } from "./sets.js";

/** What a target can change of a packet on its way, as bits. */
export const CHANGES = { mark: 1, connmark: 2, header: 4, connection: 8, set: 16, address: 32 } as const;
const ANYTHING = 63;

/**
 * One condition. `reads`: the CHANGES it depends on.
 *
 * A packet that has no such field (a fragment without ports) satisfies none of its conditions, inverted or not; where every
 * packet has it, `total` is the whole set.
 */
export type Condition = { readonly field: string; readonly reads: number } & (
  | { readonly kind: "spans"; readonly set: Spans; readonly total: Spans | null }
  | { readonly kind: "bits"; readonly value: bigint; readonly mask: bigint; readonly invert: boolean }
  | { readonly kind: "interface"; readonly name: string; readonly prefix: boolean; readonly invert: boolean }
  /** Comparable only with its like: `field` is its text. */
  | { readonly kind: "same" }
);

export interface Conditions {
  /** True for every packet the rule counts. */
  readonly known: readonly Condition[];
  /** Enough for the rule to count a packet; null: nothing is (limits, chance, memory). */
  readonly needed: readonly Condition[] | null;
}

// ---- Comparing ------------------------------------------------------------------------------------------------------

const EITHER_PORT = ["sport", "dport"];

/** Whoever satisfies all of `known` satisfies `wanted`. */
export function implies(known: readonly Condition[], wanted: Condition): boolean {
  if (wanted.kind === "spans" && wanted.total !== null && isSubset(wanted.total, wanted.set)) return true;
  if (wanted.kind === "bits" && wanted.mask === 0n && wanted.value === 0n && !wanted.invert) return true;
  return known.some((one) => {
    const isOnePort = wanted.field === "ports" && EITHER_PORT.includes(one.field);
    return (one.field === wanted.field || isOnePort) && follows(one, wanted);
  });
}

function follows(one: Condition, wanted: Condition): boolean {
  if (one.kind === "spans" && wanted.kind === "spans") return isSubset(one.set, wanted.set);
  if (one.kind === "bits" && wanted.kind === "bits") {
    if (!one.invert && !wanted.invert)
      return (one.mask & wanted.mask) === wanted.mask && (one.value & wanted.mask) === wanted.value;
    if (!one.invert) return differ(one, wanted);
    return wanted.invert ? (wanted.mask & one.mask) === one.mask && (wanted.value & one.mask) === one.value : false;
  }
  if (one.kind === "interface" && wanted.kind === "interface") {
    if (!one.invert) return wanted.invert ? !meet(one, wanted) : within(one, wanted);
    return wanted.invert && within(wanted, one);
  }
  return one.kind === "same" && wanted.kind === "same";
}

type Name = { readonly name: string; readonly prefix: boolean };
const within = (inner: Name, outer: Name): boolean =>
  outer.prefix ? inner.name.startsWith(outer.name) : !inner.prefix && inner.name === outer.name;
const meet = (a: Name, b: Name): boolean => within(a, b) || within(b, a);

type Bits = { readonly value: bigint; readonly mask: bigint };
const differ = (a: Bits, b: Bits): boolean => ((a.value ^ b.value) & a.mask & b.mask) !== 0n;

/** Nobody satisfies both. */
function exclude(a: Condition, b: Condition): boolean {
  // "ports" is one of two values: both may hold
  if (a.field !== b.field || a.field === "ports") return false;
  if (a.kind === "spans" && b.kind === "spans") return areDisjoint(a.set, b.set);
  if (a.kind === "bits" && b.kind === "bits") {
    if (!a.invert && !b.invert) return differ(a, b);
    return a.invert !== b.invert && follows(a.invert ? b : a, { ...(a.invert ? a : b), invert: false });
  }
  if (a.kind === "interface" && b.kind === "interface") {
    if (!a.invert && !b.invert) return !meet(a, b);
    return a.invert !== b.invert && (a.invert ? within(b, a) : within(a, b));
  }
  return false;
}

/** Nobody satisfies all of both. */
export const contradict = (a: readonly Condition[], b: readonly Condition[]): boolean =>
  a.some((one) => isEmpty(one) || b.some((other) => exclude(one, other))) || b.some(isEmpty);

const isEmpty = (one: Condition): boolean => one.kind === "spans" && one.set.length === 0;

// ---- From rules -----------------------------------------------------------------------------------------------------

const U8 = 0xff;
const U16 = 0xffff;
const U32 = 0xffffffff;

const inRange = (
  field: string,
  ranges: readonly Range[],
  most: Value,
  { invert = false, reads = 0, total = false } = {},
): Condition =>
  fromSpans(field, spans(ranges.map(({ first, last }): Span => [first, last])), most, { invert, reads, total });

const fromSpans = (
  field: string,
  set: Spans,
  most: Value,
  { invert = false, reads = 0, total = false } = {},
): Condition => ({
  kind: "spans",
  field,
  reads,
  set: invert ? complement(set, most) : set,
  total: total ? [[typeof most === "bigint" ? 0n : 0, most]] : null,
});

const same = (match: unknown, reads: number = ANYTHING): Condition => ({
  kind: "same",
  field: JSON.stringify(match, (_, value) => (typeof value === "bigint" ? `${value}n` : value)),
  reads,
});

const bigintOf = (address: Address): bigint => address.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const addressValue = (address: Address): Value =>
  address.length === 4 ? Number(bigintOf(address)) : bigintOf(address);
const mostOf = (family: Family): Value => (family === 4 ? U32 : (1n << 128n) - 1n);

function addressCondition(field: string, test: AddressTest | null, family: Family): Condition[] {
  if (test === null) return [];
  const { address, mask, invert } = test;
  const reads = CHANGES.address;
  if (prefixLength(mask) === null)
    return [{ kind: "bits", field: `${field} bits`, reads, value: bigintOf(address), mask: bigintOf(mask), invert }];
  const last = address.map((byte, i) => byte | (~(mask[i] ?? 0) & U8));
  return [
    fromSpans(field, [[addressValue(address), addressValue(last)]], mostOf(family), { invert, reads, total: true }),
  ];
}

function interfaceCondition(field: string, test: InterfaceTest | null): Condition[] {
  // "+" is every interface, and none
  if (test === null || (test.name === "" && test.prefix && !test.invert)) return [];
  return [{ kind: "interface", field, reads: 0, ...test }];
}

const STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"] as const;
const [SNAT, DNAT] = [1, 2];

/** The state, times four for what NAT did to the connection. */
function stateCondition(states: readonly ConntrackState[], invert: boolean): Condition {
  const nat = (states.includes("SNAT") ? SNAT : 0) | (states.includes("DNAT") ? DNAT : 0);
  const wanted = STATES.map((name) => (states as readonly string[]).includes(name));
  const set = those(STATES.length * 4, (value) => wanted[value >> 2] === true || (value & 3 & nat) !== 0);
  return fromSpans("state", set, STATES.length * 4 - 1, { invert, reads: CHANGES.connection, total: true });
}

function maskedCondition(field: string, { value, mask, invert }: MaskedTest, reads: number): Condition {
  return { kind: "bits", field, reads, value: BigInt(value), mask: BigInt(mask), invert };
}

/** The packet has a transport header: it is no later fragment. */
const HEADER = inRange("transport header", [{ first: 0, last: 0 }], 0);

const port = (field: string, range: InvertibleRange | null): Condition[] =>
  range === null ? [] : [inRange(field, [range], U16, range)];

function multiport({ which, ports, invert }: MultiportMatch): Condition[] {
  if (which !== "ports") return [inRange(which.slice(0, -1), ports, U16, { invert })];
  return invert ? EITHER_PORT.map((field) => inRange(field, ports, U16, { invert })) : [inRange("ports", ports, U16)];
}

const ANY_ICMP = 255;

function icmp(field: string, test: IcmpTypeTest | null): Condition[] {
  if (test === null) return [];
  const { type, code, invert } = test;
  if (type === ANY_ICMP)
    return field === "icmp" ? [inRange(field, [{ first: 0, last: U16 }], U16, { invert })] : [same(test, 0)];
  return [inRange(field, [{ first: type * 256 + code.first, last: type * 256 + code.last }], U16, { invert })];
}

const hops = (how: "eq" | "lt" | "gt", value: number): Range =>
  how === "eq"
    ? { first: value, last: value }
    : how === "lt"
      ? { first: 0, last: value - 1 }
      : { first: value + 1, last: U8 };

/** Whether it holds depends on what came before or on chance: nothing follows for the next rule. */
const UNCERTAIN = new Set<Match["name"]>([
  "limit",
  "hashlimit",
  "recent",
  "connlimit",
  "statistic",
  "quota",
  "nfacct",
  "rateest",
]);

const isUncertain = (match: Match): boolean =>
  UNCERTAIN.has(match.name) ||
  (match.name === "connlabel" && match.set) ||
  (match.name === "set" && (match.packets !== null || match.bytes !== null));

/** The conditions of one match; `needed` where they are not the same. */
function matchConditions(match: Match): { known: Condition[]; needed?: Condition[] } {
  const exactly = (...known: Condition[]) => ({ known });
  switch (match.name) {
    case "comment":
      return exactly();
    case "tcp":
      return exactly(
        HEADER,
        ...port("sport", match.sport),
        ...port("dport", match.dport),
        ...(match.flags === null ? [] : [tcpFlags(match.flags)]),
        ...(match.option === null ? [] : [same(["tcp option", match.option], CHANGES.header)]),
      );
    case "udp":
      return exactly(HEADER, ...port("sport", match.sport), ...port("dport", match.dport));
    case "sctp":
      return exactly(
        HEADER,
        ...port("sport", match.sport),
        ...port("dport", match.dport),
        ...(match.chunks === null ? [] : [same(["chunks", match.chunks], 0)]),
      );
    case "dccp":
      return exactly(
        HEADER,
        ...port("sport", match.sport),
        ...port("dport", match.dport),
        ...(match.types === null && match.option === null ? [] : [same(["dccp", match.types, match.option], 0)]),
      );
    case "multiport":
      return exactly(HEADER, ...multiport(match));
    case "icmp":
    case "icmp6":
      return exactly(HEADER, ...icmp(match.name, match.type));
    case "state":
      return exactly(stateCondition(match.states, match.invert));
    case "conntrack": {
      const { name: _, state, ...others } = match;
      const asksMore = Object.values(others).some((test) => test !== null);
      if (state === null) return exactly(same(match));
      // Of a packet without a connection nothing but the state is asked.
      const known = [stateCondition(state.states, state.invert)];
      return asksMore ? { known: [...known, same(match)], needed: [same(match)] } : exactly(...known);
    }
    case "mark":
      return exactly(maskedCondition("mark", match, CHANGES.mark));
    case "connmark":
      return exactly(same(match, CHANGES.connmark | CHANGES.connection));
    case "length":
      return exactly(inRange("length", [match], U16, { invert: match.invert, reads: CHANGES.header }));
    case "ttl":
    case "hl":
      return exactly(
        inRange("ttl", [hops(match.how, match.value)], U8, { invert: match.invert, reads: CHANGES.header }),
      );
    case "tos":
    case "dscp": {
      const { value, mask } = match.name === "tos" ? match : { value: match.value << 2, mask: 0xfc };
      const set = those(256, (tos) => (tos & mask) === value);
      return exactly(fromSpans("tos", set, U8, { invert: match.invert, reads: CHANGES.header }));
    }
    case "iprange":
      return exactly(
        ...[["source", match.src] as const, ["destination", match.dst] as const].flatMap(([field, range]) => {
          if (range === null) return [];
          const family = range.first.length === 4 ? 4 : 6;
          const set = spans([[addressValue(range.first), addressValue(range.last)]]);
          return [fromSpans(field, set, mostOf(family), { invert: range.invert, reads: CHANGES.address, total: true })];
        }),
      );
    default:
      return exactly(same(match));
  }
}

function tcpFlags({ mask, compare, invert }: { mask: number; compare: number; invert: boolean }): Condition {
  return fromSpans(
    "tcp flags",
    those(256, (flags) => (flags & mask) === compare),
    U8,
    { invert },
  );
}

export function conditionsOf(rule: Rule, family: Family): Conditions {
  const { protocol, fragment } = rule;
  const header = [
    ...addressCondition("source", rule.source, family),
    ...addressCondition("destination", rule.destination, family),
    ...interfaceCondition("in", rule.in),
    ...interfaceCondition("out", rule.out),
    ...(protocol === null
      ? []
      : [
          inRange("protocol", [{ first: protocol.number, last: protocol.number }], U8, {
            invert: protocol.invert,
            total: family === 4, // of IPv6, a packet may have none that can be found
          }),
        ]),
    ...(fragment === null ? [] : [same(["fragment", fragment], 0)]),
  ];
  const certain = rule.matches.filter((match) => !isUncertain(match)).map(matchConditions);
  return {
    known: [...header, ...certain.flatMap(({ known }) => known)],
    needed: rule.matches.some(isUncertain)
      ? null
      : [...header, ...certain.flatMap(({ known, needed }) => needed ?? known)],
  };
}

/** What a rule that matched may have changed, jumps aside. */
export function changesOf(rule: Rule): number {
  const labels = rule.matches.some((match) => match.name === "connlabel" && match.set);
  return (labels ? CHANGES.connection : 0) | (rule.target === null ? 0 : targetChanges(rule.target));
}

function targetChanges(target: Target): number {
  switch (target.kind) {
    case "MARK":
    case "HMARK":
    case "TPROXY":
      return CHANGES.mark;
    case "CONNMARK":
      return target.mode === "restore" ? CHANGES.mark : CHANGES.connmark;
    case "TOS":
    case "DSCP":
    case "ECN":
    case "TTL":
    case "HL":
    case "TCPMSS":
    case "TCPOPTSTRIP":
    case "CHECKSUM":
      return CHANGES.header;
    case "CT":
    case "NOTRACK":
      return CHANGES.connection | CHANGES.connmark;
    case "SET":
      return CHANGES.set | CHANGES.mark;
    case "ACCEPT":
    case "DROP":
    case "RETURN":
    case "QUEUE":
    case "NFQUEUE":
    case "REJECT":
    case "jump":
    case "goto":
    case "LOG":
    case "NFLOG":
    case "TRACE":
    case "AUDIT":
    case "CLASSIFY":
    case "LED":
    case "IDLETIMER":
    case "RATEEST":
    case "TEE":
      return 0;
    default:
      return ANYTHING;
  }
}
