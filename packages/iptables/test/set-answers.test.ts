// Rules about sets, and what iptables 1.8.9 (nf_tables) said of them on Linux 6.18 with these sets in the kernel. A line of
// set-answers.tsv is one of answers.tsv: family, table, rule, answer.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Family, formatRuleset, parseRuleset, parseSets } from "../src/index.js";
import { ask, fileOf, type Question, reasonNotToAsk } from "./ask.js";
import { reasonWithoutSets } from "./duel.js";

const SETS = `create a hash:ip
create ip hash:ip timeout 0
create ip6 hash:ip family inet6
create net hash:net counters
create np hash:net,port
create ni hash:net,iface
create bp bitmap:port range 0-100
create l list:set
add l ip
create skb hash:ip skbinfo
create "with blank" hash:ip
create x,y hash:ip
create a_b-c.d hash:ip
`;
const { sets } = parseSets(SETS);

const ANSWERS = readFileSync(new URL("set-answers.tsv", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => {
    const [family, table = "", rule = "", answer = ""] = line.split("\t");
    return { family: Number(family) as Family, table, rule, answer: answer === "=" ? rule : answer };
  });

function ourAnswer(question: Question): string {
  const { ruleset, errors } = parseRuleset(fileOf(question), { family: question.family, sets });
  if (errors.length > 0) return "refused";
  const lines = formatRuleset(ruleset, { counters: false }).split("\n");
  return lines.filter((line) => line.startsWith("-A")).join(" ;; ") || "accepted";
}

test(`${ANSWERS.length} rules about sets are accepted, refused and printed as by iptables 1.8.9`, () => {
  const wrong = ANSWERS.filter((recorded) => ourAnswer(recorded) !== recorded.answer);
  expect(wrong.map((recorded) => ({ ...recorded, ours: ourAnswer(recorded) }))).toEqual([]);
});

const reason = reasonNotToAsk() ?? reasonWithoutSets();

test.skipIf(reason)(`iptables here gives the recorded answers, one in ten${reason ? `: ${reason}` : ""}`, () => {
  const sample = ANSWERS.filter((_, i) => i % 10 === 3);
  const answers = ask(sample, `ipset restore <<'END'\n${SETS}END`).map(({ accepted, canonical }) =>
    accepted ? canonical.join(" ;; ") || "accepted" : "refused",
  );
  expect(answers).toEqual(sample.map(({ answer }) => answer));
});

test("an error names the set, its place in the line, and the way out", () => {
  const { errors } = parseRuleset("*filter\n-A INPUT -m set --match-set nosuch src\nCOMMIT\n", { sets });
  expect(errors).toEqual([
    {
      line: 2,
      column: 29,
      word: "nosuch",
      message: 'there is no set "nosuch"; give the file of ipset save that creates it (--ipset FILE)',
    },
  ]);
});
