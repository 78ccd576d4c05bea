import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const src = join(dirname(fileURLToPath(import.meta.url)), "../src");

/** The modules an entry loads, static and dynamic imports alike. */
function modulesOf(entry: string): Set<string> {
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    if (!path.endsWith(".ts")) return;
    for (const [, specifier] of readFileSync(path, "utf8").matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      const name = specifier as string;
      visit(name.startsWith(".") ? resolve(dirname(path), name.replace(/\.js$/, ".ts")) : name);
    }
  };
  visit(join(src, entry));
  return seen;
}

describe("the main entry", () => {
  const modules = modulesOf("index.ts");

  test("loads no module of Node, so that it runs in a browser", () => {
    expect([...modules].filter((name) => !name.endsWith(".ts"))).toEqual(["fzstd"]);
  });

  test("loads fzstd only for a zstd file", () => {
    const imports = readFileSync(join(src, "index.ts"), "utf8");
    expect(imports).toContain('await import("./unzstd.js")');
    for (const path of modules) {
      if (path.endsWith(".ts")) expect(readFileSync(path, "utf8")).not.toMatch(/^import .* from "\.\/unzstd\.js"/m);
    }
  });
});
