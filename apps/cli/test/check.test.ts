import { afterAll, beforeAll, expect, test } from "vitest";
import { ctrack, pcap, Scratch, STORY } from "./fixture.js";

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

test("--trace: the rules a packet was asked by; a rule that is wrong is named by its place", async () => {
  const { stdout } = await ctrack(["check", rules, story, "--trace", "1"]);
  expect(stdout.split("\n").slice(1, 3)).toEqual([
    "    FORWARD:1 (line 5)  -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "  * FORWARD:2 (line 6)  -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",
  ]);
  const wrong = scratch.write(
    "wrong.v4",
    Buffer.from("*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp --dprt 80\nCOMMIT\n"),
  );
  const { code, stderr } = await ctrack(["check", wrong, story]);
  expect(code).toBe(3);
  expect(stderr).toContain("wrong.v4:3:");
});
