// What the page says equals what `ctrack -o json` says of the same capture with the same settings, helpers and rules.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, loaded, REPOSITORY, Site } from "./browser.js";

const RULES = `*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 53 -j NOTRACK
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate NEW -j services
-A services -p tcp -m multiport --dports 21,80,443 -j ACCEPT
-A services -p icmp -m icmp --icmp-type 8 -j ACCEPT
COMMIT
`;

interface Case {
  readonly file: string;
  readonly helpers?: readonly string[];
  readonly rules?: boolean;
  readonly sysctl?: string;
}

const CASES: readonly Case[] = [
  { file: "samples/tour.pcap" },
  { file: "samples/tour.pcap", rules: true },
  { file: "samples/ftp-session.pcap", helpers: ["ftp"], rules: true },
  { file: "samples/out-of-window.pcap", sysctl: "nf_conntrack_tcp_be_liberal=1" },
  { file: "samples/port-unreachable-and-traceroute.pcap" },
  { file: "../shared/captures/arkime__sctp-www.pcap" },
  { file: "../shared/captures/wireshark__communityid.pcap.gz" },
  { file: "../shared/captures/zeek__ftp-ipv6.pcap", helpers: ["ftp:21"] },
  { file: "../shared/captures/nDPI__h323.pcap", helpers: ["RAS", "Q.931"] },
  { file: "../shared/captures/mercury__emix.pcap", rules: true },
];

interface Line {
  frame: number;
  state: string | null;
  conn: number | null;
}

describe.skipIf(!CHROMIUM)("numbers", () => {
  let site: Site;
  let scratch: string;
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "conntrack-web-"));
    writeFileSync(join(scratch, "rules.v4"), RULES);
    site = await Site.open();
  });
  afterAll(async () => {
    await site?.close();
    rmSync(scratch, { recursive: true });
  });

  function ctrack({ file, helpers = [], rules = false, sysctl }: Case): string {
    const options = [...helpers.flatMap((helper) => ["--helper", helper]), ...(sysctl ? ["--sysctl", sysctl] : [])];
    const command = rules ? ["check", join(scratch, "rules.v4")] : ["track"];
    const args = [...command, `${REPOSITORY}/${file}`, ...options, "--checksum", "auto", "--quiet", "-o", "json"];
    const script = `${REPOSITORY}/apps/cli/bin/ctrack.js`;
    return execFileSync(process.execPath, [script, ...args], { encoding: "utf8", maxBuffer: 1 << 28 });
  }

  for (const each of CASES) {
    const path = `${REPOSITORY}/${each.file}`;
    const { helpers = [], rules = false, sysctl = "" } = each;
    const name = [basename(path), ...helpers, sysctl, rules ? "rules" : ""].filter(Boolean).join(", ");
    test.skipIf(!existsSync(path))(`${name}: rows, filter and JSON lines as ctrack's`, async () => {
      const expected = ctrack(each);
      const lines = expected
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Line);
      const settings = new URLSearchParams({ helpers: helpers.join(","), sysctl, rules: rules ? RULES : "" });
      const { page, errors } = await site.page(`#${settings}`);
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
