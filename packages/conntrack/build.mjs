// One self-contained ES module, its types, and the engine beside it: no bare import is left, so that it runs in a
// browser as it is.
import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import { build } from "rolldown";

await build({
  input: "src/index.ts",
  platform: "neutral",
  external: [/^node:/],
  resolve: { mainFields: ["module", "main"] },
  output: { dir: "dist", format: "esm", sourcemap: true, cleanDir: true, entryFileNames: "index.js" },
});
copyFileSync("../core/build/conntrack.wasm", "dist/conntrack.wasm");
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" });
