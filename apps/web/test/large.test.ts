// 200,000 packets: the list scrolls, the table is scrubbed. How fast is written down in benchmarks/web.md, not asserted.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, loaded, Site } from "./browser.js";

const PACKETS = 200_000;

/** UDP requests and answers of 20,000 clients, as a pcap file of raw IP. */
function generate(): Buffer {
  const size = 16 + 28;
  const file = Buffer.alloc(24 + PACKETS * size);
  file.writeUInt32LE(0xa1b2c3d4, 0);
  file.writeUInt16LE(2, 4);
  file.writeUInt16LE(4, 6);
  file.writeUInt32LE(65_535, 16);
  file.writeUInt32LE(101, 20);
  for (let i = 0; i < PACKETS; i++) {
    const at = 24 + i * size;
    const conversation = Math.floor(i / 20) * 2 + (i % 2);
    const reply = i % 20 >= 10;
    const client = 0x0a000000 + (conversation % 65_536);
    const [src, dst] = reply ? [0xc0000250, client] : [client, 0xc0000250];
    const [sport, dport] = reply ? [53, 10_000 + (conversation % 7)] : [10_000 + (conversation % 7), 53];
    file.writeUInt32LE(1_700_000_000 + Math.floor(i / 5000), at);
    file.writeUInt32LE((i % 5000) * 200, at + 4);
    file.writeUInt32LE(28, at + 8);
    file.writeUInt32LE(28, at + 12);
    const ip = at + 16;
    file.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17], ip);
    file.writeUInt32BE(src, ip + 12);
    file.writeUInt32BE(dst, ip + 16);
    let sum = 0;
    for (let k = 0; k < 20; k += 2) sum += file.readUInt16BE(ip + k);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    file.writeUInt16BE(~sum & 0xffff, ip + 10);
    file.writeUInt16BE(sport, ip + 20);
    file.writeUInt16BE(dport, ip + 22);
    file.writeUInt16BE(8, ip + 24); // no checksum: allowed for UDP over IPv4
  }
  return file;
}

/** Times between frames while `step` moves something in each of them. */
async function frames(page: Page, count: number, step: string): Promise<{ median: number; longest: number }> {
  const times = (await page.evaluate(`new Promise((resolve) => {
    const times = [];
    let last = performance.now();
    let i = 0;
    const frame = (now) => {
      if (i > 0) times.push(now - last);
      last = now;
      if (i++ >= ${count}) return resolve(times);
      (${step})(i);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  })`)) as number[];
  times.sort((a, b) => a - b);
  return { median: times[times.length >> 1] as number, longest: times.at(-1) as number };
}

describe.skipIf(!CHROMIUM)("200,000 packets", () => {
  let site: Site;
  beforeAll(async () => {
    site = await Site.open();
  });
  afterAll(() => site?.close());

  test("are read, scrolled and scrubbed", async () => {
    const { page, errors } = await site.page();
    const start = performance.now();
    await page
      .getByLabel("Capture file")
      .setInputFiles({ name: "large.pcap", mimeType: "application/octet-stream", buffer: generate() });
    expect(await loaded(page)).toContain("200,000 packets · 20,000 connections");
    const read = performance.now() - start;
    const scroll = await frames(page, 60, "(i) => { document.querySelector('.viewport').scrollTop = i * 80_000; }");
    expect(Number(await page.locator('[role="option"]').last().getAttribute("aria-posinset"))).toBeGreaterThan(150_000);

    await page.locator("#tab-time").click();
    await page.getByText("The table right behind packet 1").waitFor();
    const slider = "document.querySelector('input[type=range]')";
    const scrub = await frames(
      page,
      60,
      `(i) => { const slider = ${slider}; slider.value = i * 3000; slider.dispatchEvent(new Event("input", { bubbles: true })); }`,
    );
    await page.getByText("The table right behind packet 180000").waitFor();
    const ms = (value: number) => `${value.toFixed(1)} ms`;
    console.info(
      `200,000 packets read and shown in ${(read / 1000).toFixed(1)} s; frames while scrolling: median ${ms(scroll.median)}, ` +
        `longest ${ms(scroll.longest)}; while scrubbing: median ${ms(scrub.median)}, longest ${ms(scrub.longest)}`,
    );
    expect(errors).toEqual([]);
    await page.close();
  });
});
