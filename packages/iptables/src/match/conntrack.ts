// state, conntrack and the marks, counts and names that hang on connections.
import { addressBits, formatAddress, prefixLength, prefixMask, resolveAddress } from "../address.js";
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { hex, parseNumber, U32 } from "../number.js";
import {
  bigRange,
  type Context,
  choice,
  choices,
  flag,
  formatRange,
  inverted,
  invertedNumber,
  join,
  mark as markValue,
  not,
  number,
  option,
  quote,
  range32,
  type Take,
  takeProtocol,
  u32,
} from "../option.js";
import type {
  Address,
  AddressTest,
  ConnbytesMatch,
  ConnlabelMatch,
  ConnlimitMatch,
  ConnmarkMatch,
  ConntrackMatch,
  ConntrackState,
  ConntrackStatus,
  HelperMatch,
  InvertibleRange,
  MarkMatch,
  MaskedTest,
  StateMatch,
  StateName,
} from "../ruleset.js";
import { resolvedPortRange } from "./ports.js";

const STATES: readonly StateName[] = ["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED"];
const CT_STATES: readonly ConntrackState[] = [...STATES, "SNAT", "DNAT"];
const CT_STATUSES: readonly ConntrackStatus[] = ["EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"];

export const state = match({
  name: "state",
  options: { state: option("state", choices(STATES, { anyCase: true, cut: true }), { invert: true, required: true }) },
  build: ({ state: given }): StateMatch => ({
    name: "state",
    states: given?.value ?? [],
    invert: given?.invert ?? false,
  }),
  print: (test: StateMatch) => `${not(test)}--state ${test.states.join(",")}`,
});

/** The mask of an address need not be applied: the kernel does that when it compares. */
export const looseNetwork: Take<Omit<AddressTest, "invert">> = (word, context) => {
  const slash = word.text.indexOf("/");
  const host = slash < 0 ? word.text : word.text.slice(0, slash);
  const address = resolveAddress({ text: host, column: word.column }, context.family);
  const mask =
    slash < 0
      ? fullMask(context)
      : lengthMask({ text: word.text.slice(slash + 1), column: word.column + slash + 1 }, context);
  return { address, mask };
};

const fullMask = ({ family }: Context): Address => prefixMask(addressBits(family), family);

/** A length (of up to 128, also for IPv4) or a mask; what is not contiguous counts as all ones. */
function lengthMask(word: Word, { family }: Context): Address {
  const bits = parseNumber(word.text, 0, 128);
  if (bits !== null) return prefixMask(Math.min(bits, addressBits(family)), family);
  const mask = resolveAddress(word, family);
  return prefixMask(prefixLength(mask) ?? addressBits(family), family);
}

const ADDRESSES = ["origSrc", "origDst", "replSrc", "replDst"] as const;
const PORTS = ["origSrcPort", "origDstPort", "replSrcPort", "replDstPort"] as const;
const optionName = (key: string) => `ct${key.toLowerCase()}`;

function printAddress(name: string, test: AddressTest | null): string | null {
  if (!test) return null;
  const bits = prefixLength(test.mask);
  const length = bits === test.mask.length * 8 ? "" : `/${bits}`;
  return `${not(test)}--${name} ${formatAddress(test.address)}${length}`;
}

const printRange = (name: string, test: InvertibleRange | null) => test && `${not(test)}--${name} ${formatRange(test)}`;

const network = { invert: true } as const;

export const conntrack = match({
  name: "conntrack",
  options: {
    state: option("ctstate", choices(CT_STATES, { anyCase: true, cut: true }), { invert: true }),
    protocol: option("ctproto", takeCtProtocol, { invert: true }),
    origSrc: option("ctorigsrc", looseNetwork, network),
    origDst: option("ctorigdst", looseNetwork, network),
    replSrc: option("ctreplsrc", looseNetwork, network),
    replDst: option("ctrepldst", looseNetwork, network),
    origSrcPort: option("ctorigsrcport", resolvedPortRange, { invert: true }),
    origDstPort: option("ctorigdstport", resolvedPortRange, { invert: true }),
    replSrcPort: option("ctreplsrcport", resolvedPortRange, { invert: true }),
    replDstPort: option("ctrepldstport", resolvedPortRange, { invert: true }),
    status: option("ctstatus", takeStatus, { invert: true }),
    expire: option("ctexpire", range32, { invert: true }),
    direction: option("ctdir", choice(["ORIGINAL", "REPLY"], { anyCase: true })),
  },
  build(given, { word }): ConntrackMatch {
    if (!Object.values(given).some(Boolean))
      fail(word, "conntrack wants an option: --ctstate, --ctproto, --ctstatus, --ctdir ...");
    return {
      name: "conntrack",
      state: given.state ? { states: given.state.value, invert: given.state.invert } : null,
      protocol: invertedNumber(given.protocol),
      origSrc: inverted(given.origSrc),
      origDst: inverted(given.origDst),
      replSrc: inverted(given.replSrc),
      replDst: inverted(given.replDst),
      origSrcPort: inverted(given.origSrcPort),
      origDstPort: inverted(given.origDstPort),
      replSrcPort: inverted(given.replSrcPort),
      replDstPort: inverted(given.replDstPort),
      status: given.status ? { statuses: given.status.value, invert: given.status.invert } : null,
      expire: inverted(given.expire),
      direction: given.direction?.value ?? null,
    };
  },
  print: (test: ConntrackMatch) =>
    join(
      test.state && `${not(test.state)}--ctstate ${test.state.states.join(",")}`,
      test.protocol && `${not(test.protocol)}--ctproto ${test.protocol.value}`,
      ...ADDRESSES.map((key) => printAddress(optionName(key), test[key])),
      ...PORTS.map((key) => printRange(optionName(key), test[key])),
      test.status && `${not(test.status)}--ctstatus ${test.status.statuses.join(",") || "NONE"}`,
      printRange("ctexpire", test.expire),
      test.direction && `--ctdir ${test.direction}`,
    ),
});

function takeCtProtocol(word: Word): number {
  return takeProtocol({ ...word, text: word.text.toLowerCase() });
}

function takeStatus(word: Word, context: Context, next: () => Word): ConntrackStatus[] {
  const found = choices(["NONE", ...CT_STATUSES] as const, { anyCase: true, cut: true })(word, context, next);
  return CT_STATUSES.filter((name) => found.includes(name));
}

// ---- Marks ----------------------------------------------------------------------------------------------------------

const printMark = (test: MaskedTest): string =>
  `${not(test)}--mark ${hex(test.value)}${test.mask === U32 ? "" : `/${hex(test.mask)}`}`;

export const mark = match({
  name: "mark",
  options: { mark: option("mark", markValue, { invert: true, required: true }) },
  build: ({ mark: given }): MarkMatch => ({ name: "mark", ...(inverted(given) as MaskedTest) }),
  print: (test: MarkMatch) => printMark(test),
});

export const connmark = match({
  name: "connmark",
  options: { mark: option("mark", markValue, { invert: true, required: true }) },
  build: ({ mark: given }): ConnmarkMatch => ({ name: "connmark", ...(inverted(given) as MaskedTest) }),
  print: (test: ConnmarkMatch) => printMark(test),
});

// ---- Counts and names -----------------------------------------------------------------------------------------------

const U64 = (1n << 64n) - 1n;

export const connbytes = match({
  name: "connbytes",
  options: {
    range: option("connbytes", takeConnbytes, { invert: true, required: true }),
    direction: option("connbytes-dir", choice(["original", "reply", "both"]), { required: true }),
    mode: option("connbytes-mode", choice(["packets", "bytes", "avgpkt"]), { required: true }),
  },
  build: ({ range, direction, mode }): ConnbytesMatch => ({
    name: "connbytes",
    first: range?.value.first ?? 0n,
    last: range?.value.last ?? null,
    invert: range?.invert ?? false,
    direction: direction?.value ?? "both",
    mode: mode?.value ?? "packets",
  }),
  print: (test: ConnbytesMatch) =>
    `${not(test)}--connbytes ${test.first}${test.last === null ? "" : `:${test.last}`} --connbytes-mode ${test.mode} --connbytes-dir ${test.direction}`,
});

/** An upper end of 0 is none. */
function takeConnbytes(word: Word, context: Context, next: () => Word): { first: bigint; last: bigint | null } {
  const { first, last, single } = bigRange(U64)(word, context, next);
  if (single || last === U64 || (first === 0n && last === 0n)) return { first, last: null };
  if (first > last) fail(word, "the first number is larger than the last");
  return { first, last };
}

const above = option("connlimit-above", u32, { invert: true, excludes: ["upto"] });
const upto = option("connlimit-upto", u32, { invert: true, excludes: ["above"] });

export const connlimit = match({
  name: "connlimit",
  options: {
    upto,
    above,
    mask: option("connlimit-mask", lengthMask),
    saddr: flag("connlimit-saddr", { excludes: ["daddr"] }),
    daddr: flag("connlimit-daddr", { excludes: ["saddr"] }),
  },
  build(given, context): ConnlimitMatch {
    const limit =
      given.above ?? given.upto ?? fail(context.word, "connlimit wants --connlimit-above or --connlimit-upto");
    return {
      name: "connlimit",
      limit: limit.value,
      above: (limit === given.above) !== limit.invert,
      mask: given.mask?.value ?? fullMask(context),
      by: given.daddr ? "daddr" : "saddr",
    };
  },
  print: ({ limit, above: over, mask, by }: ConnlimitMatch) =>
    `--connlimit-${over ? "above" : "upto"} ${limit} --connlimit-mask ${prefixLength(mask)} --connlimit-${by}`,
});

export const connlabel = match({
  name: "connlabel",
  options: {
    label: option("label", number(0, 127, "the number of a label,"), { invert: true, required: true }),
    set: flag("set"),
  },
  build: ({ label, set }): ConnlabelMatch => ({
    name: "connlabel",
    bit: label?.value ?? 0,
    set: set !== undefined,
    invert: label?.invert ?? false,
  }),
  print: (test: ConnlabelMatch) => join(`${not(test)}--label "${test.bit}"`, test.set && "--set"),
});

const HELPER_MAX = 29;

export const helper = match({
  name: "helper",
  options: { helper: option("helper", (word) => word.text.slice(0, HELPER_MAX), { invert: true, required: true }) },
  build: ({ helper: given }): HelperMatch => ({
    name: "helper",
    helper: given?.value ?? "",
    invert: given?.invert ?? false,
  }),
  print: (test: HelperMatch) => `${not(test)}--helper ${quote(test.helper)}`,
});
