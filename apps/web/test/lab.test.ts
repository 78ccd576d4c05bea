// The lab, played through: every lesson to its question, and the answer sent as a packet.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LESSONS } from "../src/lib/lessons.js";
import { CHROMIUM, Site, textOf, violations } from "./browser.js";

/** What one does: `client SYN`, `talk DNS`, `handshake`, `wait 3`, `next port`, `helper`. */
async function act(page: Page, action: string): Promise<void> {
  const [who = "", ...rest] = action.split(" ");
  const what = rest.join(" ");
  const sent = await page.locator(".log li:not(.nothing)").count();
  let more = 1;
  if (who === "talk") {
    await page.getByRole("group", { name: "Conversation" }).getByRole("button", { name: what, exact: true }).click();
    more = 0;
  } else if (who === "handshake") {
    await page.getByRole("button", { name: "Handshake", exact: true }).click();
    more = 3;
  } else if (who === "wait") {
    await page.getByLabel("Seconds to wait").fill(what);
    await page.getByRole("button", { name: "Let", exact: true }).click();
  } else if (who === "next") {
    await page.getByRole("button", { name: "Next port" }).click();
    more = 0;
  } else if (who === "helper") {
    await page.getByLabel("helper ftp").click();
    await page.getByText("Nothing yet.").waitFor();
    return;
  } else {
    const host = page.getByRole("group", { name: new RegExp(`^${who} sends`, "i") });
    await host.getByRole("button", { name: what, exact: true }).click();
  }
  await expect.poll(() => page.locator(".log li:not(.nothing)").count(), { timeout: 10_000 }).toBe(sent + more);
}

/** What leads to the question; a packet that is not the answer; the answer. */
const PLAYED: Readonly<Record<string, { readonly steps: string[]; readonly wrong?: string; readonly answer: string }>> =
  {
    handshake: { steps: ["client SYN", "server SYN/ACK"], wrong: "server ACK", answer: "client ACK" },
    assured: { steps: ["handshake", "talk DNS", "client UDP", "server UDP", "wait 3"], answer: "client UDP" },
    udp: { steps: ["client UDP", "server UDP", "wait 31"], answer: "server UDP" },
    ping: { steps: ["client Ping", "server Pong", "next port"], answer: "server Pong" },
    related: { steps: ["client UDP"], wrong: "server UDP", answer: "server No port" },
    "ftp-active": {
      steps: [
        "handshake",
        "client USER",
        "client PORT",
        "talk FTP data, active",
        "server SYN",
        "helper",
        "talk FTP control",
        "handshake",
        "client USER",
        "client PORT",
        "talk FTP data, active",
      ],
      answer: "server SYN",
    },
    "ftp-passive": {
      steps: [
        "handshake",
        "server 220",
        "server 227",
        "talk FTP data, passive",
        "client SYN",
        "helper",
        "talk FTP control",
        "handshake",
        "server 220",
        "server 227",
        "talk FTP data, passive",
      ],
      wrong: "server SYN",
      answer: "client SYN",
    },
    invalid: { steps: ["stranger No flags", "stranger SYN/ACK"], wrong: "stranger Xmas", answer: "stranger ACK" },
    full: { steps: ["handshake", "next port", "client SYN", "next port"], answer: "client SYN" },
  };

describe.skipIf(!CHROMIUM)("lab", () => {
  let site: Site;
  let page: Page;
  let errors: string[];
  beforeAll(async () => {
    site = await Site.open();
    ({ page, errors } = await site.page("#view=lab"));
  });
  afterAll(() => site?.close());

  test.each(LESSONS.map(({ id, title, answer }) => ({ id, title, answer })))(
    "lesson: $title",
    async ({ id, title, answer }) => {
      const played = PLAYED[id];
      if (played === undefined) throw new Error(`lesson ${id} is not played`);
      await page.getByRole("navigation", { name: "Lessons" }).getByRole("button", { name: title, exact: true }).click();
      await page.getByText("In the end:").waitFor();
      for (const action of played.steps) await act(page, action);
      await page.getByText("Your turn:").waitFor();
      expect(await page.locator(".steps li:not(.done)").count()).toBe(0);
      if (played.wrong) {
        await act(page, played.wrong);
        await page.getByText(/^Not that one: .* is (NEW|ESTABLISHED|INVALID)\.$/).waitFor();
      }
      await act(page, played.answer);
      await page.getByText("✓ Right.").waitFor();
      expect(await textOf(page.locator(".question"))).toContain(answer);
      expect(errors).toEqual([]);
    },
  );

  test("free play: what changed stands out, what is dropped is drawn, the axe finds nothing", async () => {
    await page.getByRole("button", { name: "Free play" }).click();
    await page.getByText("Nothing yet.").waitFor();
    await act(page, "client SYN");
    await act(page, "server SYN/ACK");
    await page.locator(".changed", { hasText: "SYN_RECV" }).waitFor();
    await act(page, "client ACK");
    await page.getByLabel("numbers out of the window").check();
    await act(page, "client Data");
    await page.getByRole("img", { name: "GET /, far out of the window from client to server: INVALID" }).waitFor();
    await page.getByLabel("numbers out of the window").uncheck();
    await act(page, "server RST");
    await page.locator(".record", { hasText: "CLOSE" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("combobox", { name: "The firewall" }).selectOption("answers");
    await page.getByText("Nothing yet.").waitFor();
    await act(page, "server SYN");
    await page.getByRole("img", { name: "SYN from server to client: NEW, dropped" }).waitFor();
    await page.getByText("Empty.").waitFor();
    expect(errors).toEqual([]);
  });
});
