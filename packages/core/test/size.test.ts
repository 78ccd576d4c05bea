// What users download: the engine has to stay small.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { releaseBytes } from "./support/builds.js";

const KB = 1024;

test("the release module: below 144 KB, below 56 KB gzipped, and the one the package ships", () => {
  expect(releaseBytes.length).toBeLessThan(144 * KB);
  expect(gzipSync(releaseBytes).length).toBeLessThan(56 * KB);
  const shipped = readFileSync(new URL("../../conntrack/dist/conntrack.wasm", import.meta.url));
  expect(shipped.equals(releaseBytes)).toBe(true);
});

test("it imports nothing but what shards ask each other, and the release has no self-check", () => {
  const module = new WebAssembly.Module(releaseBytes);
  expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "opens", kind: "function" }]);
  expect(WebAssembly.Module.exports(module).map(({ name }) => name)).not.toContain("selfcheck");
});
