// Two entries that share what they can; fzstd becomes a chunk of its own, loaded when a zstd file turns up.

import { defineConfig } from "rolldown";

export default defineConfig({
  input: { index: "src/index.ts", node: "src/node.ts" },
  external: /^node:/,
  platform: "neutral",
  output: {
    dir: "dist",
    cleanDir: true,
    format: "es",
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: ({ name }) => (name === "src" ? "capture.js" : "[name].js"), // what both entries share
    comments: { legal: true },
    postBanner: ({ moduleIds }) =>
      moduleIds.some((id) => id.includes("/fzstd/"))
        ? "/*! Contains fzstd 0.1.1, (c) 2020 Arjun Barrett, MIT licence: see LICENSE-fzstd */"
        : "",
  },
});
