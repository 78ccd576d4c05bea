// Builds the app when dist/ is not what the sources give. Test files run beside each other: the first one builds, the
// others wait for it.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { builtFrom } from "../built-from.js";

const APP = fileURLToPath(new URL("..", import.meta.url));
const LOCK = `${APP}/.building`;
/** A lock this old is left over from a run that was killed. */
const LEFT_OVER = 60_000;

function isFresh(): boolean {
  try {
    return readFileSync(`${APP}/dist/built-from.txt`, "utf8") === builtFrom();
  } catch {
    return false;
  }
}

// in a process of its own: this one is under test, and what is served is built for production
function buildApp(): void {
  const vite = createRequire(import.meta.url)
    .resolve("vite/package.json")
    .replace(/package\.json$/, "bin/vite.js");
  const env = { ...process.env, NODE_ENV: "production" };
  execFileSync(process.execPath, [vite, "build", "--logLevel", "error"], { cwd: APP, env, stdio: "inherit" });
}

function takeLock(): boolean {
  try {
    mkdirSync(LOCK);
    return true;
  } catch {
    const since = statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > LEFT_OVER) rmdirSync(LOCK);
    return false;
  }
}

export async function freshBuild(): Promise<void> {
  while (!takeLock()) await pause(200);
  try {
    if (!isFresh()) buildApp();
  } finally {
    rmdirSync(LOCK);
  }
}
