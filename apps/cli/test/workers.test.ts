// `--workers`: the same output as without, byte for byte.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const CTRACK = fileURLToPath(new URL("../bin/ctrack.js", import.meta.url));
const TOUR = fileURLToPath(new URL("../../../samples/tour.pcap", import.meta.url));

function ctrack(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CTRACK, "track", TOUR, ...args], {
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
    const expected = ctrack(...form);
    expect(expected.length).toBeGreaterThan(100);
    expect(ctrack(...form, "--workers", "2")).toBe(expected);
  });
}

test("--workers wants a number or auto", () => {
  const { status, stderr } = spawnSync(process.execPath, [CTRACK, "track", TOUR, "--workers", "many"], {
    encoding: "utf8",
  });
  expect(status).toBe(2);
  expect(stderr).toContain("--workers");
});
