// MARK, CONNMARK, TOS, DSCP, TTL, HL, TCPMSS, CLASSIFY and their like: what is written into a packet or onto it.
import { formatAddress, takeAddress } from "../address.js";
import { target } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { DSCP_MAX, takeDscpClass, takeTos } from "../match/header.js";
import { resolvedPort } from "../match/ports.js";
import { hex, hex2, numberPrefix, parseNumber, U8, U16, U32 } from "../number.js";
import { address, flag, type Given, join, mark, number, option, type Take, u8, u32 } from "../option.js";
import type {
  Address,
  ChecksumTarget,
  ClassifyTarget,
  ConnmarkTarget,
  DscpTarget,
  EcnTarget,
  HlTarget,
  MarkTarget,
  TcpmssTarget,
  TcpoptstripTarget,
  TeeTarget,
  TosTarget,
  TproxyTarget,
  TtlTarget,
} from "../ruleset.js";

type Masked = { value: number; mask: number };
type Change = { clear: number; xor: number };
type MarkOptions = {
  xmark?: Given<Masked> | undefined;
  set?: Given<Masked> | undefined;
  and?: Given<number> | undefined;
  or?: Given<number> | undefined;
  xor?: Given<number> | undefined;
};

/** Every way of writing a mark, as new = (old & ~clear) ^ xor. */
function change({ xmark, set, and, or, xor }: MarkOptions, all: number): Change | null {
  if (xmark) return { clear: xmark.value.mask, xor: xmark.value.value };
  if (set) return { clear: (set.value.mask | set.value.value) >>> 0, xor: set.value.value };
  if (and) return { clear: (~and.value & all) >>> 0, xor: 0 };
  if (or) return { clear: or.value, xor: or.value };
  if (xor) return { clear: 0, xor: xor.value };
  return null;
}

const OPERATIONS = ["xmark", "set", "and", "or", "xor"];
const without = (name: string, more: string[] = []) => [...OPERATIONS, ...more].filter((key) => key !== name);

export const markTarget = target({
  name: "MARK",
  options: {
    xmark: option("set-xmark", mark, { excludes: without("xmark") }),
    set: option("set-mark", mark, { excludes: without("set") }),
    and: option("and-mark", u32, { excludes: without("and") }),
    or: option("or-mark", u32, { excludes: without("or") }),
    xor: option("xor-mark", u32, { excludes: without("xor") }),
  },
  build: (given, { word }): MarkTarget => ({
    kind: "MARK",
    ...(change(given, U32) ??
      fail(word, "MARK wants one of --set-xmark, --set-mark, --and-mark, --or-mark, --xor-mark")),
  }),
  print: ({ clear, xor }: MarkTarget) => `--set-xmark ${hex(xor)}/${hex(clear)}`,
});

const isBehind = (one: Given<unknown>, other: Given<unknown>): boolean => one.word.column > other.word.column;
const COPY = ["save", "restore"];
const shift = number(0, 31, "a number of bits,");

export const connmarkTarget = target({
  name: "CONNMARK",
  options: {
    xmark: option("set-xmark", mark, { excludes: without("xmark", COPY) }),
    set: option("set-mark", mark, { excludes: without("set", COPY) }),
    and: option("and-mark", u32, { excludes: without("and", COPY) }),
    or: option("or-mark", u32, { excludes: without("or", COPY) }),
    xor: option("xor-mark", u32, { excludes: without("xor", COPY) }),
    save: flag("save-mark", { excludes: without("save", ["restore"]) }),
    restore: flag("restore-mark", { excludes: without("restore", ["save"]) }),
    left: option("left-shift-mark", shift),
    right: option("right-shift-mark", shift),
    ctMask: option("ctmask", u32, { excludes: ["mask"] }),
    nfMask: option("nfmask", u32, { excludes: ["mask"] }),
    mask: option("mask", u32, { excludes: ["ctMask", "nfMask"] }),
  },
  build(given, { word }): ConnmarkTarget {
    // Of several options that say the same number the last one does.
    const { left, right } = given;
    const bits = left && !(right && isBehind(right, left)) ? left.value : -(right?.value ?? 0);
    if (given.save || given.restore) {
      const mask = given.mask?.value ?? U32;
      return {
        kind: "CONNMARK",
        mode: given.save ? "save" : "restore",
        ctMask: given.ctMask?.value ?? mask,
        nfMask: given.nfMask?.value ?? mask,
        shift: bits || 0,
      };
    }
    const set =
      change(given, U32) ??
      fail(
        word,
        "CONNMARK wants one of --set-xmark, --set-mark, --and-mark, --or-mark, --xor-mark, --save-mark, --restore-mark",
      );
    const mask = given.mask ?? given.ctMask;
    const operation = given.xmark ?? given.set ?? given.and ?? given.or ?? given.xor;
    const clear = mask && operation && isBehind(mask, operation) ? mask.value : set.clear;
    return { kind: "CONNMARK", mode: "set", clear, xor: set.xor, shift: bits || 0 };
  },
  print: (test: ConnmarkTarget) =>
    join(
      test.mode === "set"
        ? `--set-xmark ${hex(test.xor)}/${hex(test.clear)}`
        : `--${test.mode}-mark --nfmask ${hex(test.nfMask)} --ctmask ${hex(test.ctMask)}`,
      test.shift > 0 && `--left-shift-mark ${test.shift}`,
      test.shift < 0 && `--right-shift-mark ${-test.shift}`,
    ),
});

// ---- Fields of the headers ------------------------------------------------------------------------------------------

const MANGLE = ["mangle"] as const;
const TOS_OPERATIONS = (name: string) => ["set", "and", "or", "xor"].filter((key) => key !== name);

export const tosTarget = target({
  name: "TOS",
  tables: MANGLE,
  options: {
    set: option("set-tos", takeTos, { excludes: TOS_OPERATIONS("set") }),
    and: option("and-tos", u8, { excludes: TOS_OPERATIONS("and") }),
    or: option("or-tos", u8, { excludes: TOS_OPERATIONS("or") }),
    xor: option("xor-tos", u8, { excludes: TOS_OPERATIONS("xor") }),
  },
  build: ({ set, ...given }, { word }): TosTarget => ({
    kind: "TOS",
    ...(change({ ...given, xmark: set }, U8) ??
      fail(word, "TOS wants one of --set-tos, --and-tos, --or-tos, --xor-tos")),
  }),
  print: ({ clear, xor }: TosTarget) => `--set-tos 0x${hex2(xor)}/0x${hex2(clear)}`,
});

export const dscpTarget = target({
  name: "DSCP",
  tables: MANGLE,
  options: {
    dscp: option("set-dscp", number(0, DSCP_MAX), { excludes: ["class"] }),
    class: option("set-dscp-class", takeDscpClass, { excludes: ["dscp"] }),
  },
  build: (given, { word }): DscpTarget => ({
    kind: "DSCP",
    dscp: (given.dscp ?? given.class ?? fail(word, "DSCP wants --set-dscp or --set-dscp-class")).value,
  }),
  print: ({ dscp }: DscpTarget) => `--set-dscp 0x${hex2(dscp)}`,
});

const HOPS = ["set", "dec", "inc"] as const;
const hops = number(1, U8);

const hopOptions = (name: string) => ({
  set: option(`${name}-set`, u8, { excludes: ["dec", "inc"] }),
  dec: option(`${name}-dec`, hops, { excludes: ["set", "inc"] }),
  inc: option(`${name}-inc`, hops, { excludes: ["set", "dec"] }),
});

function hopChange(given: Record<(typeof HOPS)[number], Given<number> | undefined>, word: Word, name: string) {
  const how = HOPS.find((key) => given[key]) ?? fail(word, `wanted is --${name}-set, --${name}-dec or --${name}-inc`);
  return { how, value: given[how]?.value ?? 0 };
}

export const ttlTarget = target({
  name: "TTL",
  family: 4,
  tables: MANGLE,
  options: hopOptions("ttl"),
  build: (given, { word }): TtlTarget => ({ kind: "TTL", ...hopChange(given, word, "ttl") }),
  print: ({ how, value }: TtlTarget) => `--ttl-${how} ${value}`,
});

export const hlTarget = target({
  name: "HL",
  family: 6,
  tables: MANGLE,
  options: hopOptions("hl"),
  build: (given, { word }): HlTarget => ({ kind: "HL", ...hopChange(given, word, "hl") }),
  print: ({ how, value }: HlTarget) => `--hl-${how} ${value}`,
});

/** The largest that leaves room for a header of IPv4. */
const MSS_MAX = { 4: U16 - 20, 6: U16 - 40 } as const;

export const tcpmssTarget = target({
  name: "TCPMSS",
  protocols: [6],
  options: {
    mss: option("set-mss", (word, context, next) => number(0, MSS_MAX[context.family])(word, context, next)),
    clamp: flag("clamp-mss-to-pmtu"),
  },
  build({ mss, clamp }, { word, chain }): TcpmssTarget {
    if (!mss && !clamp) fail(word, "TCPMSS wants --set-mss or --clamp-mss-to-pmtu");
    if (clamp && ["PREROUTING", "INPUT"].includes(chain))
      fail(clamp.word, "--clamp-mss-to-pmtu works in FORWARD, OUTPUT and POSTROUTING only");
    // the last one holds
    const clamps = clamp && (!mss || clamp.word.column > mss.word.column);
    return { kind: "TCPMSS", mss: clamps ? null : (mss?.value ?? null) };
  },
  print: ({ mss }: TcpmssTarget) => (mss === null ? "--clamp-mss-to-pmtu" : `--set-mss ${mss}`),
});

export const ecnTarget = target({
  name: "ECN",
  family: 4,
  tables: MANGLE,
  options: {
    remove: flag("ecn-tcp-remove", { excludes: ["cwr", "ece"] }),
    cwr: option("ecn-tcp-cwr", number(0, 1), { excludes: ["remove"] }),
    ece: option("ecn-tcp-ece", number(0, 1), { excludes: ["remove"] }),
    ect: option("ecn-ip-ect", number(0, 3)),
  },
  build({ remove, cwr, ece, ect }, { word, protocol, protocolInvert }): EcnTarget {
    if (!remove && !cwr && !ece && !ect)
      fail(word, "ECN wants --ecn-tcp-remove, --ecn-tcp-cwr, --ecn-tcp-ece or --ecn-ip-ect");
    if ((remove || cwr || ece) && (protocol !== 6 || protocolInvert)) fail(word, "ECN of TCP wants -p tcp");
    const zero = remove ? 0 : null;
    return { kind: "ECN", ece: ece?.value ?? zero, cwr: cwr?.value ?? zero, ipEct: ect?.value ?? null };
  },
  print({ ece, cwr, ipEct }: EcnTarget) {
    if (ece === 0 && cwr === 0 && ipEct === null) return "--ecn-tcp-remove";
    return join(
      ece !== null && `--ecn-tcp-ece ${ece}`,
      cwr !== null && `--ecn-tcp-cwr ${cwr}`,
      ipEct !== null && `--ecn-ip-ect ${ipEct}`,
    );
  },
});

export const checksumTarget = target({
  name: "CHECKSUM",
  tables: MANGLE,
  options: { fill: flag("checksum-fill", { required: true }) },
  build: (): ChecksumTarget => ({ kind: "CHECKSUM" }),
  print: () => "--checksum-fill",
});

const TCP_OPTIONS: Readonly<Record<string, number>> = {
  mss: 2,
  wscale: 3,
  "sack-permitted": 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
};

function takeTcpOptions(word: Word): number[] {
  const found: number[] = [];
  for (const name of word.text.split(",")) {
    const value =
      TCP_OPTIONS[name] ??
      parseNumber(name, 2, U8) ??
      fail(
        word,
        `wanted are options: ${Object.keys(TCP_OPTIONS).join(", ")} or numbers of 2 to ${U8}, with commas between`,
      );
    if (found.includes(value)) fail(word, `${name} was given before; each option may stand once`);
    found.push(value);
  }
  return found.sort((a, b) => a - b);
}

export const tcpoptstripTarget = target({
  name: "TCPOPTSTRIP",
  tables: MANGLE,
  protocols: [6],
  options: { options: option("strip-options", takeTcpOptions) },
  build: ({ options }): TcpoptstripTarget => ({ kind: "TCPOPTSTRIP", options: options?.value ?? [] }),
  print: ({ options }: TcpoptstripTarget) => (options.length > 0 ? `--strip-options ${options.join(",")}` : ""),
});

// ---- Beside the packet ----------------------------------------------------------------------------------------------

/** MAJOR:MINOR, hexadecimal whatever it looks like. */
function takeClass(word: Word): { major: number; minor: number } {
  const [, major, minor] =
    /^(?:0x)?([0-9a-fA-F]+):(?:0x)?([0-9a-fA-F]+)/.exec(word.text) ??
    fail(word, "wanted is MAJOR:MINOR, both hexadecimal");
  const part = (digits = "") => Number(BigInt(`0x${digits}`) & 0xffffn);
  return { major: part(major), minor: part(minor) };
}

const hex4 = (value: number) => value.toString(16).padStart(4, "0");

export const classifyTarget = target({
  name: "CLASSIFY",
  tables: ["mangle", "filter", "nat"],
  chains: ["FORWARD", "OUTPUT", "POSTROUTING"],
  options: { class: option("set-class", takeClass, { required: true }) },
  build: ({ class: given }): ClassifyTarget => ({
    kind: "CLASSIFY",
    major: given?.value.major ?? 0,
    minor: given?.value.minor ?? 0,
  }),
  print: ({ major, minor }: ClassifyTarget) => `--set-class ${hex4(major)}:${hex4(minor)}`,
});

const takeGateway: Take<Address> = (word, context, next) => {
  const given = address(word, context, next);
  return given.some((byte) => byte !== 0) ? given : fail(word, "wanted is the address of a host to send copies to");
};

/** The kernel has room for 15 characters; no name is none. */
const takeOif = (word: Word): string | null => word.text.slice(0, 15) || null;

export const teeTarget = target({
  name: "TEE",
  options: { gateway: option("gateway", takeGateway, { required: true }), oif: option("oif", takeOif) },
  build: ({ gateway, oif }): TeeTarget => ({ kind: "TEE", gateway: gateway?.value ?? [], oif: oif?.value ?? null }),
  print: ({ gateway, oif }: TeeTarget) => join(`--gateway ${formatAddress(gateway)}`, oif !== null && `--oif ${oif}`),
});

export const tproxyTarget = target({
  name: "TPROXY",
  tables: MANGLE,
  chains: ["PREROUTING"],
  protocols: [6, 17],
  options: {
    port: option("on-port", resolvedPort, { required: true }),
    address: option("on-ip", (word, { family }) => takeAddress(word, family)),
    mark: option("tproxy-mark", mark),
  },
  build: ({ port, address: given, mark: value }, { family }): TproxyTarget => ({
    kind: "TPROXY",
    port: port?.value ?? 0,
    address: given?.value ?? Array<number>(family === 4 ? 4 : 16).fill(0),
    value: value?.value.value ?? 0,
    mask: value?.value.mask ?? 0,
  }),
  print: ({ port, address: given, value, mask }: TproxyTarget) =>
    join(`--on-port ${port}`, given && `--on-ip ${formatAddress(given)}`, `--tproxy-mark ${hex(value)}/${hex(mask)}`),
});

/** For CT: a zone by number. */
export const takeZone = (word: Word): number => {
  const found = numberPrefix(word.text);
  return found?.rest === "" && found.value !== null && found.value <= BigInt(U16)
    ? Number(found.value)
    : fail(word, "wanted is a zone of 0 to 65535, or mark");
};
