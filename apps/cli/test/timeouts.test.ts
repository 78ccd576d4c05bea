// Timeout policies on the command line.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ctrack, pcap, Scratch, STORY } from "./fixture.js";

const RULES = "*raw\n-A PREROUTING -p tcp -j CT --timeout brief\nCOMMIT\n";
const POLICIES = "nfct add timeout brief inet tcp established 77 syn_sent 7\n";

const scratch = new Scratch();
const file = (name: string, text: string) => scratch.write(name, Buffer.from(text));
let story: string;
let rules: string;
let policies: string;
beforeAll(() => {
  story = scratch.write("story.pcap", pcap(STORY));
  rules = file("rules.v4", RULES);
  policies = file("policies.nfct", POLICIES);
});
afterAll(() => scratch.remove());

test("check, explain: connections get the timeouts of the policy", async () => {
  const given = ["--timeout-policies", policies];
  const { code, stderr } = await ctrack(["check", rules, story, ...given, "-o", "iptables-save"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const explained = await ctrack(["explain", story, "1", "--rules", rules, ...given]);
  expect(explained.stdout).toMatch(/Timer +set to 7\.000 s/);
});

test("a policy no file has, and a file that is wrong", async () => {
  const { code, stderr } = await ctrack(["check", rules, story]);
  expect(stderr).toBe(
    `${rules}:2:38: "brief": there is no timeout policy brief; give the file of nfct list timeout that has it (--timeout-policies FILE)\n`,
  );
  expect(code).toBe(3);
  const bad = file("bad.nfct", "add timeout brief inet tcp close soon\n");
  const wrong = await ctrack(["check", rules, story, "--timeout-policies", bad]);
  expect(wrong.stderr).toContain(`${bad}:1:34: "soon": wanted is a number of seconds`);
  expect(wrong.code).toBe(3);
});

test("rules: any policy may be named, with --timeout-policies only those of the file", async () => {
  expect((await ctrack(["rules", rules])).code).toBe(0);
  const none = file("none.nfct", "");
  const bound = await ctrack(["rules", rules, "--timeout-policies", none]);
  expect(bound.stderr).toContain("there is no timeout policy brief");
  expect(bound.code).toBe(1);
});

test("test: timeout-policies of a case is a file or its text", async () => {
  const cases = file(
    "cases.yaml",
    `rules: rules.v4
tests:
  - timeout-policies: policies.nfct
    packets:
      - tcp 10.0.0.1:1025 > 10.0.0.2:80 SYN => NEW
      - +8s tcp 10.0.0.1:1025 > 10.0.0.2:80 SYN => NEW
      - +1s tcp 10.0.0.2:80 > 10.0.0.1:1025 SYN ACK => ESTABLISHED
  - timeout-policies: |
      add timeout brief inet tcp syn_sent 2
    packets:
      - tcp 10.0.0.1:1025 > 10.0.0.2:80 SYN => NEW
      - +3s tcp 10.0.0.2:80 > 10.0.0.1:1025 SYN ACK => INVALID
`,
  );
  const { code, stdout, stderr } = await ctrack(["test", cases]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/5 passed, 0 failed/);
  expect(code).toBe(0);
});
