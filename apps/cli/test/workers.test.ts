// `--workers`: the same output as without, byte for byte.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const CTRACK = fileURLToPath(new URL("../bin/ctrack.js", import.meta.url));
const sample = (name: string) => fileURLToPath(new URL(`../../../samples/${name}.pcap`, import.meta.url));
const TOUR = sample("tour");
const FTP = sample("ftp-session");

function ctrack(file: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CTRACK, "track", file, ...args], {
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

for (const form of [
  ["-o", "json"],
  ["-o", "none", "--table"],
  ["-o", "text"],
]) {
  test(`${form.join(" ")} with two workers`, () => {
    const expected = ctrack(TOUR, ...form);
    expect(expected.length).toBeGreaterThan(100);
    expect(ctrack(TOUR, ...form, "--workers", "2")).toBe(expected);
  });
}

for (const workers of ["2", "3"]) {
  test(`FTP with its helper, and ${workers} workers`, () => {
    for (const form of ["json", "text"]) {
      const expected = ctrack(FTP, "-o", form, "--helper", "ftp", "--table");
      expect(expected.match(/RELATED/g)?.length).toBeGreaterThanOrEqual(4);
      expect(ctrack(FTP, "-o", form, "--helper", "ftp", "--table", "--workers", workers)).toBe(expected);
    }
  });
}

test("--workers wants a number or auto", () => {
  const { status, stderr } = spawnSync(process.execPath, [CTRACK, "track", TOUR, "--workers", "many"], {
    encoding: "utf8",
  });
  expect(status).toBe(2);
  expect(stderr).toContain("--workers");
});
