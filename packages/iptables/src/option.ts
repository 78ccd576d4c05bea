// What an extension declares of its options, and the few kinds of arguments that many of them share.
import { addressBits, prefixMask, takeAddress, takeMask } from "./address.js";
import { fail, type Word } from "./failure.js";
import type { IpSet } from "./ipset/types.js";
import { numberPrefix, parseBig, parseNumber, U8, U16, U32 } from "./number.js";
import { protocolNumber } from "./protocols.js";
import type { Address, Family, InterfaceTest, Range } from "./ruleset.js";
import { servicePort } from "./services.js";
import type { TimeoutPolicy } from "./timeout/policy.js";

/** What rules may name that lies outside of them; null: any name will do. */
export interface Outside {
  /** The sets of ipset. */
  sets: ReadonlyMap<string, IpSet> | null;
  timeoutPolicies: ReadonlyMap<string, TimeoutPolicy> | null;
}

/** What a rule said before this word. */
export interface Context extends Outside {
  family: Family;
  table: string;
  chain: string;
  /** 0: none, or all. */
  protocol: number;
  protocolInvert: boolean;
  /** Where the extension was named. */
  word: Word;
}

export type Take<T> = (word: Word, context: Context, next: () => Word) => T;

export interface Option<T = unknown> {
  /** Without the dashes; the first is the one that is printed. */
  names: readonly string[];
  take: Take<T>;
  /** It takes no argument. */
  bare?: boolean;
  /** Its argument may be left out; the value is then null. */
  optional?: boolean;
  invert?: boolean;
  required?: boolean;
  repeat?: boolean;
  /** Keys of options that cannot stand beside it. */
  excludes?: readonly string[];
  /** Keys of options it needs, */
  needs?: readonly string[];
  /** and in front of it. */
  behind?: readonly string[];
  /** Keys of options that may stand again behind it; what was given of them so far is a part of its value. */
  closes?: readonly string[];
}

export type Options = Readonly<Record<string, Option>>;

export interface Given<T> {
  value: T;
  invert: boolean;
  word: Word;
}

export type GivenOptions<O extends Options> = {
  readonly [K in keyof O]: Given<O[K] extends Option<infer T> ? T : never> | undefined;
};

type Flags = Omit<Option, "names" | "take" | "bare">;

/** An option with an argument; `names` separated by blanks. */
export const option = <T>(names: string, take: Take<T>, flags: Flags = {}): Option<T> => ({
  ...flags,
  names: names.split(" "),
  take,
});

/** An option without. */
export const flag = (names: string, flags: Flags = {}): Option<true> => ({
  ...flags,
  names: names.split(" "),
  take: () => true,
  bare: true,
});

// ---- Kinds of arguments ---------------------------------------------------------------------------------------------

export const number =
  (min: number, max: number, what = "a number"): Take<number> =>
  (word) =>
    parseNumber(word.text, min, max) ?? fail(word, `wanted is ${what} of ${min} to ${max}`);

export const u8 = number(0, U8);
export const u16 = number(0, U16);
export const u32 = number(0, U32);

export const big =
  (max: bigint): Take<bigint> =>
  (word) =>
    parseBig(word.text, 0n, max) ?? fail(word, `wanted is a number of 0 to ${max}`);

/** `FIRST`, `FIRST:LAST`, `:LAST`, `FIRST:`. */
export const bigRange =
  (max: bigint): Take<{ first: bigint; last: bigint; single: boolean }> =>
  (word) => {
    const parts = word.text.split(":");
    if (parts.length > 2) fail(word, "wanted is at most FIRST:LAST, with one colon");
    const [first = 0n, last] = parts.map((text, i) =>
      text === ""
        ? [0n, max][i]
        : (parseBig(text, 0n, max) ?? fail(word, `wanted is a number of 0 to ${max}, or two of them as FIRST:LAST`)),
    );
    return { first, last: last ?? first, single: last === undefined };
  };

export const range =
  (max: number, { ordered = false } = {}): Take<Range> =>
  (word, context, next) => {
    const found = bigRange(BigInt(max))(word, context, next);
    if (ordered && found.first > found.last) fail(word, "the first number is larger than the last");
    return { first: Number(found.first), last: Number(found.last) };
  };

export const range32 = range(U32);
export const range16 = range(U16);

/** Text of at most so many bytes. */
export const text =
  (max: number, { min = 0 } = {}): Take<string> =>
  (word) => {
    const bytes = new TextEncoder().encode(word.text).length;
    if (bytes > max) fail(word, `too long: ${bytes} bytes, ${max} are allowed`);
    if (bytes < min) fail(word, "a text is wanted, this one is empty");
    return word.text;
  };

/** One of these words; cut: the beginning of one will do, and the first that begins so is meant. */
export const choice =
  <const T extends readonly string[]>(words: T, { anyCase = false, cut = false } = {}): Take<T[number]> =>
  (word) => {
    const same = (text: string) => (anyCase ? text.toLowerCase() : text);
    const wanted = same(word.text);
    return (
      words.find((name) => same(name) === wanted) ??
      words.find((name) => cut && wanted !== "" && same(name).startsWith(wanted)) ??
      fail(word, `wanted is ${list(words)}`)
    );
  };

/** Several of these words with commas between. */
export const choices =
  <const T extends readonly string[]>(words: T, how: { anyCase?: boolean; cut?: boolean } = {}): Take<T[number][]> =>
  (word, context, next) => {
    let column = word.column;
    const found = word.text.split(",").map((part) => {
      const value = choice(words, how)({ text: part, column }, context, next);
      column += part.length + 1;
      return value;
    });
    return words.filter((name) => found.includes(name));
  };

export const list = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/** VALUE[/MASK], the mask all ones unless given. */
export const masked =
  (max: number): Take<{ value: number; mask: number }> =>
  (word) => {
    const wanted = `wanted is VALUE or VALUE/MASK, each of 0 to 0x${max.toString(16)}`;
    const first = numberPrefix(word.text) ?? fail(word, wanted);
    if (first.value === null || first.value > BigInt(max)) fail(word, wanted);
    if (first.rest === "") return { value: Number(first.value), mask: max };
    if (!first.rest.startsWith("/")) fail(word, wanted);
    const mask = parseNumber(first.rest.slice(1), 0, max) ?? fail(word, wanted);
    return { value: Number(first.value), mask };
  };

export const mark = masked(U32);

const PORT = "wanted is a port of 0 to 65535 or the name of a service";

/** A port by number (as C reads it) or by the name of a service of this protocol. */
export function takePort(word: Word, protocol: number): number {
  const port = parseNumber(word.text, 0, U16) ?? servicePort(word.text, protocol);
  if (port !== undefined) return port;
  if (/^!/.test(word.text)) fail(word, `the ! stands in front of the option; here ${PORT}`);
  if (/[,]/.test(word.text)) fail(word, `several ports need -m multiport --dports or --sports; here ${PORT}`);
  if (/^\d+-\d+$/.test(word.text)) fail(word, "a range of ports is written FIRST:LAST, with a colon");
  fail(word, PORT);
}

/** FIRST[:LAST] */
export const portRange: Take<Range> = (word, { protocol }) => {
  const colon = word.text.indexOf(":");
  if (colon < 0) {
    const port = takePort(word, protocol);
    return { first: port, last: port };
  }
  const [a, b] = [word.text.slice(0, colon), word.text.slice(colon + 1)];
  const first = a === "" ? 0 : takePort({ text: a, column: word.column }, protocol);
  const last = b === "" ? U16 : takePort({ text: b, column: word.column + colon + 1 }, protocol);
  if (first > last) fail(word, `the first port is larger than the last; wanted is ${last}:${first}`);
  return { first, last };
};

export const address: Take<Address> = (word, { family }) => takeAddress(word, family);

export function takeProtocol(word: Word): number {
  return (
    parseNumber(word.text, 0, U8) ??
    protocolNumber(word.text) ??
    fail(word, "not a protocol; wanted is a number of 0 to 255 or a name like tcp, udp, icmp, esp")
  );
}

export function takeInterface(word: Word): Omit<InterfaceTest, "invert"> {
  if (word.text === "") fail(word, "the name of an interface is wanted, this one is empty");
  if (word.text.length > 15) fail(word, "the name of an interface has at most 15 characters");
  const plus = word.text.endsWith("+");
  return { name: plus ? word.text.slice(0, -1) : word.text, prefix: plus };
}

export const iface: Take<Omit<InterfaceTest, "invert">> = (word) => takeInterface(word);

// ---- For building and printing --------------------------------------------------------------------------------------

/** The value with its `!`, or null. */
export const inverted = <T extends object>(given: Given<T> | undefined): (T & { invert: boolean }) | null =>
  given ? { ...given.value, invert: given.invert } : null;

export const invertedNumber = (given: Given<number> | undefined): { value: number; invert: boolean } | null =>
  given ? { value: given.value, invert: given.invert } : null;

export const invertOnly = (given: Given<unknown> | undefined): { invert: boolean } | null =>
  given ? { invert: given.invert } : null;

export const not = (test: { invert: boolean }): string => (test.invert ? "! " : "");

/** FIRST, or FIRST:LAST when they differ. */
export const formatRange = (
  { first, last }: { first: number | bigint; last: number | bigint },
  separator = ":",
): string => (first === last ? String(first) : `${first}${separator}${last}`);

export const formatInterface = ({ name, prefix }: Omit<InterfaceTest, "invert">): string => name + (prefix ? "+" : "");

/** Words of which some are not there. */
export const join = (...words: (string | false | null | undefined)[]): string => words.filter(Boolean).join(" ");

/** As iptables-save prints text: quoted where a character asks for it. */
export function quote(value: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(value)) return value;
  return `"${value.replace(/["'\\]/g, (c) => `\\${c}`)}"`;
}

/** A length of up to 128, or a mask. */
export function takeMaskLength(word: Word, { family }: { family: Family }): Address {
  const bits = parseNumber(word.text, 0, 128);
  if (bits !== null) {
    if (bits > addressBits(family)) fail(word, `wanted is a length of 0 to ${addressBits(family)}`);
    return prefixMask(bits, family);
  }
  return takeMask(word, family);
}
