import { PcapngWriter } from "conntrack-capture";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ctrack, pcap, SAMPLES, Scratch, STORY, type Timed } from "./fixture.js";

const RULES = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A FORWARD -p udp -m udp --dport 9999 -j ACCEPT
COMMIT
`;

const scratch = new Scratch();
let story: string;
let rules: string;
beforeAll(() => {
  story = scratch.write("story.pcap", pcap(STORY));
  rules = scratch.write("rules.v4", Buffer.from(RULES));
});
afterAll(() => scratch.remove());

test("a line per packet with the deciding rule, then the counters and what was never hit", async () => {
  const { code, stdout } = await ctrack(["check", rules, story]);
  expect(code).toBe(0);
  const lines = stdout.split("\n");
  expect(lines[0]).toMatch(/^#1 {2}0\.000000 {2}tcp {2}.* NEW {2}ACCEPT by FORWARD:2 \(line 6\)$/);
  expect(lines[1]).toMatch(/ESTABLISHED {2}ACCEPT by FORWARD:1 \(line 5\)$/);
  expect(lines[4]).toMatch(/INVALID {2}DROP by FORWARD policy$/);
  expect(stdout).toContain("[3:125] -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
  expect(stdout).toContain("Never hit: FORWARD:3 (line 7)");
});

test("of rules that follow each other and were never hit, the first and the last are named", async () => {
  const ports = [1, 2, 80, 3, 4, 5, 6].map((port) => `-A FORWARD -p tcp -m tcp --dport ${port} -j ACCEPT\n`).join("");
  const many = scratch.write("many.v4", Buffer.from(`*filter\n:FORWARD DROP [0:0]\n${ports}COMMIT\n`));
  const { stdout } = await ctrack(["check", many, story]);
  expect(stdout).toContain("\nNever hit: FORWARD:1 (line 3), FORWARD:2 (line 4), FORWARD:4 to 7 (lines 6 to 9)\n");
});

test("-o json has verdict and rule; -o iptables-save only the ruleset", async () => {
  const json = await ctrack(["check", rules, story, "-o", "json"]);
  expect(JSON.parse(json.stdout.split("\n")[0] ?? "")).toMatchObject({
    frame: 1,
    verdict: "ACCEPT",
    rule: { table: "filter", chain: "FORWARD", position: 2, line: 6 },
  });
  const save = await ctrack(["check", rules, story, "-o", "iptables-save"]);
  expect(save.stdout).toMatch(/^\*filter\n/);
  expect(save.stdout).toContain("[1:40] -A FORWARD -p tcp -m tcp --dport 80");
});

test("--trace: every rule and chain passed, as TRACE logs them; -v: also what did not match", async () => {
  const { stdout } = await ctrack(["check", rules, story, "--trace", "1"]);
  expect(stdout.split("\n").slice(1)).toEqual([
    "TRACE: filter:FORWARD:rule:2 IN=? OUT=? SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=TCP SPT=1025 DPT=80 SEQ=100 ACK=0 WINDOW=8192 RES=0x00 SYN URGP=0",
    "       line 6: -A FORWARD -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",
    "",
  ]);
  const all = await ctrack(["check", rules, story, "--trace", "1", "-v"]);
  expect(all.stdout.split("\n")[1]).toBe(
    "       no match: line 5: -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  );
  const none = await ctrack(["check", rules, story, "--trace", "99"]);
  expect([none.code, none.stderr]).toEqual([2, "ctrack: --trace 99: there is no such packet; 9 could be read\n"]);
});

test("a rule that is wrong is named by its place", async () => {
  const wrong = file("wrong.v4", "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp --dprt 80\nCOMMIT\n");
  const { code, stderr } = await ctrack(["check", wrong, story]);
  expect(code).toBe(3);
  expect(stderr).toContain("wrong.v4:3:");
});

const file = (name: string, text: string) => scratch.write(name, Buffer.from(text));
const lines = (text: string) => text.trimEnd().split("\n");
const objects = (text: string) => lines(text).map((line) => JSON.parse(line));

const LONG = `*mangle
:FORWARD ACCEPT [0:0]
:seen - [0:0]
-A FORWARD -p tcp -j seen
-A FORWARD -j TTL --ttl-set 9
-A seen -p tcp -m tcp --sport 1025 -j MARK --set-xmark 0x1/0xff
COMMIT
*filter
:FORWARD DROP [0:0]
:idle - [0:0]
-A FORWARD -p tcp -m state --state NEW -j LOG --log-prefix "first "
-A FORWARD -p tcp -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 80 -j DROP
-A FORWARD -m policy --dir in --pol ipsec -j NFQUEUE --queue-num 3
-A FORWARD -p icmp -j REJECT --reject-with icmp-host-prohibited
-A FORWARD -i eth0 -p udp -j ACCEPT
-A idle -j DROP
COMMIT
`;

test("what rules did to a packet, what was left open, and rules that can never be hit", async () => {
  const long = file("long.v4", LONG);
  const { stdout } = await ctrack(["check", long, story]);
  expect(lines(stdout)[0]).toMatch(/ACCEPT by FORWARD:2 \(line 12\) {2}MARK 0x1\/0xff, TTL set 9, LOG "first "$/);
  expect(lines(stdout)[5]).toMatch(
    /DROP by FORWARD:5 \(line 15\) {2}TTL set 9, REJECT with icmp-host-prohibited {2}undecided: policy in FORWARD:4 \(line 14\)$/,
  );
  expect(stdout).toContain(`Can never be hit:
  FORWARD:3 (line 13)  -p tcp -m tcp --dport 80 -j DROP
      its packets are taken before by FORWARD:2 (line 12)  -p tcp -j ACCEPT
  idle:1 (line 17)  -j DROP
      no rule leads to its chain
`);
  expect(stdout).toContain("\n9 packets: 5 ACCEPT, 3 DROP, 1 no rule was asked about, 3 with a match");
  const json = objects((await ctrack(["check", long, story, "--json"])).stdout);
  expect(json[0]).toMatchObject({
    hook: "FORWARD",
    effects: [
      { target: "MARK", value: 1, mask: 255, rule: { table: "mangle", chain: "seen", position: 1, line: 6 } },
      { target: "TTL", how: "set", value: 9 },
      { target: "LOG", prefix: "first ", level: 4 },
    ],
  });
  expect(json[5]).toMatchObject({
    effects: [{ target: "TTL" }, { target: "REJECT", reply: { protocol: "icmp", type: 3, code: 10 } }],
    undecided: true,
    undecidedMatches: [{ rule: { position: 4, line: 14 }, matches: ["policy"] }],
  });
});

test("--assume answers a match, or one rule; --undecided all others", async () => {
  const long = file("long.v4", LONG);
  const sixth = async (...more: string[]) => lines((await ctrack(["check", long, story, "-q", ...more])).stdout)[5];
  expect(await sixth("--assume", "policy=yes")).toMatch(/DROP by FORWARD:4 \(line 14\) {2}TTL set 9, NFQUEUE 3/);
  expect(await sixth("--assume", "FORWARD:4=yes")).toContain("by FORWARD:4");
  expect(await sixth("--assume", "line:14=no", "--assume", "policy=yes")).toContain("by FORWARD:5");
  expect(await sixth("--undecided", "yes")).toContain("by FORWARD:4");
  const nowhere = await ctrack(["check", long, story, "--assume", "line:999=yes"]);
  expect([nowhere.code, nowhere.stderr]).toEqual([
    2,
    expect.stringContaining("--assume line:999=yes: there is no such rule"),
  ]);
  const bad = await ctrack(["check", long, story, "--assume", "polcy=yes"]);
  expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('there is no match "polcy"; write MATCH=yes')]);
});

test("--by flow; -o rules-json: one object for all rules", async () => {
  const flows = lines((await ctrack(["check", rules, story, "--by", "flow"])).stdout);
  expect(flows[0]).toBe(
    "tcp 10.0.0.1:1025 > 10.0.0.2:80  5 packets, 208 bytes  NEW, ESTABLISHED, INVALID  4 ACCEPT, 1 DROP  by 1 × FORWARD:2 (line 6), 3 × FORWARD:1 (line 5), 1 × FORWARD policy",
  );
  const json = objects((await ctrack(["check", rules, story, "--by", "flow", "--json"])).stdout);
  expect(json[0]).toMatchObject({ frame: 1, src: "10.0.0.1", packets: 5, verdicts: { ACCEPT: 4, DROP: 1 } });
  expect(json[0].rules[0]).toMatchObject({ chain: "FORWARD", position: 2, line: 6, packets: 1 });
  const [all] = objects((await ctrack(["check", file("long.v4", LONG), story, "-o", "rules-json"])).stdout);
  expect(all.verdicts).toEqual({ ACCEPT: 5, DROP: 3, untouched: 1, undecided: 3 });
  expect(all.rules.find(({ line }: { line: number }) => line === 13)).toMatchObject({
    packets: 0,
    shadowed: { why: "rule", by: [{ chain: "FORWARD", position: 2, line: 12 }] },
  });
});

const SIX = "# Generated by ip6tables-save v1.8.9\n*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n";

test("rules of both families: two files, or both in one", async () => {
  const capture = `${SAMPLES}ipv6.pcap`;
  const four = file("both.v4", `# Generated by iptables-save v1.8.9\n${RULES}`);
  const six = file("both.v6", SIX);
  const two = await ctrack(["check", four, six, capture]);
  expect(lines(two.stdout).some((line) => line.endsWith("ACCEPT by ip6 FORWARD:1 (line 4)"))).toBe(true);
  expect(two.stdout.match(/^\*filter$/gm)).toHaveLength(2);
  const one = await ctrack(["check", file("both", `# Generated by iptables-save v1.8.9\n${RULES}${SIX}`), capture]);
  expect(one.stdout).toContain("ACCEPT by ip6 FORWARD:1 (line 13)");
  const twice = await ctrack(["check", four, "--rules", rules, capture]);
  expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining("both have rules of iptables")]);
});

const PLACE = `interfaces:
  wan: 203.0.113.1/24
  lan: [10.0.0.254/24, fd00::1/64]
`;

test("the place: --iface, --place, --hook, and what is wrong with them", async () => {
  const way = async (...more: string[]) =>
    objects((await ctrack(["check", rules, story, "--json", ...more])).stdout)[0];
  const place = file("place.yaml", PLACE);
  expect(await way()).toMatchObject({ hook: "FORWARD", in: "?", out: "?" });
  expect(await way("--place", place)).toMatchObject({ hook: "FORWARD", in: "lan", out: "lan" });
  expect(await way("--iface", "wan=10.0.0.2/32", "--iface", "lan=10.0.0.254/24")).toMatchObject({
    hook: "INPUT",
    in: "lan",
    out: null,
  });
  expect(await way("--place", place, "--hook", "OUTPUT")).toMatchObject({ hook: "OUTPUT", in: null, out: "lan" });
  for (const [text, message] of [
    ["interfaces: [eth0=300.1.1.1/24]\n", /"300\.1\.1\.1\/24" is no ADDRESS\/PREFIX/],
    ["interfaces:\n  eth0: {}\n", /bad\.yaml:2:9: a text is wanted/],
    ["hook: SIDEWAYS\ninterfaces: [a]\n", /bad\.yaml:1:7: "SIDEWAYS" is not one of INPUT, FORWARD, OUTPUT/],
    ["ifaces: [a]\n", /bad\.yaml:1:1: "ifaces" is not one of interfaces/],
    ["interfaces: [", /bad\.yaml:1:/],
  ] as const) {
    const { code, stderr } = await ctrack(["check", rules, story, "--place", file("bad.yaml", text)]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  }
});

test("interfaces a pcapng file names: the side a packet was seen on, which way if it says so", async () => {
  const chunks: Uint8Array[] = [];
  const writer = new PcapngWriter((bytes) => void chunks.push(bytes.slice()));
  for (const name of ["lan", "wan"]) writer.addInterface({ link: 101, name });
  const [{ data: syn }, { data: answer }] = STORY as [Timed, Timed];
  const time = 1_700_000_000_000_000_000n;
  // epb_flags: in or out, and the kind of reception, which is no business of the engine's
  await writer.write({ time, data: syn, interface: 0, flags: 1 | (1 << 2) });
  await writer.write({ time, data: answer, interface: 1, flags: 0 });
  await writer.write({ time, data: answer, interface: 0, flags: 2 | (4 << 2) });
  await writer.end();
  const capture = scratch.write("named.pcapng", Buffer.concat(chunks));
  const ways = async (...more: string[]) =>
    objects((await ctrack(["check", rules, capture, "--json", ...more])).stdout).map((one) => [
      one.state,
      one.in,
      one.out,
    ]);
  expect(await ways()).toEqual([
    ["NEW", "lan", "?"],
    ["ESTABLISHED", "wan", "?"],
    ["ESTABLISHED", "?", "lan"],
  ]);
  expect(await ways("--iface", "wan=203.0.113.1/24", "--iface", "lan=10.0.0.254/31")).toEqual([
    ["NEW", "lan", "wan"],
    ["ESTABLISHED", "wan", "wan"],
    ["ESTABLISHED", "wan", "lan"],
  ]);
});

test("explain --rules: what rules did with the packet", async () => {
  const { stdout } = await ctrack(["explain", story, "1", "--rules", file("long.v4", LONG)]);
  expect(stdout).toContain(`Rules     FORWARD, in by ?, out by ?
          mangle/FORWARD:1 (line 4): -A FORWARD -p tcp -j seen
          mangle/seen:1 (line 6): MARK 0x1/0xff
          mangle/FORWARD:2 (line 5): TTL set 9
          FORWARD:1 (line 11): LOG "first "
          decided by FORWARD:2 (line 12): -A FORWARD -p tcp -j ACCEPT
`);
  const json = await ctrack(["explain", story, "6", "--rules", file("long.v4", LONG), "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ verdict: "DROP", rule: { position: 5 }, undecided: true });
});
