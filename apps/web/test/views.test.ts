// Every view of the built app in a real browser: what it shows, how it answers, and what axe-core finds.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, loaded, REPOSITORY, Site, violations } from "./browser.js";

/** What the worker answers comes a moment behind the click. */
const PATIENT = { timeout: 10_000 };

const show = (page: Page, view: string) => page.locator(`#tab-${view}`).click();

describe.skipIf(!CHROMIUM)("views", () => {
  let site: Site;
  beforeAll(async () => {
    site = await Site.open();
  });
  afterAll(() => site?.close());

  test("first view, then a sample by its name; light, dark and narrow", async () => {
    const { page, errors } = await site.page();
    await page.getByText("Drop a capture here").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "TCP out of its window: INVALID" }).click();
    expect(await loaded(page)).toContain("out-of-window.pcap");
    for (const theme of ["light", "dark"]) {
      await page.getByLabel("Colours").selectOption(theme);
      expect(await violations(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await violations(page)).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    expect(errors).toEqual([]);
    await page.close();
  });

  test("packets by keyboard, why, and the setting that would change an INVALID", async () => {
    const { page, errors } = await site.page("#sample=out-of-window&view=packets");
    await loaded(page);
    await page.getByRole("listbox", { name: "Packets" }).focus();
    await page.keyboard.press("ArrowDown");
    await expect
      .poll(() => page.locator('[role="option"][aria-selected="true"]').getAttribute("aria-posinset"), PATIENT)
      .toBe("2");
    await page.keyboard.press("n");
    await expect
      .poll(() => page.locator('[role="option"][aria-selected="true"] .chip').textContent(), PATIENT)
      .toBe("INVALID");
    await page.getByRole("listbox", { name: "Packets" }).focus();
    await page.keyboard.press("Enter");
    await page.locator("dt", { hasText: "Hint" }).waitFor();
    await expect.poll(() => page.locator("dl").textContent(), PATIENT).toMatch(/bytes too far/);
    await page.getByText(/bytes (beyond|before)\s+what is allowed/).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "What would tcp_be_liberal=1 change?" }).click();
    await page.getByText(/judged differently;\s+this one\s+becomes/).waitFor();
    await page.getByRole("button", { name: "Apply it" }).click();
    await page.locator(".status .setting").getByText("nf_conntrack_tcp_be_liberal=1").waitFor();
    await loaded(page);
    await show(page, "packets");
    // one more stays INVALID for another reason; the command says so, too
    const args = ["track", "--sysctl", "nf_conntrack_tcp_be_liberal=1", "--filter", "invalid", "-o", "json"];
    const left = execFileSync(
      process.execPath,
      [`${REPOSITORY}/apps/cli/bin/ctrack.js`, ...args, `${REPOSITORY}/samples/out-of-window.pcap`],
      { encoding: "utf8" },
    );
    await expect
      .poll(() => page.locator('[role="option"] .chip.invalid').count(), PATIENT)
      .toBe(left.trim().split("\n").length);
    expect(errors).toEqual([]);
    await page.close();
  });

  test("a filter says what is wrong with it", async () => {
    const { page } = await site.page("#sample=tour&view=packets&filter=invalid");
    await loaded(page);
    await page.locator("#filter-says").getByText("1 of 36").waitFor();
    await page.getByLabel("Filter packets").fill("port=");
    await page.getByText("a value is missing").waitFor();
    await page.close();
  });

  test("flows: sorted, found, and drawn", async () => {
    const { page, errors } = await site.page("#sample=tour&view=flows&packet=12");
    await loaded(page);
    await page.getByRole("img", { name: /Sequence of \d+ packets/ }).waitFor();
    await expect.poll(() => page.getByRole("img", { name: /Sequence/ }).textContent(), PATIENT).toContain("SYN_SENT");
    expect(await violations(page)).toEqual([]);
    await page.getByLabel("Find connections").fill("udp");
    await page.getByText("2 of 6").waitFor();
    await expect.poll(() => page.locator('[role="option"]').count(), PATIENT).toBe(2);
    expect(errors).toEqual([]);
    await page.close();
  });

  test("flows: data connections below their control connection, drawn together with it", async () => {
    const { page, errors } = await site.page("#sample=ftp-passive&view=flows&packet=15&helpers=ftp");
    await loaded(page);
    const tree = page.locator(".tree li");
    const [control, data] = await tree.allTextContents();
    expect(control).toMatch(/^\s*1: tcp .*:21\s/);
    expect(data).toMatch(/^\s*2: tcp .*:50008\s/);
    const sequence = page.getByRole("img", { name: /Sequence/ });
    await page.getByRole("img", { name: "Sequence of 8 packets" }).waitFor();
    const spans = await sequence.locator(".span text").allTextContents();
    expect(spans).toEqual(["SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "LAST_ACK", "TIME_WAIT"]);
    await page.getByLabel("draw them together").check();
    await page.getByRole("img", { name: "Sequence of 35 packets" }).waitFor();
    await tree.last().getByRole("button", { name: "why?" }).click();
    await page.getByText("227 Entering Passive Mode").waitFor();
    expect(errors).toEqual([]);
    await page.close();
  });

  test("time: the table at every moment is what ctrack lists", async () => {
    const { page, errors } = await site.page("#sample=tour&view=time");
    await loaded(page);
    const table = page.getByRole("listbox", { name: /proc/ });
    await page.getByText("The table right behind packet 1").waitFor();
    const rows = async () => (await table.getByRole("option").allTextContents()).map((line) => line.trim());
    // the table is replayed in the worker, a moment behind its title
    await expect.poll(async () => (await rows()).length, PATIENT).toBe(1);
    await page.getByRole("button", { name: "One packet on" }).click();
    await page.getByText("packet 2 of 36").waitFor();
    await page.getByRole("slider", { name: "Packet" }).fill("36");
    await page.getByText("The table right behind packet 36").waitFor();
    const args = [`${REPOSITORY}/apps/cli/bin/ctrack.js`, "list", "-o", "proc", `${REPOSITORY}/samples/tour.pcap`];
    const listed = execFileSync(process.execPath, args, { encoding: "utf8" });
    const wanted = listed.trim().split("\n");
    await expect.poll(rows, PATIENT).toEqual(wanted.map((line) => line.trim()));
    expect(await violations(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.close();
  });

  test("state machine: lit by the packet, counts on its edges", async () => {
    const { page, errors } = await site.page("#sample=handshake-to-close&view=machine&packet=3");
    await loaded(page);
    await page.getByText("Packet 3: SYN_RECV → ESTABLISHED").waitFor();
    await expect.poll(() => page.locator("g.lit").textContent(), PATIENT).toBe("ESTABLISHED");
    await page.getByText("The same as a table").click();
    await expect.poll(() => page.locator("tbody tr").first().textContent(), PATIENT).toMatch(/no entry\s*SYN_SENT\s*1/);
    await page.getByRole("button", { name: "Next packet FIN_WAIT to LAST_ACK" }).click();
    await page.getByText("Packet 11: FIN_WAIT → LAST_ACK").waitFor();
    await page.getByRole("button", { name: "SCTP" }).click();
    await page.getByText("No packet of this capture runs through the SCTP machine").waitFor();
    expect(await violations(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.close();
  });

  test("a broken file: what could be read, and one message", async () => {
    const { page, errors } = await site.page();
    const whole = readFileSync(`${REPOSITORY}/samples/tour.pcap`);
    await page.getByLabel("Capture file").setInputFiles({
      name: "cut.pcap",
      mimeType: "application/octet-stream",
      buffer: whole.subarray(0, 1500),
    });
    expect(await loaded(page)).toMatch(/The first \d+ packets of cut.pcap could be read; the rest could not/);
    await expect.poll(() => page.locator('[role="option"]').count(), PATIENT).toBeGreaterThan(3);
    await page.getByLabel("Capture file").setInputFiles({
      name: "letter.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("Dear sir or madam, this is no capture at all."),
    });
    await page.locator(".status").getByText("letter.txt could not be read").waitFor();
    expect(await violations(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.close();
  });
});
