// What the harness makes of a browser's page, with scripts in the browser's place.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Row } from "../src/row.js";
import { inBrowser } from "../src/runtimes/browser.js";
import { servePage, type Told } from "../src/runtimes/page.js";

const folder = mkdtempSync(join(tmpdir(), "browser-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SETTINGS = { full: false, budget: 1, only: "styles" };

async function ask(name: string, script: string): Promise<{ rows: Row[]; said: string[] }> {
  const program = join(folder, name);
  writeFileSync(program, `#!${process.execPath}\n(async () => {${script}})();`);
  chmodSync(program, 0o755);
  const rows: Row[] = [];
  const said: string[] = [];
  const browser = { name, places: [undefined, join(folder, "missing"), program], args: (at: string) => ["--at", at] };
  for await (const row of inBrowser(browser, SETTINGS, (text) => said.push(text))) rows.push(row);
  return { rows, said };
}

const TELL = `const tell = (told) => fetch(process.argv.at(-1) + "told", { method: "POST", body: JSON.stringify(told) });`;

test("rows and failures until the page says it is through; then the browser is ended", async () => {
  const { rows, said } = await ask(
    "through",
    `${TELL} await tell({ row: { question: "one" } }); await tell({ failure: "rules: no" });
     await tell({ row: { question: "two" } }); await tell({ ended: true }); setTimeout(() => {}, 1e6);`,
  );
  expect(rows).toEqual([{ question: "one" }, { question: "two" }]);
  expect(said).toEqual(["through: rules: no"]);
});

test("a browser that goes away is told, and its rows are kept", async () => {
  const { rows, said } = await ask("gone", `${TELL} await tell({ row: { question: "one" } }); process.exit(3);`);
  expect(rows).toEqual([{ question: "one" }]);
  expect(said).toEqual(["gone: ended with 3; rows may be missing"]);
});

test("a browser that is not there is told with the way to name it", async () => {
  const said: string[] = [];
  const missing = { name: "lynx", places: [join(folder, "missing")], args: () => [] };
  for await (const row of inBrowser(missing, SETTINGS, (text) => said.push(text))) expect(row).toBeUndefined();
  expect(said).toEqual(["lynx: left out: not found; install it, or say where it is with LYNX"]);
});

test("the page is isolated and carries the settings; nothing beside the build is handed out", async () => {
  const told: Told[] = [];
  const { url, close } = await servePage(SETTINGS, (what) => told.push(what));
  try {
    const page = await fetch(url);
    expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    expect(await page.text()).toContain(JSON.stringify(SETTINGS));
    for (const path of ["package.json", "../package.json", "%2e%2e/package.json", "nothing.js"]) {
      expect((await fetch(url + path)).status).toBe(404);
    }
    await fetch(`${url}told`, { method: "POST", body: JSON.stringify({ ended: true }) });
    expect(told).toEqual([{ ended: true }]);
  } finally {
    close();
  }
});
