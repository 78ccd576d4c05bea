// The built app in the system's Chromium.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { type PreviewServer, preview } from "vite";
import { freshBuild } from "./fresh.js";

export const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);
if (!CHROMIUM) console.warn("The tests of the app are left out: no Chromium here (install Debian's, or set CHROMIUM).");

export const APP = fileURLToPath(new URL("..", import.meta.url));
export const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export class Site {
  private constructor(
    readonly url: string,
    readonly browser: Browser,
    private readonly server: PreviewServer,
  ) {}

  static async open(): Promise<Site> {
    await freshBuild();
    const server = await preview({
      root: APP,
      configFile: `${APP}/vite.config.ts`,
      logLevel: "silent",
      preview: { port: 0, host: "127.0.0.1", strictPort: false },
    });
    const address = server.httpServer.address();
    if (address === null || typeof address === "string") throw new Error("the preview server has no port");
    const browser = await chromium.launch({ executablePath: CHROMIUM as string, headless: true, args: ARGS });
    return new Site(`http://127.0.0.1:${address.port}/`, browser, server);
  }

  /** A page whose errors fail the test that closes it. */
  async page(hash = "", options: Parameters<Browser["newPage"]>[0] = {}): Promise<{ page: Page; errors: string[] }> {
    const page = await this.browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
    page.setDefaultTimeout(30_000); // machines of others are slow
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(`${this.url}${hash}`);
    return { page, errors };
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.close();
  }
}

/** Waits until a capture is read, and says what the status line says. */
export async function loaded(page: Page): Promise<string> {
  const status = page.locator(".status");
  await status.getByText(/packets ·|could not be read|could be read/).waitFor();
  return textOf(status);
}

/** The text of an element as one reads it, one blank between words. */
export async function textOf(locator: Locator): Promise<string> {
  return ((await locator.textContent()) ?? "").replace(/\s+/g, " ").trim();
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

/** Serious and critical violations of the page as it is now; of all rules, or of one. */
export async function violations(page: Page, rule?: string): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.addScriptTag({ path: AXE });
  const options = JSON.stringify({ resultTypes: ["violations"], ...(rule && { runOnly: rule }) });
  const found = (await page.evaluate(`axe.run(${options}).then(({ violations }) => violations)`)) as Violation[];
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}
