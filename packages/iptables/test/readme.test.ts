import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MATCHES } from "../src/match/index.js";
import { TARGETS } from "../src/target/index.js";

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const [, code = "", shown = ""] = /```js\n(.*?)```\n\n```\n(.*?)```/s.exec(README) ?? [];

test("the example of the README prints what it says", async () => {
  const lines: string[] = [];
  const { formatRuleset, parseRuleset } = await import("../src/index.js");
  const body = code.replace(/^import .*\n/, "").replaceAll("console.log", "print");
  new Function("formatRuleset", "parseRuleset", "print", body)(formatRuleset, parseRuleset, (text: string) =>
    lines.push(text),
  );
  expect(`${lines.join("\n")}\n`).toBe(shown);
});

test("the README lists every match and target", () => {
  const row = (name: string) =>
    /\| +([A-Za-z0-9 ]+?) +\|/.exec(README.slice(README.indexOf(`| ${name} `) + name.length + 2))?.[1];
  expect(row("matches")).toBe([...new Set(MATCHES.map(({ name }) => name))].sort().join(" "));
  expect(row("targets")).toBe(
    TARGETS.map(({ name }) => name)
      .sort()
      .join(" "),
  );
});
