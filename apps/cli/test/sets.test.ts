// Sets of ipset on the command line.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ctrack, pcap, Scratch, STORY } from "./fixture.js";

const SETS = `create bad hash:net timeout 60
add bad 10.0.0.0/8
create seen hash:ip counters
`;
const RULES = `*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -j SET --add-set seen src --exist
-A FORWARD -p tcp -m set --match-set bad src -m set --match-set web dst -j DROP
COMMIT
`;
const WEB = "create web hash:ip,port\nadd web 10.0.0.2,80\n";

const scratch = new Scratch();
const file = (name: string, text: string) => scratch.write(name, Buffer.from(text));
let story: string;
let rules: string;
let sets: string;
let web: string;
beforeAll(() => {
  story = scratch.write("story.pcap", pcap(STORY));
  rules = file("rules.v4", RULES.replace("set web dst", "set web dst,dst"));
  sets = file("sets.ipset", SETS);
  web = file("web.ipset", WEB);
});
afterAll(() => scratch.remove());

test("check --ipset: rules ask the sets of all files, and -o ipset shows what became of them", async () => {
  const { code, stdout, stderr } = await ctrack(["check", rules, story, "--ipset", sets, "--ipset", web]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(stdout.split("\n")[0]).toMatch(/ DROP by FORWARD:2 \(line 4\)/);
  const after = await ctrack(["check", rules, story, "--ipset", sets, "--ipset", web, "-o", "ipset"]);
  expect(after.stdout).toMatch(/^create bad hash:net family inet .*\nadd bad 10\.0\.0\.0\/8 timeout \d+\ncreate seen /);
  expect(after.stdout).toMatch(/\nadd seen 10\.0\.0\.1 packets 1 bytes \d+\n/);
  expect(after.stdout).toMatch(/\ncreate web .*\nadd web 10\.0\.0\.2,tcp:80\n$/);
});

test("a set that no file creates: its place, its name, and the option; --assume is the other way out", async () => {
  const { code, stdout, stderr } = await ctrack(["check", rules, story, "--ipset", sets]);
  expect(code).toBe(3);
  expect(stdout).toBe("");
  expect(stderr).toBe(
    `${rules}:4:65: "web": there is no set "web"; give the file of ipset save that creates it (--ipset FILE)\n`,
  );
  const assumed = await ctrack(["check", rules, story, "--assume", "set=no"]);
  expect(assumed.code).toBe(0);
  expect(assumed.stdout).toContain("undecided");
});

test("what is wrong with a file of sets is told with its place", async () => {
  const bad = file("bad.ipset", "create a hash:ip\nadd a 10.0.0.300\n");
  const { code, stderr } = await ctrack(["check", rules, story, "--ipset", bad]);
  expect(code).toBe(3);
  expect(stderr).toContain(`${bad}:2:7: "10.0.0.300": `);
});

test("rules: any set may be named, with --ipset only those of the file", async () => {
  const free = await ctrack(["rules", rules]);
  expect(free.code).toBe(0);
  expect(free.stdout).toContain("-A FORWARD -j SET --add-set seen src --exist\n");
  const bound = await ctrack(["rules", rules, "--ipset", sets]);
  expect(bound.code).toBe(1);
  expect(bound.stderr).toContain('"web": there is no set "web"');
});

test("diff --to-ipset: the same rules with other sets", async () => {
  const other = file("other.ipset", `${SETS}create web hash:ip,port\n`);
  const given = ["--rules", rules, "--ipset", sets, "--ipset", web, "--to-ipset", other];
  const { code, stdout } = await ctrack(["diff", story, ...given]);
  expect(code).toBe(1);
  expect(stdout).toContain("DROP");
});

test("test: ipset of a case is a file or its text", async () => {
  const cases = file(
    "cases.yaml",
    `rules: rules.v4
ipset: [sets.ipset, web.ipset]
hook: FORWARD
tests:
  - packets:
      - tcp 10.0.0.1:1025 > 10.0.0.2:80 SYN => DROP rule 4
      - tcp 10.0.0.1:1025 > 10.0.0.2:81 SYN => ACCEPT
      - +61s tcp 10.0.0.1:1026 > 10.0.0.2:80 SYN => ACCEPT
  - ipset: |
      create bad hash:net
      create web hash:ip,port
      create seen hash:ip
    packets:
      - tcp 10.0.0.1:1025 > 10.0.0.2:80 SYN => ACCEPT
`,
  );
  const { code, stdout, stderr } = await ctrack(["test", cases]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/4 passed, 0 failed/);
  expect(code).toBe(0);
  const wrong = file(
    "wrong.yaml",
    "rules: rules.v4\nipset: sets.ipset\ntests:\n  - packets: [tcp 10.0.0.1:1 > 10.0.0.2:80 SYN]\n",
  );
  expect((await ctrack(["test", wrong])).stderr).toContain('there is no set "web"');
});
