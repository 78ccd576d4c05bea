// frag, rt, hbh, dst, ipv6header, eui64: the extension headers of IPv6.
import { formatAddress, takeAddress } from "../address.js";
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { numberPrefix, parseNumber, U8, U32 } from "../number.js";
import { flag, inverted, invertedNumber, join, list, not, number, option, range32, u32 } from "../option.js";
import { protocolNumber } from "../protocols.js";
import type { EuiMatch, FragMatch, Ipv6headerMatch, OptionsMatch, RtMatch } from "../ruleset.js";
import { printNumber, printRange, unlessAll } from "./header.js";

export const frag = match({
  name: "frag",
  family: 6,
  options: {
    id: option("fragid", range32, { invert: true }),
    length: option("fraglen", u32, { invert: true }),
    reserved: flag("fragres"),
    first: flag("fragfirst"),
    more: flag("fragmore", { excludes: ["last"] }),
    last: flag("fraglast", { excludes: ["more"] }),
  },
  build: (given): FragMatch => ({
    name: "frag",
    id: unlessAll(inverted(given.id)),
    length: invertedNumber(given.length),
    reserved: given.reserved !== undefined,
    first: given.first !== undefined,
    more: given.more !== undefined,
    last: given.last !== undefined,
  }),
  print: (test: FragMatch) =>
    join(
      printRange("fragid", test.id),
      printNumber("fraglen", test.length),
      test.reserved && "--fragres",
      test.first && "--fragfirst",
      test.more && "--fragmore",
      test.last && "--fraglast",
    ),
});

const ADDRESSES_MAX = 16;

export const rt = match({
  name: "rt",
  family: 6,
  options: {
    type: option("rt-type", number(0, U32), { invert: true }),
    segsleft: option("rt-segsleft", range32, { invert: true }),
    length: option("rt-len", u32, { invert: true }),
    reserved: flag("rt-0-res"),
    addresses: option("rt-0-addrs", (word) => {
      const parts = word.text.split(",");
      if (parts.length > ADDRESSES_MAX) fail(word, `at most ${ADDRESSES_MAX} addresses`);
      return parts.map((text) => takeAddress({ text, column: word.column }, 6));
    }),
    notStrict: flag("rt-0-not-strict", { needs: ["addresses"] }),
  },
  build(given): RtMatch {
    const type0 = given.type && given.type.value === 0 && !given.type.invert;
    for (const needing of [given.reserved, given.addresses])
      if (needing && (!type0 || needing.word.column < (given.type?.word.column ?? 0)))
        fail(needing.word, "--rt-type 0 is wanted in front of it");
    return {
      name: "rt",
      type: invertedNumber(given.type),
      segsleft: unlessAll(inverted(given.segsleft)),
      length: invertedNumber(given.length),
      type0Reserved: given.reserved !== undefined,
      type0Addresses: given.addresses?.value ?? null,
      type0NotStrict: given.notStrict !== undefined,
    };
  },
  print: (test: RtMatch) =>
    join(
      printNumber("rt-type", test.type),
      printRange("rt-segsleft", test.segsleft),
      printNumber("rt-len", test.length),
      test.type0Reserved && "--rt-0-res",
      test.type0Addresses && `--rt-0-addrs ${test.type0Addresses.map(formatAddress).join(",")}`,
      test.type0NotStrict && "--rt-0-not-strict",
    ),
});

const OPTIONS_MAX = 16;
const ANY_LENGTH = 255;

/** TYPE[:LENGTH],...; the numbers are cut to a byte, as iptables does it. */
function takeOptions(word: Word): { type: number; length: number | null }[] {
  const parts = word.text.split(",");
  if (parts.length > OPTIONS_MAX) fail(word, `at most ${OPTIONS_MAX} options`);
  const byte = (text: string) => {
    const found = numberPrefix(text);
    if (found?.rest !== "" || found.value === null)
      fail(word, "wanted is TYPE[:LENGTH], each a number, with commas between");
    return Number(found.value & 0xffn);
  };
  return parts.map((part) => {
    const [type = "", length] = part.split(":");
    const value = length === undefined ? ANY_LENGTH : byte(length);
    const option = { type: byte(type), length: value === ANY_LENGTH ? null : value };
    if (option.type === 0 && length !== undefined) fail(word, "option 0 is a byte of padding and has no length");
    return option;
  });
}

const options = (name: "hbh" | "dst") =>
  match({
    name,
    family: 6,
    options: {
      length: option(`${name}-len`, u32, { invert: true }),
      options: option(`${name}-opts`, takeOptions),
    },
    build: ({ length, options: given }): OptionsMatch => ({
      name,
      length: invertedNumber(length),
      options: given?.value ?? null,
    }),
    print: ({ length, options: test }: OptionsMatch) =>
      join(
        printNumber(`${name}-len`, length),
        test &&
          `--${name}-opts ${test.map(({ type, length: size }) => (size === null ? type : `${type}:${size}`)).join(",")}`,
      ),
  });

export const hbh = options("hbh");
export const dst = options("dst");

/** Bit, protocol number, printed name, short name. */
const HEADERS = [
  [0x80, 0, "hop-by-hop", "hop"],
  [0x40, 60, "ipv6-opts", "dst"],
  [0x20, 43, "ipv6-route", "route"],
  [0x10, 44, "ipv6-frag", "frag"],
  [0x08, 51, "ah", "auth"],
  [0x04, 50, "esp", "esp"],
  [0x02, 59, "ipv6-nonxt", "none"],
  [0x01, 255, "protocol", "prot"],
] as const;

function takeHeaders(word: Word): number {
  let headers = 0;
  for (const part of word.text.split(",")) {
    const number = parseNumber(part, 0, U8) ?? protocolNumber(part);
    const header =
      HEADERS.find(([, , long, short]) => part === long || part === short) ??
      HEADERS.find(([, protocol]) => protocol === number) ??
      fail(word, `wanted are headers: ${list(HEADERS.map(([, , , short]) => short))}, with commas between`);
    headers |= header[0];
  }
  return headers;
}

export const ipv6header = match({
  name: "ipv6header",
  family: 6,
  options: { header: option("header", takeHeaders, { invert: true, required: true }), soft: flag("soft") },
  build: ({ header, soft }): Ipv6headerMatch => ({
    name: "ipv6header",
    headers: header?.value ?? 0,
    soft: soft !== undefined,
    invert: header?.invert ?? false,
  }),
  print: (test: Ipv6headerMatch) =>
    join(
      `${not(test)}--header ${HEADERS.filter(([bit]) => test.headers & bit)
        .map(([, , long]) => long)
        .join(",")}`,
      test.soft && "--soft",
    ),
});

export const eui64 = match({
  name: "eui64",
  family: 6,
  chains: ["PREROUTING", "INPUT", "FORWARD"],
  options: {},
  build: (): EuiMatch => ({ name: "eui64" }),
  print: () => "",
});
