// Some four thousand rule lines and what iptables 1.8.9 (nf_tables) on Linux 6.18 made of them: every option of every extension,
// with right, borderline and wrong values. A line of answers.tsv is family, table, rule and answer: `refused`, `accepted` (no
// rule comes of it), `=` (printed as it stands), or the canonical rules with ` ;; ` between.
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
  [/-ieth0$/, "iptables takes this for the interface `-ieth0`; nobody means that"],
  [/-j QUEUE$/, "NFQUEUE 0 under its old name; this kernel no longer has the module"],
  [/ -h$/, "a help text in the middle of a file"],
  [/"unterminated$/, "iptables reads on over the end of the line"],
  [/^\[a:b\]/, "iptables takes counters that are no numbers"],
  [/^:new - \[0\]$/, "iptables takes counters that are no pair"],
  [/^-[ZEC] /, "commands that change no rule, or whose success hangs on the kernel's tables"],
  [/--syn -m tcp --tcp-flags/, "iptables-nft forgets the first of two tests of flags"],
  [/--object-pinned/, "needs the object in the file system"],
  [/--realm cosmos/, "needs /etc/iproute2/rt_realms"],
  [/-m cgroup --path/, "needs the directory in the file system"],
  [/--match-set|--add-set/, "sets are given as a file; iptables asks the kernel"],
  [/--timeout nosuch/, "timeout policies are given as a file; iptables asks the kernel"],
  [/-j LED/, "this kernel has no LEDs; iptables-restore --test takes it"],
  [/--to-source 1\.2\.3\.4:80-90\/8080/, "iptables drops the base without a word"],
];
