import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ctrack, pcap, Scratch, STORY } from "./fixture.js";

const scratch = new Scratch();
let story: string;
beforeAll(() => {
  story = scratch.write("story.pcap", pcap(STORY));
});
afterAll(() => scratch.remove());

const LIBERAL = ["--to-sysctl", "nf_conntrack_tcp_be_liberal=1"];

describe("diff", () => {
  test("packets that change, with the reason, and exit code 1", async () => {
    const { code, stdout, stderr } = await ctrack(["diff", story, ...LIBERAL]);
    expect(stderr).toBe("");
    const [first, last] = stdout.trimEnd().split("\n");
    expect(first).toMatch(
      /^ {5}5 {6}1\.000000 {2}tcp 10\.0\.0\.1:1025 > 10\.0\.0\.2:80 {2}INVALID → ESTABLISHED original {2}\(/,
    );
    expect(last).toBe("1 of 9 packets differ, in 1 flow");
    expect(code).toBe(1);
  });

  test("by flow, and as JSON", async () => {
    const { stdout } = await ctrack(["diff", story, ...LIBERAL, "--by", "flow", "-q"]);
    expect(stdout).toBe("tcp 10.0.0.1:1025 ⇄ 10.0.0.2:80  from packet 5: 1 × INVALID → ESTABLISHED original\n");
    const json = await ctrack(["diff", story, ...LIBERAL, "-o", "json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      frame: 5,
      protocol: "tcp",
      sport: 1025,
      from: { state: "INVALID", direction: null, verdict: "ACCEPT" },
      to: { state: "ESTABLISHED", direction: "original", verdict: "ACCEPT", reason: "tcp-liberal" },
    });
    const flows = await ctrack(["diff", story, ...LIBERAL, "-o", "json", "--by", "flow"]);
    expect(JSON.parse(flows.stdout)).toEqual({
      flow: "tcp 10.0.0.1:1025 ⇄ 10.0.0.2:80",
      protocol: "tcp",
      frame: 5,
      packets: 1,
      changes: { "INVALID → ESTABLISHED original": 1 },
    });
  });

  test("no difference: exit code 0; the other way around the change is the other way around", async () => {
    const same = await ctrack(["diff", story, "--to-sysctl", "nf_conntrack_udp_timeout=40"]);
    expect(same.stdout).toBe("9 packets, no difference\n");
    expect(same.code).toBe(0);
    const back = await ctrack([
      "diff",
      story,
      "--sysctl",
      "nf_conntrack_tcp_be_liberal=1",
      "--to-sysctl",
      "nf_conntrack_tcp_be_liberal=0",
    ]);
    expect(back.stdout).toContain("ESTABLISHED original → INVALID");
  });

  test("nothing to compare, and standard input, are wrong usage", async () => {
    const nothing = await ctrack(["diff", story]);
    expect(nothing.code).toBe(2);
    expect(nothing.stderr).toContain("--to-sysctl");
    expect((await ctrack(["diff", "-", ...LIBERAL])).stderr).toContain("standard input");
  });
});

describe("diff of rulesets", () => {
  const rules = (name: string, ...lines: string[]) =>
    scratch.write(
      name,
      Buffer.from(
        ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", ...lines, "COMMIT", ""].join(
          "\n",
        ),
      ),
    );
  const replies = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT";

  test("packets whose verdict or state changes, with both rules; exit code 1; as JSON and by flow", async () => {
    const old = rules(
      "old.v4",
      replies,
      "-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT",
      "-A FORWARD -p icmp -j ACCEPT",
    );
    const next = rules(
      "new.v4",
      replies,
      "-A FORWARD -p tcp -m tcp --dport 80 --syn -j ACCEPT",
      "-A FORWARD -p udp -j ACCEPT",
    );
    const args = ["diff", story, "--rules", old, "--to-rules", next];
    const { code, stdout, stderr } = await ctrack(args);
    expect([code, stderr]).toEqual([1, ""]);
    const lines = stdout.trimEnd().split("\n");
    // #5 is INVALID and goes to port 80: accepted before, as any other
    expect(lines[0]).toMatch(/^ {5}5 .*INVALID → INVALID DROP {2}\(FORWARD:2 \(line 6\) → FORWARD policy\)$/);
    // the request is dropped, and so its answer belongs to nothing
    expect(lines[1]).toMatch(
      /^ {5}6 .* NEW original → NEW original DROP {2}\(FORWARD:3 \(line 7\) → FORWARD policy\)$/,
    );
    expect(lines[2]).toMatch(
      /^ {5}7 .* ESTABLISHED reply → INVALID DROP {2}\(FORWARD:1 \(line 5\) → FORWARD policy\)$/,
    );
    expect(lines[3]).toMatch(
      /^ {5}8 .* NEW original DROP → NEW original {2}\(FORWARD policy → FORWARD:3 \(line 7\)\)$/,
    );
    expect(lines[4]).toBe("4 of 9 packets differ, in 3 flows");
    const [first] = (await ctrack([...args, "--json"])).stdout.split("\n").map((line) => line && JSON.parse(line));
    expect(first).toMatchObject({
      frame: 5,
      from: { verdict: "ACCEPT", rule: { chain: "FORWARD", position: 2, line: 6 } },
      to: { verdict: "DROP", rule: { chain: "FORWARD", position: null, text: "-P FORWARD DROP" } },
    });
    const flows = await ctrack([...args, "--by", "flow", "-q"]);
    expect(flows.stdout).toContain("1 × NEW original → NEW original DROP, 1 × ESTABLISHED reply → INVALID DROP");
  });

  test("the same rules: no difference; settings under rules; rules with errors: exit code 3", async () => {
    const open = rules("open.v4", replies, "-A FORWARD -j ACCEPT");
    const same = await ctrack(["diff", story, "--rules", open, "--to-rules", open]);
    expect([same.code, same.stdout]).toEqual([0, "9 packets, no difference\n"]);
    const closed = rules("closed.v4", "-A FORWARD -m state --state INVALID -j DROP", "-A FORWARD -j ACCEPT");
    const liberal = await ctrack(["diff", story, "--rules", closed, ...LIBERAL]);
    expect(liberal.stdout).toMatch(
      /5 .*INVALID DROP → ESTABLISHED original {2}\(FORWARD:1 \(line 5\) → FORWARD:2 \(line 6\)\)/,
    );
    const bad = await ctrack(["diff", story, "--to-rules", rules("bad.v4", "-A FORWARD --dport 80")]);
    expect([bad.code, bad.stderr]).toEqual([3, expect.stringMatching(/bad\.v4:5:12: "--dport"/)]);
  });
});
