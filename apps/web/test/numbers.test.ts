// What the page says equals what `ctrack -o json` says of the same capture.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, loaded, REPOSITORY, Site } from "./browser.js";

const CAPTURES = [
  "samples/tour.pcap",
  "samples/port-unreachable-and-traceroute.pcap",
  "../shared/captures/arkime__sctp-www.pcap",
  "../shared/captures/wireshark__communityid.pcap.gz",
  "../shared/captures/mercury__emix.pcap",
].map((name) => `${REPOSITORY}/${name}`);

interface Line {
  frame: number;
  state: string | null;
  conn: number | null;
}

function ctrack(path: string): string {
  const args = [`${REPOSITORY}/apps/cli/bin/ctrack.js`, "track", "--checksum", "auto", "--quiet", "-o", "json", path];
  return execFileSync(process.execPath, args, { encoding: "utf8", maxBuffer: 1 << 28 });
}

describe.skipIf(!CHROMIUM)("numbers", () => {
  let site: Site;
  beforeAll(async () => {
    site = await Site.open();
  });
  afterAll(() => site?.close());

  for (const path of CAPTURES) {
    test.skipIf(!existsSync(path))(`${basename(path)}: rows, filter and JSON lines as ctrack's`, async () => {
      const expected = ctrack(path);
      const lines = expected
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Line);
      const { page, errors } = await site.page();
      await page.getByLabel("Capture file").setInputFiles(path);
      expect(await loaded(page)).toContain(`${lines.length.toLocaleString("en")} packets`);

      const chips = await page.locator('[role="option"] .chip').allInnerTexts();
      expect(chips.length).toBeGreaterThan(0);
      expect(chips).toEqual(lines.slice(0, chips.length).map(({ state }) => state ?? "no state"));

      const established = lines.filter(({ state }) => state === "ESTABLISHED").length;
      await page.getByLabel("Filter packets").fill("state=ESTABLISHED");
      await page
        .locator("#filter-says")
        .getByText(`${established.toLocaleString("en")} of ${lines.length.toLocaleString("en")}`, { exact: true })
        .waitFor();

      const download = page.waitForEvent("download");
      await page.getByLabel("Export").selectOption("json");
      expect(readFileSync(await (await download).path(), "utf8")).toBe(expected);
      expect(errors).toEqual([]);
      await page.close();
    });
  }
});
