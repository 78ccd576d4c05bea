import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BIN, ctrack, pcap, Scratch, STORY, tcp, udp } from "./fixture.js";

const scratch = new Scratch();
let story: string;
beforeAll(() => {
  story = scratch.write("story.pcap", pcap(STORY));
});
afterAll(() => scratch.remove());

const objects = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("-o json", () => {
  test("one object per frame, in file order, with the contract's keys first and in order", async () => {
    const { code, stdout, stderr } = await ctrack([story, "-o", "json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const rows = objects(stdout);
    expect(rows.map(({ frame }) => frame)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const row of rows) {
      expect(Object.keys(row).slice(0, 14)).toEqual([
        "frame",
        "time",
        "protocol",
        "src",
        "dst",
        "sport",
        "dport",
        "state",
        "direction",
        "conn",
        "reason",
        "reasonText",
        "verdict",
        "rule",
      ]);
    }
    expect(rows.map(({ state }) => state)).toEqual([
      "NEW",
      "ESTABLISHED",
      "ESTABLISHED",
      "ESTABLISHED",
      "INVALID",
      "NEW",
      "ESTABLISHED",
      "NEW",
      null,
    ]);
    expect(rows.map(({ conn }) => conn)).toEqual([1, 1, 1, 1, null, 2, 2, 3, null]);
  });

  test("a first packet has an entry behind it, not before", async () => {
    const [first] = objects((await ctrack(["-o", "json", story])).stdout);
    expect(first).toEqual({
      frame: 1,
      time: "1700000000.000000000",
      protocol: "tcp",
      src: "10.0.0.1",
      dst: "10.0.0.2",
      sport: 1025,
      dport: 80,
      state: "NEW",
      direction: "original",
      conn: 1,
      reason: null,
      reasonText: null,
      verdict: "ACCEPT",
      rule: null,
      after: { protocolState: "SYN_SENT", status: ["CONFIRMED"], timeout: 120 },
    });
  });

  test("INVALID: reason, numbers, cause and hint", async () => {
    const row = objects((await ctrack([story, "-o", "json"])).stdout)[4];
    expect(row).toMatchObject({
      state: "INVALID",
      direction: null,
      conn: null,
      reason: "tcp-seq-over-upper-bound",
      cause: 2,
      hint: "net.netfilter.nf_conntrack_tcp_be_liberal=1",
      before: { protocolState: "ESTABLISHED", status: ["SEEN_REPLY", "ASSURED", "CONFIRMED"] },
    });
    expect(row.reasonText).toContain(`SEQ is over upper bound ${row.numbers.bound}`);
    expect(row.numbers).toMatchObject({ seq: 900_000, ack: 301, end: 900_003, receiverEnd: 301 });
  });

  test("ICMP has type, code and id instead of ports; a frame that is not IP has neither", async () => {
    const rows = objects((await ctrack([story, "-o", "json"])).stdout);
    expect(rows[5]).toMatchObject({ protocol: "icmp", sport: null, dport: null, type: 8, code: 0, id: 77 });
    expect(rows[8]).toMatchObject({
      protocol: null,
      src: null,
      dst: null,
      sport: null,
      dport: null,
      state: null,
      conn: null,
    });
    expect(rows[8]).not.toHaveProperty("type");
  });

  test("the sysctl the hint names changes the outcome", async () => {
    const { stdout } = await ctrack([story, "-o", "json", "--sysctl", "nf_conntrack_tcp_be_liberal=1"]);
    expect(objects(stdout)[4]).toMatchObject({ state: "ESTABLISHED", conn: 1, reason: "tcp-liberal" });
  });
});

describe("-o text", () => {
  test("columns line up, and a reason stands only where there is one", async () => {
    const { code, stdout } = await ctrack([story]);
    expect(code).toBe(0);
    const lines = stdout.split("\n").slice(1, 10);
    const column = lines[0]?.indexOf("NEW") ?? -1;
    expect(column).toBeGreaterThan(0);
    expect(lines.map((line) => line.slice(column, column + 12).trim())).toEqual([
      "NEW",
      "ESTABLISHED",
      "ESTABLISHED",
      "ESTABLISHED",
      "INVALID",
      "NEW",
      "ESTABLISHED",
      "NEW",
      "-",
    ]);
    expect(lines[1]).toMatch(/SYN,ACK +40 ESTABLISHED ← +1 SYN_SENT → SYN_RECV$/);
    expect(lines[3]).toMatch(/ESTABLISHED → +1$/);
    expect(lines[4]).toMatch(
      /INVALID +\(1\) +SEQ is over upper bound \d+ .* \(set by #2\); net\.netfilter\.nf_conntrack_tcp_be_liberal=1 would change this$/,
    );
    expect(lines[5]).toContain("echo request id 77");
  });

  test("ends with what the packets amount to; --table adds the table", async () => {
    const { stdout } = await ctrack([story, "--table"]);
    expect(stdout).toMatch(/\n9 packets in 2\.500 s; 3 connections, 3 left in the table\n/);
    expect(stdout).toMatch(/\n {2}ESTABLISHED 4\n/);
    expect(stdout).toMatch(/\nipv4 {5}2 tcp {6}6 \d+ ESTABLISHED src=10\.0\.0\.1 .*\[ASSURED\] mark=0 zone=0 use=2\n/);
  });

  test("-o none gives only that, -q only the packets", async () => {
    const none = await ctrack([story, "-o", "none"]);
    expect(none.stdout.split("\n")[0]).toBe("9 packets in 2.500 s; 3 connections, 3 left in the table");
    const quiet = await ctrack([story, "-q"]);
    expect(quiet.stdout.trimEnd().split("\n")).toHaveLength(9);
  });

  test("colours: never in a pipe, unless asked for; NO_COLOR counts, --color more", async () => {
    const csi = "\x1b[";
    expect((await ctrack([story])).stdout).not.toContain(csi);
    expect((await ctrack([story], { env: { FORCE_COLOR: "1" } })).stdout).toContain(csi);
    expect((await ctrack([story], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })).stdout).not.toContain(csi);
    expect((await ctrack([story, "--color", "always"], { env: { NO_COLOR: "1" } })).stdout).toContain(csi);
    expect((await ctrack([story, "--color", "never"], { env: { FORCE_COLOR: "1" } })).stdout).not.toContain(csi);
  });
});

describe("input", () => {
  test("standard input, -r and several files in order", async () => {
    const bytes = pcap(STORY);
    expect((await ctrack(["-", "-o", "json"], { input: bytes })).stdout).toBe(
      (await ctrack(["track", "-r", story, "-o", "json"])).stdout,
    );
    const rows = objects((await ctrack([story, story, "-o", "json"])).stdout);
    expect(rows).toHaveLength(18);
    expect(rows[17].frame).toBe(18);
  });

  test("a file cut off in a packet: everything before, then one error with the offset, exit code 3", async () => {
    const bytes = pcap(STORY);
    const cut = scratch.write("cut.pcap", bytes.subarray(0, bytes.length - 2));
    const { code, stdout, stderr } = await ctrack([cut, "-o", "json"]);
    expect(code).toBe(3);
    expect(objects(stdout)).toHaveLength(8);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toContain(`the record that begins at byte ${bytes.length - 20}`);
  });

  test("what is not a capture, or not there, does not keep the others from being read", async () => {
    const other = scratch.write("other.txt", Buffer.from("no capture at all, just text"));
    const { code, stdout, stderr } = await ctrack(["/nonexistent.pcap", other, story, "-o", "json"]);
    expect(code).toBe(3);
    expect(objects(stdout)).toHaveLength(9);
    expect(stderr).toContain("ctrack: /nonexistent.pcap: no such file");
    expect(stderr).toContain("other.txt: this is not a capture");
  });

  test("--count stops early, --link replaces the link type", async () => {
    expect(objects((await ctrack([story, "-o", "json", "--count", "3"])).stdout)).toHaveLength(3);
    const mislabelled = scratch.write("mislabelled.pcap", pcap(STORY, 147));
    expect(objects((await ctrack([mislabelled, "-o", "json"])).stdout)[0]).toMatchObject({
      state: null,
      reason: "link-type-unknown",
    });
    expect(objects((await ctrack([mislabelled, "-o", "json", "--link", "101"])).stdout)[0]).toMatchObject({
      state: "NEW",
    });
  });

  test("a reader that leaves early ends the program quietly", async () => {
    const many = Array.from({ length: 30_000 }, (_, i) => ({
      at: i / 1000,
      data: udp("10.0.0.1", 1024 + (i % 50_000), "10.0.0.2", 53),
    }));
    const large = scratch.write("large.pcap", pcap(many));
    for (const form of ["json", "text"]) {
      const child = spawn(process.execPath, [BIN, large, "-o", form]);
      let stderr = "";
      child.stderr.on("data", (text) => {
        stderr += text;
      });
      child.stdout.once("data", () => child.stdout.destroy());
      const code = await new Promise((resolve) => child.on("close", resolve));
      expect([code, stderr]).toEqual([0, ""]);
    }
  });
});

describe("checksums", () => {
  const handshakes = (broken: boolean) =>
    Array.from({ length: 10 }, (_, i) => {
      const data = tcp({ sport: 2000 + i, dport: 80, flags: "S", seq: i });
      if (broken) data.writeUInt16BE(data.readUInt16BE(36) ^ 0x5555, 36);
      return { at: i, data };
    });

  test("many wrong ones are INVALID, and said once, with the switch", async () => {
    const offloaded = scratch.write("offloaded.pcap", pcap(handshakes(true)));
    const { code, stdout, stderr } = await ctrack([offloaded, "-o", "json"]);
    expect(code).toBe(0);
    for (const row of objects(stdout))
      expect(row).toMatchObject({ state: "INVALID", reason: "bad-checksum", checksum: "bad" });
    expect(stderr).toMatch(/^ctrack: 10 of 10 checksums are wrong.*--checksum ignore.*\n$/);
    const ignoring = await ctrack([offloaded, "-o", "json", "--checksum", "ignore"]);
    expect(objects(ignoring.stdout).map(({ state }) => state)).toEqual(new Array(10).fill("NEW"));
    expect(ignoring.stderr).toBe("");
  });

  test("auto ignores them only where one side's are wrong", async () => {
    const offloaded = scratch.write("auto.pcap", pcap(handshakes(true)));
    const auto = await ctrack([offloaded, "-o", "json", "--checksum", "auto"]);
    expect(objects(auto.stdout)[0]).toMatchObject({ state: "NEW" });
    expect(auto.stderr).toContain("(offload)");
    const oneBad = [...handshakes(false), ...handshakes(true).slice(0, 1)];
    const mixed = await ctrack([scratch.write("mixed.pcap", pcap(oneBad)), "-o", "json", "--checksum", "auto"]);
    expect(objects(mixed.stdout).map(({ state }) => state)).toEqual([...new Array(10).fill("NEW"), "INVALID"]);
  });
});

describe("--filter", () => {
  test.each([
    ["state=INVALID", [5]],
    ["invalid or udp", [5, 8]],
    ["conn=1 and not state=NEW", [2, 3, 4, 5]],
    ["conn 1 state=ESTABLISHED direction=reply", [2]],
    ["(tcp or icmp) and src 10.0.0.2", [2, 7]],
    ["host 10.0.0.3", [8]],
    ["net=10.0.0.2/31 and port 50-53", [8]],
    ["reason=tcp-*", [5]],
    ["frame>=8", [8, 9]],
    ["protocol=null", [9]],
    ["state!=NEW,ESTABLISHED && ip", [5]],
    ["after=SYN_RECV", [2]],
  ])("%s", async (filter, frames) => {
    const { stdout } = await ctrack([story, "-o", "json", "--filter", filter]);
    expect(objects(stdout).map(({ frame }) => frame)).toEqual(frames);
  });

  test.each([
    ["state=INVALD", 7, "is not one of NEW"],
    ["port=http", 6, "is not a number"],
    ["(tcp", 5, "a ) is missing"],
    ["tcp and", 8, "something is missing"],
    ["host 10.0.0.300", 6, "is not an address"],
    ["frobs=1", 1, "is neither a state"],
    ["tcp )", 5, "is one too many"],
  ])("%s is wrong in column %i", async (filter, column, message) => {
    const { code, stdout, stderr } = await ctrack([story, "--filter", filter]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`--filter, column ${column}: `);
    expect(stderr).toContain(message);
  });
});

test("the same seed gives the same output, ids included", async () => {
  const run = (seed: string) => ctrack(["list", story, "-o", "extended,id", "--seed", seed]);
  expect((await run("7")).stdout).toBe((await run("7")).stdout);
  expect((await run("7")).stdout).not.toBe((await run("8")).stdout);
});
