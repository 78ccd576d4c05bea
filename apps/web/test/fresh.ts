// Builds the app when dist/ is not what the sources give. Test files run beside each other: the first one builds, the
// others wait for it.
import { mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { builtFrom } from "../built-from.js";

const APP = fileURLToPath(new URL("..", import.meta.url));
const LOCK = `${APP}/.building`;
/** A lock this old is left over from a run that was killed. */
const LEFT_OVER = 120_000;

function isFresh(): boolean {
  try {
    return readFileSync(`${APP}/dist/built-from.txt`, "utf8") === builtFrom();
  } catch {
    return false;
  }
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
    if (!isFresh()) await build({ root: APP, configFile: `${APP}/vite.config.ts`, logLevel: "error" });
  } finally {
    rmdirSync(LOCK);
  }
}
