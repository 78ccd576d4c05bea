// Rules that can never be hit: what is found, what is rightly not, and that over random rulesets and packets no such rule counts.
import { readFileSync } from "node:fs";
import { Conntrack } from "conntrack-wasm";
import { describe, expect, test } from "vitest";
import { type PacketFields, packet } from "../../conformance/src/packets.js";
import { compileRules, readCounters } from "../src/compile/index.js";
import { parsePlace } from "../src/compile/place.js";
import { formatRule, parseRuleset, type ShadowedRule, shadowedRules } from "../src/index.js";
import { PROGRAMS } from "./programs.js";
import { SAMPLES, saveText } from "./rulesets.js";

const file = (rules: readonly string[], table = "filter", chains: readonly string[] = ["a", "b", "c"]) =>
  [`*${table}`, ...chains.map((name) => `:${name} - [0:0]`), ...rules.map((rule) => `-A ${rule}`), "COMMIT", ""].join(
    "\n",
  );

function shadowed(rules: readonly string[], table?: string, family: 4 | 6 = 4): ShadowedRule[] {
  const { ruleset, errors } = parseRuleset(file(rules, table), { family });
  expect(errors).toEqual([]);
  return shadowedRules(ruleset);
}

/** `FORWARD:2 rule FORWARD:1` */
const brief = ({ chain, position, why, by }: ShadowedRule) =>
  [`${chain}:${position} ${why}`, ...by.map((one) => `${one.chain}:${one.position}`)].join(" ");

describe("found", () => {
  test.each<[name: string, rules: string[], found: string[], table?: string, family?: 4 | 6]>([
    ["behind one that takes all", ["FORWARD -j DROP", "FORWARD -p tcp -j ACCEPT"], ["FORWARD:2 rule FORWARD:1"]],
    ["behind RETURN", ["FORWARD -j RETURN", "FORWARD -p udp"], ["FORWARD:2 rule FORWARD:1"]],
    [
      "a wider network",
      ["FORWARD -s 10.0.0.0/8 -j DROP", "FORWARD -s 10.1.0.0/16 -p tcp"],
      ["FORWARD:2 rule FORWARD:1"],
    ],
    [
      "a wider range",
      ["FORWARD -m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP", "FORWARD -s 10.0.0.4/30"],
      ["FORWARD:2 rule FORWARD:1"],
    ],
    ["inverted", ["FORWARD ! -s 10.0.0.0/8 -j DROP", "FORWARD -s 192.168.0.0/16 -j LOG"], ["FORWARD:2 rule FORWARD:1"]],
    ["inverted twice", ["FORWARD ! -d 10.1.0.0/16 -j DROP", "FORWARD ! -d 10.0.0.0/8"], ["FORWARD:2 rule FORWARD:1"]],
    [
      "IPv6",
      ["FORWARD -s 2001:db8::/32 -j DROP", "FORWARD -s 2001:db8::1/128 -p tcp"],
      ["FORWARD:2 rule FORWARD:1"],
      "filter",
      6,
    ],
    ["interfaces", ["FORWARD -i eth+ -j DROP", "FORWARD -i eth0"], ["FORWARD:2 rule FORWARD:1"]],
    ["other interfaces", ["FORWARD ! -i wan -j DROP", "FORWARD -i lan"], ["FORWARD:2 rule FORWARD:1"]],
    [
      "ports",
      ["FORWARD -p tcp -m tcp --dport 1:1023 -j DROP", "FORWARD -p tcp -m multiport --dports 22,80:90"],
      ["FORWARD:2 rule FORWARD:1"],
    ],
    [
      "a list of ports",
      ["FORWARD -p tcp -m multiport --ports 22,80 -j DROP", "FORWARD -p tcp -m tcp --sport 80"],
      ["FORWARD:2 rule FORWARD:1"],
    ],
    [
      "ports together",
      [
        "FORWARD -p udp -m udp --dport :99 -j DROP",
        "FORWARD -p udp -m udp --dport 100: -j DROP",
        "FORWARD -p udp -m udp --dport 5:500",
      ],
      ["FORWARD:3 rule FORWARD:1 FORWARD:2"],
    ],
    [
      "the historic spelling",
      ["FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "FORWARD -p tcp -m state --state ESTABLISHED"],
      ["FORWARD:2 rule FORWARD:1"],
    ],
    [
      "all states together",
      [
        "FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "FORWARD -m conntrack --ctstate NEW -j ACCEPT",
        "FORWARD -m state --state INVALID,UNTRACKED -j DROP",
        "FORWARD -p tcp -j DROP",
      ],
      ["FORWARD:4 rule FORWARD:1 FORWARD:2 FORWARD:3"],
    ],
    [
      "flags",
      ["FORWARD -p tcp -m tcp ! --syn -j DROP", "FORWARD -p tcp -m tcp --tcp-flags ACK ACK"],
      ["FORWARD:2 rule FORWARD:1"],
    ],
    [
      "types",
      ["FORWARD -p icmp -m icmp --icmp-type 3 -j DROP", "FORWARD -p icmp -m icmp --icmp-type 3/1"],
      ["FORWARD:2 rule FORWARD:1"],
    ],
    ["marks", ["FORWARD -m mark --mark 0x2/0x2 -j DROP", "FORWARD -m mark --mark 0x3"], ["FORWARD:2 rule FORWARD:1"]],
    [
      "any other match, when it is the same",
      ["FORWARD -m string --string abc --algo bm -j DROP", "FORWARD -s 10.0.0.1 -m string --string abc --algo bm"],
      ["FORWARD:2 rule FORWARD:1"],
    ],
    ["a chain nothing leads to", ["a -p tcp", "FORWARD -p udp"], ["a:1 chain"]],
    ["a chain that only such a chain leads to", ["a -p tcp -j b", "b -p tcp"], ["a:1 chain", "b:1 chain"]],
    [
      "a chain that is left out",
      ["FORWARD -j DROP", "FORWARD -p tcp -j a", "a -s 10.0.0.1"],
      ["FORWARD:2 rule FORWARD:1", "a:1 rule FORWARD:1"],
    ],
    [
      "before the jump",
      [
        "FORWARD -p tcp -m tcp --dport 22 -j DROP",
        "FORWARD -p tcp -j a",
        "a -p tcp -m tcp --dport 22 -j ACCEPT",
        "a -p tcp",
      ],
      ["a:1 rule FORWARD:1"],
    ],
    [
      "the jump asks for something else",
      ["FORWARD -p tcp -j a", "a -p udp -m udp --dport 53"],
      ["a:1 contradiction FORWARD:1"],
    ],
    [
      "a chain without a way back",
      ["FORWARD -p tcp -j a", "FORWARD -p tcp -m tcp --dport 80", "a -s 10.0.0.1 -j ACCEPT", "a -j DROP"],
      ["FORWARD:2 rule FORWARD:1"],
    ],
    [
      "a chain that takes these",
      ["FORWARD -j a", "FORWARD -m state --state ESTABLISHED", "a -m state --state RELATED,ESTABLISHED -j ACCEPT"],
      ["FORWARD:2 rule FORWARD:1"],
    ],
    ["goto does not come back", ["FORWARD -p tcp -g a", "FORWARD -p tcp", "a -p tcp"], ["FORWARD:2 rule FORWARD:1"]],
    ["itself", ["FORWARD -p tcp -m tcp --sport 1:5 -m multiport --sports 80"], ["FORWARD:1 contradiction"]],
    [
      "nat",
      ["POSTROUTING -o eth0 -j MASQUERADE", "POSTROUTING -s 10.0.0.0/8 -o eth0 -j SNAT --to-source 1.2.3.4"],
      ["POSTROUTING:2 rule POSTROUTING:1"],
      "nat",
    ],
  ])("%s", (_, rules, found, table, family) => {
    expect(shadowed(rules, table, family).map(brief)).toEqual(found);
  });
});

test("in chains of thousands of rules, by the one value a rule asks for", () => {
  const list = Array.from(
    { length: 3000 },
    (_, i) => `FORWARD -s 10.0.${i >> 8}.${i & 255} -p tcp -m tcp --dport 80 -j ACCEPT`,
  );
  const more = [
    "FORWARD -s 10.0.3.7 -p tcp -m tcp --dport 80 --syn -j DROP",
    "FORWARD -s 10.0.3.7 -p tcp -m tcp --dport 81 -j DROP",
    "FORWARD -p udp -j DROP",
    "FORWARD -s 10.0.3.8 -p udp -m udp --dport 53 -j ACCEPT",
  ];
  expect(shadowed([...list, ...more]).map(brief)).toEqual([
    "FORWARD:3001 rule FORWARD:776",
    "FORWARD:3004 rule FORWARD:3003",
  ]);
});

describe("not claimed", () => {
  test.each<[name: string, rules: string[], table?: string]>([
    ["a limit lets some through", ["FORWARD -m limit --limit 1/sec -j DROP", "FORWARD -m limit --limit 1/sec"]],
    [
      "what only counts",
      ["FORWARD -p tcp", "FORWARD -p tcp -j LOG", "FORWARD -p tcp -j MARK --set-xmark 0x1/0x1"],
      "mangle",
    ],
    ["a narrower one", ["FORWARD -s 10.1.0.0/16 -j DROP", "FORWARD -s 10.0.0.0/8"]],
    ["other fields", ["FORWARD -s 10.0.0.1 -j DROP", "FORWARD -d 10.0.0.1"]],
    [
      "a mark that is changed in between",
      [
        "FORWARD -m mark --mark 0x1 -j DROP",
        "FORWARD -j MARK --set-xmark 0x1/0xffffffff",
        "FORWARD -m mark --mark 0x1",
      ],
      "mangle",
    ],
    [
      "a mark that a chain changes",
      [
        "FORWARD -m mark --mark 0x1 -j DROP",
        "FORWARD -j a",
        "a -j MARK --set-xmark 0x1/0xffffffff",
        "FORWARD -m mark --mark 0x1",
      ],
      "mangle",
    ],
    [
      "a state that CT makes",
      [
        "PREROUTING -m state --state UNTRACKED -j DROP",
        "PREROUTING -j CT --notrack",
        "PREROUTING -m state --state UNTRACKED",
      ],
      "raw",
    ],
    [
      "a packet without a connection",
      ["FORWARD -m conntrack --ctstate INVALID,NEW --ctproto 6 -j DROP", "FORWARD -m conntrack --ctstate NEW"],
    ],
    ["all packets, and those with ports", ["FORWARD -p tcp -m tcp --dport 0:65535 -j DROP", "FORWARD -p tcp"]],
    ["RETURN comes back", ["FORWARD -p tcp -j a", "FORWARD -p tcp", "a -s 10.0.0.1 -j RETURN", "a -j DROP"]],
    ["one of two ways is open", ["FORWARD -p tcp -j a", "FORWARD -p udp -j a", "a -p udp"]],
  ])("%s", (_, rules, table) => {
    expect(shadowed(rules, table).map(brief)).toEqual([]);
  });

  test("rulesets as programs write them: only what they leave empty-handed", () => {
    const found = [...SAMPLES, ...PROGRAMS].flatMap((sample) =>
      shadowedRules(parseRuleset(saveText(sample), { family: 4 }).ruleset).map(
        (one) => `${sample.name}: ${brief(one)}`,
      ),
    );
    expect(found).toEqual([
      "ufw: ufw-skip-to-policy-forward:1 chain",
      "Docker with a published port and its own user rules: DOCKER-ISOLATION-STAGE-2:1 contradiction DOCKER-ISOLATION-STAGE-1:1",
      "kube-proxy and a network policy: KUBE-FIREWALL:1 chain",
      "kube-proxy and a network policy: KUBE-POD-FW-A:1 rule FORWARD:2",
    ]);
  });
});

// ---- random rulesets --------------------------------------------------------------------------------------------------

/** mulberry32 */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

const COUNT = Number(process.env.SHADOW_RULESETS ?? 150);
const SEED = Number(process.env.SHADOW_SEED ?? 1);
const ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1"];
const PORTS = [22, 80, 1024, 1025];
const MATCHES = [
  "-s {}",
  "! -s {}",
  "-s {}/24",
  "! -d {}/16",
  "-d {}",
  "-s 10.0.0.0/255.0.0.255",
  "! -s 0.0.0.0/255.0.0.3",
  "-m iprange --dst-range 10.0.0.1-10.0.1.0",
  "-i eth0",
  "! -i eth0",
  "-o eth+",
  "-i lan",
  "! -o lan",
  "-p tcp",
  "! -p tcp",
  "-p udp",
  "-p icmp",
  "-p tcp -m tcp --dport #",
  "-p tcp -m tcp --sport 80:1024",
  "-p tcp -m tcp ! --dport #",
  "-p udp -m udp --dport #:2000",
  "-p tcp -m multiport --ports #,#",
  "-p tcp -m multiport ! --dports #,#",
  "-p udp -m multiport ! --ports #,#",
  "-p tcp -m tcp --syn",
  "-p tcp -m tcp ! --syn",
  "-p tcp -m tcp --tcp-flags ACK,RST ACK",
  "-p tcp -m tcp --tcp-flags ALL NONE",
  "-p icmp -m icmp --icmp-type 8",
  "-p icmp -m icmp ! --icmp-type 8",
  "-p icmp -m icmp --icmp-type 3/1",
  "-p icmp -m icmp --icmp-type any",
  "-m state --state NEW",
  "-m conntrack --ctstate RELATED,ESTABLISHED",
  "-m conntrack ! --ctstate INVALID",
  "-m state --state INVALID,UNTRACKED",
  "-m conntrack --ctstate NEW --ctproto 6",
  "-m conntrack --ctdir REPLY",
  "-m mark --mark 0x1/0x3",
  "-m mark ! --mark 0x1",
  "-m mark --mark 0x3",
  "-m connmark --mark 0x1",
  "-m length --length 0:60",
  "-m length ! --length 40",
  "-m ttl --ttl-lt 60",
  "-m ttl --ttl-gt 3",
  "-m tos --tos 0x10/0xff",
  "-m dscp ! --dscp 4",
  "-m limit --limit 1/hour",
  "-m statistic --mode nth --every 2 --packet 0",
  "-m connlabel --label 1",
  "-m connlabel --label 1 --set",
  "-m addrtype --src-type LOCAL",
  "-m quota --quota 500",
  "-m helper --helper ftp",
  "-f",
] as const;
const TARGETS = [
  "",
  "",
  "-j ACCEPT",
  "-j DROP",
  "-j RETURN",
  "-j MARK --set-xmark 0x1/0x3",
  "-j MARK --set-xmark 0x3/0xffffffff",
  "-j CONNMARK --save-mark --nfmask 0x3 --ctmask 0x3",
  "-j CONNMARK --restore-mark --nfmask 0x3 --ctmask 0x3",
  "-j TTL --ttl-set 50",
  "-j TOS --set-tos 0x10/0xff",
] as const;
const CHAINS = ["FORWARD", "a", "b", "c"];

function randomRuleset(random: (below: number) => number): string {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const rules = CHAINS.flatMap((chain, level) =>
    Array.from({ length: 3 + random(6) }, () => {
      const match = Array.from({ length: random(3) }, () => pick(MATCHES)).filter(
        (one, i, all) => all.findIndex((other) => kindOf(other) === kindOf(one)) === i,
      );
      const text = match
        .join(" ")
        .replaceAll("{}", () => pick(ADDRESSES))
        .replaceAll("#", () => String(pick(PORTS)));
      const later = CHAINS.slice(level + 1);
      const target = later.length > 0 && random(3) === 0 ? `-${pick(["j", "g"])} ${pick(later)}` : pick(TARGETS);
      return `${chain} ${text} ${target}`.trim();
    }),
  );
  return file(rules, "mangle");
}
// of each kind one in a rule; those of a protocol, TCP's first
const kindOf = (match: string) =>
  /-p /.test(match) ? "-p" : (/-m (\S+)|-([a-z])/.exec(match)?.slice(1).join("") ?? "");

function randomPackets(random: (below: number) => number): Uint8Array[] {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  return Array.from({ length: 150 }, () => {
    const base: PacketFields = {
      src: pick(ADDRESSES),
      dst: pick(ADDRESSES),
      ttl: pick([64, 50, 3]),
      tos: pick([0, 0x10]),
    };
    const [sport, dport] = [pick(PORTS), pick(PORTS)];
    const kind = random(5);
    if (kind === 0) return packet({ ...base, udp: { sport, dport, payload: pick([0, 30]) } });
    if (kind === 1) return packet({ ...base, icmp: { type: pick([8, 0, 13]), id: 1, seq: 1 } });
    if (kind === 2) return packet({ ...base, protocol: 47, payload: new Uint8Array(12) });
    const flags = pick(["S", "SA", "A", "PA", "FA", "R", ""]);
    return packet({
      ...base,
      tcp: { sport, dport, flags, seq: 1, ack: flags.includes("A") ? 2 : 0, payload: pick([0, 30]) },
    });
  });
}

test(`random rulesets and packets: no rule counts that is said to be shadowed (${COUNT} rulesets, seed ${SEED})`, () => {
  const wasm = readFileSync(new URL("../../core/build/conntrack.wasm", import.meta.url));
  const place = parsePlace(["eth0=10.0.0.254/23", "lan=10.1.0.254/16"]);
  const engine = Conntrack.openSync(wasm, { seed: 1, max: 1000, programSize: 1 << 20 });
  const DAY = 86_400_000_000_000n; // all connections are gone the next time
  let [claimed, rules] = [0, 0];
  for (let i = 0; i < COUNT; i++) {
    const random = randomFrom(SEED * 100_000 + i);
    const text = randomRuleset(random);
    const { ruleset, errors } = parseRuleset(text, { family: 4 });
    expect(errors).toEqual([]);
    const program = compileRules(ruleset, { place });
    engine.loadProgram(program.bytes);
    for (const [n, data] of randomPackets(random).entries())
      engine.track({ time: BigInt(i + 20_000) * 5n * DAY + BigInt(n) * 1_000_000n, data, link: 101 });
    const counters = readCounters(program, engine.programBytes);
    const found = new Map(shadowedRules(ruleset).map((one) => [one.rule, one]));
    for (const [number, ref] of program.refs.entries()) {
      if (!ref?.rule) continue;
      rules++;
      const claim = found.get(ref.rule);
      if (claim === undefined) continue;
      claimed++;
      if (counters[number]?.packets !== 0n)
        expect.fail(`ruleset ${i}: ${brief(claim)} counted: ${formatRule(ref.rule, 4)}\n${text}`);
    }
  }
  expect(claimed).toBeGreaterThan(rules / 20);
});
