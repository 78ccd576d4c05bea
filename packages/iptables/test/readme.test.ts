import { readFileSync } from "node:fs";
import { format } from "node:util";
import { expect, test } from "vitest";
import { MATCHES } from "../src/match/index.js";
import { TARGETS } from "../src/target/index.js";

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** Every piece of code with what it prints right behind it, as it stands there. */
const EXAMPLES = [...README.matchAll(/```js\n((?:(?!```).)*)```\n\n```\n(.*?)```/gs)].map(
  ([, code = "", shown = ""]) => ({
    title: README.slice(0, README.indexOf(code)).match(/^#.*$/gm)?.at(-1),
    code,
    shown,
  }),
);

test.each(EXAMPLES)("$title: the example prints what it says", async ({ code, shown }) => {
  const lines: string[] = [];
  const print = (...values: unknown[]) => lines.push(format(...values));
  const body = code.replace(/^import (\{.*?\}) from "conntrack-iptables";$/m, "const $1 = library;");
  const run = new Function("library", "console", `return (async () => {${body}})();`);
  await run(await import("../src/index.js"), { log: print });
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
