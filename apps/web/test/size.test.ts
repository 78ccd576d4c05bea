// The first view stays small.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { APP, CHROMIUM, loaded, Site } from "./browser.js";
import { freshBuild } from "./fresh.js";

test.skipIf(!CHROMIUM)("the first view, engine and a capture included, is less than 300 KB compressed", async () => {
  const site = await Site.open();
  const page = await site.browser.newPage();
  const asked: string[] = [];
  page.on("response", (response) => void asked.push(new URL(response.url()).pathname));
  await page.goto(`${site.url}#sample=tour`);
  await loaded(page);
  await page.locator(".chip").first().waitFor();
  await site.close();
  const files = [...new Set(asked)].map((path) => (path === "/" ? "/index.html" : path));
  const total = files.reduce((sum, path) => sum + gzipSync(readFileSync(`${APP}/dist${path}`)).length, 0);
  console.info(`the first view: ${files.length} files, ${Math.round(total / 1000)} KB compressed`);
  expect(files.some((path) => path.endsWith(".wasm"))).toBe(true);
  expect(files.some((path) => path.includes("engine.worker"))).toBe(true);
  expect(total).toBeLessThan(300_000);
});

test("everything the app loads is kept for use without a network", async () => {
  await freshBuild();
  const listed: string[] = JSON.parse(readFileSync(`${APP}/dist/offline.json`, "utf8"));
  for (const name of readdirSync(`${APP}/dist/assets`)) expect(listed).toContain(`assets/${name}`);
  expect(listed).toContain("samples/tour.pcap");
});
