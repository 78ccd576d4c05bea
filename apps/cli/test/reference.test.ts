// What is written about commands and options, against the commands themselves.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ctrack } from "./fixture.js";

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const COMMANDS = ["track", "list", "events", "explain", "stats", "diff", "rules", "check", "test", "completion", "man"];

/** Long options of a command, from its help. */
async function optionsOf(command: string): Promise<string[]> {
  const { stdout } = await ctrack([command, "--help"]);
  expect(stdout).toContain("\nExamples:\n");
  expect(stdout).toContain("\nExit codes:\n");
  return [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z0-9-]+)/gm)].map(([, name = ""]) => name);
}
const options = new Map(await Promise.all(COMMANDS.map(async (name) => [name, await optionsOf(name)] as const)));

test("ctrack --help names every command", async () => {
  const { stdout } = await ctrack(["--help"]);
  for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, "m"));
});

test("the manual page is what `ctrack man` prints, and has every command and option", async () => {
  const { stdout } = await ctrack(["man"]);
  expect(stdout, "run: npx ctrack man > apps/cli/man/ctrack.1").toBe(read("man/ctrack.1"));
  for (const [name, list] of options) {
    expect(stdout).toContain(`.SS "ctrack ${name} `);
    for (const option of list) expect(stdout).toContain(`\\fB${option.replaceAll("-", "\\-")}\\fR`);
  }
});

test("the README has every command and option", () => {
  const readme = read("README.md");
  for (const [name, list] of options) {
    expect(readme).toContain(`| \`${name}\``);
    for (const option of list) {
      if (option === "--help") continue;
      const short = { "--read": "-r", "--quiet": "-q", "--verbose": "-v", "--numeric": "-n", "--output": "-o" }[option];
      const other = { "--ipv4": "-4", "--ipv6": "-6", "--event-mask": "-e" }[option];
      expect(readme, `${name} ${option}`).toMatch(new RegExp(`\`(\\S+ )*${short ?? other ?? option}(?![a-z-])`));
    }
  }
});

test.each(["bash", "zsh", "fish"])("completion for %s has every command and option", async (shell) => {
  const { stdout, code } = await ctrack(["completion", shell]);
  expect(code).toBe(0);
  for (const [name, list] of options) {
    expect(stdout).toContain(name);
    for (const option of list) expect(stdout).toContain(shell === "fish" ? `-l ${option.slice(2)}` : option);
  }
});

test("bash completes commands, options and choices", async () => {
  const { stdout } = await ctrack(["completion", "bash"]);
  const complete = (...words: string[]) =>
    execFileSync("bash", ["-s"], {
      encoding: "utf8",
      input: `${stdout}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})\nCOMP_CWORD=${words.length - 1}\n_ctrack\necho "\${COMPREPLY[@]}"`,
    })
      .trim()
      .split(" ");
  expect(complete("ctrack", "ch")).toEqual(["check"]);
  expect(complete("ctrack", "check", "--ass")).toEqual(["--assume"]);
  expect(complete("ctrack", "check", "rules.v4", "--hook", "F")).toEqual(["FORWARD"]);
  expect(complete("ctrack", "completion", "z")).toEqual(["zsh"]);
});

test("a shell nobody knows, and a command", async () => {
  const shell = await ctrack(["completion", "tcsh"]);
  expect([shell.code, shell.stderr]).toEqual([2, expect.stringContaining("Allowed choices are bash, zsh, fish")]);
});
