import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ctrack, pcap, SAMPLES, Scratch, START, STORY } from "./fixture.js";

const scratch = new Scratch();
let story: string;
beforeAll(() => {
  story = scratch.write("story.pcap", pcap(STORY));
});
afterAll(() => scratch.remove());

const TCP = "src=10.0.0.1 dst=10.0.0.2 sport=1025 dport=80";
const TCP_BACK = "src=10.0.0.2 dst=10.0.0.1 sport=80 dport=1025";

describe("list", () => {
  test("the table behind the last packet, as /proc/net/nf_conntrack has it", async () => {
    const { code, stdout, stderr } = await ctrack(["list", story]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^ctrack v\S+ \(conntrack-wasm\): 3 flow entries have been shown\.\n$/);
    expect(stdout.split("\n")).toEqual([
      `ipv4     2 tcp      6 298 ESTABLISHED ${TCP} ${TCP_BACK} [ASSURED] mark=0 zone=0 use=2`,
      "ipv4     2 icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=77 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=77 mark=0 zone=0 use=2",
      "ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.3 sport=5353 dport=53 [UNREPLIED] src=10.0.0.3 dst=10.0.0.1 sport=53 dport=5353 mark=0 zone=0 use=2",
      "",
    ]);
  });

  test("--at: behind a packet, after some seconds, at a moment, and later than the capture", async () => {
    const at = async (when: string) => (await ctrack(["list", story, "--at", when, "-q"])).stdout.trimEnd().split("\n");
    expect(await at("#1")).toEqual([
      `ipv4     2 tcp      6 120 SYN_SENT ${TCP} [UNREPLIED] ${TCP_BACK} mark=0 zone=0 use=2`,
    ]);
    expect(await at("+1.55")).toHaveLength(2);
    expect(await at(`${START}.25`)).toEqual([
      `ipv4     2 tcp      6 431999 ESTABLISHED ${TCP} ${TCP_BACK} [ASSURED] mark=0 zone=0 use=2`,
    ]);
    expect(await at("+40")).toEqual([
      `ipv4     2 tcp      6 260 ESTABLISHED ${TCP} ${TCP_BACK} [ASSURED] mark=0 zone=0 use=2`,
    ]);
    expect(await at("+4000")).toEqual([""]);
  });

  test("the forms of conntrack-tools, and the older file", async () => {
    const list = async (form: string, ...more: string[]) =>
      (await ctrack(["list", story, "-q", "-o", form, ...more])).stdout.split("\n");
    expect((await list("conntrack"))[0]).toBe(`tcp      6 298 ESTABLISHED ${TCP} ${TCP_BACK} [ASSURED] mark=0 use=1`);
    expect((await list("extended,id"))[0]).toMatch(/^ipv4 {5}2 tcp .* use=1 id=\d+$/);
    expect((await list("id"))[0]).toMatch(/^tcp .* use=1 id=\d+$/);
    expect((await list("xml"))[1]).toBe("<conntrack>");
    expect((await list("save"))[0]).toMatch(/^-A -t 298 -u SEEN_REPLY,ASSURED -s 10\.0\.0\.1 /);
    expect(JSON.parse((await list("json"))[0] ?? "")).toMatchObject({
      kind: "flow",
      conn: 1,
      protocol: "tcp",
      state: "ESTABLISHED",
    });
    expect((await list("legacy"))[0]).toBe(`tcp      6 298 ESTABLISHED ${TCP} ${TCP_BACK} [ASSURED] use=1`);
    const old = (await ctrack(["list", story, "-q", "--profile", "linux-2.4"])).stdout;
    expect(old).toMatch(/^tcp {6}6 \d+ ESTABLISHED .* use=1\n/);
  });

  test("--filter chooses entries", async () => {
    const list = async (filter: string) =>
      (await ctrack(["list", story, "-q", "--filter", filter])).stdout.trimEnd().split("\n");
    expect(await list("assured")).toHaveLength(1);
    expect(await list("unreplied or icmp")).toHaveLength(2);
    expect((await list("state=ESTABLISHED and port 80"))[0]).toContain("ESTABLISHED");
  });
});

describe("events", () => {
  test("as conntrack -E prints them", async () => {
    const { code, stdout, stderr } = await ctrack(["events", story, "-o", "timestamp", "--at", "+33"]);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toBe(`[1700000000.000000]\t    [NEW] tcp      6 120 SYN_SENT ${TCP} [UNREPLIED] ${TCP_BACK}`);
    expect(lines[1]).toBe(`[1700000000.001000]\t [UPDATE] tcp      6 60 SYN_RECV ${TCP} ${TCP_BACK}`);
    expect(lines.at(-1)).toMatch(/^\[1700000032\.000000\]\t\[DESTROY\] udp {6}17 src=10\.0\.0\.1 /);
    expect(stderr).toContain(`${lines.length} flow events have been shown.`);
  });

  test("-e and --filter choose, json has the frame", async () => {
    const run = await ctrack(["events", story, "-e", "NEW", "--filter", "udp", "-o", "json", "-q"]);
    expect(
      run.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ kind: "event", type: "NEW", frame: 8 }]);
    expect((await ctrack(["events", story, "-e", "BIRTH"])).code).toBe(2);
  });
});

test("stats, in three forms", async () => {
  expect((await ctrack(["stats", story])).stdout).toMatch(/^cpu=0 {3}\tfound=0 invalid=1 insert=0 .*\n$/);
  expect((await ctrack(["stats", story, "-o", "proc"])).stdout.split("\n")).toHaveLength(3);
  expect(JSON.parse((await ctrack(["stats", story, "-o", "json"])).stdout)).toMatchObject({
    entries: 3,
    invalid: 1,
    totals: { packets: 9, created: 3 },
  });
});

describe("explain", () => {
  test("step by step, from the frame to the hint", async () => {
    const { code, stdout } = await ctrack(["explain", story, "5"]);
    expect(code).toBe(0);
    expect(stdout.split("\n")[0]).toBe("#5 1.000000 s tcp 10.0.0.1:1025 → 10.0.0.2:80 PSH,ACK, 43 bytes: INVALID");
    expect(stdout).toMatch(/^Lookup +found connection 1: tcp 10\.0\.0\.1:1025 → 10\.0\.0\.2:80, opened by #1$/m);
    expect(stdout).toMatch(/^Tracker +ACK in ESTABLISHED, original direction/m);
    expect(stdout).toMatch(/^Window +seq +900000 < +8294 +no, 891707 bytes too far/m);
    expect(stdout).toMatch(/^Timer +not renewed: 299\.500 s left$/m);
    expect(stdout).toMatch(/^Outcome +INVALID: SEQ is over upper bound 8294/m);
    expect(stdout).toMatch(/^Set by +#2 0\.001000 s tcp 10\.0\.0\.2:80 → 10\.0\.0\.1:1025 SYN,ACK/m);
    expect(stdout).toMatch(/^Hint +net\.netfilter\.nf_conntrack_tcp_be_liberal=1 would change this$/m);
  });

  test("names the sysctl behind a timeout", async () => {
    expect((await ctrack(["explain", story, "2"])).stdout).toMatch(
      /^Timer .*renewed to 60\.000 s \(net\.netfilter\.nf_conntrack_tcp_timeout_syn_recv\)$/m,
    );
  });

  test("-o json is track's object with the steps", async () => {
    const object = JSON.parse((await ctrack(["explain", story, "5", "-o", "json"])).stdout);
    expect(object).toMatchObject({ frame: 5, state: "INVALID" });
    expect(object.steps.map(({ step }: { step: string }) => step)).toEqual([
      "Frame",
      "IP",
      "TCP",
      "Checksum",
      "Lookup",
      "Tracker",
      "Window",
      "Timer",
      "Outcome",
      "Set by",
      "Hint",
    ]);
  });

  test("a packet that is not there, or not a number", async () => {
    const beyond = await ctrack(["explain", story, "10"]);
    expect(beyond.code).toBe(2);
    expect(beyond.stderr).toContain("there is no packet 10; 9 could be read");
    expect((await ctrack(["explain", story])).stderr).toContain("is not the number of a packet");
  });
});

describe("usage", () => {
  test.each([
    [[], "no capture given"],
    [["--frobnicate", "x.pcap"], "unknown option '--frobnicate'"],
    [["x.pcap", "-o", "yaml"], "Allowed choices are text, json, none"],
    [
      ["x.pcap", "--sysctl", "nf_conntrack_tcp_lose=1"],
      'there is no sysctl "nf_conntrack_tcp_lose"; did you mean net.netfilter.nf_conntrack_tcp_',
    ],
    [["x.pcap", "--sysctl", "nf_conntrack_tcp_loose"], "write NAME=VALUE"],
    [["x.pcap", "--sysctl", "nf_conntrack_tcp_loose=2"], "2 is not a whole number from 0 to 1"],
    [["x.pcap", "--sysctl", "nf_conntrack_expect_max=0"], "0 is not a whole number from 1 to 16384"],
    [["x.pcap", "--max", "0"], "Give a whole number from 1 to"],
    [["x.pcap", "--helper", "ftpd:21"], 'there is no helper "ftpd"'],
    [["list", "x.pcap", "-o", "proc,xml"], "cannot be combined"],
    [["list", "x.pcap", "-o", "proc,id"], "proc has no id"],
    [["list", "x.pcap", "--at", "yesterday"], "--at yesterday: give a time"],
    [["list", "-", "-"], "only once"],
    [["--profile", "linux-2.4", "list", "x.pcap"], "a command stands before its options: ctrack list --profile"],
    [["lst", "x.pcap"], "lst: no such command, and no such file"],
  ])("ctrack %j", async (args, message) => {
    const { code, stdout, stderr } = await ctrack(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^ctrack: /);
    expect(stderr).toContain(message);
  });

  test("--help has examples and exit codes, for every command there is help", async () => {
    const { code, stdout } = await ctrack(["--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("ctrack explain web.pcap 30");
    expect(stdout).toContain("Exit codes:");
    for (const command of ["track", "list", "events", "stats", "explain"]) {
      expect((await ctrack([command, "--help"])).stdout).toContain(`Usage: ctrack ${command}`);
    }
    expect((await ctrack(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

test.skipIf(!existsSync(`${SAMPLES}tour.pcap`))(
  "the bundled tour: 36 packets, one INVALID, the table at the end",
  async () => {
    const { code, stdout } = await ctrack([`${SAMPLES}tour.pcap`, "--table"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ +30 .*INVALID .*SEQ is over upper bound 2712183096 \(over the window of the receiver\)/m);
    expect(stdout).toMatch(/^ {2}INVALID +1$/m);
    expect(stdout.trimEnd().split("\n").at(-1)).toContain("TIME_WAIT");
  },
);
