// Settings the capture is read with: as a form, in the address, and what helpers make of FTP.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { draftOf, parseHelpers, parseSysctls, SettingsError, settingsOf } from "../src/lib/settings-text.js";
import { settingsFrom, sharedSettings } from "../src/lib/share.js";
import { DEFAULT_SETTINGS } from "../src/worker/messages.js";
import { CHROMIUM, loaded, Site, textOf, violations } from "./browser.js";

describe("settings as text", () => {
  test("sysctls by short and long name, with commas, blanks and lines", () => {
    expect(
      parseSysctls("nf_conntrack_tcp_loose = 0,net.netfilter.nf_conntrack_max=7\nnf_conntrack_udp_timeout=1"),
    ).toEqual({
      "net.netfilter.nf_conntrack_tcp_loose": 0,
      "net.netfilter.nf_conntrack_max": 7,
      "net.netfilter.nf_conntrack_udp_timeout": 1,
    });
    expect(parseSysctls(" ")).toEqual({});
    expect(parseHelpers("ftp:2121 tftp")).toEqual(["ftp:2121", "tftp"]);
  });

  test.each([
    [() => parseSysctls("nf_conntrack_tcp_loose"), '"nf_conntrack_tcp_loose": write name=number'],
    [() => parseSysctls("nf_conntrack_tcp_lose=1"), '"nf_conntrack_tcp_lose" is not a sysctl'],
    [() => parseSysctls("nf_conntrack_max=-1"), 'nf_conntrack_max: "-1" is not a whole number'],
    [() => parseSysctls("nf_conntrack_tcp_loose=2"), "nf_conntrack_tcp_loose: 2 is more than 1"],
    [() => parseSysctls("nf_conntrack_expect_max=0"), "nf_conntrack_expect_max: 0 is less than 1"],
    [() => parseHelpers("fpt"), 'there is no helper "fpt"; there are ftp, irc'],
    [() => parseHelpers("ftp:0"), "helper ftp: write a port from 1 to 65535"],
    [() => parseHelpers("ftp:x"), 'helper "ftp:x": write NAME or NAME:PORT'],
    [() => parseHelpers("H.245"), "helper H.245: write a port"],
  ])("one clear error (%#)", (parse, message) => {
    expect(parse).toThrow(SettingsError);
    expect(parse).toThrow(message);
  });

  test("come back from a form and from the address as they were", () => {
    const settings = {
      ...DEFAULT_SETTINGS,
      profile: "linux-2.4" as const,
      checksum: "verify" as const,
      sysctl: { "net.netfilter.nf_conntrack_max": 9, "nf_conntrack_ftp.loose": 1 },
      helpers: ["ftp:2121", "Q.931"],
    };
    expect(settingsOf(draftOf(settings))).toEqual(settings);
    expect(settingsFrom(new URLSearchParams(sharedSettings(settings)))).toEqual(settings);
    expect(settingsFrom(new URLSearchParams("sysctl=rm%20-rf,a=b&checksum=no"))).toBe(DEFAULT_SETTINGS);
  });
});

describe.skipIf(!CHROMIUM)("settings", () => {
  let site: Site;
  beforeAll(async () => {
    site = await Site.open();
  });
  afterAll(() => site?.close());

  const lines = (page: Page) => textOf(page.locator("dl"));

  test("FTP without a helper: what one would have done, tried, applied, and in the address", async () => {
    const { page, errors } = await site.page("#sample=ftp-active&view=packets");
    await loaded(page);
    await page.locator(".status").getByText("would be RELATED with helper ftp").waitFor();
    await page.getByRole("button", { name: "Packet 20", exact: true }).click();
    await page.getByText("With -j CT --helper ftp this connection would have been RELATED").waitFor();
    expect(await lines(page)).toContain("announced by #13: PORT 192,168,1,5,171,59");
    await page.getByRole("button", { name: "What would helper ftp change?" }).click();
    const answer = page.locator(".try [role=status]");
    await answer.waitFor();
    expect(await textOf(answer)).toContain("1 packet is judged differently; this one becomes RELATED");
    await page.getByRole("button", { name: "Apply it" }).click();
    await page.locator(".status").getByText("helper ftp").waitFor();
    await loaded(page);
    await page.locator("dt", { hasText: "Announced" }).waitFor();
    expect(await lines(page)).toContain("announced by #13: PORT 192,168,1,5,171,59");
    expect(await lines(page)).not.toContain("would have been");
    expect(await page.evaluate("location.hash")).toContain("helpers=ftp");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "#13" }).click();
    await page.locator("dd").getByText("tcp port 43835 is expected from here on").waitFor();
    expect(errors).toEqual([]);
    await page.close();
  });

  test("the form: an error is told, what is right is applied", async () => {
    const { page, errors } = await site.page("#sample=ftp-passive&view=packets&packet=15&helpers=ftp:2121");
    await loaded(page);
    const side = page.getByRole("region", { name: "Why" });
    await side.locator(".chip", { hasText: "NEW" }).waitFor();
    await page.getByRole("button", { name: "Settings…" }).click();
    const dialog = page.getByRole("dialog", { name: "Settings of the firewall" });
    expect(await dialog.getByLabel("Helpers", { exact: true }).inputValue()).toBe("ftp:2121");
    await dialog.getByRole("button", { name: "ftp", exact: true }).click();
    expect(await dialog.getByLabel("Helpers", { exact: true }).inputValue()).toBe("ftp");
    await dialog.getByLabel("Sysctls", { exact: true }).fill("nf_conntrack_tcp_loose=9");
    await dialog.getByRole("button", { name: "Apply" }).click();
    await dialog.getByText("nf_conntrack_tcp_loose: 9 is more than 1").waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByLabel("Sysctls", { exact: true }).fill("nf_conntrack_tcp_loose=0");
    await dialog.getByRole("combobox", { name: "Kernel", exact: true }).selectOption("linux-2.4");
    await page.keyboard.press("Tab");
    await dialog.getByRole("button", { name: "Apply" }).click();
    await expect.poll(() => textOf(page.locator(".status"))).toMatch(/linux-2\.4 · helper ftp ?· .*tcp_loose=0/);
    await side.locator(".chip", { hasText: "RELATED" }).waitFor();
    await side.getByText("227 Entering Passive Mode").waitFor();
    expect(errors).toEqual([]);
    await page.close();
  });
});
