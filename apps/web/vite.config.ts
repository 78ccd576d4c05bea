import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";
import { builtFrom } from "./built-from.js";

const samples = fileURLToPath(new URL("../../samples", import.meta.url));

const ownFiles = fileURLToPath(new URL("public", import.meta.url));

/** The captures of samples/ beside the app, and the list of files a service worker keeps for use without a network. */
function samplesAndOffline(): Plugin {
  return {
    name: "samples-and-offline",
    apply: "build",
    writeBundle({ dir = "dist" }, bundle) {
      const captures = readdirSync(samples).filter((name) => name.endsWith(".pcap"));
      mkdirSync(join(dir, "samples"), { recursive: true });
      for (const name of captures) copyFileSync(join(samples, name), join(dir, "samples", name));
      const files = ["./", ...Object.keys(bundle).filter((name) => name !== "index.html" && !name.endsWith(".map"))];
      files.push(...readdirSync(ownFiles).filter((name) => name !== "service-worker.js"));
      files.push(...captures.map((name) => `samples/${name}`));
      writeFileSync(join(dir, "offline.json"), JSON.stringify(files));
      writeFileSync(join(dir, "built-from.txt"), builtFrom());
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  plugins: [svelte(), samplesAndOffline()],
  worker: { format: "es" },
  build: { target: "es2022", outDir: "dist", emptyOutDir: true, assetsInlineLimit: 0 },
});
