// What leaves the app: files other programs read, drawings; and that all of it works without a network.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, loaded, REPOSITORY, Site } from "./browser.js";

const RULES = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 21 -j ACCEPT
COMMIT
`;
const TSHARK = spawnSync("tshark", ["--version"]).status === 0;
if (!TSHARK) console.warn("tshark does not read the annotated pcapng back: it is not installed here.");

function ctrack(...args: string[]): string {
  return execFileSync(process.execPath, [`${REPOSITORY}/apps/cli/bin/ctrack.js`, ...args, "--quiet"], {
    encoding: "utf8",
  });
}

async function exported(page: Page, form: string): Promise<{ path: string; name: string; bytes: Buffer }> {
  const download = page.waitForEvent("download");
  await page.getByLabel("Export").selectOption(form);
  const file = await download;
  const path = await file.path();
  return { path, name: file.suggestedFilename(), bytes: readFileSync(path) };
}

/** Width, height and colours of a PNG. */
async function seen(page: Page, png: Buffer): Promise<{ width: number; height: number; colours: number }> {
  return page.evaluate(`(async () => {
    const bytes = Uint8Array.from(atob("${png.toString("base64")}"), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
    return { width: image.width, height: image.height, colours: new Set(pixels).size };
  })()`);
}

describe.skipIf(!CHROMIUM)("exports", () => {
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

  test("of a capture with rules and a helper: pcapng with comments, JSON lines, CSV, the table", async () => {
    const { page, errors } = await site.page(`#sample=ftp-active&helpers=ftp&rules=${encodeURIComponent(RULES)}`);
    await loaded(page);
    const capture = `${REPOSITORY}/samples/ftp-active.pcap`;
    const wanted = ctrack(
      "check",
      join(scratch, "rules.v4"),
      capture,
      "--helper",
      "ftp",
      "--checksum",
      "auto",
      "-o",
      "json",
    );
    const lines = wanted
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { state: string; verdict: string; reasonText: string | null; time: string });

    const json = await exported(page, "json");
    expect(json.name).toBe("ftp-active.jsonl");
    expect(json.bytes.toString()).toBe(wanted);

    const csv = (await exported(page, "csv")).bytes.toString().trim().split("\n");
    expect(csv[0]).toBe("frame,time,protocol,src,dst,info,length,state,direction,conn,change,verdict,rule,reason");
    expect(csv.slice(1).map((line) => line.split(",")[0])).toEqual(lines.map((_, i) => `${i + 1}`));
    expect(csv[20]).toBe(
      "20,0.005488000,tcp,203.0.113.10:20,192.168.1.5:43835,SYN,60,RELATED,original,2,SYN_SENT,ACCEPT,FORWARD:1 (line 5),announced by packet 13 of connection 1",
    );

    for (const form of ["proc", "conntrack"]) {
      const listed = ctrack("list", "-o", form, capture, "--helper", "ftp");
      expect((await exported(page, form)).bytes.toString().trim()).toBe(listed.trim());
    }

    const pcapng = await exported(page, "pcapng");
    expect(pcapng.name).toBe("ftp-active.pcapng");
    if (TSHARK) {
      const fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.comment"];
      const read = execFileSync("tshark", ["-r", pcapng.path, ...fields], { encoding: "utf8" })
        .trim()
        .split("\n");
      expect(read.length).toBe(lines.length);
      for (const [i, line] of read.entries()) {
        const { state, verdict, reasonText, time } = lines[i] as (typeof lines)[number];
        const [at, comment = ""] = line.split("\t");
        expect(at).toBe(time);
        expect(comment).toMatch(new RegExp(`^${state}, connection [12]\\b.*, ${verdict} by FORWARD`));
        if (reasonText) expect(comment).toContain(reasonText);
      }
    }
    expect(errors).toEqual([]);
    await page.close();
  });

  test("drawings as PNG", async () => {
    const { page, errors } = await site.page(
      `#sample=ftp-active&view=flows&packet=3&rules=${encodeURIComponent(RULES)}`,
    );
    await loaded(page);
    for (const [view, drawing] of [
      ["flows", /Sequence/],
      ["machine", /state machine/],
      ["rules", /Way of packet/],
    ] as const) {
      await page.locator(`#tab-${view}`).click();
      const box = await page.getByRole("img", { name: drawing }).boundingBox();
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Save as PNG" }).click();
      const { width, height, colours } = await seen(page, readFileSync(await (await download).path()));
      expect(Math.abs(width - 2 * (box?.width ?? 0)), view).toBeLessThan(4);
      expect(Math.abs(height - 2 * (box?.height ?? 0)), view).toBeLessThan(4);
      expect(colours, view).toBeGreaterThan(10);
    }
    expect(errors).toEqual([]);
    await page.close();
  });

  test("without a network everything works that was loaded once", async () => {
    const { page, errors } = await site.page();
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)");
    await page.context().setOffline(true);
    expect(await page.evaluate("fetch('nowhere').then(() => 'there', () => 'not there')")).toBe("not there");
    errors.length = 0; // that question is one
    await page.reload();
    await page.getByLabel("Sample capture").selectOption("handshake-to-close");
    expect(await loaded(page)).toContain("12 packets");
    for (const [view, there] of [
      ["why", "dd"],
      ["flows", "svg .packet"],
      ["time", ".table [role=option]"],
      ["machine", "svg .box"],
      ["rules", ".cm-content"],
      ["compare", ".sides"],
      ["lab", "svg .host"],
    ] as const) {
      await page.locator(`#tab-${view}`).click();
      await page.locator(there).first().waitFor();
    }
    expect((await exported(page, "csv")).bytes.length).toBeGreaterThan(1000);
    expect(errors).toEqual([]);
    await page.close();
  });
});
