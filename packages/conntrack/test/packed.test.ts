// The packages as users get them: packed, installed into a folder outside the repository, and run in Node, through a
// bundler, and in a browser without one.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const browserPath = [process.env.CHROMIUM, "/usr/bin/chromium"].find((path) => path && existsSync(path));
const why = browserPath ? "" : " (skipped: no Chromium here)";
const packages = [
  ["conntrack-wasm", "packages/conntrack"],
  ["conntrack-capture", "packages/capture"],
] as const;

/** A SYN, a SYN/ACK and an ACK as a pcap file with raw IP. */
const SCRIPT = `
import { Conntrack } from "conntrack-wasm";
import { openCapture } from "conntrack-capture";
const packets = ["4500002800010000400666cd0a0000010a000002040100500000006400000000500220007b1d0000",
  "4500002800010000400666cd0a0000020a00000100500401000001f400000065501220007906" + "0000"];
const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
const file = new Uint8Array(24 + 2 * 56);
const view = new DataView(file.buffer);
view.setUint32(0, 0xa1b2c3d4, true); view.setUint16(4, 2, true); view.setUint16(6, 4, true); view.setUint32(16, 65535, true); view.setUint32(20, 101, true);
packets.forEach((hex, i) => {
  const at = 24 + i * 56;
  view.setUint32(at, 1, true); view.setUint32(at + 8, 40, true); view.setUint32(at + 12, 40, true);
  file.set(bytes(hex), at + 16);
});
export async function run() {
  const ct = await Conntrack.open({ sysctl: { nf_conntrack_checksum: 0 } });
  const states = [];
  const capture = await openCapture(file);
  for await (const block of capture.blocks()) {
    for (const results of ct.trackBlock(block)) {
      for (let i = 0; i < results.count; i++) states.push(results.state(i));
    }
  }
  return states.join(" ");
}
`;
const EXPECTED = "NEW ESTABLISHED";

let project = "";

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "packed-"));
  for (const [name, folder] of packages) {
    execFileSync("npm", ["pack", "--silent", "--pack-destination", project], {
      cwd: join(root, folder),
      stdio: "pipe",
    });
    const target = join(project, "node_modules", name);
    mkdirSync(target, { recursive: true });
    const tarball = readdirSync(project).find((file) => file.startsWith(name) && file.endsWith(".tgz")) as string;
    execFileSync("tar", ["xzf", join(project, tarball), "-C", target, "--strip-components", "1"]);
  }
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  writeFileSync(join(project, "script.mjs"), SCRIPT);
}, 60_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

/** A static file server, with or without the media type of wasm. */
async function serve(folder: string, wasmType: string): Promise<{ url: string; close: () => void }> {
  const types: Record<string, string> = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": wasmType,
  };
  const server = createServer((request, response) => {
    const path = join(folder, decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
    if (!existsSync(path)) return response.writeHead(404).end();
    response
      .writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" })
      .end(readFileSync(path));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

async function inBrowser(url: string): Promise<string> {
  const browser = await chromium.launch({
    executablePath: browserPath as string,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  try {
    const page = await browser.newPage();
    await page.goto(url);
    await page.waitForFunction("document.title !== ''", undefined, { timeout: 20_000 });
    return await page.title();
  } finally {
    await browser.close();
  }
}

const page = (script: string) => `<!doctype html><meta charset="utf-8">${script}`;
const REPORT = `run().then((text) => { document.title = text; }, (error) => { document.title = "failed: " + error; });`;

describe("packed", () => {
  test("runs in Node", () => {
    writeFileSync(join(project, "main.mjs"), 'import { run } from "./script.mjs"; console.log(await run());');
    expect(execFileSync(process.execPath, ["main.mjs"], { cwd: project, encoding: "utf8" }).trim()).toBe(EXPECTED);
  });

  test.skipIf(!browserPath)(`runs in a browser without a bundler, whatever the server says of wasm${why}`, async () => {
    const map = {
      imports: {
        "conntrack-wasm": "/node_modules/conntrack-wasm/dist/index.js",
        "conntrack-capture": "/node_modules/conntrack-capture/dist/index.js",
      },
    };
    writeFileSync(
      join(project, "plain.html"),
      page(
        `<script type="importmap">${JSON.stringify(map)}</script><script type="module">import { run } from "/script.mjs"; ${REPORT}</script>`,
      ),
    );
    for (const type of ["application/wasm", "application/octet-stream"]) {
      const server = await serve(project, type);
      try {
        expect(await inBrowser(`${server.url}/plain.html`)).toBe(EXPECTED);
      } finally {
        server.close();
      }
    }
  });

  test.skipIf(!browserPath)(`runs through Vite${why}`, async () => {
    writeFileSync(
      join(project, "index.html"),
      page(`<script type="module">import { run } from "/script.mjs"; ${REPORT}</script>`),
    );
    await build({ root: project, base: "./", logLevel: "error", build: { outDir: "out", target: "es2022" } });
    const server = await serve(join(project, "out"), "application/wasm");
    try {
      expect(await inBrowser(`${server.url}/index.html`)).toBe(EXPECTED);
    } finally {
      server.close();
    }
  });
});
