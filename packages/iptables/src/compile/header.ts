// Questions about bytes and headers that few rules ask: text, u32, time, addresses of the link, chunks, IPv6 extensions.
import { program as P } from "conntrack-wasm";
import { ADDRESS_TYPES } from "../match/address.js";
import type {
  AddrtypeMatch,
  EcnMatch,
  FragMatch,
  InvertibleRange,
  Match,
  NumberTest,
  OptionsMatch,
  RtMatch,
  SctpMatch,
  StringMatch,
  TimeMatch,
  U32Match,
} from "../ruleset.js";
import { ask, rawWords } from "./words.js";

const U32_MAX = 0xffffffff;

/** Four bytes a word, the last one filled up with zeros. */
function packed(bytes: readonly number[]): number[] {
  const padded = [...bytes, ...Array<number>((4 - (bytes.length % 4)) % 4).fill(0)];
  return rawWords(padded);
}

const lower = (byte: number) => (byte >= 65 && byte <= 90 ? byte + 32 : byte);

function text({ pattern, from, to, icase, invert }: StringMatch): number[] {
  const bytes = icase ? pattern.map(lower) : pattern;
  return ask(P.MATCH_STRING, [from, to, Number(icase), bytes.length, ...packed(bytes)], invert);
}

const U32_STEPS = { load: P.U32_AT, "&": P.U32_AND, "<<": P.U32_LEFT, ">>": P.U32_RIGHT, "@": P.U32_AT } as const;

function u32({ tests, invert }: U32Match): number[] {
  const words = tests.flatMap(({ location, ranges }) => [
    location.length,
    ...location.flatMap(({ op, number }) => [U32_STEPS[op], number]),
    ranges.length,
    ...ranges.flatMap(({ first, last }) => [first, last]),
  ]);
  return ask(P.MATCH_U32, [tests.length, ...words], invert);
}

// The kernel's own time zone is UTC, unless somebody told it otherwise.
function time(test: TimeMatch): number[] {
  const { dateStart, dateStop, timeStart, timeStop, monthdays, weekdays, contiguous } = test;
  return ask(P.MATCH_TIME, [
    dateStart ?? 0,
    dateStop ?? U32_MAX,
    timeStart,
    timeStop,
    monthdays,
    weekdays,
    Number(contiguous),
  ]);
}

const PACKET_TYPES = {
  unicast: P.PACKET_HOST,
  broadcast: P.PACKET_BROADCAST,
  multicast: P.PACKET_MULTICAST,
  otherhost: P.PACKET_OTHERHOST,
} as const;

function addrtype({ src, dst, limitIn, limitOut }: AddrtypeMatch, assume: boolean): number[] {
  const limit = limitIn ? 1 : limitOut ? 2 : 0;
  const side = (which: number, test: AddrtypeMatch["src"]) => {
    if (test === null) return [];
    const types = test.types.reduce((sum, type) => sum | (1 << ADDRESS_TYPES.indexOf(type)), 0);
    return ask(P.MATCH_ADDRTYPE, [which, types, limit], test.invert, assume);
  };
  return [...side(0, src), ...side(1, dst)];
}

const CHUNKS = { any: P.CHUNKS_ANY, all: P.CHUNKS_ALL, only: P.CHUNKS_ONLY } as const;

export function chunkQuestion({ chunks }: SctpMatch): number[] {
  if (chunks === null) return [];
  const { how, types, invert } = chunks;
  const map = Array<number>(8).fill(types === "ALL" ? U32_MAX : 0);
  const listed = typeof types === "string" ? [] : types;
  for (const { type } of listed) map[type >> 5] = (map[type >> 5] ?? 0) | (1 << (type & 31));
  const flags = listed
    .filter(({ flagMask }) => flagMask !== 0)
    .map(({ type, flags, flagMask }) => type | (flags << 8) | (flagMask << 16));
  return ask(P.MATCH_SCTP_CHUNKS, [CHUNKS[how], ...map.map((word) => word >>> 0), ...flags], invert);
}

function ecn({ cwr, ece, ipEct }: EcnMatch): number[] {
  const flag = (bit: number, test: EcnMatch["cwr"]) =>
    test === null ? [] : ask(P.MATCH_TCP_FLAGS, [bit | (bit << 8)], test.invert);
  return [
    ...(ipEct === null ? [] : ask(P.MATCH_TOS, [ipEct.value, 3], ipEct.invert)),
    ...flag(0x40, ece),
    ...flag(0x80, cwr),
  ];
}

// ---- extension headers of IPv6

const ALL: InvertibleRange = { first: 0, last: U32_MAX, invert: false };
const given = (test: unknown, bit: number) => (test === null || test === false ? 0 : bit);
const inverted = (test: { readonly invert: boolean } | null, bit: number) => (test?.invert ? bit : 0);
const spread = ({ first, last, invert }: InvertibleRange) => [first, last, Number(invert)];

function ah(spi: InvertibleRange | null, length: NumberTest | null, reserved: boolean): number[] {
  return ask(P.MATCH_AH6, [
    ...spread(spi ?? ALL),
    length?.value ?? 0,
    Number(length?.invert ?? false),
    Number(reserved),
  ]);
}

function frag({ id, length, reserved, first, more, last }: FragMatch): number[] {
  const flags =
    given(length, P.FRAG_LENGTH) |
    inverted(length, P.FRAG_LENGTH_NOT) |
    given(reserved, P.FRAG_RESERVED) |
    given(first, P.FRAG_FIRST) |
    given(more, P.FRAG_MORE) |
    given(last, P.FRAG_LAST);
  return ask(P.MATCH_FRAG6, [flags, ...spread(id ?? ALL), length?.value ?? 0]);
}

function rt({ type, segsleft, length, type0Reserved, type0Addresses, type0NotStrict }: RtMatch): number[] {
  const flags =
    given(type, P.RT_TYPE) |
    inverted(type, P.RT_TYPE_NOT) |
    inverted(segsleft, P.RT_SEGMENTS_NOT) |
    given(length, P.RT_LENGTH) |
    inverted(length, P.RT_LENGTH_NOT) |
    given(type0Reserved, P.RT_RESERVED) |
    given(type0Addresses, P.RT_ADDRESSES) |
    given(type0NotStrict, P.RT_NOT_STRICT);
  const { first, last } = segsleft ?? ALL;
  const addresses = (type0Addresses ?? []).flatMap(rawWords);
  return ask(P.MATCH_RT, [flags, type?.value ?? 0, first, last, length?.value ?? 0, ...addresses]);
}

const HEADERS = { hbh: 0, dst: 60 } as const;
const ANY_LENGTH = 255;

function options({ name, length, options: listed }: OptionsMatch): number[] {
  const flags = given(length, 1) | inverted(length, 2) | given(listed, 4);
  const words = (listed ?? []).map(({ type, length: size }) => type | ((size ?? ANY_LENGTH) << 8));
  return ask(P.MATCH_IP6_OPTIONS, [HEADERS[name], flags, length?.value ?? 0, ...words]);
}

/** The questions of a match, or null: it is none of these, or nothing in a packet decides it. */
export function headerQuestions(match: Match, family: 4 | 6, assume: boolean): number[] | null {
  switch (match.name) {
    case "string":
      return text(match);
    case "u32":
      return u32(match);
    case "time":
      return time(match);
    case "mac":
      return ask(P.MATCH_MAC, packed(match.address), match.invert, assume);
    case "pkttype":
      return ask(P.MATCH_PKTTYPE, [PACKET_TYPES[match.type]], match.invert, assume);
    case "addrtype":
      return addrtype(match, assume);
    case "rpfilter": {
      const flags = (match.loose ? 1 : 0) | (match.acceptLocal ? 2 : 0);
      return ask(P.MATCH_RPFILTER, [flags], match.invert, assume);
    }
    case "tcpmss":
      return ask(P.MATCH_TCPMSS, [match.first, match.last], match.invert);
    case "ecn":
      return ecn(match);
    case "ah":
      return family === 6 ? ah(match.spi, match.length, match.reserved) : null;
    case "frag":
      return frag(match);
    case "rt":
      return rt(match);
    case "hbh":
    case "dst":
      return options(match);
    case "ipv6header":
      return ask(P.MATCH_IP6_HEADERS, [match.headers, Number(match.soft), Number(match.invert)]);
    case "eui64":
      return ask(P.MATCH_EUI64, [], false, assume);
    case "mh":
      return match.type === null
        ? ask(P.MATCH_MH, [0, 255])
        : ask(P.MATCH_MH, [match.type.first, match.type.last], match.type.invert);
    default:
      return null;
  }
}
