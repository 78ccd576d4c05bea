// Results for people, for TAP, JUnit, GitHub and programs.
import type { Outcome } from "./run.js";

export type Form = "text" | "tap" | "junit" | "github" | "json";

export const failures = (outcomes: readonly Outcome[]): number =>
  outcomes.filter(({ problem }) => problem !== null).length;

export const REPORTS: Readonly<Record<Form, (outcomes: readonly Outcome[]) => string>> = {
  text,
  tap,
  junit,
  github,
  json,
};

function text(outcomes: readonly Outcome[]): string {
  const lines: string[] = [];
  let name = "";
  for (const outcome of outcomes) {
    if (outcome.case !== name) {
      name = outcome.case;
      lines.push(name);
    }
    lines.push(`  ${outcome.problem === null ? "ok  " : "FAIL"} ${outcome.text}`);
    if (outcome.problem !== null) lines.push(`       ${outcome.file}:${outcome.line}: ${outcome.problem}`);
  }
  const failed = failures(outcomes);
  lines.push("", `${outcomes.length - failed} passed, ${failed} failed`, "");
  return lines.join("\n");
}

/** Test Anything Protocol 13. */
function tap(outcomes: readonly Outcome[]): string {
  const lines = ["TAP version 13", `1..${outcomes.length}`];
  outcomes.forEach(({ case: name, text: check, problem, file, line }, i) => {
    lines.push(`${problem === null ? "ok" : "not ok"} ${i + 1} - ${`${name}: ${check}`.replaceAll("#", "\\#")}`);
    if (problem !== null)
      lines.push(
        "  ---",
        `  message: ${JSON.stringify(problem)}`,
        `  at: ${JSON.stringify(`${file}:${line}`)}`,
        "  ...",
      );
  });
  return `${lines.join("\n")}\n`;
}

const xml = (value: string): string => value.replace(/[<>&"]/g, (char) => `&#${char.charCodeAt(0)};`);

function junit(outcomes: readonly Outcome[]): string {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>'];
  lines.push(`<testsuites tests="${outcomes.length}" failures="${failures(outcomes)}">`);
  for (const [name, checks] of groupByCase(outcomes)) {
    const [first] = checks;
    lines.push(
      `  <testsuite name="${xml(name)}" tests="${checks.length}" failures="${failures(checks)}" file="${xml(first?.file ?? "")}">`,
    );
    for (const { text: check, problem, file, line } of checks) {
      const head = `    <testcase name="${xml(check)}" classname="${xml(name)}" file="${xml(file)}" line="${line}"`;
      lines.push(problem === null ? `${head}/>` : `${head}><failure message="${xml(problem)}"/></testcase>`);
    }
    lines.push("  </testsuite>");
  }
  lines.push("</testsuites>", "");
  return lines.join("\n");
}

function groupByCase(outcomes: readonly Outcome[]): Map<string, Outcome[]> {
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) groups.set(outcome.case, [...(groups.get(outcome.case) ?? []), outcome]);
  return groups;
}

/** Annotations of GitHub Actions, then the same as for people. */
function github(outcomes: readonly Outcome[]): string {
  const escaped = (value: string) => value.replaceAll("%", "%25").replaceAll("\n", "%0A");
  const notes = outcomes
    .filter(({ problem }) => problem !== null)
    .map(
      ({ file, line, problem, case: name }) =>
        `::error file=${file},line=${line},title=${escaped(name).replace(/[,:]/g, " ")}::${escaped(problem ?? "")}\n`,
    );
  return notes.join("") + text(outcomes);
}

function json(outcomes: readonly Outcome[]): string {
  return outcomes
    .map(({ problem, ...rest }) => `${JSON.stringify({ ...rest, ok: problem === null, problem })}\n`)
    .join("");
}
