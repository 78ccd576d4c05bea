// A page in headless Chromium. It is isolated (the two headers), so that its clock has steps of 5 µs instead of 100.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium } from "playwright-core";
import type { PortableSettings } from "../portable.js";
import type { Row } from "../row.js";
import type { Say } from "./index.js";

const PLACES = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"];
const DIST = new URL("./", import.meta.url);
const PAGE = `<!doctype html><title>bench</title><script type="module">
  import { askPortable } from "./portable.js";
  window.ask = (settings) => askPortable(settings, window.takeRow, window.takeFailure);
</script>`;
const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".wasm": "application/wasm" };

/** Asks the questions in a page. */
export async function* inChromium(settings: PortableSettings, say: Say): AsyncGenerator<Row, void> {
  const executablePath = PLACES.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) {
    say("chromium: left out: not found; install it, or say where it is with CHROMIUM");
    return;
  }
  const server = await serve();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const page = await browser.newPage();
    const rows: Row[] = [];
    let wake = () => {};
    await page.exposeFunction("takeRow", (row: Row) => {
      rows.push(row);
      wake();
    });
    await page.exposeFunction("takeFailure", (text: string) => say(`chromium: ${text}`));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction("window.ask !== undefined");
    let ended = false;
    const asked = page.evaluate(`window.ask(${JSON.stringify(settings)})`).finally(() => {
      ended = true;
      wake();
    });
    asked.catch(() => {}); // awaited below
    while (!ended || rows.length > 0) {
      const row = rows.shift();
      if (row !== undefined) yield row;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    await asked.catch((error: Error) => say(`chromium: ${error.message}; rows may be missing`));
  } finally {
    await browser.close();
    server.close();
  }
}

async function serve() {
  const server = createServer(async ({ url = "/" }, response) => {
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const name = /^\/([\w-]+)(\.\w+)$/.exec(url);
    const type = name === null ? undefined : TYPES[name[2] as string];
    if (url === "/") response.setHeader("Content-Type", "text/html").end(PAGE);
    else if (name === null || type === undefined) response.writeHead(404).end();
    else
      await readFile(new URL(`.${url}`, DIST)).then(
        (bytes) => response.setHeader("Content-Type", type).end(bytes),
        () => response.writeHead(404).end(),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
