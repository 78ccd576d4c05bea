// The firewall between two endpoints that exchange Ethernet frames.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CompileError, compileRules } from "../src/compile/index.js";
import { PlaceError, parsePlace } from "../src/compile/place.js";
import { Firewall } from "../src/firewall.js";
import { formatRuleset, parseRuleset } from "../src/index.js";
import { frame, tcp } from "./ethernet.js";

const wasm = readFileSync(new URL("../../core/build/conntrack.wasm", import.meta.url));

const RULES = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i wan -s 10.0.0.0/8 -j DROP
-A FORWARD -i wan -s 172.16.0.0/12 -j DROP
-A FORWARD -i wan -s 192.168.0.0/16 -j DROP
-A FORWARD -i lan -o wan -j ACCEPT
-A INPUT -i lan -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`;

const OUT = { in: "lan", out: "wan", time: 1_700_000_000_000_000_000n };
const BACK = { in: "wan", out: "lan", time: 1_700_000_000_000_000_000n };

describe("default deny inwards", async () => {
  const firewall = await Firewall.open({ rules: RULES, interfaces: ["wan", "lan"], wasm });

  test("a stranger's first packet is dropped by the policy and leaves no entry", () => {
    const verdict = firewall.packet(tcp("198.51.100.7", 40_000, "192.168.1.5", 80, "S", 1, 0), BACK);
    expect(verdict).toMatchObject({ verdict: "DROP", state: "NEW", conn: null, undecided: false });
    expect(verdict.rule).toMatchObject({ table: "filter", rule: null, position: 0, chain: { name: "FORWARD" } });
    expect(firewall.engine.entries).toBe(0);
  });

  test("what begins inside goes out, and replies pass", () => {
    const first = firewall.packet(tcp("192.168.1.5", 1025, "198.51.100.7", 80, "S", 100, 0), OUT);
    expect(first).toMatchObject({ verdict: "ACCEPT", state: "NEW", conn: 1, rule: { position: 5 } });
    const reply = firewall.packet(tcp("198.51.100.7", 80, "192.168.1.5", 1025, "SA", 500, 101), BACK);
    expect(reply).toMatchObject({ verdict: "ACCEPT", state: "ESTABLISHED", direction: "reply", rule: { position: 1 } });
  });

  test("private addresses from outside are blocked by their own rule", () => {
    for (const [src, position] of [
      ["10.1.2.3", 2],
      ["172.31.0.1", 3],
      ["192.168.77.1", 4],
    ] as const) {
      const verdict = firewall.packet(tcp(src, 5000, "192.168.1.5", 80, "S", 1, 0), BACK);
      expect(verdict).toMatchObject({ verdict: "DROP", rule: { position, chain: { name: "FORWARD" } } });
    }
  });

  test("only `in`: for the box itself; only `out`: sent by it", () => {
    const ssh = tcp("192.168.1.5", 4000, "192.168.1.1", 22, "S", 1, 0);
    expect(firewall.packet(ssh, { in: "lan" })).toMatchObject({
      verdict: "ACCEPT",
      rule: { chain: { name: "INPUT" } },
    });
    const other = tcp("192.168.1.5", 4001, "192.168.1.1", 23, "S", 1, 0);
    expect(firewall.packet(other, { in: "lan" })).toMatchObject({ verdict: "DROP", rule: { rule: null } });
    const own = tcp("192.168.1.1", 4002, "192.168.1.5", 23, "S", 1, 0);
    expect(firewall.packet(own, { out: "lan" })).toMatchObject({
      verdict: "ACCEPT",
      rule: { chain: { name: "OUTPUT" } },
    });
  });

  test("the counters, as iptables-save prints them", () => {
    const text = firewall
      .counted()
      .map((ruleset) => formatRuleset(ruleset))
      .join("");
    expect(text).toContain("[1:40] -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
    expect(text).toContain("[1:40] -A FORWARD -s 172.16.0.0/12 -i wan -j DROP");
    expect(text).toContain(":FORWARD DROP [1:40]");
  });
});

test("the addresses of the box tell hook and interfaces", async () => {
  const rules = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0
-A INPUT -i eth1
-A FORWARD -i eth1 -o eth0
-A FORWARD -i eth+ -o eth1
-A FORWARD ! -i eth0
-A OUTPUT -o eth0
COMMIT
`;
  const interfaces = ["eth0=203.0.113.1/24", "eth1=192.168.1.1/24,fd00::1/64"];
  const firewall = await Firewall.open({ rules, interfaces, wasm });
  const pass = (src: string, dst: string) =>
    firewall.packet(frame({ src, dst, udp: { sport: 1000, dport: 53, payload: 8 } }));
  pass("192.168.1.5", "198.51.100.1"); // forward, eth1 to eth0
  pass("198.51.100.1", "192.168.1.5"); // forward, eth0 to eth1
  pass("198.51.100.2", "203.0.113.1"); // input on eth0
  pass("192.168.1.5", "192.168.1.255"); // our broadcast is a neighbour's for us: forward, eth1 to eth1
  pass("192.168.1.5", "224.0.0.251"); // input on eth1
  pass("203.0.113.1", "198.51.100.9"); // output on eth0
  const counted = firewall.counted()[0]?.tables[0]?.chains ?? [];
  expect(counted.map(({ rules: list }) => list.map(({ counters }) => Number(counters?.packets)))).toEqual([
    [1, 1],
    [1, 2, 2],
    [1],
  ]);
});

test("what cannot be decided is said, with the answer that was asked for", async () => {
  const rules =
    "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -m owner --uid-owner 0 -j DROP\nCOMMIT\n";
  const own = frame({ src: "10.0.0.1", dst: "10.0.0.2", udp: { sport: 1, dport: 2, payload: 8 } });
  for (const assume of [false, true]) {
    const firewall = await Firewall.open({ rules, assume, hook: "OUTPUT", wasm });
    expect(firewall.packet(own)).toMatchObject({ undecided: true, verdict: assume ? "DROP" : "ACCEPT" });
    expect([...firewall.program.undecided.values()]).toEqual([["owner"]]);
  }
});

test("a loop of chains, a chain that is not there, an interface nobody declared", () => {
  const { ruleset } = parseRuleset(
    "*filter\n:INPUT ACCEPT [0:0]\n:a - [0:0]\n:b - [0:0]\n-A a -j b\n-A b -g a\nCOMMIT\n",
  );
  expect(() => compileRules(ruleset)).toThrow(CompileError);
  expect(() => compileRules(ruleset)).toThrow("a -> b -> a");
  const plain = parseRuleset("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n").ruleset;
  expect(() => compileRules(plain, { in: "eth9" })).toThrow('"eth9"');
  expect(() => parsePlace(["eth0=300.1.1.1/24"])).toThrow(PlaceError);
  expect(parsePlace(["eth0=2001:db8::1/64"])[0]?.networks[0]).toEqual({
    address: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    prefix: 64,
  });
});

test("a verdict tells the packet REJECT sends back, and the queue", async () => {
  const firewall = await Firewall.open({
    rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset
-A FORWARD -p tcp -m tcp --dport 443 -j REJECT --reject-with icmp-admin-prohibited
-A FORWARD -p tcp -m tcp --dport 25 -j NFQUEUE --queue-balance 2:5
COMMIT`,
    interfaces: ["wan", "lan"],
    wasm,
  });
  const to = (port: number) => firewall.packet(tcp("192.168.0.1", 1025, "192.0.2.1", port, "S", 1, 0), OUT);
  expect(to(80)).toMatchObject({ verdict: "DROP", reply: { protocol: "tcp", flags: "RST" }, queue: null });
  expect(to(443)).toMatchObject({ verdict: "DROP", reply: { protocol: "icmp", type: 3, code: 13 } });
  expect(to(25)).toMatchObject({ verdict: "DROP", reply: null, queue: { first: 2, last: 5 } });
  expect(to(22)).toMatchObject({ verdict: "ACCEPT", reply: null, queue: null });
});

test("a connection whose reply another one has: dropped with that as the reason, whatever the rules say", async () => {
  const firewall = await Firewall.open({
    rules: "*raw\n-A PREROUTING -i lan -j CT --zone-orig 1\n-A PREROUTING -i dmz -j CT --zone-orig 2\nCOMMIT\n",
    interfaces: ["wan", "lan", "dmz"],
    trace: true,
    wasm,
  });
  const syn = tcp("192.168.1.5", 1025, "198.51.100.7", 80, "S", 100, 0);
  expect(firewall.packet(syn, OUT)).toMatchObject({ verdict: "ACCEPT", state: "NEW", conn: 1, reason: null });
  const second = firewall.packet(syn, { ...OUT, in: "dmz" });
  expect(second).toMatchObject({ verdict: "DROP", state: "NEW", conn: null, reason: "clash" });
  expect(second.reasonText).toContain("the reply tuple of connection 1");
  expect(second.trace?.numbers[0]).toBe(1);
  expect(firewall.engine.stats()).toMatchObject({ entries: 1, insert_failed: 1, drop: 1 });
});
