// Helpers at the command line, on samples that were recorded with the kernel's own (samples/*.kernel.txt).
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { ctrack, pcap, Scratch, udp } from "./fixture.js";

const scratch = new Scratch();
afterAll(() => scratch.remove());

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
  const { stdout: before } = await ctrack(["explain", active, String(announcing.frame), "--helper", "ftp"]);
  expect(before).toContain(`Expected  tcp ${related.src} → ${related.dst}:${related.dport}, within 300.000 s\n`);
  expect(story).not.toContain("Expected");
});

test("without a helper it is NEW, and ctrack says what a helper would have made of it", async () => {
  const { stdout, stderr } = await ctrack(["track", active]);
  expect(stdout).not.toContain("RELATED");
  const [, frame] = /--helper ftp` .*the connection of packet (\d+) would have been RELATED/.exec(stderr) ?? [];
  const { stdout: story } = await ctrack(["explain", active, frame as string]);
  expect(story).toMatch(/Hint\s+with `-j CT --helper ftp` this connection would have been RELATED/);
  expect((await ctrack(["track", active, "--helper", "ftp"])).stderr).not.toContain("would have been");
});

test("by its usual port, as before Linux 6.0 and in the profile of Linux 2.4", async () => {
  for (const way of [
    ["--sysctl", "nf_conntrack_helper=1"],
    ["--profile", "linux-2.4"],
  ]) {
    const { stdout } = await ctrack(["track", active, "-o", "json", ...way]);
    expect(stdout.match(/"state":"RELATED"/g)).toHaveLength(1);
    const off = await ctrack(["track", active, "-o", "json", ...way, "--sysctl", "nf_conntrack_helper=0"]);
    expect(off.stdout).not.toContain("RELATED");
  }
});

/** A name asked of the whole network, and two that answer; then the same question from another host. */
const NAMES = [
  udp("192.168.1.2", 40_000, "192.168.1.255", 137),
  udp("192.168.1.7", 137, "192.168.1.2", 40_000),
  udp("192.168.1.8", 137, "192.168.1.2", 40_000),
  udp("192.168.1.9", 40_000, "192.168.1.255", 137),
  udp("192.168.1.7", 137, "192.168.1.9", 40_000),
].map((data, i) => ({ at: i / 100, data }));

test("broadcasts of the box's own are answered by anybody: the helper wants --iface", async () => {
  const file = scratch.write("names.pcap", pcap(NAMES));
  const states = async (...more: string[]) =>
    (await ctrack(["track", file, "--helper", "netbios-ns", "-o", "json", ...more])).stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).state);
  expect(await states()).toEqual(["NEW", "NEW", "NEW", "NEW", "NEW"]);
  expect(await states("--iface", "eth0=192.168.1.2/24")).toEqual(["NEW", "RELATED", "RELATED", "NEW", "NEW"]);
  const listing = await ctrack(["list", file, "--helper", "netbios-ns", "--iface", "eth0=192.168.1.2/24", "--expect"]);
  expect(listing.stdout).toMatch(/src=192\.168\.1\.255 dst=192\.168\.1\.2 sport=137 dport=40000 PERMANENT netbios-ns/);
  const { stdout } = await ctrack(["explain", file, "1", "--helper", "netbios-ns"]);
  expect(stdout).toContain("broadcasts of the firewall's own only");
  const own = await ctrack(["explain", file, "1", "--helper", "netbios-ns", "--iface", "eth0=192.168.1.2/24"]);
  expect(own.stdout).toMatch(
    /Expected +udp 192\.168\.1\.255\/255\.255\.255\.0:137 → 192\.168\.1\.2:40000, within 3\.000 s, any number of times\n/,
  );
  expect(own.stdout).toContain("(by its helper, netbios-ns)");
  const place = scratch.write("box.yaml", Buffer.from("interfaces:\n  eth0: 192.168.1.2/24\n"));
  const compared = await ctrack(["diff", file, "--place", place, "--to-helper", "netbios-ns", "-q"]);
  expect(compared.stdout.match(/NEW.*RELATED/g)).toHaveLength(2);
  const wrong = await ctrack(["track", file, "--iface", "eth0=192.168.1"]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("eth0")]);
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
  const stamped = await ctrack(["list", active, "--helper", "ftp", "--expect", "--at", "#13", "-o", "timestamp"]);
  expect(stamped.stdout).toMatch(/^\[\d{10}\.\d{1,6} *\]\t\d+ proto=6 /);
});
