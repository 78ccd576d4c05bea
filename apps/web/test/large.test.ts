// 200,000 packets: read with progress, scrolled, scrubbed, exported, cancelled. How fast is told, not asserted. With
// WEB_PACKETS=1800000 (npm run measure) whole packets, about 1 GB, and what was measured goes into benchmarks/web.md.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, loaded, REPOSITORY, Site } from "./browser.js";
import { writeLarge } from "./large-capture.js";

const WANTED = Number(process.env.WEB_PACKETS ?? 200_000);
const MEASURES = process.env.WEB_PACKETS !== undefined;
const FRAMES = 60;
const LONG = 1_200_000;

/** Times between frames while `step` moves something in each of them. */
async function frames(page: Page, step: string): Promise<string> {
  const browser = page.context().browser() as Browser;
  const before = await used(browser);
  const times = (await page.evaluate(`new Promise((resolve) => {
    const times = [];
    let last = performance.now();
    let i = 0;
    const frame = (now) => {
      if (i > 0) times.push(now - last);
      last = now;
      if (i++ >= ${FRAMES}) return resolve(times);
      (${step})(i);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  })`)) as number[];
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    `${(times[Math.min(times.length - 1, Math.floor(times.length * share))] as number).toFixed(0)} ms`;
  const after = await used(browser);
  const processor =
    before && after ? `, ${((after.processor - before.processor) / FRAMES).toFixed(0)} ms of processor a frame` : "";
  return `${at(0.5)} / ${at(0.95)} / ${at(1)}${processor}`;
}

interface Use {
  /** Memory in MB. */
  readonly memory: number;
  /** Processor time in ms, of all its threads. */
  readonly processor: number;
}

/** What the page's process, its worker included, has used; null where it cannot be seen. */
async function used(browser: Browser): Promise<Use | null> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const uses = processInfo
    .filter(({ type, id }) => type === "renderer" && existsSync(`/proc/${id}/status`))
    .map(({ id, cpuTime }): Use => {
      const size = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0;
      return { memory: Number(size) / 1000, processor: cpuTime * 1000 };
    });
  return uses.sort((x, y) => y.memory - x.memory)[0] ?? null;
}

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

describe.skipIf(!CHROMIUM)("a large capture", () => {
  let site: Site;
  let scratch: string;
  let file: string;
  let packets: number;
  let bytes: number;
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "conntrack-web-"));
    file = join(scratch, "large.pcap");
    ({ packets, bytes } = writeLarge(file, WANTED, MEASURES));
    site = await Site.open();
  }, LONG);
  afterAll(async () => {
    await site?.close();
    rmSync(scratch, { recursive: true });
  });

  test("is read, scrolled and scrubbed", { timeout: LONG }, async () => {
    const { page, errors } = await site.page();
    page.setDefaultTimeout(LONG);
    const measured: [string, string][] = [];
    const measure = (what: string, value: string) => measured.push([what, value]);
    const empty = await used(site.browser);
    const start = performance.now();
    await page.getByLabel("Capture file").setInputFiles(file);
    await page.locator("[role=option] .chip").first().waitFor();
    measure("first rows on the screen", seconds(start));
    const reading = await frames(page, "() => { document.querySelector('.viewport').scrollTop += 400; }");
    measure("scrolling while it is read", reading);
    expect(await loaded(page)).toContain(`${packets.toLocaleString("en")} packets`);
    measure("read to the end", seconds(start));

    const height = (await page.evaluate("document.querySelector('.viewport').scrollHeight")) as number;
    measure(
      "scrolling from end to end",
      await frames(page, `(i) => { document.querySelector('.viewport').scrollTop = (i / ${FRAMES}) * ${height}; }`),
    );
    await expect
      .poll(async () => Number(await page.locator('[role="option"]').last().getAttribute("aria-posinset")), {
        timeout: 10_000,
      })
      .toBe(packets);
    const filtering = performance.now();
    await page.getByLabel("Filter packets").fill("state=NEW and udp");
    await page.locator("#filter-says").getByText(/ of /).waitFor();
    measure("filtering all packets", seconds(filtering));
    await page.getByLabel("Filter packets").fill("");

    await page.locator("#tab-time").click();
    const slider = "document.querySelector('input[type=range]')";
    const scrubbed = Math.floor(packets * 0.9);
    measure(
      "scrubbing through all of it",
      await frames(
        page,
        `(i) => { ${slider}.value = Math.floor(i / ${FRAMES} * ${scrubbed}); ${slider}.dispatchEvent(new Event("input", { bubbles: true })); }`,
      ),
    );
    const behind = performance.now();
    await page.getByText(`The table right behind packet ${scrubbed}`).waitFor();
    measure("until the table is there after the last scrub", seconds(behind));

    for (const [view, there] of [
      ["flows", "[role=option]"],
      ["machine", "svg .count"],
      ["why", "dd"],
    ] as const) {
      const opening = performance.now();
      await page.locator(`#tab-${view}`).click();
      await page.locator(there).first().waitFor();
      measure(`opening ${view}`, seconds(opening));
    }
    measure(
      "stepping packet by packet in the state machine",
      await frames(page, `(i) => document.querySelector('[aria-label="Next packet"]').click()`),
    );
    const full = await used(site.browser);
    if (full && empty)
      measure(
        "memory of the page and its worker, empty and with the capture",
        `${empty.memory.toFixed(0)} MB, ${full.memory.toFixed(0)} MB`,
      );

    console.info(
      `${packets.toLocaleString("en")} packets, ${(bytes / 1e6).toFixed(0)} MB\n${measured.map(([what, value]) => `  ${what}: ${value}`).join("\n")}`,
    );
    if (MEASURES)
      writeFileSync(`${REPOSITORY}/benchmarks/web.md`, report(measured, packets, bytes, site.browser.version()));
    expect(errors).toEqual([]);
    await page.close();
  });

  test("shows how far it is, and stops when told to", async () => {
    const { page, errors } = await site.page();
    await page.getByLabel("Capture file").setInputFiles(file);
    const progress = page.getByRole("progressbar");
    await progress.waitFor();
    await expect
      .poll(() => progress.evaluate((bar) => (bar as unknown as { value: number }).value), { timeout: 30_000 })
      .toBeGreaterThan(0);
    await page.getByRole("button", { name: "Cancel" }).click();
    expect(await loaded(page)).toContain("cancelled: the rest was not read");
    const [, count = ""] = /([\d,]+) packets/.exec(await loaded(page)) ?? [];
    expect(Number(count.replaceAll(",", ""))).toBeLessThan(packets);
    // what was read is there to be looked at
    await page.locator("[role=option] .chip").first().waitFor();

    await page.getByLabel("Capture file").setInputFiles(file);
    await page
      .locator(".status")
      .getByText(`${packets.toLocaleString("en")} packets ·`)
      .waitFor();
    await page.getByLabel("Export").selectOption("pcapng");
    await page.getByRole("progressbar", { name: "Exporting pcapng with comments" }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("progressbar").waitFor({ state: "detached" });
    await expect.poll(() => page.getByLabel("Export").isEnabled()).toBe(true);
    expect(errors).toEqual([]);
    await page.close();
  });
});

function report(
  measured: readonly (readonly [string, string])[],
  packets: number,
  bytes: number,
  chromium: string,
): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return `# The browser app on a large capture

${packets.toLocaleString("en")} packets, ${(bytes / 1e9).toFixed(2)} GB: the mix of the benchmarks (\`src/mix.ts\`) with whole packets, opened in the built app. Frames:
the time between two while something moves in each of ${FRAMES}, as median / 95 of 100 / longest, and the processor
time of the page and its worker together.

| | measured |
|---|---|
${measured.map(([what, value]) => `| ${cell(what)} | ${cell(value)} |`).join("\n")}

Headless Chromium ${chromium} without a GPU, ${process.platform} ${release()}, ${cpus().length} virtual cores of ${cpus()[0]?.model.trim()}, load average ${loadavg()[0]?.toFixed(1)}
(above the number of cores others were at work, and times are longer than they need be). Nothing of it is asserted;
\`npm run measure --workspace @conntrack-wasm/web\` measures again and writes this file. The tests do the same with 200,000 packets.
`;
}
