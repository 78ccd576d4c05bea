// A program with trees and the same rules asked one after the other: every verdict, deciding rule, counter and mark must be the
// same, on random rulesets and random packets, whole and cut off. OPTIMISE_RULESETS=2000 runs so many, OPTIMISE_SEED others.
import { readFileSync } from "node:fs";
import { Conntrack, program as P } from "conntrack-wasm";
import { describe, expect, test } from "vitest";
import { type PacketFields, packet } from "../../conformance/src/packets.js";
import { Random } from "../../core/test/support/random.js";
import { compileRules, readCounters } from "../src/compile/index.js";
import { parsePlace } from "../src/compile/place.js";
import { formatSets, parseRuleset, parseSets, type Ruleset, setsOf } from "../src/index.js";

const wasm = readFileSync(new URL("../../core/build/conntrack.wasm", import.meta.url));
const COUNT = Number(process.env.OPTIMISE_RULESETS ?? 24);
const SEED = Number(process.env.OPTIMISE_SEED ?? 1);
const PACKETS = 120;
const START = 1_700_000_000_000_000_000n;

type Family = 4 | 6;

const ADDRESSES = {
  4: ["10.0.0.1", "10.0.0.2", "10.0.1.3", "10.1.0.4", "192.168.7.9", "203.0.113.200", "255.255.255.255"],
  6: ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::3", "2001:db8:1::4", "fe80::9", "ff02::1"],
} as const;
const MASKS = {
  4: ["", "/32", "/31", "/24", "/16", "/8", "/0", "/255.0.255.0"],
  6: ["", "/128", "/127", "/64", "/33", "/32", "/10", "/0"],
} as const;
const PORTS = [22, 53, 80, 443, 1024, 1025, 8080, 65535];
const MARKS = ["0x0", "0x1", "0x2/0x2", "0x10/0xf0", "0x5/0xff", "0x80000000/0x80000000"];
const STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "SNAT", "DNAT"];

/** "/0" cannot be negated. */
const negated = (random: Random, test: string) => (random.chance(0.2) && !test.endsWith("/0") ? "! " : "");
const not = (random: Random) => (random.chance(0.2) ? "! " : "");
const ports = (random: Random) => {
  const [a, b] = [random.pick(PORTS), random.pick(PORTS)].sort((x, y) => x - y);
  return a !== b && random.chance(0.3) ? `${a}:${b}` : String(a);
};
const list = (random: Random, from: readonly string[]) =>
  [...new Set(Array.from({ length: 1 + random.below(3) }, () => random.pick(from)))].join(",");

/** Tests of the header every rule has. */
function header(random: Random, family: Family): string[] {
  const address = () => random.pick(ADDRESSES[family]) + random.pick(MASKS[family]);
  const words: string[] = [];
  for (const option of ["-s", "-d"]) {
    const test = `${option} ${address()}`;
    if (random.chance(0.3)) words.push(negated(random, test) + test);
  }
  if (random.chance(0.15)) words.push(`${not(random)}-i ${random.pick(["lan", "wan", "l+", "other"])}`);
  if (random.chance(0.1)) words.push(`${not(random)}-o ${random.pick(["lan", "wan", "dmz", "w+"])}`);
  return words;
}

function protocol(random: Random, family: Family): string[] {
  const icmp = family === 4 ? "-p icmp -m icmp --icmp-type 8" : "-p ipv6-icmp -m icmp6 --icmpv6-type 128";
  switch (random.below(9)) {
    case 0:
    case 1:
      return ["-p tcp -m tcp", `${not(random)}--dport ${ports(random)}`];
    case 2:
      return ["-p udp -m udp", `${not(random)}--sport ${ports(random)}`, `--dport ${ports(random)}`];
    case 3:
      return [
        `-p ${random.pick(["tcp", "udp"])} -m multiport`,
        `${not(random)}--${random.pick(["sports", "dports", "ports"])} ${ports(random)},${ports(random)},53`,
      ];
    case 4:
      return ["-p tcp -m tcp --tcp-flags SYN,ACK SYN"];
    case 5:
      return [icmp];
    case 6:
      return [`${not(random)}-p ${random.pick(["tcp", "udp", "47"])}`];
    case 7:
      return ["-p tcp -m tcpmss --mss 1000:1400"];
    default:
      return [];
  }
}

const EXTRA: readonly ((random: Random, family: Family) => string)[] = [
  (random) => `-m conntrack ${not(random)}--ctstate ${list(random, STATES)}`,
  (random) => `-m conntrack ${not(random)}--ctstate ${list(random, STATES)}`,
  (random) => `-m mark ${not(random)}--mark ${random.pick(MARKS)}`,
  (random) => `-m connmark ${not(random)}--mark ${random.pick(MARKS)}`,
  (random) => `-m length --length ${random.below(60)}:${60 + random.below(60)}`,
  () => "-m cpu --cpu 0",
  () => "-m limit --limit 1/hour --limit-burst 3",
  () => "-m statistic --mode nth --every 3 --packet 1",
  () => "-m quota --quota 600",
  (random) => `-m recent --name r --${random.pick(["set", "rcheck", "update"])}`,
  () => "-m connlabel --label 5 --set",
  (random, family) => {
    const [a, b] = [random.pick(ADDRESSES[family]), random.pick(ADDRESSES[family])].sort();
    return `-m iprange ${not(random)}--${random.pick(["src", "dst"])}-range ${a}-${b}`;
  },
  () => "-m comment --comment x",
  (random) => `-m set ${not(random)}--match-set ${random.pick(["nets src", "nets dst", "seen src"])}`,
  (random) => `-m set ${not(random)}--match-set ports ${random.pick(["src,dst", "dst,dst"])}`,
  (random) => `-m set --match-set nets src --packets-gt ${random.below(4)}`,
];

const SETS = {
  4: `create nets hash:net counters
add nets 10.0.0.0/24
add nets 203.0.113.0/25
add nets 10.0.0.2 nomatch
create ports hash:ip,port
add ports 10.0.1.3,tcp:80
add ports 10.0.0.1,udp:53
create seen hash:ip counters timeout 60
`,
  6: `create nets hash:net family inet6 counters
add nets 2001:db8::/64
add nets fe80::/10
add nets 2001:db8::2 nomatch
create ports hash:ip,port family inet6
add ports 2001:db8::1,tcp:80
add ports 2001:db8::2,udp:53
create seen hash:ip family inet6 counters timeout 60
`,
} as const;

/** Rules that differ in one thing, as programs write them. */
function series(random: Random, family: Family): string[] {
  const target = random.pick(["-j ACCEPT", "-j DROP", "", "-j MARK --set-xmark 0x1/0x3"]);
  const tail = family === 4 ? (i: number) => `10.0.${i}.0/24` : (i: number) => `2001:db8:${i.toString(16)}::/48`;
  const way = random.below(4);
  const first = random.below(5);
  return Array.from({ length: 4 + random.below(30) }, (_, i) => {
    if (way === 0) return `-p tcp -m tcp --dport ${20 + first * i + i} ${target}`;
    if (way === 1) return `-s ${tail(i * (first + 1))} ${target}`;
    if (way === 2) return `-p udp -m multiport --dports ${50 + i},${1020 + i} -m conntrack --ctstate NEW ${target}`;
    return `-i ${["lan", "wan", "dmz"][i % 3]} -d ${tail(i)} -p tcp -m tcp --dport ${random.pick(PORTS)} ${target}`;
  });
}

/** Rules that ask for different fields, too many for a tree over all of them. */
function mixed(random: Random, family: Family, later: readonly string[]): string[] {
  const host = (k: number) =>
    family === 4 ? `10.0.${k & 3}.${k >> 2}` : `2001:db8:0:${k & 3}::${(k >> 2).toString(16)}`;
  const address = () => (random.chance(0.2) ? random.pick(ADDRESSES[family]) : host(random.below(400)));
  const port = () => (random.chance(0.2) ? random.pick(PORTS) : 1 + random.below(2000));
  return Array.from({ length: 200 + random.below(200) }, () => {
    const what = random.pick([
      () => `${random.chance(0.05) ? "! " : ""}-s ${address()}`,
      () => `-d ${address()}`,
      () => `-s ${address()} -p tcp -m tcp --dport ${port()}`,
      () => `-p tcp -m tcp --dport ${port()}`,
      () => `-p udp -m multiport --sports ${port()},${port()}`,
    ])();
    const target = random.chance(0.02) && later.length > 0 ? `-j ${random.pick(later)}` : random.pick(TARGETS);
    return `${what} ${random.chance(0.05) ? random.pick(EXTRA)(random, family) : ""} ${random.chance(0.5) ? "" : target}`;
  });
}

/** The program joins lists. */
function hasJoin(bytes: Uint8Array): boolean {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const wordOf = (index: number) => (words[index] ?? 0) >> 2;
  for (let at = wordOf(P.PROGRAM_TREES); at < wordOf(P.PROGRAM_TABLES); ) {
    const [field, count] = [(words[at] ?? 0) & ~P.TREE_JOINS, words[at + P.TREE_COUNT] ?? 0];
    if (field === P.FIELD_JOIN) return true;
    at += P.TREE_BOUNDS + (field < P.FIELDS_DIRECT ? count : 2 * count - 1);
  }
  return false;
}

const TARGETS = [
  "",
  "-j ACCEPT",
  "-j DROP",
  "-j RETURN",
  "-j SET --add-set seen src",
  "-j SET --del-set seen dst",
  "-j MARK --set-xmark 0x1/0x3",
  "-j MARK --set-xmark 0x10/0x0",
  "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff",
  "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff",
];

function rule(random: Random, family: Family, later: readonly string[]): string {
  const words = [...header(random, family), ...protocol(random, family)];
  if (random.chance(0.4)) words.push(random.pick(EXTRA)(random, family));
  const jump = later.length > 0 && random.chance(0.2);
  words.push(jump ? `-${random.pick(["j", "j", "g"])} ${random.pick(later)}` : random.pick(TARGETS));
  return words.join(" ");
}

function ruleset(random: Random, family: Family, mix = false): Ruleset {
  const chains = ["FORWARD", "a", "b", "c"];
  const size = 2 + random.below(random.pick([5, 20, 60]));
  const rules = chains.flatMap((chain, level) => {
    const later = chains.slice(level + 1);
    const own = Array.from({ length: 1 + random.below(size) }, () => rule(random, family, later));
    if (random.chance(0.4)) own.splice(random.below(own.length), 0, ...series(random, family));
    if (mix && level % 2 === 0) own.splice(random.below(own.length), 0, ...mixed(random, family, later));
    if (random.chance(0.4)) own.unshift("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
    return own.map((text) => `-A ${chain} ${text}`.trim());
  });
  const text = [
    "*mangle",
    `:FORWARD ${random.pick(["ACCEPT", "DROP"])}`,
    ":a -",
    ":b -",
    ":c -",
    ...rules,
    "COMMIT",
    "",
  ].join("\n");
  const { ruleset, errors } = parseRuleset(text, { family });
  expect(errors).toEqual([]);
  return ruleset;
}

function frames(random: Random, family: Family): Uint8Array[] {
  return Array.from({ length: PACKETS }, () => {
    const [src, dst] = [random.pick(ADDRESSES[family]), random.pick(ADDRESSES[family])];
    const [sport, dport] = [random.pick(PORTS), random.chance(0.7) ? random.pick(PORTS) : 20 + random.below(60)];
    const options = random.pick(["", "mss=1200", "mss=1460"]);
    const flags = random.pick(["S", "SA", "A", "PA", "R", ""]);
    const fields: Partial<PacketFields> = random.pick([
      { tcp: { sport, dport, flags, seq: 1, ack: flags.includes("A") ? 1 : 0, options } },
      { udp: { sport, dport, payload: random.below(30) } },
      { icmp: { type: family === 4 ? 8 : 128, id: 1, seq: 1 } },
      { protocol: random.pick([6, 17, 47]), payload: new Uint8Array(random.below(6)) },
    ]);
    const ip = packet({ src, dst, ...fields } as PacketFields);
    const ethernet = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...(family === 4 ? [8, 0] : [0x86, 0xdd])];
    return Uint8Array.from([...ethernet, ...ip]);
  });
}

interface Outcome {
  readonly packets: readonly string[];
  readonly counters: readonly string[];
  readonly flows: readonly string[];
  /** The sets that rules name, as they are then. */
  readonly sets: string;
}

function run(
  rulesets: readonly Ruleset[],
  family: Family,
  packets: readonly { data: Uint8Array; length: number; way: number }[],
  options: { optimise: boolean; assume: boolean; known: boolean; traced?: boolean },
): Outcome {
  const { optimise, assume, known, traced = false } = options;
  const place = known ? parsePlace(["lan=10.0.0.99/24,2001:db8::99/64", "wan", "dmz"]) : [];
  const { sets } = parseSets(SETS[family]);
  const program = compileRules(rulesets, { place, perPacket: known, hook: "FORWARD", assume, optimise, seed: 7, sets });
  const engine = Conntrack.openSync(wasm, { seed: 1, max: 1000, programSize: program.bytes.length });
  engine.loadProgram(program.bytes);
  engine.traceRules(traced);
  const seen = packets.map(({ data, length, way }, i) => {
    const time = START + BigInt(i) * 1_000_000n;
    const { verdict, state, conn, rule } = engine.track({ time, data, length, link: 1, interface: way });
    return `${i}: ${verdict} ${state} ${conn} ${rule}`;
  });
  const counters = readCounters(program, engine.programBytes).map(
    ({ packets, bytes }, i) => `${i}: ${packets} ${bytes}`,
  );
  const flows = [...engine.flows()].map(({ id, mark, labels, status }) => `${id} ${mark} ${labels} ${status}`);
  const after = formatSets(setsOf(program, engine.programBytes, engine.now));
  return { packets: seen, counters, flows, sets: after };
}

/** The ruleset decides as it does when its rules are asked one after the other; the bytes of its program. */
function expectSame(random: Random, family: Family, rulesets: readonly Ruleset[]): Uint8Array {
  const packets = frames(random, family).map((frame) => ({
    data: random.chance(0.1) ? frame.subarray(0, Math.min(frame.length, 34 + random.below(24))) : frame,
    length: frame.length,
    way: random.pick([0x0201, 0x0102, 0x0301]),
  }));
  for (const assume of [false, true]) {
    const options = { assume, known: random.chance(0.6) };
    const plain = run(rulesets, family, packets, { ...options, optimise: false });
    expect(run(rulesets, family, packets, { ...options, optimise: true })).toEqual(plain);
    // the trace names every rule in order, and so passes over the trees
    expect(run(rulesets, family, packets, { ...options, optimise: true, traced: true })).toEqual(plain);
  }
  return compileRules(rulesets, { sets: parseSets(SETS[family]).sets }).bytes;
}

describe("trees change nothing", () => {
  test.each(Array.from({ length: COUNT }, (_, i) => i))("ruleset %i", (i) => {
    const random = new Random(SEED * 100_000 + i);
    const family = random.pick([4, 4, 6] as const);
    expectSame(random, family, [ruleset(random, family)]);
  });

  test("rules that ask for different fields", () => {
    let joining = 0;
    for (let i = 0; i < COUNT / 4; i++) {
      const random = new Random(SEED * 200_000 + i);
      const family = random.pick([4, 4, 6] as const);
      if (hasJoin(expectSame(random, family, [ruleset(random, family, true)]))) joining++;
    }
    expect(joining).toBeGreaterThan(0);
  });
});
