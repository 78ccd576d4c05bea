// Two settings side by side on one capture: what differs is what two runs of ctrack differ in.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, loaded, REPOSITORY, Site, violations } from "./browser.js";

const RULES = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`;

interface Line {
  frame: number;
  state: string | null;
  direction: string | null;
  verdict: string;
}

function ctrack(...args: string[]): Line[] {
  const command = [`${REPOSITORY}/apps/cli/bin/ctrack.js`, ...args, "--quiet", "--checksum", "auto", "-o", "json"];
  const text = execFileSync(process.execPath, command, { encoding: "utf8" });
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

describe.skipIf(!CHROMIUM)("compare", () => {
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

  test("rules on one side, rules and a helper on the other", async () => {
    const file = join(scratch, "rules.v4");
    writeFileSync(file, RULES);
    const capture = `${REPOSITORY}/samples/ftp-active.pcap`;
    const left = ctrack("check", file, capture);
    const right = ctrack("check", file, capture, "--helper", "ftp");
    const judged = ({ state, direction, verdict }: Line) => `${state} ${direction} ${verdict}`;
    const differs = left.filter((line, i) => judged(line) !== judged(right[i] as Line));
    expect(differs.length).toBeGreaterThan(1);

    const { page, errors } = await site.page(`#sample=ftp-active&view=compare&rules=${encodeURIComponent(RULES)}`);
    await loaded(page);
    const other = page.getByRole("region", { name: "Right settings" });
    await other.getByLabel("Sysctls", { exact: true }).fill("");
    await other.getByRole("button", { name: "ftp", exact: true }).click();
    await page.getByRole("button", { name: "Compare", exact: true }).click();
    const result = page.getByRole("region", { name: "What differs" });
    await result.getByText(`${differs.length} of ${left.length} packets are judged differently`).waitFor();
    const dropped = (lines: Line[]) => lines.filter(({ verdict }) => verdict === "DROP").length;
    expect(await result.locator("tr", { hasText: "Dropped" }).locator("td").allTextContents()).toEqual([
      `${dropped(left)}`,
      `${dropped(right)}`,
    ]);
    const rows = await result.getByRole("option").allTextContents();
    expect(rows.map((row) => Number(/\d+/.exec(row)?.[0]))).toEqual(differs.map(({ frame }) => frame));
    expect(rows[0]).toMatch(/NEW\s+DROP.*RELATED\s*$/s);
    expect(await violations(page)).toEqual([]);

    // what one sees can be passed on
    const address = (await page.evaluate("location.hash")) as string;
    expect(address).toContain("other-helpers=ftp");
    await page.close();
    const { page: again } = await site.page(address);
    await again.getByText(`${differs.length} of ${left.length} packets are judged differently`).waitFor();
    await again.getByRole("button", { name: "use right" }).click();
    await again.locator(".status .setting").getByText("helper ftp").waitFor();
    expect(errors).toEqual([]);
    await again.close();
  });

  test("two rulesets; what cannot be read is told with its side and line", async () => {
    const { page, errors } = await site.page("#sample=tour&view=compare");
    await loaded(page);
    for (const [side, policy] of [
      ["Left", "DROP"],
      ["Right", "ACCEPT"],
    ] as const) {
      const settings = page.getByRole("region", { name: `${side} settings` });
      await settings.getByLabel("Sysctls", { exact: true }).fill("");
      await settings.getByText("Rules: none").click();
      await settings.getByLabel("Rules", { exact: true }).fill(`*filter\n:FORWARD ${policy} [0:0]\nCOMMIT\n`);
    }
    const compare = page.getByRole("button", { name: "Compare", exact: true });
    await compare.click();
    const tracked = ctrack("track", `${REPOSITORY}/samples/tour.pcap`).filter(({ state }) => state !== null).length;
    await page.getByText(`packets are judged differently`).waitFor();
    expect(await page.locator("tr", { hasText: "Dropped" }).locator("td").allTextContents()).toEqual([
      `${tracked}`,
      "0",
    ]);
    await page
      .getByRole("region", { name: "Right settings" })
      .getByLabel("Rules", { exact: true })
      .fill("*filter\n-A FORWARD -j NOWHERE\nCOMMIT\n");
    await compare.click();
    await page.getByText(/the rules, line 2/).waitFor();
    await page.getByRole("region", { name: "Left settings" }).getByLabel("Helpers", { exact: true }).fill("http");
    await compare.click();
    await page.getByText('Left: there is no helper "http"').waitFor();
    expect(errors).toEqual([]);
    await page.close();
  });
});
