// CLUSTERIP, CONNSECMARK, DNPT, HMARK, IDLETIMER, LED, RATEEST, SECMARK, SNPT, SYNPROXY: targets that few rulesets have.
import { formatAddress, prefixLength, takeNetwork } from "../address.js";
import { target } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { numberPrefix, parseNumber, U16, U32 } from "../number.js";
import { choice, flag, join, number, option, quote, takeMaskLength, text, u16, u32 } from "../option.js";
import type {
  Address,
  ClusteripTarget,
  ConnsecmarkTarget,
  Family,
  HmarkTarget,
  IdletimerTarget,
  LedTarget,
  NptTarget,
  RateestTarget,
  SecmarkTarget,
  SynproxyTarget,
} from "../ruleset.js";

const cut = (max: number) => (word: Word) =>
  new TextDecoder().decode(new TextEncoder().encode(word.text).slice(0, max));
const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;
const TCP = 6;

// ---- CLUSTERIP ------------------------------------------------------------------------------------------------------

const NODES_MAX = 16;

export const clusterip = target({
  name: "CLUSTERIP",
  family: 4,
  options: {
    fresh: flag("new"),
    hashmode: option("hashmode", choice(["sourceip", "sourceip-sourceport", "sourceip-sourceport-destport"])),
    mac: option("clustermac", (word) => {
      if (!/^[\da-f]{1,2}(:[\da-f]{1,2}){5}$/i.test(word.text))
        fail(word, "wanted is an address like 01:00:5e:00:00:01");
      const bytes = word.text.split(":").map((part) => Number.parseInt(part, 16));
      if (!((bytes[0] ?? 0) & 1)) fail(word, "the address of a cluster is a multicast one: its first byte is odd");
      return bytes;
    }),
    total: option("total-nodes", number(1, NODES_MAX)),
    node: option("local-node", number(1, NODES_MAX)),
    init: option("hash-init", u32),
  },
  build({ fresh, hashmode, mac, total, node, init }, { word }): ClusteripTarget {
    const rest = [hashmode, mac, total, node];
    if (!fresh) {
      if (rest.some((one) => one !== undefined)) fail(word, "the options of CLUSTERIP go with --new");
      return { kind: "CLUSTERIP", created: null };
    }
    if (!(hashmode && mac && total && node))
      fail(word, "CLUSTERIP --new wants --hashmode, --clustermac, --total-nodes and --local-node");
    return {
      kind: "CLUSTERIP",
      created: {
        hashmode: hashmode.value,
        mac: mac.value,
        total: total.value,
        node: node.value,
        init: init?.value ?? 0,
      },
    };
  },
  print: ({ created }: ClusteripTarget) =>
    created === null
      ? ""
      : `--new --hashmode ${created.hashmode} --clustermac ${created.mac.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(":")} --total-nodes ${created.total} --local-node ${created.node} --hash-init ${created.init}`,
});

// ---- SECMARK, CONNSECMARK -------------------------------------------------------------------------------------------

const CONTEXT_MAX = 255;
const SECURITY = ["mangle", "security"] as const;

export const secmark = target({
  name: "SECMARK",
  tables: SECURITY,
  options: { context: option("selctx", text(CONTEXT_MAX), { required: true }) },
  build: ({ context }): SecmarkTarget => ({ kind: "SECMARK", context: context?.value ?? "" }),
  print: ({ context }: SecmarkTarget) => `--selctx ${context}`,
});

export const connsecmark = target({
  name: "CONNSECMARK",
  tables: SECURITY,
  options: { save: flag("save", { excludes: ["restore"] }), restore: flag("restore", { excludes: ["save"] }) },
  build: ({ save, restore }, { word }): ConnsecmarkTarget => ({
    kind: "CONNSECMARK",
    mode: save ? "save" : restore ? "restore" : fail(word, "CONNSECMARK wants --save or --restore"),
  }),
  print: ({ mode }: ConnsecmarkTarget) => `--${mode}`,
});

// ---- SYNPROXY -------------------------------------------------------------------------------------------------------

/** Numbers are taken up to one more than the field holds, and that becomes 0. */
const field = (size: number) => (word: Word) =>
  (parseNumber(word.text, 0, size) ?? fail(word, `wanted is a number of 0 to ${size - 1}`)) % size;

export const synproxy = target({
  name: "SYNPROXY",
  protocols: [TCP],
  tables: ["filter", "mangle", "security"],
  chains: ["INPUT", "FORWARD"],
  options: {
    sack: flag("sack-perm"),
    timestamp: flag("timestamp"),
    scale: option("wscale", field(256)),
    mss: option("mss", field(65_536)),
    ecn: flag("ecn"),
  },
  build: ({ sack, timestamp, scale, mss, ecn }): SynproxyTarget => ({
    kind: "SYNPROXY",
    sack: sack !== undefined,
    timestamp: timestamp !== undefined,
    scale: scale?.value ?? null,
    mss: mss?.value ?? null,
    ecn: ecn !== undefined,
  }),
  print: ({ sack, timestamp, scale, mss, ecn }: SynproxyTarget) =>
    join(
      sack && "--sack-perm",
      timestamp && "--timestamp",
      scale !== null && `--wscale ${scale}`,
      mss !== null && `--mss ${mss}`,
      ecn && "--ecn",
    ),
});

// ---- SNPT, DNPT -----------------------------------------------------------------------------------------------------

const PREFIX_MAX = 64;

/** A prefix of at most 64 bits, with nothing behind it. */
function takePrefix(word: Word): { address: Address; length: number } {
  const [, host] = /^([^/]*)\//.exec(word.text) ?? [];
  const network = takeNetwork(word, 6);
  const length = prefixLength(network.mask);
  const whole = host === undefined ? network.address : takeNetwork({ text: host, column: word.column }, 6).address;
  if (length === null || length > PREFIX_MAX || formatAddress(whole) !== formatAddress(network.address))
    fail(word, `wanted is a prefix of at most ${PREFIX_MAX} bits, with zeros behind it`);
  return { address: network.address, length };
}

const npt = (name: "SNPT" | "DNPT", chains: readonly string[]) =>
  target({
    name,
    family: 6,
    tables: ["mangle"],
    chains,
    options: {
      source: option("src-pfx", takePrefix, { required: true }),
      destination: option("dst-pfx", takePrefix, { required: true }),
    },
    build: ({ source, destination }, { word }): NptTarget => ({
      kind: name,
      source: source?.value ?? fail(word, `${name} wants --src-pfx`),
      destination: destination?.value ?? fail(word, `${name} wants --dst-pfx`),
    }),
    print({ source, destination }: NptTarget) {
      const prefix = (option: string, { address, length }: NptTarget["source"]) =>
        length > 0 && `--${option} ${formatAddress(address)}/${length}`;
      return join(prefix("src-pfx", source), prefix("dst-pfx", destination));
    },
  });

export const snpt = npt("SNPT", ["INPUT", "POSTROUTING"]);
export const dnpt = npt("DNPT", ["PREROUTING", "OUTPUT"]);

// ---- HMARK ----------------------------------------------------------------------------------------------------------

const TUPLE = ["src", "dst", "sport", "dport", "spi", "proto", "ct"] as const;

function takeTuple(word: Word): (typeof TUPLE)[number][] {
  return word.text
    .split(",")
    .map(
      (name) =>
        TUPLE.find((known) => known === name) ?? fail(word, `wanted are ${TUPLE.join(", ")}, with commas between`),
    );
}

/** Length of a prefix; what is no prefix, or longer than an address, covers all of it. */
function takeBits(word: Word, family: Family): number {
  const all = family === 4 ? 32 : 128;
  const bits = parseNumber(word.text, 0, 128);
  if (bits !== null) return Math.min(bits, all);
  return prefixLength(takeMaskLength(word, { family })) ?? all;
}

const ALONE = { excludes: ["tuple"] } as const;

export const hmark = target({
  name: "HMARK",
  options: {
    tuple: option("hmark-tuple", takeTuple),
    source: option("hmark-src-prefix", (word, { family }) => takeBits(word, family), ALONE),
    destination: option("hmark-dst-prefix", (word, { family }) => takeBits(word, family), ALONE),
    sportMask: option("hmark-sport-mask", u16, ALONE),
    dportMask: option("hmark-dport-mask", u16, ALONE),
    spiMask: option("hmark-spi-mask", u32, ALONE),
    sport: option("hmark-sport", u16, ALONE),
    dport: option("hmark-dport", u16, ALONE),
    spi: option("hmark-spi", u32, ALONE),
    protocolMask: option("hmark-proto-mask", u16, ALONE),
    seed: option("hmark-rnd", u32),
    modulus: option("hmark-mod", number(1, U32)),
    offset: option("hmark-offset", u32),
  },
  build(given, { family, word }): HmarkTarget {
    const named = (name: (typeof TUPLE)[number]) => given.tuple?.value.includes(name) === true;
    const value = (name: (typeof TUPLE)[number], all: number, own: { value: number } | undefined) =>
      own?.value ?? (named(name) ? all : null);
    const bits = family === 4 ? 32 : 128;
    const test: HmarkTarget = {
      kind: "HMARK",
      source: value("src", bits, given.source),
      destination: value("dst", bits, given.destination),
      sportMask: value("sport", U16, given.sportMask),
      dportMask: value("dport", U16, given.dportMask),
      spiMask: value("spi", U32, given.spiMask),
      sport: given.sport?.value ?? null,
      dport: given.dport?.value ?? null,
      spi: given.spi?.value ?? null,
      protocolMask: value("proto", U16, given.protocolMask),
      seed: given.seed?.value ?? 0,
      modulus: (given.modulus ?? fail(word, "HMARK wants --hmark-mod")).value,
      offset: given.offset?.value ?? null,
      ct: named("ct"),
    };
    if (!given.seed) fail(word, "HMARK wants --hmark-rnd");
    const { source, destination, sportMask, dportMask, spiMask, sport, dport, spi, protocolMask, ct } = test;
    if (spiMask !== null && (sportMask !== null || dportMask !== null))
      fail(word, "the SPI and ports exclude each other");
    const fields = [source, destination, sportMask, dportMask, spiMask, sport, dport, spi, protocolMask];
    if (!ct && fields.every((one) => one === null))
      fail(word, "HMARK wants --hmark-tuple, or what it hashes one by one");
    return test;
  },
  print(test: HmarkTarget) {
    const show = (name: string, value: number | null, digits?: number) =>
      value !== null && `--hmark-${name} ${digits === undefined ? value : hex(value, digits)}`;
    return join(
      show("src-prefix", test.source),
      show("dst-prefix", test.destination),
      show("sport-mask", test.sportMask, 4),
      show("dport-mask", test.dportMask, 4),
      show("spi-mask", test.spiMask, 8),
      show("sport", test.sport, 4),
      show("dport", test.dport, 4),
      show("spi", test.spi, 8),
      show("proto-mask", test.protocolMask, 2),
      show("rnd", test.seed, 8),
      show("mod", test.modulus),
      show("offset", test.offset),
      test.ct && "--hmark-tuple ct",
    );
  },
});

// ---- IDLETIMER, LED -------------------------------------------------------------------------------------------------

const LABEL_MAX = 27;
/** In milliseconds it has to fit into 31 bits. */
const TIMEOUT_MAX = 2_147_483;
/** Names a directory of sysfs has anyway. */
const RESERVED = ["power", "subsystem", "uevent"];

export const idletimer = target({
  name: "IDLETIMER",
  options: {
    timeout: option("timeout", number(1, TIMEOUT_MAX, "a number of seconds,"), { required: true }),
    label: option(
      "label",
      (word) => {
        const label = cut(LABEL_MAX)(word);
        if (label === "" || label.includes("/") || RESERVED.includes(label))
          fail(word, "the label becomes a name in /sys: not empty, without a slash, none that is there");
        return label;
      },
      { required: true },
    ),
    alarm: flag("alarm"),
  },
  build: ({ timeout, label, alarm }): IdletimerTarget => ({
    kind: "IDLETIMER",
    timeout: timeout?.value ?? 0,
    label: label?.value ?? "",
    alarm: alarm !== undefined,
  }),
  print: ({ timeout, label, alarm }: IdletimerTarget) =>
    join(`--timeout ${timeout}`, `--label ${label}`, alarm && "--alarm"),
});

const TRIGGER_MAX = 16;

export const led = target({
  name: "LED",
  options: {
    trigger: option("led-trigger-id", text(TRIGGER_MAX), { required: true }),
    delay: option("led-delay", (word) =>
      word.text.toLowerCase() === "inf"
        ? -1
        : Number((numberPrefix(word.text)?.value ?? fail(word, "wanted are milliseconds, or inf")) & 0xffffffffn),
    ),
    always: flag("led-always-blink"),
  },
  build: ({ trigger, delay, always }): LedTarget => ({
    kind: "LED",
    trigger: trigger?.value ?? "",
    delay: delay?.value ?? 0,
    alwaysBlink: always !== undefined,
  }),
  print: ({ trigger, delay, alwaysBlink }: LedTarget) =>
    join(
      `--led-trigger-id ${quote(trigger)}`,
      delay > 0 && `--led-delay ${delay}`,
      delay === -1 && "--led-delay inf",
      alwaysBlink && "--led-always-blink",
    ),
});

// ---- RATEEST --------------------------------------------------------------------------------------------------------

const NAME_MAX = 15;
const MICROSECONDS: Readonly<Record<string, number>> = {
  "": 1,
  us: 1,
  usec: 1,
  usecs: 1,
  ms: 1e3,
  msec: 1e3,
  msecs: 1e3,
  s: 1e6,
  sec: 1e6,
  secs: 1e6,
};

function takeTime(word: Word): number {
  const [, digits, unit = ""] = /^\s*(\d+\.?\d*|\.\d+)([a-z]*)$/i.exec(word.text) ?? [];
  const factor = MICROSECONDS[unit.toLowerCase()];
  if (digits === undefined || factor === undefined) fail(word, "wanted is a time like 250ms or 2s");
  return Math.trunc(Number(digits) * factor) % 2 ** 32;
}

const QUARTER = 250_000;
const INTERVALS = 6;
const LOG_MAX = 31;

/** The kernel averages every quarter of a second times a power of two, with a weight that is one as well. */
function averaging(interval: number, time: number): { step: number | null; log: number } {
  const step = Array.from({ length: INTERVALS }, (_, i) => i).find((i) => interval <= 2 ** i * QUARTER) ?? null;
  let log = 1;
  while (log <= LOG_MAX && interval / -Math.log(1 - 2 ** -log) <= time) log++;
  return { step, log: log - 1 };
}

const printTime = (time: number): string =>
  time >= 1e6 ? `${(time / 1e6).toFixed(1)}s` : time >= 1e3 ? `${(time / 1e3).toFixed(1)}ms` : `${time}us`;

export const rateest = target({
  name: "RATEEST",
  options: {
    estimator: option("rateest-name", cut(NAME_MAX), { required: true }),
    interval: option("rateest-interval", takeTime, { required: true }),
    time: option("rateest-ewmalog", takeTime, { required: true }),
  },
  build({ estimator, interval, time }, { word }): RateestTarget {
    const { step, log } = averaging(interval?.value ?? 0, time?.value ?? 0);
    if (step === null) fail(interval?.word ?? word, "wanted are at most 8 seconds");
    if (log === 0 || log >= LOG_MAX)
      fail(time?.word ?? word, "the time to average over has to be longer than the interval");
    return { kind: "RATEEST", estimator: estimator?.value ?? "", interval: 2 ** step * QUARTER, log };
  },
  print: ({ estimator, interval, log }: RateestTarget) =>
    `--rateest-name ${estimator} --rateest-interval ${printTime(interval)} --rateest-ewmalog ${printTime((interval * 2 ** log) % 2 ** 32)}`,
});
