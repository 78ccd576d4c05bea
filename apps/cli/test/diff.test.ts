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
