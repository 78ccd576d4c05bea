// The view of rules: what it says is what `ctrack check` says, what is wrong is shown where it is, and typing is enough.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PcapngWriter } from "conntrack-capture";
import { openFile } from "conntrack-capture/node";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, loaded, REPOSITORY, Site } from "./browser.js";

const PATIENT = { timeout: 10_000 };
const RULES = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:fresh - [0:0]
-A INPUT -i wan -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate NEW -j fresh
-A fresh -p udp -m udp --dport 53 -j ACCEPT
-A fresh -p tcp -m tcp --dport 80 -j ACCEPT
-A fresh -p tcp -m tcp --dport 80 -m ttl --ttl-lt 65 -j ACCEPT
COMMIT
`;
const INTERFACES = ["wan=203.0.113.1/24", "lan=192.168.1.1/24"];

const margin = (page: Page) =>
  page.locator(".cm-counts .count:not(.cm-gutterElement[style*=hidden] *)").allTextContents();

describe.skipIf(!CHROMIUM)("rules", () => {
  let site: Site;
  let scratch: string;
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "conntrack-web-"));
    site = await Site.open();
  });
  afterAll(async () => {
    await site?.close();
    rmSync(scratch, { recursive: true });
  });

  const check = (...options: string[]) => {
    const file = join(scratch, "rules.v4");
    writeFileSync(file, RULES);
    const args = ["check", file, `${REPOSITORY}/samples/tour.pcap`, "--quiet", "--checksum", "auto", ...options];
    const place = INTERFACES.flatMap((text) => ["--iface", text]);
    return execFileSync(process.execPath, [`${REPOSITORY}/apps/cli/bin/ctrack.js`, ...args, ...place], {
      encoding: "utf8",
    });
  };

  test("dropped as a file, with the firewall's place: verdicts and counters of ctrack check", async () => {
    const { page, errors } = await site.page("#sample=tour&view=packets");
    await loaded(page);
    await page
      .getByLabel("Capture file")
      .setInputFiles({ name: "rules.v4", mimeType: "text/plain", buffer: Buffer.from(RULES) });
    await page.getByLabel("The firewall's interfaces").fill(INTERFACES.join(" "));
    await page.getByText("6 rules, 2 never hit, 1 of them shadowed").waitFor();
    // the last rule asks for less than the one before it has taken
    await page.locator(".cm-lintRange-warning", { hasText: "ttl-lt" }).waitFor();
    await page.locator(".cm-counts .shadowed").waitFor();
    await page
      .getByRole("button", {
        name: "by line 10: fresh:3 can never be hit: fresh:2 (line 10) takes all of its packets before",
      })
      .click();
    await page.locator(".cm-content:focus").waitFor();

    const saved = check("-o", "iptables-save").split("\n");
    const counted = saved.flatMap((line) => {
      const [, packets] = /^\[(\d+):\d+\] -A/.exec(line) ?? [];
      return packets === undefined ? [] : [packets];
    });
    await expect.poll(async () => (await margin(page)).slice(-counted.length), PATIENT).toEqual(counted);

    await page.locator("#tab-packets").click();
    const lines = check("-o", "json").trim().split("\n");
    const wanted = lines.map(
      (line) => JSON.parse(line) as { verdict: string; rule: { chain: string; position: number | null } | null },
    );
    const cells = await page.locator("[role=option] .rule").allInnerTexts();
    expect(cells.length).toBeGreaterThan(10);
    expect(cells.map((text) => text.trim())).toEqual(
      wanted
        .slice(0, cells.length)
        .map(({ verdict, rule }) =>
          rule ? `${verdict} ${rule.chain}${rule.position === null ? " policy" : `:${rule.position}`}` : "",
        ),
    );
    const download = page.waitForEvent("download");
    await page.getByLabel("Export").selectOption("json");
    expect(readFileSync(await (await download).path(), "utf8")).toBe(check("-o", "json"));
    expect(errors).toEqual([]);
    await page.close();
  });

  test("typed: an error is marked where it is, a completion taken, and the verdicts change", async () => {
    const { page, errors } = await site.page(`#sample=tour&view=rules&packet=7&rules=${encodeURIComponent(RULES)}`);
    await loaded(page);
    await expect.poll(() => page.locator("svg .outcome").textContent(), PATIENT).toBe("ACCEPT");
    await page
      .getByRole("img", { name: "Way of packet 7 through the chains: filter FORWARD, filter fresh; ACCEPT" })
      .waitFor();
    await page.locator(".cm-line", { hasText: "--dport 80 -j ACCEPT" }).click();
    await page.keyboard.press("End");
    for (let i = 0; i < "ACCEPT".length; i++) await page.keyboard.press("Backspace");
    await page.getByText(/^Line 10: /).waitFor();
    await page.locator(".cm-lintRange-error").waitFor();
    await page.keyboard.type("DR");
    const drop = page.getByRole("option", { name: "DROP" });
    await drop.waitFor();
    await page.waitForTimeout(200); // a list that has just opened takes no answer
    await drop.click();
    await page.locator(".cm-line", { hasText: /--dport 80 -j DROP$/ }).waitFor();
    await expect.poll(() => page.locator("svg .outcome").textContent(), PATIENT).toBe("DROP");
    await page.locator(".cm-deciding", { hasText: "-j DROP" }).waitFor();
    // what one sees can be passed on
    expect(decodeURIComponent(await page.evaluate("location.hash"))).toContain("--dport+80+-j+DROP");
    await page.locator("#tab-why").click();
    await page.getByText("decided by fresh:2 (line 10): -A fresh -p tcp -m tcp --dport 80 -j DROP").waitFor();
    expect(errors).toEqual([]);
    await page.close();
  });

  test("sets and timeout policies, dropped as files or typed, are what rules may name", async () => {
    const rules =
      "*raw\n-A PREROUTING -p tcp -j CT --timeout brief\nCOMMIT\n*filter\n-A FORWARD -m set --match-set bad dst -j DROP\nCOMMIT\n";
    const { page, errors } = await site.page(`#sample=tour&view=rules&rules=${encodeURIComponent(rules)}`);
    await loaded(page);
    await page.getByText("Line 2: there is no timeout policy brief").waitFor();
    const drop = (name: string, text: string) =>
      page.getByLabel("Capture file").setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
    await drop("policies.nfct", "nfct add timeout brief inet tcp syn_sent 7\n");
    await page.getByText("2 rules, ").waitFor();
    await drop("sets.ipset", "create bad hash:net\nadd bad 203.0.113.0/24\n");
    await page.getByText("Sets and timeout policies that rules name: sets, timeout policies").click();
    await expect
      .poll(() => margin(page).then((counts) => counts.map(Number).some((count) => count > 10)), PATIENT)
      .toBe(true);
    const sets = page.getByLabel("Sets", { exact: false }).locator("visible=true").first();
    await sets.fill("create bad hash:net\nadd bad 203.0.113.0/64\n");
    await page.getByRole("alert").getByText("Line 2: ").waitFor();
    await sets.fill("create bad hash:net\n");
    await page.getByText("2 rules, 1 never hit").waitFor();
    await expect
      .poll(async () => decodeURIComponent(await page.evaluate("location.hash")), PATIENT)
      .toContain("sets=create+bad+hash:net");
    expect(errors).toEqual([]);
    await page.close();
  });

  test("interfaces that a pcapng file names are the firewall's: verdicts of ctrack check", async () => {
    const file = join(scratch, "named.pcapng");
    const chunks: Uint8Array[] = [];
    const writer = new PcapngWriter((bytes) => void chunks.push(bytes.slice()));
    for (const name of ["wan", "lan"]) writer.addInterface({ link: 1, name });
    const capture = await openFile(`${REPOSITORY}/samples/tour.pcap`);
    for await (const { data, time } of capture.packets())
      await writer.write({ time, data: data.slice(), interface: (data[29] ?? 0) % 2, flags: 1 });
    await writer.end();
    writeFileSync(file, Buffer.concat(chunks));
    const { page, errors } = await site.page(`#view=packets&rules=${encodeURIComponent(RULES)}`);
    await page.getByLabel("Capture file").setInputFiles(file);
    await loaded(page);
    await expect.poll(() => page.locator("[role=option] .rule").count(), PATIENT).toBeGreaterThan(5);
    const rules = join(scratch, "rules.v4");
    writeFileSync(rules, RULES);
    const args = [`${REPOSITORY}/apps/cli/bin/ctrack.js`, "check", rules, file, "--quiet", "-o", "json"];
    const wanted = execFileSync(process.execPath, args, { encoding: "utf8" });
    expect(wanted).toContain('"in":"wan"');
    const download = page.waitForEvent("download");
    await page.getByLabel("Export").selectOption("json");
    expect(readFileSync(await (await download).path(), "utf8")).toBe(wanted);
    await page.locator("#tab-rules").click();
    await page.getByPlaceholder("of the capture: wan lan").waitFor();
    expect(errors).toEqual([]);
    await page.close();
  });

  test("a place that cannot be is said so, and a loop of chains", async () => {
    const { page } = await site.page(`#view=rules&rules=${encodeURIComponent(RULES)}`);
    await page.getByLabel("The firewall's interfaces").fill("wan=203.0.113");
    await page.getByText('"203.0.113" is no ADDRESS/PREFIX').waitFor();
    await page.getByLabel("The firewall's interfaces").fill("");
    await page.getByText("Nothing wrong with them.").waitFor();
    await page.locator(".cm-line", { hasText: "fresh -p udp" }).click();
    await page.keyboard.press("Home");
    await page.keyboard.type("-A fresh -j fresh\n");
    await page.getByText("Line 9: filter: a loop of chains: FORWARD -> fresh -> fresh").waitFor();
    await page.close();
  });
});
