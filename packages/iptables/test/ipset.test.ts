// Files of `ipset save`, and what ipset 7.17 on Linux 6.18 made of them. A line of ipset-answers.tsv is the lines of a file with `;`
// between, and `refused`, `empty`, or what `ipset save` printed then: sorted, without hashsize and initval, with ` ;; ` between.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { formatSets, parseSets } from "../src/index.js";
import { reasonWithoutSets } from "./duel.js";

const ANSWERS = readFileSync(new URL("ipset-answers.tsv", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => {
    const [question = "", answer = ""] = line.split("\t");
    return { question, answer };
  });

function canonical(saved: string): string {
  const lines = saved.split("\n").filter(Boolean);
  const plain = lines.map((line) => line.replace(/ hashsize \d+/, "").replace(/ initval 0x[0-9a-f]+/, ""));
  return plain.sort().join(" ;; ") || "empty";
}

/** Where we differ, and why we want to. */
const DIFFERENCES: readonly (readonly [RegExp, string])[] = [
  [
    /add s (\S+);.*add s \1.*(-exist|-!)|-! add/,
    "ipset puts such lines into one request, whose first line speaks for all",
  ],
  [/skbmark 0x5\/(7|0x1ffffffff)/, "ipset takes a mask it cannot read for all ones"],
  [/skbprio 1:10000/, "ipset takes what is too large for 0"],
];

/** Time passes in the kernel, not here. */
const untimed = (answer: string) => answer.replace(/(add [^;]*timeout) [1-9]\d*/g, "$1");

function ourAnswer(question: string): string {
  const { sets, errors } = parseSets(question.replaceAll(";", "\n"));
  return errors.length > 0 ? "refused" : canonical(formatSets(sets.values()));
}

test("every difference that is named is one", () => {
  for (const [pattern, why] of DIFFERENCES)
    for (const { question, answer } of ANSWERS.filter(({ question }) => pattern.test(question)))
      expect(untimed(ourAnswer(question)), why).not.toBe(untimed(answer));
});

test(`${ANSWERS.length} files are accepted, refused and printed as by ipset 7.17`, () => {
  const alike = ANSWERS.filter(({ question }) => !DIFFERENCES.some(([pattern]) => pattern.test(question)));
  const wrong = alike.filter(({ question, answer }) => untimed(ourAnswer(question)) !== untimed(answer));
  expect(wrong.map((recorded) => ({ ...recorded, ours: ourAnswer(recorded.question) }))).toEqual([]);
});

const reason = reasonWithoutSets();

test.skipIf(reason)(`ipset here gives the recorded answers, one in ten${reason ? `: ${reason}` : ""}`, () => {
  const sample = ANSWERS.filter((_, i) => i % 10 === 4);
  const script = sample.map(
    ({ question }) =>
      `ipset flush; ipset destroy; ipset restore >/dev/null 2>&1 <<'END'\n${question.replaceAll(";", "\n")}\nEND\necho "@@ $?"; ipset save`,
  );
  const { stdout } = spawnSync("unshare", ["-n", "bash", "-s"], { input: script.join("\n"), encoding: "utf8" });
  const parts = stdout.split("@@ ").slice(1);
  const answers = parts.map((part) => (part.startsWith("0\n") ? canonical(part.slice(2)) : "refused"));
  expect(answers.map(untimed)).toEqual(sample.map(({ answer }) => untimed(answer)));
});

test("what is printed is read as the same sets again", () => {
  // a name with a blank is printed as ipset prints it, without quotes
  for (const { question } of ANSWERS.filter((one) => !one.question.includes("s t"))) {
    const saved = formatSets(parseSets(question.replaceAll(";", "\n")).sets.values());
    const { sets, errors } = parseSets(saved);
    expect(errors).toEqual([]);
    expect(formatSets(sets.values())).toBe(saved);
  }
});

test("types this machine's kernel has not: their elements, options and what is wrong with them", () => {
  const { sets, errors } = parseSets(`create m hash:mac counters
add m 02:00:00:00:00:0a packets 1
create k hash:ip,mark markmask 0xff
add k 10.0.0.1,0x1234
create im hash:ip,mac
add im 10.0.0.1,02:00:00:00:00:01
create nn hash:net,net
add nn 10.0.0.0/8,0.0.0.0/0 nomatch
create npn hash:net,port,net family inet6
add npn 2001:db8::/32,53,::/0
add m 00:00:00:00:00:00
add k 10.0.0.1
add npn 2001:db8::/129,53,::/0
create x hash:mac family inet
`);
  expect(formatSets(sets.values())).toBe(`create m hash:mac hashsize 1024 maxelem 65536 counters bucketsize 12
add m 02:00:00:00:00:0A packets 1 bytes 0
create k hash:ip,mark family inet hashsize 1024 maxelem 65536 markmask 0x000000ff bucketsize 12
add k 10.0.0.1,0x00000034
create im hash:ip,mac family inet hashsize 1024 maxelem 65536 bucketsize 12
add im 10.0.0.1,02:00:00:00:00:01
create nn hash:net,net family inet hashsize 1024 maxelem 65536 bucketsize 12
add nn 10.0.0.0/8,0.0.0.0/0 nomatch
create npn hash:net,port,net family inet6 hashsize 1024 maxelem 65536 bucketsize 12
add npn 2001:db8::/32,tcp:53,::/0
`);
  expect(errors.map(({ line, column, word }) => `${line}:${column} ${word}`)).toEqual([
    "11:7 00:00:00:00:00:00",
    "12:7 10.0.0.1",
    "13:20 129",
    "14:19 family",
  ]);
});

test("an error names the place, the word, and what would be right", () => {
  const { sets, errors } = parseSets(
    "create a hash:ip\nadd a 10.0.0.1,80\nadd b 10.0.0.1\nfrob a\nadd a 10.0.0.2 timeout 5\n",
  );
  expect(sets.get("a")?.entries.size).toBe(0);
  expect(errors.map(({ line, column, word, message }) => `${line}:${column}: ${word}: ${message}`)).toEqual([
    "2:7: 10.0.0.1,80: an element of hash:ip is wanted: 10.0.0.1",
    "3:5: b: there is no set b; there is a",
    "4:1: frob: wanted is a line of ipset save: create NAME TYPE ..., add NAME ELEMENT ..., or del, destroy, flush, rename or swap",
    "5:24: 5: timeout wants a set that was created with timeout",
  ]);
});

// xorshift32
function dice(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

test("garbage is refused or read, and always at a place of its own", () => {
  const pieces = ANSWERS.flatMap(({ question }) => question.split(/[ ;]/)).concat(['"', "-", "/", ",", ":", "\0", "é"]);
  const roll = dice(7);
  for (let round = 0; round < 1000; round++) {
    const lines = Array.from({ length: 3 }, () =>
      Array.from({ length: 1 + roll(5) }, () => pieces[roll(pieces.length)]).join([" ", " ", " ", "", ","][roll(5)]),
    );
    const text = `create s ${["hash:ip", "hash:net,port", "list:set", "bitmap:port range 0-99", "hash:net,iface"][roll(5)]}\n${lines.join("\n")}`;
    const { sets, errors } = parseSets(text);
    for (const { line, column, word, message } of errors) {
      const told = text.split("\n")[line - 1] ?? "";
      expect(column).toBeLessThanOrEqual(told.length + 2);
      expect(told.replaceAll('"', "")).toContain(word.replaceAll('"', ""));
      expect(message).not.toBe("");
    }
    expect(parseSets(formatSets(sets.values())).errors).toEqual([]);
  }
});
