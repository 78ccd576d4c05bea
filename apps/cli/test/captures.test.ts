// Real captures of many kinds: no crash, and as many frames as capinfos counts.
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { CAPTURES, ctrack } from "./fixture.js";

const run = promisify(execFile);

/** Frames as capinfos counts them, null when it is not installed or refuses the file. */
async function framesOf(file: string): Promise<number | null> {
  try {
    const { stdout } = await run("capinfos", ["-c", "-M", "-T", "-r", file]);
    return Number(stdout.trim().split("\t")[1]);
  } catch {
    return null;
  }
}

const files = existsSync(CAPTURES) ? readdirSync(CAPTURES).filter((name) => name.includes(".pcap")) : [];

describe("public captures", () => {
  if (files.length === 0) test.skip("the public captures are not beside this repository", () => {});
  for (const name of files) {
    test(name, async () => {
      const { code, stdout, stderr } = await ctrack([CAPTURES + name, "-o", "json"]);
      const frames = stdout.split("\n").length - 1;
      const counted = await framesOf(CAPTURES + name);
      if (code === 3) expect(stderr).toMatch(/byte \d+/);
      else {
        expect(code).toBe(0);
        if (counted !== null) expect(frames).toBe(counted);
      }
      const { stdout: text, code: again } = await ctrack([CAPTURES + name, "-o", "text", "-q"]);
      expect([again, text.split("\n").length - 1]).toEqual([code, frames]);
    });
  }
});
