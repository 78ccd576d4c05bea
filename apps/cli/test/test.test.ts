import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ctrack, pcap, Scratch, STORY } from "./fixture.js";

const scratch = new Scratch();
beforeAll(() => {
  scratch.write("story.pcap", pcap(STORY));
});
afterAll(() => scratch.remove());

const file = (name: string, text: string) => scratch.write(name, Buffer.from(text));
const run = (text: string, ...more: string[]) => ctrack(["test", file("cases.yaml", text), ...more]);

const GOOD = `
tests:
  - name: a conversation, its end, and a stray
    packets:
      - tcp 10.0.0.1:1025 > 203.0.113.5:443 SYN => NEW original
      - tcp 203.0.113.5:443 > 10.0.0.1:1025 SYN,ACK => ESTABLISHED reply
      - tcp 10.0.0.1:1025 > 203.0.113.5:443 ACK => ESTABLISHED
      - tcp 10.0.0.1:1025 > 203.0.113.5:443 PSH,ACK data=100 => ESTABLISHED
      - tcp 203.0.113.5:443 > 10.0.0.1:1025 ACK => ESTABLISHED
      - +2h tcp 203.0.113.5:443 > 10.0.0.1:1025 ACK => ESTABLISHED ACCEPT
      - tcp 203.0.113.5:443 > 10.0.0.1:1025 ACK ack=4000000 => INVALID reason tcp-ack-over-upper-bound
      - tcp 10.9.9.9:1 > 203.0.113.5:443 ACK
      - tcp 10.9.9.8:1 > 203.0.113.5:443 none => INVALID
  - name: IPv6, UDP and ICMP
    packets:
      - udp [2001:db8::1]:1025 > [2001:db8::2]:53 data=30 => NEW
      - udp [2001:db8::2]:53 > [2001:db8::1]:1025 data=30 => ESTABLISHED reply
      - icmp 10.0.0.1 > 10.0.0.2 echo-request id=7 => NEW
      - icmp 10.0.0.2 > 10.0.0.1 echo-reply id=7 => ESTABLISHED reply
      - icmp 10.0.0.2 > 10.0.0.1 echo-reply id=8 => INVALID
      - icmpv6 2001:db8::1 > 2001:db8::2 echo-request => NEW
  - name: nothing is picked up in the middle
    sysctl: { nf_conntrack_tcp_loose: 0 }
    packets:
      - tcp 10.0.0.1:1025 > 203.0.113.5:443 ACK => INVALID
  - name: a capture
    capture: story.pcap
    expect:
      - packet 5 => INVALID
      - flow tcp 10.0.0.1:1025 > 10.0.0.2:80 => ACCEPT
      - flow icmp 10.0.0.2 > 10.0.0.1 => ACCEPT
`;

const BAD = `
tests:
  - name: wrong, and right
    packets:
      - tcp 10.0.0.1:1025 > 203.0.113.5:443 SYN => ESTABLISHED
      - tcp 203.0.113.5:443 > 10.0.0.1:1025 SYN,ACK => ESTABLISHED
`;

describe("test", () => {
  test("crafted packets and a capture, as expected: exit code 0", async () => {
    const { code, stdout, stderr } = await run(GOOD);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/\n19 passed, 0 failed\n$/);
    expect(stdout).toContain("  ok   packet 5 => INVALID\n");
    expect(code).toBe(0);
  });

  test("one that is not met: its line, what came instead; exit code 1", async () => {
    const { code, stdout } = await run(BAD);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /FAIL tcp 10\.0\.0\.1:1025 > 203\.0\.113\.5:443 SYN => ESTABLISHED\n.*cases\.yaml:5: state is NEW, expected was ESTABLISHED\n/,
    );
    expect(stdout).toMatch(/\n1 passed, 1 failed\n$/);
  });

  test("TAP, JUnit, GitHub annotations, JSON", async () => {
    const tap = (await run(BAD, "-o", "tap")).stdout.split("\n");
    expect(tap.slice(0, 3)).toEqual([
      "TAP version 13",
      "1..2",
      "not ok 1 - wrong, and right: tcp 10.0.0.1:1025 > 203.0.113.5:443 SYN => ESTABLISHED",
    ]);
    expect(tap.at(-2)).toMatch(/^ok 2 - /);
    const junit = (await run(BAD, "-o", "junit")).stdout;
    expect(junit).toContain('<testsuites tests="2" failures="1">');
    expect(junit).toContain('<failure message="state is NEW, expected was ESTABLISHED"/></testcase>');
    expect(junit).toContain("SYN =&#62; ESTABLISHED");
    const github = (await run(BAD, "-o", "github")).stdout;
    expect(github).toMatch(
      /^::error file=.*cases\.yaml,line=5,title=wrong {2}and right::state is NEW, expected was ESTABLISHED\n/,
    );
    const json = (await run(BAD, "-o", "json")).stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(json.map(({ ok, line }) => [ok, line])).toEqual([
      [false, 5],
      [true, 6],
    ]);
  });

  test.each([
    ["tests:\n  - packets:\n      - tcp 10.0.0.1 > 10.0.0.2:80 SYN\n", /:3:\d+: "10\.0\.0\.1": wanted is ADDRESS:PORT/],
    ["tests:\n  - packets:\n      - tcp 10.0.0.1:1 > 10.0.0.2:80 SIN\n", /:3:\d+: "SIN" is no flag of TCP/],
    [
      "tests:\n  - packets:\n      - udp 10.0.0.1:1 > 10.0.0.2:80 => OPEN\n",
      /:3:\d+: "OPEN": wanted behind => are NEW/,
    ],
    ["tests:\n  - name: x\n", /:2:\d+: wanted is either `packets:`/],
    ["tests:\n  - nmae: x\n", /:2:\d+: "nmae" is not one of name/],
    ["tests: [", /:1:\d+: /],
    ["*filter\n-A FORWARD -j DROP\nCOMMIT\n", /:1:1: these are rules; wanted is a file of tests/],
    ["packets:\n  - x\n", /:1:\d+: "packets" is not one of tests/],
    [
      "tests:\n  - capture: nowhere.pcap\n    expect:\n      - packet 1 => NEW\n",
      /:2:\d+: .*nowhere\.pcap: no such file/,
    ],
    ["tests:\n  - sysctl: { nosuch: 1 }\n    packets:\n      - udp 10.0.0.1:1 > 10.0.0.2:80\n", /:2:\d+: nosuch: /],
  ])("a file that is not what is wanted: exit code 2 and the line (%#)", async (text, message) => {
    const { code, stderr } = await run(text);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});

const RULES = `
rules: |
  *filter
  :INPUT ACCEPT [0:0]
  :FORWARD DROP [0:0]
  :OUTPUT ACCEPT [0:0]
  -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
  -A FORWARD -i lan -p udp -m udp --dport 53 -j ACCEPT
  COMMIT
interfaces: [wan=203.0.113.1/24, lan=192.168.1.1/24]
tests:
  - packets:
`;
const ASK = "udp 192.168.1.5:1025 > 198.51.100.5:53";

describe("rules", () => {
  test("verdict, deciding line and way are looked at", async () => {
    const { code, stdout } = await run(`${RULES}
      - ${ASK} => NEW ACCEPT rule 6
      - udp 198.51.100.5:53 > 192.168.1.5:1025 => ESTABLISHED ACCEPT rule 5
      - udp 198.51.100.5:53 > 192.168.1.5:1026 => NEW DROP
      - udp 192.168.1.5:1027 > 198.51.100.5:53 in=wan out=lan => DROP`);
    expect([code, stdout.trim().split("\n").at(-1)]).toEqual([0, "4 passed, 0 failed"]);
    const wrong = await run(`${RULES}\n      - ${ASK} => rule 5`);
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain("rule is FORWARD:2 (line 6), expected was the one in line 5");
  });

  test("what is wrong with them is an error of the file", async () => {
    const bad = await run(`${RULES.replace("udp -m udp", "upd -m udp")}\n      - ${ASK}`);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringMatching(/line 6, column \d+/)]);
    const way = await run(`${RULES}\n      - ${ASK} in=eth9`);
    expect([way.code, way.stderr]).toEqual([2, expect.stringContaining('"eth9" was not declared')]);
    const missing = await run(`rules: nowhere.v4\ntests:\n  - packets: ["${ASK}"]`);
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("nowhere.v4")]);
  });

  test("the rule by chain and number, by comment, the policy; expectations as fields", async () => {
    const rules = RULES.replace("--dport 53", '--dport 53 -m comment --comment "names of the lan"');
    const { code, stdout, stderr } = await run(`${rules}
      - ${ASK} => ACCEPT rule FORWARD:2
      - packet: udp 192.168.1.6:1025 > 198.51.100.5:53
        state: NEW
        verdict: ACCEPT
        rule: names of the lan
      - udp 192.168.1.7:1025 > 198.51.100.5:53 => rule "names of the lan"
      - { packet: "udp 192.168.1.7:1025 > 198.51.100.5:54", verdict: DROP, rule: "FORWARD:policy" }
  - name: a capture
    capture: story.pcap
    expect:
      - { packet: 5, state: NEW, verdict: DROP }
      - { flow: tcp 10.0.0.1:1025 > 10.0.0.2:80, rule: "FORWARD:policy" }`);
    expect([code, stderr, stdout.trim().split("\n").at(-1)]).toEqual([0, "", "6 passed, 0 failed"]);
    expect(stdout).toContain("ok   packet 5 => NEW DROP");
    const wrong = await run(`${rules}\n      - ${ASK} => DROP`);
    expect(wrong.stdout).toContain("verdict is ACCEPT, expected was DROP, decided by FORWARD:2 (line 6)");
    const bad = await run(`${rules}\n      - ${ASK} => rule FORWARD`);
    expect([bad.code, bad.stderr]).toEqual([
      2,
      expect.stringMatching(/:14:9: "FORWARD": a rule is LINE, CHAIN:NUMBER/),
    ]);
    const field = await run(`${rules}\n      - { packet: "${ASK}", verdict: REJECT }`);
    expect(field.stderr).toMatch(/cases\.yaml:14:\d+: "REJECT" is not one of ACCEPT, DROP/);
  });

  test("rules of both families, a hook, answers to what cannot be decided; from standard input", async () => {
    file("r.v4", "*filter\n:OUTPUT DROP [0:0]\n-A OUTPUT -m owner --uid-owner 0 -j ACCEPT\nCOMMIT\n");
    file(
      "r.v6",
      "# Generated by ip6tables-save v1.8.9\n*filter\n:OUTPUT DROP [0:0]\n-A OUTPUT -p tcp -j ACCEPT\nCOMMIT\n",
    );
    const input = Buffer.from(`
rules: [${scratch.directory}/r.v4, ${scratch.directory}/r.v6]
hook: OUTPUT
tests:
  - assume: owner=yes
    packets:
      - ${ASK} => ACCEPT rule OUTPUT:1
      - tcp [2001:db8::1]:1 > [2001:db8::2]:2 SYN => ACCEPT rule 4
      - udp [2001:db8::1]:1 > [2001:db8::2]:2 => DROP
  - packets: ["${ASK} => DROP"]
`);
    const { code, stdout, stderr } = await ctrack(["test", "-"], { input });
    expect([code, stderr, stdout.trim().split("\n").at(-1)]).toEqual([0, "", "4 passed, 0 failed"]);
  });
});
