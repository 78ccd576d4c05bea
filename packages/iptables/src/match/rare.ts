// cluster, ipvs, nfacct, osf, rateest, srh: matches that few rulesets have.
import { formatAddress, prefixLength, prefixMask, takeAddress } from "../address.js";
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { U32 } from "../number.js";
import {
  choice,
  flag,
  type Given,
  inverted,
  invertedNumber,
  join,
  not,
  number,
  option,
  takeMaskLength,
  takePort,
  takeProtocol,
  u8,
  u16,
  u32,
} from "../option.js";
import type {
  ClusterMatch,
  IpvsMatch,
  NfacctMatch,
  OsfMatch,
  RateestMatch,
  SrhCount,
  SrhMatch,
  SrhNetwork,
} from "../ruleset.js";

const I = { invert: true } as const;
const hex8 = (value: number): string => `0x${value.toString(16).padStart(8, "0")}`;
/** Cut to so many bytes, as C copies a name. */
const cut = (max: number) => (word: Word) =>
  new TextDecoder().decode(new TextEncoder().encode(word.text).slice(0, max));

// ---- cluster --------------------------------------------------------------------------------------------------------

const NODES_MAX = 32;

export const cluster = match({
  name: "cluster",
  options: {
    total: option("cluster-total-nodes", number(1, NODES_MAX), { required: true }),
    node: option("cluster-local-node", number(1, NODES_MAX), { ...I, excludes: ["mask"] }),
    mask: option("cluster-local-nodemask", number(1, U32 - 1), { ...I, excludes: ["node"] }),
    seed: option("cluster-hash-seed", u32, { required: true }),
  },
  build({ total, node, mask, seed }, { word }): ClusterMatch {
    const given = node ?? mask ?? fail(word, "cluster wants --cluster-local-node or --cluster-local-nodemask");
    const nodes = total?.value ?? 0;
    if (node && node.value > nodes) fail(node.word, `there are ${nodes} nodes`);
    if (mask && mask.value >= 2 ** nodes) fail(mask.word, `too large for ${nodes} nodes`);
    return {
      name: "cluster",
      total: nodes,
      nodes: node ? (1 << (node.value - 1)) >>> 0 : given.value,
      invert: given.invert,
      seed: seed?.value ?? 0,
    };
  },
  print: (test: ClusterMatch) =>
    `${not(test)}--cluster-local-nodemask ${hex8(test.nodes)} --cluster-total-nodes ${test.total} --cluster-hash-seed ${hex8(test.seed)}`,
});

// ---- ipvs -----------------------------------------------------------------------------------------------------------

type Network = Omit<SrhNetwork, "invert">;

/** An address and a mask; what the mask does not cover stays. */
function takeNetwork(word: Word, family: 4 | 6): Network {
  const slash = word.text.indexOf("/");
  if (slash < 0) return { address: takeAddress(word, family), mask: prefixMask(family === 4 ? 32 : 128, family) };
  const [text, mask] = [word.text.slice(0, slash), word.text.slice(slash + 1)];
  return {
    address: takeAddress({ text, column: word.column }, family),
    mask: takeMaskLength({ text: mask, column: word.column + slash + 1 }, { family }),
  };
}
const printNetwork = ({ address, mask }: Network) =>
  `${formatAddress(address)}/${prefixLength(mask) ?? formatAddress(mask)}`;

export const ipvs = match({
  name: "ipvs",
  options: {
    ipvs: flag("ipvs", I),
    protocol: option("vproto", takeProtocol, I),
    address: option("vaddr", (word, { family }) => takeNetwork(word, family), I),
    port: option("vport", (word) => takePort(word, 0), I),
    direction: option("vdir", choice(["ORIGINAL", "REPLY"], { anyCase: true })),
    method: option("vmethod", choice(["GATE", "IPIP", "MASQ"], { anyCase: true }), I),
    control: option("vportctl", (word) => takePort(word, 0), I),
  },
  build({ ipvs: belongs, protocol, address, port, direction, method, control }, { word }): IpvsMatch {
    if (!(belongs || protocol || address || port || direction || method || control))
      fail(word, "ipvs wants at least one option, such as --ipvs");
    return {
      name: "ipvs",
      belongs: belongs ? { invert: belongs.invert } : null,
      protocol: invertedNumber(protocol),
      address: inverted(address),
      port: invertedNumber(port),
      direction: direction?.value ?? null,
      method: method ? { value: method.value, invert: method.invert } : null,
      control: invertedNumber(control),
    };
  },
  print: ({ belongs, protocol, address, port, direction, method, control }: IpvsMatch) =>
    join(
      belongs && `${not(belongs)}--ipvs`,
      protocol && `${not(protocol)}--vproto ${protocol.value}`,
      address && `${not(address)}--vaddr ${printNetwork(address)}`,
      port && `${not(port)}--vport ${port.value}`,
      direction && `--vdir ${direction}`,
      method && `${not(method)}--vmethod ${method.value}`,
      control && `${not(control)}--vportctl ${control.value}`,
    ),
});

// ---- nfacct, osf ----------------------------------------------------------------------------------------------------

const NFACCT_NAME_MAX = 31;
const GENRE_MAX = 31;
const TCP = 6;

export const nfacct = match({
  name: "nfacct",
  options: { object: option("nfacct-name", cut(NFACCT_NAME_MAX), { required: true }) },
  build: ({ object }): NfacctMatch => ({ name: "nfacct", object: object?.value ?? "" }),
  print: ({ object }: NfacctMatch) => `--nfacct-name ${object}`,
});

export const osf = match({
  name: "osf",
  family: 4,
  protocols: [TCP],
  chains: ["PREROUTING", "INPUT", "FORWARD"],
  options: {
    genre: option("genre", cut(GENRE_MAX), { ...I, required: true }),
    ttl: option("ttl", number(0, 2)),
    log: option("log", number(0, 2)),
  },
  build: ({ genre, ttl, log }): OsfMatch => ({
    name: "osf",
    genre: genre?.value ?? "",
    invert: genre?.invert ?? false,
    ttl: ttl?.value ?? null,
    log: log?.value ?? null,
  }),
  print: (test: OsfMatch) =>
    join(
      `${not(test)}--genre ${test.genre}`,
      test.ttl !== null && `--ttl ${test.ttl}`,
      test.log !== null && `--log ${test.log}`,
    ),
});

// ---- rateest --------------------------------------------------------------------------------------------------------

const ESTIMATOR_NAME_MAX = 15;
/** Bits of a unit, as tc(8) has them. */
const RATE_UNITS: Readonly<Record<string, number>> = Object.fromEntries([
  ["", 1],
  ...["", "k", "m", "g", "t"].flatMap((letter, power) => [
    [`${letter}bit`, 1000 ** power],
    [`${letter}bps`, 8 * 1000 ** power],
    ...(power === 0
      ? []
      : [
          [`${letter}ibit`, 1024 ** power],
          [`${letter}ibps`, 8 * 1024 ** power],
        ]),
  ]),
]);

/** Bytes a second; without a unit the number is bits. */
function takeBytesPerSecond(word: Word): number {
  const [, digits, unit = ""] = /^\s*(\d+\.?\d*|\.\d+)([a-z]*)$/i.exec(word.text) ?? [];
  const factor = RATE_UNITS[unit.toLowerCase()];
  if (digits === undefined || factor === undefined) fail(word, "wanted is a rate like 500kbit or 2mbps");
  return Math.trunc((Number(digits) * factor) / 8) % 2 ** 32;
}

function printBits(bytes: number): string {
  const bits = bytes * 8;
  return bits >= 1e9 ? `${Math.round(bits / 1e6)}Mbit` : bits >= 1e6 ? `${Math.round(bits / 1e3)}Kbit` : `${bits}bit`;
}

export const rateest = match({
  name: "rateest",
  options: {
    first: option("rateest rateest1", cut(ESTIMATOR_NAME_MAX)),
    second: option("rateest2", cut(ESTIMATOR_NAME_MAX)),
    delta: flag("rateest-delta"),
    bps1: option("rateest-bps1", takeBytesPerSecond),
    bps2: option("rateest-bps2", takeBytesPerSecond),
    // without a number two estimators are compared
    bps: option("rateest-bps", takeBytesPerSecond, { optional: true }),
    pps1: option("rateest-pps1", u32),
    pps2: option("rateest-pps2", u32),
    pps: option("rateest-pps", u32, { optional: true }),
    lt: flag("rateest-lt", I),
    gt: flag("rateest-gt", I),
    eq: flag("rateest-eq", I),
  },
  build(given, { word }): RateestMatch {
    const modes = (["lt", "gt", "eq"] as const).flatMap((how) => {
      const found = given[how];
      return found ? [{ how, found }] : [];
    });
    const last = modes.sort((a, b) => b.found.word.column - a.found.word.column)[0];
    const mode = last ?? fail(word, "rateest wants one of --rateest-lt, --rateest-gt, --rateest-eq");
    const asked = (...options: (Given<unknown> | undefined)[]) => options.some((one) => one !== undefined);
    const bytes = asked(given.bps, given.bps1, given.bps2);
    const packets = asked(given.pps, given.pps1, given.pps2);
    if (!(bytes || packets)) fail(word, "rateest wants --rateest-bps or --rateest-pps");
    return {
      name: "rateest",
      first: given.first?.value ?? fail(word, "rateest wants --rateest NAME"),
      second: given.second?.value ?? null,
      delta: given.delta !== undefined,
      how: mode.how,
      invert: mode.found.invert,
      bytes: bytes ? [given.bps1?.value ?? 0, given.bps2?.value ?? given.bps?.value ?? 0] : null,
      packets: packets ? [given.pps1?.value ?? 0, given.pps2?.value ?? given.pps?.value ?? 0] : null,
    };
  },
  print(test: RateestMatch) {
    const { first, second, delta, how } = test;
    const rates = (name: "bps" | "pps", values: readonly [number, number] | null, text: (value: number) => string) => {
      if (values === null) return "";
      const mode = `${not(test)}--rateest-${how}`;
      if (delta) return `--rateest-${name}1 ${text(values[0])} ${mode} --rateest-${name}2 ${text(values[1])}`;
      return second === null ? `${mode} --rateest-${name} ${text(values[1])}` : `${mode} --rateest-${name}`;
    };
    return join(
      delta && "--rateest-delta",
      `--rateest${second === null ? "" : "1"} ${first}`,
      rates("bps", test.bytes, printBits),
      rates("pps", test.packets, String),
      second !== null && `--rateest2 ${second}`,
    );
  },
});

// ---- srh ------------------------------------------------------------------------------------------------------------

const COUNTS = ["hdr-len", "segs-left", "last-entry"] as const;
const WAYS = ["eq", "gt", "lt"] as const;

const counted = (name: string) => [
  option(`srh-${name}-eq`, u8, I),
  option(`srh-${name}-gt`, u8, I),
  option(`srh-${name}-lt`, u8, I),
];
const [lengthEq, lengthGt, lengthLt] = counted("hdr-len") as [Counted, Counted, Counted];
const [leftEq, leftGt, leftLt] = counted("segs-left") as [Counted, Counted, Counted];
const [lastEq, lastGt, lastLt] = counted("last-entry") as [Counted, Counted, Counted];
type Counted = ReturnType<typeof counted>[number];
const segment = (name: string) => option(name, (word: Word) => takeNetwork(word, 6), I);

/** The tests of a field share one number: the last that was given. */
function countOf(
  eq: Given<number> | undefined,
  gt: Given<number> | undefined,
  lt: Given<number> | undefined,
): SrhCount {
  const all = [eq, gt, lt].filter((one) => one !== undefined);
  const last = all.sort((a, b) => b.word.column - a.word.column)[0];
  const way = (one: Given<number> | undefined) => (one ? { invert: one.invert } : null);
  return { value: last?.value ?? 0, eq: way(eq), gt: way(gt), lt: way(lt) };
}

export const srh = match({
  name: "srh",
  family: 6,
  options: {
    next: option("srh-next-hdr", u8, I),
    lengthEq,
    lengthGt,
    lengthLt,
    leftEq,
    leftGt,
    leftLt,
    lastEq,
    lastGt,
    lastLt,
    tag: option("srh-tag", u16, I),
    psid: segment("srh-psid"),
    nsid: segment("srh-nsid"),
    lsid: segment("srh-lsid"),
  },
  build: (given): SrhMatch => ({
    name: "srh",
    next: invertedNumber(given.next),
    counts: [
      countOf(given.lengthEq, given.lengthGt, given.lengthLt),
      countOf(given.leftEq, given.leftGt, given.leftLt),
      countOf(given.lastEq, given.lastGt, given.lastLt),
    ],
    tag: invertedNumber(given.tag),
    psid: inverted(given.psid),
    nsid: inverted(given.nsid),
    lsid: inverted(given.lsid),
  }),
  print: ({ next, counts, tag, psid, nsid, lsid }: SrhMatch) =>
    join(
      next && `${not(next)}--srh-next-hdr ${next.value}`,
      ...counts.flatMap((count, i) =>
        WAYS.map((way) => {
          const test = count[way];
          return test && `${not(test)}--srh-${COUNTS[i]}-${way} ${count.value}`;
        }),
      ),
      tag && `${not(tag)}--srh-tag ${tag.value}`,
      psid && `${not(psid)}--srh-psid ${printNetwork(psid)}`,
      nsid && `${not(nsid)}--srh-nsid ${printNetwork(nsid)}`,
      lsid && `${not(lsid)}--srh-lsid ${printNetwork(lsid)}`,
    ),
});
