// length, ttl, hl, tos, dscp, ecn, tcpmss, esp, ah: fields of the headers.
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { hex2, U32 } from "../number.js";
import {
  flag,
  formatRange,
  type Given,
  inverted,
  invertedNumber,
  invertOnly,
  join,
  masked,
  not,
  number,
  option,
  range,
  range16,
  range32,
  type Take,
  u8,
  u32,
} from "../option.js";
import type {
  AhMatch,
  DscpMatch,
  EcnMatch,
  EspMatch,
  HlMatch,
  InvertibleRange,
  LengthMatch,
  MaskedTest,
  NumberTest,
  TcpmssMatch,
  TosMatch,
  TtlMatch,
} from "../ruleset.js";

const rangeOf = (given: Given<{ first: number; last: number }> | undefined): InvertibleRange =>
  inverted(given) ?? { first: 0, last: 0, invert: false };

export const length = match({
  name: "length",
  options: { length: option("length", range16, { invert: true, required: true }) },
  build: ({ length: given }): LengthMatch => ({ name: "length", ...rangeOf(given) }),
  print: (test: LengthMatch) => `${not(test)}--length ${formatRange(test)}`,
});

export const tcpmss = match({
  name: "tcpmss",
  protocols: [6],
  options: { mss: option("mss", range(0xffff, { ordered: true }), { invert: true, required: true }) },
  build: ({ mss }): TcpmssMatch => ({ name: "tcpmss", ...rangeOf(mss) }),
  print: (test: TcpmssMatch) => `${not(test)}--mss ${formatRange(test)}`,
});

const HOW = ["eq", "lt", "gt"] as const;

function comparison(
  given: Record<(typeof HOW)[number], Given<number> | undefined>,
  word: Word,
  name: string,
): { how: (typeof HOW)[number]; value: number; invert: boolean } {
  const how = HOW.find((key) => given[key]);
  const found = how && given[how];
  if (!how || !found) fail(word, `${name} wants one of --${name}-eq, --${name}-lt, --${name}-gt`);
  return { how, value: found.value, invert: found.invert };
}

export const ttl = match({
  name: "ttl",
  family: 4,
  options: {
    lt: option("ttl-lt", u8, { excludes: ["eq", "gt"] }),
    gt: option("ttl-gt", u8, { excludes: ["eq", "lt"] }),
    eq: option("ttl-eq ttl", u8, { invert: true, excludes: ["lt", "gt"] }),
  },
  build: (given, { word }): TtlMatch => ({ name: "ttl", ...comparison(given, word, "ttl") }),
  print: (test: TtlMatch) => `${not(test)}--ttl-${test.how} ${test.value}`,
});

export const hl = match({
  name: "hl",
  family: 6,
  options: {
    lt: option("hl-lt", u8, { excludes: ["eq", "gt"] }),
    gt: option("hl-gt", u8, { excludes: ["eq", "lt"] }),
    eq: option("hl-eq hl", u8, { invert: true, excludes: ["lt", "gt"] }),
  },
  build: (given, { word }): HlMatch => ({ name: "hl", ...comparison(given, word, "hl") }),
  print: (test: HlMatch) => `${not(test)}--hl-${test.how} ${test.value}`,
});

// ---- Type of service ------------------------------------------------------------------------------------------------

const TOS_NAMES: Readonly<Record<string, number>> = {
  "minimize-delay": 0x10,
  "maximize-throughput": 0x08,
  "maximize-reliability": 0x04,
  "minimize-cost": 0x02,
  "normal-service": 0x00,
};
const TOS_NAME_MASK = 0x3f;

const plainTos = masked(0xff);

export const takeTos: Take<{ value: number; mask: number }> = (word, context, next) => {
  const named = TOS_NAMES[word.text.toLowerCase()];
  if (named !== undefined) return { value: named, mask: TOS_NAME_MASK };
  if (!/^\s*[+\d]/.test(word.text))
    fail(word, `wanted is VALUE or VALUE/MASK of 0 to 255, or a name: ${Object.keys(TOS_NAMES).join(", ")}`);
  return plainTos(word, context, next);
};

export const tos = match({
  name: "tos",
  options: { tos: option("tos", takeTos, { invert: true, required: true }) },
  build: ({ tos: given }): TosMatch => ({ name: "tos", ...(inverted(given) as MaskedTest) }),
  print: (test: TosMatch) => `${not(test)}--tos 0x${hex2(test.value)}/0x${hex2(test.mask)}`,
});

const DSCP_CLASSES: Readonly<Record<string, number>> = {
  CS0: 0x00,
  CS1: 0x08,
  CS2: 0x10,
  CS3: 0x18,
  CS4: 0x20,
  CS5: 0x28,
  CS6: 0x30,
  CS7: 0x38,
  BE: 0x00,
  AF11: 0x0a,
  AF12: 0x0c,
  AF13: 0x0e,
  AF21: 0x12,
  AF22: 0x14,
  AF23: 0x16,
  AF31: 0x1a,
  AF32: 0x1c,
  AF33: 0x1e,
  AF41: 0x22,
  AF42: 0x24,
  AF43: 0x26,
  EF: 0x2e,
};

/** iptables compares as many characters as the name has. */
export function takeDscpClass(word: Word): number {
  const text = word.text.toUpperCase();
  const [, value] =
    Object.entries(DSCP_CLASSES).find(([name]) => text.startsWith(name)) ??
    fail(word, `wanted is a class: ${Object.keys(DSCP_CLASSES).join(", ")}`);
  return value;
}

export const DSCP_MAX = 63;

export const dscp = match({
  name: "dscp",
  options: {
    dscp: option("dscp", number(0, DSCP_MAX), { invert: true, excludes: ["class"] }),
    class: option("dscp-class", takeDscpClass, { invert: true, excludes: ["dscp"] }),
  },
  build(given, { word }): DscpMatch {
    const found = given.dscp ?? given.class ?? fail(word, "dscp wants --dscp or --dscp-class");
    return { name: "dscp", value: found.value, invert: found.invert };
  },
  print: (test: DscpMatch) => `${not(test)}--dscp 0x${hex2(test.value)}`,
});

export const ecn = match({
  name: "ecn",
  options: {
    ece: flag("ecn-tcp-ece", { invert: true }),
    cwr: flag("ecn-tcp-cwr", { invert: true }),
    ipEct: option("ecn-ip-ect", number(0, 3), { invert: true }),
  },
  build({ ece, cwr, ipEct }, { word, protocol, protocolInvert }): EcnMatch {
    const tcp = ece ?? cwr;
    if (!tcp && !ipEct) fail(word, "ecn wants --ecn-tcp-cwr, --ecn-tcp-ece or --ecn-ip-ect");
    if (tcp && (protocol !== 6 || protocolInvert)) fail(tcp.word, "flags of TCP need -p tcp");
    return { name: "ecn", cwr: invertOnly(cwr), ece: invertOnly(ece), ipEct: invertedNumber(ipEct) };
  },
  print: ({ ece, cwr, ipEct }: EcnMatch) =>
    join(
      ece && `${not(ece)}--ecn-tcp-ece`,
      cwr && `${not(cwr)}--ecn-tcp-cwr`,
      ipEct && `${not(ipEct)}--ecn-ip-ect ${ipEct.value}`,
    ),
});

// ---- IPsec ----------------------------------------------------------------------------------------------------------

/** 0 to the largest is no test, unless it is turned around. */
export const unlessAll = (test: InvertibleRange | null): InvertibleRange | null =>
  test && (test.first !== 0 || test.last !== U32 || test.invert) ? test : null;

/** A range of all numbers is not printed, not even when it is inverted and nothing fits. */
export const printRange = (name: string, test: InvertibleRange | null) =>
  test && (test.first !== 0 || test.last !== U32) && `${not(test)}--${name} ${formatRange(test)}`;
export const printNumber = (name: string, test: NumberTest | null) => test && `${not(test)}--${name} ${test.value}`;

export const esp = match({
  name: "esp",
  protocols: [50],
  options: { spi: option("espspi", range32, { invert: true }) },
  build: ({ spi }): EspMatch => ({ name: "esp", spi: unlessAll(inverted(spi)) }),
  print: ({ spi }: EspMatch) => join(printRange("espspi", spi)),
});

export const ah4 = match({
  name: "ah",
  family: 4,
  protocols: [51],
  options: { spi: option("ahspi", range32, { invert: true }) },
  build: ({ spi }): AhMatch => ({ name: "ah", spi: unlessAll(inverted(spi)), length: null, reserved: false }),
  print: ({ spi }: AhMatch) => join(printRange("ahspi", spi)),
});

export const ah6 = match({
  name: "ah",
  family: 6,
  options: {
    spi: option("ahspi", range32, { invert: true }),
    length: option("ahlen", u32, { invert: true }),
    reserved: flag("ahres"),
  },
  build: ({ spi, length: given, reserved }): AhMatch => ({
    name: "ah",
    spi: unlessAll(inverted(spi)),
    length: invertedNumber(given),
    reserved: reserved !== undefined,
  }),
  print: ({ spi, length: test, reserved }: AhMatch) =>
    join(printRange("ahspi", spi), printNumber("ahlen", test), reserved && "--ahres"),
});
