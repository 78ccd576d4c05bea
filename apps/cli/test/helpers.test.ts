// Helpers at the command line, on samples that were recorded with the kernel's own (samples/*.kernel.txt).
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ctrack } from "./fixture.js";

const sample = (file: string) => fileURLToPath(new URL(`../../../samples/${file}`, import.meta.url));
const active = sample("ftp-active.pcap");

test("the data connection is RELATED, with its master and the packet that announced it", async () => {
  const { stdout } = await ctrack(["track", active, "--helper", "ftp", "-o", "json"]);
  const frames = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const announcing = frames.find(({ reason }) => reason === "expectation-made");
  const related = frames.find(({ state }) => state === "RELATED");
  expect(related).toMatchObject({ reason: "expected", master: announcing.conn, announced: announcing.frame });
  const { stdout: story } = await ctrack(["explain", active, String(related.frame), "--helper", "ftp:21"]);
  expect(story).toMatch(/Announced\s+by connection 1 \(ftp, /);
  expect(story).toContain(`#${announcing.frame} `);
});

test("without a helper it is NEW, and ctrack says what a helper would have made of it", async () => {
  const { stdout, stderr } = await ctrack(["track", active]);
  expect(stdout).not.toContain("RELATED");
  const [, frame] = /--helper ftp` .*the connection of packet (\d+) would have been RELATED/.exec(stderr) ?? [];
  const { stdout: story } = await ctrack(["explain", active, frame as string]);
  expect(story).toMatch(/Hint\s+with `-j CT --helper ftp` this connection would have been RELATED/);
  expect((await ctrack(["track", active, "--helper", "ftp"])).stderr).not.toContain("would have been");
});

test("expectation events are the kernel's, but for the moment", async () => {
  const kernel = readFileSync(sample("ftp-active.kernel.txt"), "utf8").split(/^## .*\n/m);
  const [recorded = ""] = kernel.filter((section) => section.includes("mask-src="));
  const timeless = (text: string) => text.replace(/^\[[\d. ]+\]\t/gm, "").replace(/\] \d+ /g, "] ");
  const { stdout } = await ctrack(["events", active, "--helper", "ftp", "--expect"]);
  expect(timeless(stdout).trim()).toBe(timeless(recorded).trim());
});

test("list --expect shows what is expected at a moment", async () => {
  const listing = await ctrack(["list", active, "--helper", "ftp", "--expect", "--at", "#13"]);
  expect(listing.stdout).toMatch(
    /^(300|299) l3proto = 2 proto=6 src=203\.0\.113\.10 dst=192\.168\.1\.5 sport=0 dport=\d+ ftp\n$/,
  );
  expect(listing.stderr).toContain("1 expectations have been shown.");
});
