// What a helper would have announced, and why nothing was expected: in JSON, in explain, in check, and in a file of tests.
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { ctrack, Scratch } from "./fixture.js";

const scratch = new Scratch();
afterAll(() => scratch.remove());

const sample = (name: string) => fileURLToPath(new URL(`../../../samples/${name}.pcap`, import.meta.url));
const file = (name: string, text: string) => scratch.write(name, Buffer.from(text));
const objects = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** A control connection with the helper at its port, then the lines. */
const control = (...lines: string[]) => `
tests:
  - name: control
    helper: [ftp, "ftp:2121"]
    packets:
      - tcp 10.0.0.1:1025 > 10.0.0.2:2121 SYN => NEW
      - tcp 10.0.0.2:2121 > 10.0.0.1:1025 SYN,ACK
      - tcp 10.0.0.1:1025 > 10.0.0.2:2121 ACK
      - tcp 10.0.0.2:2121 > 10.0.0.1:1025 ACK data="220 ready\\r\\n"
      - tcp 10.0.0.1:1025 > 10.0.0.2:2121 ACK data="USER a\\r\\n"
${lines.map((line) => `      - ${line}`).join("\n")}
`;

test("--hints in the object of the packet that opens the connection, with or without workers", async () => {
  const plain = objects((await ctrack(["track", sample("ftp-active"), "-o", "json"])).stdout);
  const run = await ctrack(["track", sample("ftp-active"), "-o", "json", "--hints"]);
  const told = objects(run.stdout);
  const opening = told.filter(({ helperHint }) => helperHint !== undefined);
  expect(opening).toMatchObject([
    {
      state: "NEW",
      helperHint: { helper: "ftp", announced: 13, announcement: expect.stringMatching(/^PORT 192,168,1,5,/) },
      notExpected: [{ announced: 13, why: "no-helper", text: expect.stringContaining("port 21") }],
    },
  ]);
  expect(told.map(({ helperHint, notExpected, ...rest }) => rest)).toEqual(plain);
  const shared = await ctrack(["track", sample("ftp-active"), "-o", "json", "--hints", "--workers", "2"]);
  expect(shared.stdout).toBe(run.stdout);
});

test("nothing is said where the helper is assigned", async () => {
  const { stdout, stderr } = await ctrack(["track", sample("ftp-session"), "-o", "json", "--hints", "--helper", "ftp"]);
  expect(stdout).not.toContain("helperHint");
  expect(stdout).not.toContain("notExpected");
  expect(stderr).toBe("");
});

test("explain says which control connection had no helper", async () => {
  const { stdout, stderr } = await ctrack(["explain", sample("ftp-passive"), "15"]);
  expect(stdout).toMatch(
    /Not expected\s+#14 "227 Entering Passive Mode .*" \(ftp\): its control connection \(port 21\) has no/,
  );
  expect(stdout).toMatch(/Hint\s+with `-j CT --helper ftp`/);
  expect(stderr).toBe("");
});

test("check hints as well, unless a rule assigns the helper", async () => {
  const rules = (raw: string) =>
    `*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${raw}COMMIT\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n`;
  const without = await ctrack(["check", file("none.v4", rules("")), sample("ftp-active"), "--hook", "FORWARD"]);
  expect(without.stderr).toContain("`-j CT --helper ftp`");
  const rule = "-A PREROUTING -p tcp --dport 21 -j CT --helper ftp\n";
  const args = ["check", file("ftp.v4", rules(rule)), sample("ftp-active"), "--hook", "FORWARD"];
  const { stderr, stdout } = await ctrack(args);
  expect(stderr).toBe("");
  expect(stdout).toContain("RELATED");
  const bare = [
    "check",
    file("none.v4", rules("")),
    sample("ftp-active"),
    "--hook",
    "FORWARD",
    "-o",
    "json",
    "--hints",
  ];
  expect(objects((await ctrack(bare)).stdout).find(({ frame }) => frame === 20)).toMatchObject({
    helperHint: { helper: "ftp", announced: 13 },
  });
});

test("ctrack test: helper: with and without a port, and text in quotes", async () => {
  const good = control(
    'tcp 10.0.0.1:1025 > 10.0.0.2:2121 ACK data="PORT 10,0,0,1,4,1\\r\\n" => ESTABLISHED reason expectation-made',
    "tcp 10.0.0.2:20 > 10.0.0.1:1025 SYN => RELATED",
    'tcp 10.0.0.1:1025 > 10.0.0.2:2121 ACK data="PORT 10,0,0,9,4,1\\r\\n" => ESTABLISHED reason helper-other-address',
  );
  expect((await ctrack(["test", file("good.yaml", good)])).stdout).toContain("8 passed, 0 failed");
  const unknown = await ctrack(["test", file("bad.yaml", control().replace("ftp:2121", "ftb"))]);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/bad\.yaml:3:5: helper ftb: there is no helper "ftb"/);
  const open = await ctrack(["test", file("open.yaml", control('udp 1.1.1.1:1 > 2.2.2.2:2 data="GET'))]);
  expect(open.stderr).toContain("a quote is not closed");
});
