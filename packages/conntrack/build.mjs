// One self-contained ES module and another for the workers of a pool, their types, and the engine beside it: no bare import is left, so that it runs in a
// browser as it is.
import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import { build } from "rolldown";

for (const entry of ["index", "pool-worker"]) {
  await build({
    input: `src/${entry}.ts`,
    platform: "neutral",
    external: [/^node:/],
    resolve: { mainFields: ["module", "main"] },
    output: { dir: "dist", format: "esm", sourcemap: true, cleanDir: entry === "index", entryFileNames: `${entry}.js` },
  });
}
copyFileSync("../core/build/conntrack.wasm", "dist/conntrack.wasm");
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" });
