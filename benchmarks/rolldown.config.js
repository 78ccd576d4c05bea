import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "rolldown";

const output = { dir: "dist", format: "es", sourcemap: true, chunkFileNames: "[name]-[hash].js" };

/** The engine beside the script: where the bundled wrapper looks for it, and what the question about starting compiles. */
const module = {
  name: "module",
  generateBundle() {
    const source = readFileSync(fileURLToPath(import.meta.resolve("conntrack-wasm/conntrack.wasm")));
    this.emitFile({ type: "asset", fileName: "conntrack.wasm", source });
  },
};

export default defineConfig([
  {
    input: { main: "src/main.ts" },
    external: [/^node:/, "conntrack-wasm", "conntrack-iptables", "tinybench"],
    platform: "neutral",
    output,
    plugins: [module],
  },
  {
    input: { portable: "src/portable.ts", "portable-main": "src/portable-main.ts" },
    external: [/^node:/],
    platform: "browser",
    output,
    plugins: [module],
  },
]);
