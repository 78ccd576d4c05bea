// Matches into questions of the program. What cannot be decided from packets becomes an undecided question, with the
// answer the caller chose.
import { HELPERS, program as P } from "conntrack-wasm";
import type {
  AddressTest,
  ConntrackMatch,
  ConntrackState,
  Family,
  IcmpTypeTest,
  InvertibleRange,
  Match,
  StatisticMatch,
} from "../ruleset.js";
import { chunkQuestion, headerQuestions } from "./header.js";
import { rememberQuestions, type Tables } from "./remember.js";
import { ask, orderedWords, portRange, rawWords, u64 } from "./words.js";

export interface MatchContext {
  readonly family: Family;
  /** The answer of matches that cannot be decided. */
  readonly assume: boolean;
  /** Numbers that set `statistic --mode random` going. */
  readonly random: () => number;
  /** What rules remember. */
  readonly tables: Tables;
}

/** STATE_* of the core's abi. */
const STATE_BITS: Readonly<Record<ConntrackState, number>> = {
  NEW: 1 << 1,
  ESTABLISHED: 1 << 2,
  RELATED: 1 << 3,
  INVALID: 1 << 4,
  UNTRACKED: 1 << 5,
  SNAT: 1 << P.STATE_SNAT_BIT,
  DNAT: 1 << P.STATE_DNAT_BIT,
};

const STATUS_BITS = { EXPECTED: 1, SEEN_REPLY: 2, ASSURED: 4, CONFIRMED: 8 } as const;

const bits = <T extends string>(names: readonly T[], table: Readonly<Record<T, number>>) =>
  names.reduce((sum, name) => sum | table[name], 0) >>> 0;

export function addressQuestion(op4: number, test: AddressTest | null): number[] {
  if (test === null) return [];
  const op = test.address.length === 4 ? op4 : op4 + (P.MATCH_SRC6 - P.MATCH_SRC4);
  return ask(op, [...rawWords(test.address), ...rawWords(test.mask)], test.invert);
}

function ports(match: { readonly sport: InvertibleRange | null; readonly dport: InvertibleRange | null }): number[] {
  return [...portQuestion(P.MATCH_SPORT, match.sport), ...portQuestion(P.MATCH_DPORT, match.dport)];
}

const portQuestion = (op: number, range: InvertibleRange | null) =>
  range === null ? [] : ask(op, [portRange(range)], range.invert);

const icmpQuestion = (test: IcmpTypeTest | null) =>
  test === null ? [] : ask(P.MATCH_ICMP, [test.type | (test.code.first << 8) | (test.code.last << 16)], test.invert);

function conntrackQuestions(match: ConntrackMatch): number[] {
  const address = (which: number, test: AddressTest | null) => {
    if (test === null) return [];
    const op = test.address.length === 4 ? P.MATCH_CT_ADDRESS4 : P.MATCH_CT_ADDRESS6;
    return ask(op, [which, ...rawWords(test.address), ...rawWords(test.mask)], test.invert);
  };
  const port = (which: number, range: InvertibleRange | null) =>
    range === null ? [] : ask(P.MATCH_CT_PORT, [which, portRange(range)], range.invert);
  const { state, protocol, status, expire, direction } = match;
  return [
    ...(state === null ? [] : ask(P.MATCH_STATE, [bits(state.states, STATE_BITS)], state.invert)),
    ...(direction === null ? [] : ask(P.MATCH_CT_DIRECTION, [direction === "REPLY" ? 1 : 0])),
    ...(protocol === null ? [] : ask(P.MATCH_CT_PROTOCOL, [protocol.value], protocol.invert)),
    ...address(P.CT_ORIG_SRC, match.origSrc),
    ...address(P.CT_ORIG_DST, match.origDst),
    ...address(P.CT_REPL_SRC, match.replSrc),
    ...address(P.CT_REPL_DST, match.replDst),
    ...port(P.CT_ORIG_SRC, match.origSrcPort),
    ...port(P.CT_ORIG_DST, match.origDstPort),
    ...port(P.CT_REPL_SRC, match.replSrcPort),
    ...port(P.CT_REPL_DST, match.replDstPort),
    ...(status === null ? [] : ask(P.MATCH_CT_STATUS, [bits(status.statuses, STATUS_BITS)], status.invert)),
    ...(expire === null ? [] : ask(P.MATCH_CT_EXPIRE, [expire.first, expire.last], expire.invert)),
  ];
}

function hops({ how, value }: { how: "eq" | "lt" | "gt"; value: number }): [first: number, last: number] {
  if (how === "eq") return [value, value];
  // an empty range where no number is smaller or larger
  return how === "lt" ? (value === 0 ? [1, 0] : [0, value - 1]) : [value + 1, 255];
}

const WHICH_PORTS = { sports: 1, dports: 2, ports: 3 } as const;
const CONNBYTES_DIRECTIONS = { original: 0, reply: 1, both: 2 } as const;
const CONNBYTES_MODES = { packets: 0, bytes: 1, avgpkt: 2 } as const;
/** `limit` counts in 10000ths of a second. */
const LIMIT_UNIT = 100_000n;
const U64_MAX = (1n << 64n) - 1n;

function statistic(match: StatisticMatch, random: () => number): number[] {
  if (match.mode === "nth") {
    const last = match.every - 1;
    return ask(P.MATCH_NTH, [last, last - match.packet], match.invert);
  }
  return ask(P.MATCH_RANDOM, [match.probability, (random() | 1) >>> 0], match.invert);
}

/** No helper has this number: the question is never answered with yes. */
const NO_HELPER = 0xff;

function helperQuestion(wanted: string, invert: boolean): number[] {
  const number = wanted === "" ? 0 : (HELPERS.find(({ name }) => name === wanted)?.number ?? NO_HELPER);
  return ask(P.MATCH_HELPER, [number], invert);
}

/** The questions of a match, or null: it cannot be decided from what a capture holds. */
export function matchQuestions(match: Match, { family, assume, random, tables }: MatchContext): number[] | null {
  switch (match.name) {
    case "comment":
      return [];
    case "tcp":
      return [
        ...ports(match),
        ...(match.flags === null
          ? []
          : ask(P.MATCH_TCP_FLAGS, [match.flags.mask | (match.flags.compare << 8)], match.flags.invert)),
        ...(match.option === null ? [] : ask(P.MATCH_TCP_OPTION, [match.option.value], match.option.invert)),
      ];
    case "udp":
      return ports(match);
    case "sctp":
      return [...ports(match), ...chunkQuestion(match)];
    case "dccp":
      if (match.option !== null) return null;
      return [
        ...ports(match),
        ...(match.types === null ? [] : ask(P.MATCH_DCCP_TYPES, [match.types.mask], match.types.invert)),
      ];
    case "icmp":
    case "icmp6":
      return icmpQuestion(match.type);
    case "state":
      return ask(P.MATCH_STATE, [bits(match.states, STATE_BITS)], match.invert);
    case "conntrack":
      return conntrackQuestions(match);
    case "multiport":
      return ask(P.MATCH_PORTS, [WHICH_PORTS[match.which], ...match.ports.map(portRange)], match.invert);
    case "mark":
      return ask(P.MATCH_MARK, [match.value, match.mask], match.invert);
    case "connmark":
      return ask(P.MATCH_CONNMARK, [match.value, match.mask], match.invert);
    case "helper":
      return helperQuestion(match.helper, match.invert);
    case "length":
      return ask(P.MATCH_LENGTH, [match.first, match.last], match.invert);
    case "ttl":
    case "hl":
      return ask(P.MATCH_TTL, hops(match), match.invert);
    case "tos":
      return ask(P.MATCH_TOS, [match.value, match.mask], match.invert);
    case "dscp":
      return ask(P.MATCH_TOS, [match.value << 2, 0xfc], match.invert);
    case "iprange": {
      const range = (op: number, test: typeof match.src) =>
        test === null ? [] : ask(op, [...orderedWords(test.first), ...orderedWords(test.last)], test.invert);
      return [...range(P.MATCH_SRC_RANGE, match.src), ...range(P.MATCH_DST_RANGE, match.dst)];
    }
    case "limit": {
      const cost = BigInt(match.avg) * LIMIT_UNIT;
      const cap = cost * BigInt(match.burst);
      return ask(P.MATCH_LIMIT, [...u64(cost), ...u64(cap), ...u64(cap), 0, 0]);
    }
    case "statistic":
      return statistic(match, random);
    case "quota":
      return ask(P.MATCH_QUOTA, u64(match.quota), match.invert);
    case "connbytes":
      return ask(
        P.MATCH_CONNBYTES,
        [
          CONNBYTES_DIRECTIONS[match.direction],
          CONNBYTES_MODES[match.mode],
          ...u64(match.first),
          ...u64(match.last ?? U64_MAX),
        ],
        match.invert,
      );
    case "connlabel":
      return ask(match.set ? P.MATCH_SET_CONNLABEL : P.MATCH_CONNLABEL, [match.bit], match.invert);
    case "esp":
      return match.spi === null ? [] : ask(P.MATCH_SPI, [50, match.spi.first, match.spi.last], match.spi.invert);
    case "ah":
      if (family === 6) return headerQuestions(match, family, assume);
      return match.spi === null ? [] : ask(P.MATCH_SPI, [51, match.spi.first, match.spi.last], match.spi.invert);
    case "hashlimit":
      // --hashlimit-rate-match counts in intervals of its own
      return match.rateInterval === null ? rememberQuestions(match, family, tables) : null;
    default:
      return rememberQuestions(match, family, tables) ?? headerQuestions(match, family, assume);
  }
}
