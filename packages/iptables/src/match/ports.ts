// tcp, udp, sctp, dccp, multiport: the matches that read ports.
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { U8, U16 } from "../number.js";
import {
  choice,
  formatRange,
  type Given,
  inverted,
  invertedNumber,
  join,
  list,
  not,
  number,
  option,
  portRange,
  type Take,
  takePort,
} from "../option.js";
import type {
  DccpMatch,
  InvertibleRange,
  MultiportMatch,
  Range,
  SctpChunk,
  SctpMatch,
  TcpFlagsTest,
  TcpMatch,
  UdpMatch,
} from "../ruleset.js";

import { resolvedServicePort } from "../services.js";

const TCP = 6;
const UDP = 17;
const DCCP = 33;
const SCTP = 132;
const UDPLITE = 136;

const printRange = (name: string, test: InvertibleRange | null) => test && `${not(test)}--${name} ${formatRange(test)}`;

/** All ports, or none of them: iptables-nft keeps neither test. */
const isFull = ({ first, last }: Range) => first === 0 && last === U16;

const ports = (given: Given<Range> | undefined): InvertibleRange | null =>
  given && !isFull(given.value) ? inverted(given) : null;

/** iptables-nft asks whether a port is above 5 where it is told `! 0:5`, and so prints it. */
const turned = (test: InvertibleRange | null): InvertibleRange | null =>
  test?.invert && test.first === 0 && test.last > 0 ? { first: test.last + 1, last: U16, invert: false } : test;

/** Names are those of this protocol, though `-p` may come behind them. */
const portsOf =
  (protocol: number): Take<Range> =>
  (word, context, next) =>
    portRange(word, { ...context, protocol }, next);

/** `! --dport 0:65535` alone: iptables-nft forgets the match itself. */
const forgotten = (...given: (Given<Range> | undefined)[]): boolean =>
  given.some((test) => test?.invert && isFull(test.value));

// ---- tcp ------------------------------------------------------------------------------------------------------------

const FLAGS = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 } as const;
const FLAG_WORDS: Readonly<Record<string, number>> = { ...FLAGS, ALL: 0x3f, NONE: 0 };
const SYN: { mask: number; compare: number } = {
  mask: FLAGS.SYN | FLAGS.RST | FLAGS.ACK | FLAGS.FIN,
  compare: FLAGS.SYN,
};

function takeFlags(word: Word): number {
  let flags = 0;
  for (const name of word.text.split(",").filter(Boolean))
    flags |=
      FLAG_WORDS[name.toUpperCase()] ??
      fail(word, `wanted are flags: ${list(Object.keys(FLAG_WORDS))}, with commas between`);
  return flags;
}

const printFlags = (flags: number): string =>
  flags === 0
    ? "NONE"
    : Object.entries(FLAGS)
        .filter(([, bit]) => flags & bit)
        .map(([name]) => name)
        .join(",");

/** Flags of an empty mask are no test: iptables-nft leaves it out, whatever was to come of it. */
const flagsTest = (given: Given<typeof SYN> | undefined): TcpFlagsTest | null =>
  given && given.value.mask !== 0 ? inverted(given) : null;

export const tcp = match({
  name: "tcp",
  protocols: [TCP],
  options: {
    sport: option("sport source-port", portsOf(TCP), { invert: true }),
    dport: option("dport destination-port", portsOf(TCP), { invert: true }),
    flags: option("tcp-flags", (word, _context, next) => ({ mask: takeFlags(word), compare: takeFlags(next()) }), {
      invert: true,
      excludes: ["syn"],
    }),
    syn: { names: ["syn"], take: () => SYN, bare: true, invert: true, excludes: ["flags"] },
    option: option("tcp-option", number(1, U8), { invert: true }),
  },
  build({ sport, dport, flags, syn, option: tcpOption }): TcpMatch | null {
    const built: TcpMatch = {
      name: "tcp",
      sport: ports(sport),
      dport: ports(dport),
      flags: flagsTest(flags ?? syn),
      option: invertedNumber(tcpOption),
    };
    // with --tcp-option the module of iptables asks
    if (!built.option) Object.assign(built, { sport: turned(built.sport), dport: turned(built.dport) });
    const empty = !built.sport && !built.dport && !built.flags && !built.option;
    const noFlags = flags && !built.flags && (flags.value.compare !== 0 || flags.invert);
    return empty && (noFlags || forgotten(sport, dport)) ? null : built;
  },
  print: ({ sport, dport, flags, option: tcpOption }: TcpMatch) =>
    join(
      printRange("sport", sport),
      printRange("dport", dport),
      tcpOption && `${not(tcpOption)}--tcp-option ${tcpOption.value}`,
      flags && `${not(flags)}--tcp-flags ${printFlags(flags.mask)} ${printFlags(flags.compare)}`,
    ),
});

// ---- udp ------------------------------------------------------------------------------------------------------------

/** A protocol whose ports have no names. */
const NO_SERVICES = 255;

/**
 * A port as the C library's resolver reads it: decimal, an int that is not negative, of which 16 bits count; or the name of a service
 * of any protocol.
 */
export function resolvedPort(word: Word): number {
  if (/^\d*$/.test(word.text)) {
    const value = BigInt(word.text || 0);
    if (value >= 1n << 64n || BigInt.asIntN(32, value) < 0n) fail(word, "wanted is a port of 0 to 65535");
    return Number(value & 0xffffn);
  }
  if (/^0x/i.test(word.text)) fail(word, "ports are decimal here");
  return resolvedServicePort(word.text) ?? takePort(word, NO_SERVICES);
}

export const resolvedPortRange: Take<Range> = (word) => {
  const parts = word.text.split(":");
  if (parts.length > 2) fail(word, "wanted is at most FIRST:LAST, with one colon");
  const [first = 0, last] = parts.map((text, i) =>
    text === "" && parts.length === 2 ? [0, U16][i] : resolvedPort({ text, column: word.column }),
  );
  return { first, last: last ?? first };
};

export const udp = match({
  name: "udp",
  protocols: [UDP],
  options: {
    sport: option("sport source-port", resolvedPortRange, { invert: true }),
    dport: option("dport destination-port", resolvedPortRange, { invert: true }),
  },
  build({ sport, dport }): UdpMatch | null {
    const built: UdpMatch = { name: "udp", sport: turned(ports(sport)), dport: turned(ports(dport)) };
    return !built.sport && !built.dport && forgotten(sport, dport) ? null : built;
  },
  print: ({ sport, dport }: UdpMatch) => join(printRange("sport", sport), printRange("dport", dport)),
});

// ---- sctp -----------------------------------------------------------------------------------------------------------

/** Type, name, letters of the flags from bit 0 up. */
const CHUNKS: readonly (readonly [number, string, string])[] = [
  [0, "DATA", "EBUI"],
  [1, "INIT", ""],
  [2, "INIT_ACK", ""],
  [3, "SACK", ""],
  [4, "HEARTBEAT", ""],
  [5, "HEARTBEAT_ACK", ""],
  [6, "ABORT", "T"],
  [7, "SHUTDOWN", ""],
  [8, "SHUTDOWN_ACK", ""],
  [9, "ERROR", ""],
  [10, "COOKIE_ECHO", ""],
  [11, "COOKIE_ACK", ""],
  [12, "ECN_ECNE", ""],
  [13, "ECN_CWR", ""],
  [14, "SHUTDOWN_COMPLETE", "T"],
  [64, "I_DATA", ""],
  [128, "ASCONF_ACK", ""],
  [130, "RE_CONFIG", ""],
  [132, "PAD", ""],
  [192, "FORWARD_TSN", ""],
  [193, "ASCONF", ""],
  [194, "I_FORWARD_TSN", ""],
];
/** Flags are printed in this order. */
const PRINTED_FLAGS = "IUBET";
const chunkOf = (type: number) => CHUNKS.find(([number]) => number === type);

function takeChunks(word: Word): SctpChunk[] | "ALL" | "NONE" {
  if (/^all$/i.test(word.text)) return "ALL";
  if (/^none$/i.test(word.text)) return "NONE";
  const chunks = new Map<number, SctpChunk>();
  for (const part of word.text.split(",")) {
    const [name = "", letters = ""] = part.split(":");
    const [type, , known] =
      CHUNKS.find(([, text]) => text === name.toUpperCase()) ??
      fail(word, `${name} is no type of chunk; wanted is ${list(CHUNKS.map(([, text]) => text))}`);
    const chunk: SctpChunk = { type, flags: 0, flagMask: 0 };
    for (const letter of letters) {
      const bit = known.indexOf(letter.toUpperCase());
      if (bit < 0) fail(word, `${name} has ${known === "" ? "no flags" : `the flags ${list([...known])}`}`);
      chunk.flagMask |= 1 << bit;
      if (letter === letter.toUpperCase()) chunk.flags |= 1 << bit;
    }
    chunks.set(type, chunk);
  }
  return [...chunks.values()].sort((a, b) => a.type - b.type);
}

function printChunk({ type, flags, flagMask }: SctpChunk): string {
  const [, name, letters] = chunkOf(type) ?? [type, String(type), ""];
  let text = "";
  for (const letter of PRINTED_FLAGS) {
    const bit = letters.indexOf(letter);
    if (bit >= 0 && flagMask & (1 << bit)) text += flags & (1 << bit) ? letter : letter.toLowerCase();
  }
  return text === "" ? name : `${name}:${text}`;
}

export const sctp = match({
  name: "sctp",
  protocols: [SCTP],
  options: {
    sport: option("sport source-port", portsOf(SCTP), { invert: true }),
    dport: option("dport destination-port", portsOf(SCTP), { invert: true }),
    chunks: option(
      "chunk-types",
      (word, context, next) => ({
        how: choice(["any", "all", "only"], { anyCase: true })(word, context, next),
        types: takeChunks(next()),
      }),
      { invert: true },
    ),
  },
  build: ({ sport, dport, chunks }): SctpMatch => ({
    name: "sctp",
    sport: inverted(sport),
    dport: inverted(dport),
    chunks: chunks ? { ...chunks.value, invert: chunks.invert } : null,
  }),
  print: ({ sport, dport, chunks }: SctpMatch) =>
    join(
      printRange("sport", sport),
      printRange("dport", dport),
      chunks &&
        `${not(chunks)}--chunk-types ${chunks.how} ${typeof chunks.types === "string" ? chunks.types : chunks.types.map(printChunk).join(",")}`,
    ),
});

// ---- dccp -----------------------------------------------------------------------------------------------------------

const DCCP_TYPES = [
  "REQUEST",
  "RESPONSE",
  "DATA",
  "ACK",
  "DATAACK",
  "CLOSEREQ",
  "CLOSE",
  "RESET",
  "SYNC",
  "SYNCACK",
  "INVALID",
];

function takeDccpTypes(word: Word): { mask: number } {
  let mask = 0;
  for (const name of word.text.split(",").filter(Boolean)) {
    const type = DCCP_TYPES.indexOf(name.toUpperCase());
    if (type < 0) fail(word, `wanted are types of packets: ${list(DCCP_TYPES)}, with commas between`);
    mask |= 1 << type;
  }
  return { mask };
}

export const dccp = match({
  name: "dccp",
  protocols: [DCCP],
  options: {
    sport: option("sport source-port", resolvedPortRange, { invert: true }),
    dport: option("dport destination-port", resolvedPortRange, { invert: true }),
    types: option("dccp-types", takeDccpTypes, { invert: true }),
    option: option("dccp-option", number(1, U8), { invert: true }),
  },
  build: ({ sport, dport, types, option: dccpOption }): DccpMatch => ({
    name: "dccp",
    sport: inverted(sport),
    dport: inverted(dport),
    types: inverted(types),
    option: invertedNumber(dccpOption),
  }),
  print: ({ sport, dport, types, option: dccpOption }: DccpMatch) =>
    join(
      printRange("sport", sport),
      printRange("dport", dport),
      types && `${not(types)}--dccp-types ${DCCP_TYPES.filter((_, i) => types.mask & (1 << i)).join(",")}`,
      dccpOption && `${not(dccpOption)}--dccp-option ${dccpOption.value}`,
    ),
});

// ---- multiport ------------------------------------------------------------------------------------------------------

const MULTIPORT_MAX = 15;
const MULTIPORT_PROTOCOLS = [TCP, UDP, UDPLITE, SCTP, DCCP];

const takePorts: Take<Range[]> = (word, { protocol, protocolInvert }) => {
  if (protocolInvert || !MULTIPORT_PROTOCOLS.includes(protocol))
    fail(word, "multiport wants one of -p tcp, -p udp, -p udplite, -p sctp, -p dccp in front of it");
  let column = word.column;
  let count = 0;
  const found = word.text.split(",").map((text) => {
    const here = { text, column };
    column += text.length + 1;
    if (text === "")
      fail(here, "a port is missing here: ports are written with commas and without blanks, as in 25,80,443");
    const colon = text.indexOf(":");
    count += colon < 0 ? 1 : 2;
    if (count > MULTIPORT_MAX)
      fail(here, `too many ports: at most ${MULTIPORT_MAX}, and a range counts as two; write a second rule`);
    const first = takePort({ ...here, text: colon < 0 ? text : text.slice(0, colon) }, protocol);
    if (colon < 0) return { first, last: first };
    const last = takePort({ text: text.slice(colon + 1), column: here.column + colon + 1 }, protocol);
    if (first >= last) fail(here, "the first port of a range must be smaller than the last");
    return { first, last };
  });
  return found;
};

export const multiport = match({
  name: "multiport",
  options: {
    sports: option("sports source-ports", takePorts, { invert: true, excludes: ["dports", "ports"] }),
    dports: option("dports destination-ports", takePorts, { invert: true, excludes: ["sports", "ports"] }),
    ports: option("ports", takePorts, { invert: true, excludes: ["sports", "dports"] }),
  },
  build(given, { word }): MultiportMatch {
    for (const which of ["sports", "dports", "ports"] as const) {
      const found = given[which];
      if (found) return { name: "multiport", which, ports: found.value, invert: found.invert };
    }
    return fail(word, "multiport wants --dports, --sports or --ports");
  },
  print: ({ which, ports: all, invert }: MultiportMatch) =>
    `${not({ invert })}--${which} ${all.map((range) => formatRange(range)).join(",")}`,
});
