// The first view stays small.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { APP } from "./browser.js";

test("the whole app, engine included, is less than 300 KB compressed", () => {
  const assets = `${APP}/dist/assets`;
  const names = readdirSync(assets).filter((name) => !name.endsWith(".map"));
  const size = (name: string) => gzipSync(readFileSync(`${assets}/${name}`)).length;
  const total = names.reduce((sum, name) => sum + size(name), 0);
  console.info(`the app: ${Math.round(total / 1000)} KB compressed`);
  expect(names.some((name) => name.endsWith(".wasm"))).toBe(true);
  expect(total).toBeLessThan(300_000);
});

test("everything the app loads is kept for use without a network", () => {
  const listed: string[] = JSON.parse(readFileSync(`${APP}/dist/offline.json`, "utf8"));
  for (const name of readdirSync(`${APP}/dist/assets`)) expect(listed).toContain(`assets/${name}`);
  expect(listed).toContain("samples/tour.pcap");
});
