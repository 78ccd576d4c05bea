// Over fifteen thousand rule lines, and what iptables 1.8.9 (nf_tables) on Linux 6.18 made of them: every option of every
// extension with right, borderline and wrong values; lines of guides and of tools that write rules; lines changed at random.
// A line of answers.tsv is family, table, rule and answer: `refused`, `accepted` (no rule comes of it), `=` (printed as it
// stands), or the canonical rules with ` ;; ` between.
import { readFileSync } from "node:fs";
import { type Family, formatRuleset, parseRuleset } from "../src/index.js";
import { fileOf, type Question } from "./ask.js";

export interface Recorded extends Question {
  answer: string;
}

export const ANSWERS: readonly Recorded[] = readFileSync(new URL("answers.tsv", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => {
    const [family, table = "", rule = "", answer = ""] = line.split("\t");
    return { family: Number(family) as Family, table, rule, answer: answer === "=" ? rule : answer };
  });

/** What this package makes of a line, said in the same way. */
export function ourAnswer(question: Question): string {
  const { ruleset, errors } = parseRuleset(fileOf(question), { family: question.family });
  if (errors.length > 0) return "refused";
  const rules = formatRuleset(ruleset, { counters: false })
    .split("\n")
    .filter((line) => line.startsWith("-A"));
  return rules.join(" ;; ") || "accepted";
}

/** Where we differ, and why we want to. */
export const DIFFERENCES: readonly (readonly [RegExp, string])[] = [
  [/-j QUEUE$/, "NFQUEUE 0 under its old name; this kernel no longer has the module"],
  [/ -h$/, "a help text in the middle of a file"],
  [/"unterminated$/, "iptables reads on over the end of the line"],
  [/^\[a:b\]/, "iptables takes counters that are no numbers"],
  [/^:\S+ \S+ (?!\[\d+:\d+\])\S/, "iptables reads no counters here unless it is told to, whatever they are"],
  [/^(?:-[ZE]|--(?:zero|rename-chain)\b)/, "chains that iptables-restore has not made yet when it comes to these"],
  [/-m udp --dport (?:0:65535|5:) .*-m udp --/, "iptables-nft prints one test of ports only, and asks both"],
  [/--nfacct-name ct_state/, "iptables asks the kernel for its counters by name"],
  [/--syn -m tcp --tcp-flags/, "iptables-nft forgets the first of two tests of flags"],
  [/--object-pinned/, "needs the object in the file system"],
  [/-m cgroup --path/, "needs the directory in the file system"],
  [/--match-set|--add-set/, "sets are given as a file; iptables asks the kernel"],
  [/--timeout nosuch/, "timeout policies are given as a file; iptables asks the kernel"],
  [/-j LED/, "this kernel has no LEDs; iptables-restore --test takes it"],
];
