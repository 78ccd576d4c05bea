import { defineConfig } from "rolldown";

export default defineConfig({
  input: { main: "src/main.ts" },
  external: [/^node:/, "conntrack-wasm", "conntrack-iptables", "tinybench"],
  platform: "neutral",
  output: { dir: "dist", format: "es", sourcemap: true },
});
