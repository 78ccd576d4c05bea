// comment, statistic, quota, owner, socket, cgroup, cpu, policy.
import { formatAddress, prefixLength } from "../address.js";
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { hex, numberPrefix, parseNumber, U32 } from "../number.js";
import {
  big,
  choice,
  flag,
  formatRange,
  type GivenOptions,
  inverted,
  invertedNumber,
  invertOnly,
  join,
  not,
  number,
  type Option,
  option,
  quote,
  takeProtocol,
  text,
  u32,
} from "../option.js";
import type {
  AddressTest,
  CgroupMatch,
  CommentMatch,
  CpuMatch,
  InvertibleRange,
  OwnerMatch,
  PolicyElement,
  PolicyMatch,
  QuotaMatch,
  Range,
  SocketMatch,
  StatisticMatch,
} from "../ruleset.js";
import { looseNetwork } from "./conntrack.js";

const COMMENT_MAX = 255;

/** Cut to what the kernel keeps. */
const takeComment = (word: Word): string => {
  const bytes = new TextEncoder().encode(word.text);
  return bytes.length > COMMENT_MAX ? new TextDecoder().decode(bytes.slice(0, COMMENT_MAX)) : word.text;
};

export const comment = match({
  name: "comment",
  options: { text: option("comment", takeComment, { required: true }) },
  build: ({ text: given }): CommentMatch => ({ name: "comment", text: given?.value ?? "" }),
  print: (test: CommentMatch) => `--comment ${quote(test.text)}`,
});

// ---- statistic, quota -----------------------------------------------------------------------------------------------

const PROBABILITY_ONE = 0x80000000;

function takeProbability(word: Word): number {
  const value = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(word.text)
    ? Number(word.text)
    : (hexadecimalFraction(word.text) ?? Number.NaN);
  if (!(value >= 0 && value <= 1)) fail(word, "wanted is a probability of 0 to 1, like 0.25");
  return Math.round(value * PROBABILITY_ONE);
}

/** As C writes it: 0x1p-2 is a quarter. */
function hexadecimalFraction(text: string): number | null {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^\s*([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)(?:[pP]([+-]?\d+))?$/.exec(text) ?? [];
  if (sign === undefined || whole + fraction === "") return null;
  const value = Number.parseInt(whole + fraction, 16) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === "-" ? -value : value;
}

export const statistic = match({
  name: "statistic",
  options: {
    mode: option("mode", choice(["random", "nth"]), { required: true }),
    probability: option("probability", takeProbability, { invert: true, excludes: ["every", "packet"] }),
    every: option("every", number(1, U32), { invert: true, excludes: ["probability"], needs: ["packet"] }),
    packet: option("packet", u32, { excludes: ["probability"] }),
  },
  build({ mode, probability, every, packet }, { word }): StatisticMatch {
    if (mode?.value === "nth") {
      if (!every || (packet?.value ?? 0) >= every.value)
        fail(packet?.word ?? word, "--mode nth wants --every N and --packet P, with P below N");
      return {
        name: "statistic",
        mode: "nth",
        every: every.value,
        packet: packet?.value ?? 0,
        invert: every.invert,
      };
    }
    if (!probability) fail(word, "--mode random wants --probability");
    return { name: "statistic", mode: "random", probability: probability.value, invert: probability.invert };
  },
  print: (test: StatisticMatch) =>
    test.mode === "random"
      ? `--mode random ${not(test)}--probability ${(test.probability / PROBABILITY_ONE).toFixed(11)}`
      : `--mode nth ${not(test)}--every ${test.every} --packet ${test.packet}`,
});

const U64 = (1n << 64n) - 1n;

export const quota = match({
  name: "quota",
  options: { quota: option("quota", big(U64), { invert: true, required: true }) },
  build: ({ quota: given }): QuotaMatch => ({
    name: "quota",
    quota: given?.value ?? 0n,
    invert: given?.invert ?? false,
  }),
  print: (test: QuotaMatch) => `${not(test)}--quota ${test.quota}`,
});

// ---- Sockets and processes ------------------------------------------------------------------------------------------

/** Users and groups of Debian's base system. */
const USERS: Readonly<Record<string, number>> = {
  root: 0,
  daemon: 1,
  bin: 2,
  sys: 3,
  sync: 4,
  games: 5,
  man: 6,
  lp: 7,
  mail: 8,
  news: 9,
  uucp: 10,
  proxy: 13,
  "www-data": 33,
  backup: 34,
  list: 38,
  irc: 39,
  nobody: 65534,
};
const GROUPS: Readonly<Record<string, number>> = {
  root: 0,
  daemon: 1,
  bin: 2,
  sys: 3,
  adm: 4,
  tty: 5,
  disk: 6,
  lp: 7,
  mail: 8,
  news: 9,
  uucp: 10,
  man: 12,
  proxy: 13,
  sudo: 27,
  audio: 29,
  "www-data": 33,
  backup: 34,
  operator: 37,
  shadow: 42,
  video: 44,
  staff: 50,
  games: 60,
  users: 100,
  nogroup: 65534,
};

const takeId =
  (names: Readonly<Record<string, number>>) =>
  (word: Word): Range => {
    const named = names[word.text];
    if (named !== undefined) return { first: named, last: named };
    const wanted = "wanted is a number of 0 to 4294967294, a range as FIRST-LAST, or a name of Debian's base system";
    const first = numberPrefix(word.text);
    const [, separator, rest = ""] = /^([-:]?)(.*)$/s.exec(first?.rest ?? "") ?? [];
    const from = first && parseNumber(word.text.slice(0, word.text.length - first.rest.length), 0, U32 - 1);
    const to = separator ? parseNumber(rest, 0, U32 - 1) : from;
    if (from === null || to === null || (!separator && rest !== "")) fail(word, wanted);
    if (from > to) fail(word, "the first number is larger than the last");
    return { first: from, last: to };
  };

const printIds = (name: string, test: InvertibleRange | null) =>
  test && `${not(test)}--${name} ${formatRange(test, "-")}`;

export const owner = match({
  name: "owner",
  chains: ["OUTPUT", "POSTROUTING"],
  options: {
    uid: option("uid-owner", takeId(USERS), { invert: true }),
    gid: option("gid-owner", takeId(GROUPS), { invert: true }),
    socketExists: flag("socket-exists", { invert: true }),
    supplGroups: flag("suppl-groups", { behind: ["gid"] }),
  },
  build({ uid, gid, socketExists, supplGroups }, { word }): OwnerMatch {
    if (!uid && !gid && !socketExists) fail(word, "owner wants --uid-owner, --gid-owner or --socket-exists");
    return {
      name: "owner",
      uid: inverted(uid),
      gid: inverted(gid),
      socketExists: invertOnly(socketExists),
      supplGroups: supplGroups !== undefined,
    };
  },
  print: (test: OwnerMatch) =>
    join(
      test.socketExists && `${not(test.socketExists)}--socket-exists`,
      printIds("uid-owner", test.uid),
      printIds("gid-owner", test.gid),
      test.supplGroups && "--suppl-groups",
    ),
});

export const socket = match({
  name: "socket",
  chains: ["PREROUTING", "INPUT"],
  options: { transparent: flag("transparent"), nowildcard: flag("nowildcard"), restoreSkmark: flag("restore-skmark") },
  build: ({ transparent, nowildcard, restoreSkmark }): SocketMatch => ({
    name: "socket",
    transparent: transparent !== undefined,
    nowildcard: nowildcard !== undefined,
    restoreSkmark: restoreSkmark !== undefined,
  }),
  print: (test: SocketMatch) =>
    join(
      test.transparent && "--transparent",
      test.nowildcard && "--nowildcard",
      test.restoreSkmark && "--restore-skmark",
    ),
});

export const cgroup = match({
  name: "cgroup",
  options: {
    path: option("path", text(511, { min: 1 }), { invert: true, excludes: ["cgroup"] }),
    cgroup: option("cgroup", u32, { invert: true, excludes: ["path"] }),
  },
  build({ path, cgroup: given }, { word }): CgroupMatch {
    const found = path ?? given ?? fail(word, "cgroup wants --cgroup or --path");
    return { name: "cgroup", cgroup: given?.value ?? null, path: path?.value ?? null, invert: found.invert };
  },
  print: (test: CgroupMatch) =>
    `${not(test)}${test.path === null ? `--cgroup ${test.cgroup}` : `--path ${quote(test.path)}`}`,
});

export const cpu = match({
  name: "cpu",
  options: { cpu: option("cpu", u32, { invert: true, required: true }) },
  build: ({ cpu: given }): CpuMatch => ({ name: "cpu", value: given?.value ?? 0, invert: given?.invert ?? false }),
  print: (test: CpuMatch) => `${not(test)}--cpu ${test.value}`,
});

// ---- policy ---------------------------------------------------------------------------------------------------------

const IPSEC_PROTOCOLS: Readonly<Record<number, string>> = { 50: "esp", 51: "ah", 108: "ipcomp" };

const takeIpsecProtocol = (word: Word): number => {
  const protocol = takeProtocol(word);
  return IPSEC_PROTOCOLS[protocol] ? protocol : fail(word, "wanted is esp, ah or ipcomp");
};

const printTunnel = (name: string, test: AddressTest | null) => {
  if (!test) return null;
  const bits = prefixLength(test.mask);
  return `${not(test)}--${name} ${formatAddress(test.address)}${bits === test.mask.length * 8 ? "" : `/${bits}`}`;
};

const ELEMENT = {
  reqid: option("reqid", u32, { invert: true }),
  spi: option("spi", u32, { invert: true }),
  proto: option("proto", takeIpsecProtocol, { invert: true }),
  mode: option("mode", choice(["transport", "tunnel"]), { invert: true }),
  tunnelSrc: option("tunnel-src", looseNetwork, { invert: true }),
  tunnelDst: option("tunnel-dst", looseNetwork, { invert: true }),
};
type GivenElement = GivenOptions<typeof ELEMENT>;
const MOST_ELEMENTS = 4;

const elementOf = (given: GivenElement): PolicyElement => ({
  reqid: invertedNumber(given.reqid),
  spi: invertedNumber(given.spi),
  proto: invertedNumber(given.proto),
  mode: given.mode ? { value: given.mode.value, invert: given.mode.invert } : null,
  tunnelSrc: inverted(given.tunnelSrc),
  tunnelDst: inverted(given.tunnelDst),
});
const isEmpty = (element: PolicyElement) => !Object.values(element).some(Boolean);

const hasStrayTunnel = ({ mode, tunnelSrc, tunnelDst }: PolicyElement) =>
  (tunnelSrc !== null || tunnelDst !== null) && (mode === null || (mode.value === "tunnel") === mode.invert);

const next: Option<GivenElement[]> = {
  names: ["next"],
  take: () => [],
  bare: true,
  repeat: true,
  needs: ["strict"],
  closes: Object.keys(ELEMENT),
};

export const policy = match({
  name: "policy",
  options: {
    direction: option("dir", choice(["in", "out"])),
    policy: option("pol", choice(["none", "ipsec"])),
    strict: flag("strict"),
    ...ELEMENT,
    next,
  },
  build(given, { word, chain }): PolicyMatch {
    const { direction } = given;
    if (!direction) fail(word, "policy wants --dir in or --dir out");
    if (direction.value === "out" && ["PREROUTING", "INPUT"].includes(chain))
      fail(direction.word, `--dir out has no meaning in ${chain}`);
    if (direction.value === "in" && ["POSTROUTING", "OUTPUT"].includes(chain))
      fail(direction.word, `--dir in has no meaning in ${chain}`);
    const elements = [...(given.next?.value ?? []), given].map(elementOf);
    if (given.next && elements.length > MOST_ELEMENTS) fail(given.next.word, `at most ${MOST_ELEMENTS} elements`);
    if (given.strict && given.policy?.value === "none") fail(given.strict.word, "--strict does not go with --pol none");
    if (given.strict && elements.some(isEmpty))
      fail(
        (given.next ?? given.strict).word,
        "--strict wants something of every element: --reqid, --spi, --proto, --mode",
      );
    if (elements.some(hasStrayTunnel)) fail(word, "--tunnel-src and --tunnel-dst go with --mode tunnel only");
    return {
      name: "policy",
      direction: direction.value,
      policy: given.policy?.value ?? "ipsec",
      strict: given.strict !== undefined,
      // what would be asked of an element means nothing where there is none
      elements: given.policy?.value === "none" ? [] : elements.filter((element) => !isEmpty(element)),
    };
  },
  print: (test: PolicyMatch) =>
    join(
      `--dir ${test.direction} --pol ${test.policy}`,
      test.strict && "--strict",
      ...test.elements.map((element, i) =>
        join(
          i > 0 && "--next",
          element.reqid && `${not(element.reqid)}--reqid ${element.reqid.value}`,
          element.spi && `${not(element.spi)}--spi ${hex(element.spi.value)}`,
          element.proto && `${not(element.proto)}--proto ${IPSEC_PROTOCOLS[element.proto.value]}`,
          element.mode && `${not(element.mode)}--mode ${element.mode.value}`,
          printTunnel("tunnel-dst", element.tunnelDst),
          printTunnel("tunnel-src", element.tunnelSrc),
        ),
      ),
    ),
});
