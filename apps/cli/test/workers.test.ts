// `--workers`: the same output as without, byte for byte.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Board } from "../dist/shared-count.js";

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

test("several captures, several blocks: each has its own results", () => {
  const both = (...args: string[]) => ctrack(TOUR, FTP, TOUR, "-o", "json", ...args);
  expect(both("--workers", "2")).toBe(both());
});

test("-o none: workers that read by themselves, with interfaces and checksums looked at first", () => {
  const place = ["--iface", "eth0=203.0.113.1/24", "--iface", "eth1=192.168.1.1/24"];
  for (const args of [[], ["--count", "30"], ["--checksum", "auto"], place]) {
    const expected = ctrack(TOUR, FTP, "-o", "none", ...args);
    expect(expected).toContain("packets");
    for (const workers of ["2", "5"])
      expect(ctrack(TOUR, FTP, "-o", "none", ...args, "--workers", workers)).toBe(expected);
  }
});

test("-o json with interfaces", () => {
  const args = [TOUR, "-o", "json", "--iface", "eth0=203.0.113.1/24", "--iface", "eth1=192.168.1.1/24"] as const;
  expect(ctrack(...args, "--workers", "2")).toBe(ctrack(...args));
});

test("what cannot be read is told once, behind what could be", () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [CTRACK, TOUR, "nothing.pcap", "-o", "none", ...args], { encoding: "utf8" });
  const [one, two] = [run(), run("--workers", "2")];
  expect([two.status, two.stdout, two.stderr]).toEqual([one.status, one.stdout, one.stderr]);
  expect(one.status).toBe(3);
});

test("the gate: closed, everybody goes as far as the one that was furthest", () => {
  const board = new Board(new SharedArrayBuffer(Board.SIZE));
  expect([board.mayBegin(1), board.mayBegin(2), board.mayBegin(1)]).toEqual([true, true, true]);
  board.close();
  expect([board.mayBegin(2), board.mayBegin(3)]).toEqual([true, false]);
});

test("--workers wants a number or auto", () => {
  const { status, stderr } = spawnSync(process.execPath, [CTRACK, "track", TOUR, "--workers", "many"], {
    encoding: "utf8",
  });
  expect(status).toBe(2);
  expect(stderr).toContain("--workers");
});
