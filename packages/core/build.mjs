// Compiles the engine: release (no asserts) and debug (asserts, internals exported), and the writer of lines; before that, the
// grammar of H.323.
import { mkdirSync } from "node:fs";
import asc from "assemblyscript/asc";
import "./grammar/compile.mjs";

const common = ["--runtime", "stub", "--enable", "simd", "--initialMemory", "4", "--maximumMemory", "65536"];
const lines = ["--runtime", "stub", "--enable", "simd", "--initialMemory", "288", "--maximumMemory", "288"];
const builds = [
  ["assembly/index.ts", "--outFile", "build/conntrack.wasm", "-O3", "--noAssert", ...common],
  ["assembly/lines/index.ts", "--outFile", "build/lines.wasm", "-O3", "--noAssert", ...lines],
  ["assembly/debug.ts", "--outFile", "build/conntrack.debug.wasm", "-O1", "--debug", ...common],
];

mkdirSync("build", { recursive: true });
for (const build of builds) {
  const { error } = await asc.main(build, { stdout: process.stdout, stderr: process.stderr });
  if (error) {
    console.error(String(error));
    process.exit(1);
  }
}
