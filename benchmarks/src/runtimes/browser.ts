// A page in a browser without a window. Nobody drives it: it is started with the page's address and a profile of its own,
// and the page posts what it finds.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PortableSettings } from "../portable.js";
import type { Row } from "../row.js";
import type { Say } from "./index.js";
import { servePage, type Told } from "./page.js";

/** Longest silence of a page, in milliseconds: a browser that never opens it says nothing at all. */
const SILENCE = 180_000;

export interface Browser {
  readonly name: string;
  /** Where its program may lie, the first one that exists is taken; undefined ones are passed over. */
  readonly places: readonly (string | undefined)[];
  /** Its arguments, but for the address. */
  args(profile: string): readonly string[];
}

export const CHROMIUM: Browser = {
  name: "chromium",
  places: [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"],
  args: (profile) => ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", `--user-data-dir=${profile}`],
};

export const FIREFOX: Browser = {
  name: "firefox",
  places: [process.env.FIREFOX, "/usr/bin/firefox-esr", "/usr/bin/firefox"],
  args: (profile) => ["--headless", "--no-remote", "--profile", profile],
};

/** Asks the questions in a page of that browser. */
export async function* inBrowser(browser: Browser, settings: PortableSettings, say: Say): AsyncGenerator<Row, void> {
  const { name } = browser;
  const program = browser.places.find((path) => path !== undefined && existsSync(path));
  if (program === undefined) {
    say(`${name}: left out: not found; install it, or say where it is with ${name.toUpperCase()}`);
    return;
  }
  const told: Told[] = [];
  let wake = () => {};
  const server = await servePage(settings, (what) => {
    told.push(what);
    wake();
  });
  const profile = await mkdtemp(join(tmpdir(), `bench-${name}-`));
  const child = spawn(program, [...browser.args(profile), server.url], { stdio: "ignore" });
  let gone: string | null = null;
  const closed = new Promise<void>((resolve) => {
    child.on("error", (error) => {
      gone ??= error.message;
      resolve();
      wake();
    });
    child.on("close", (code, signal) => {
      gone ??= `ended with ${code ?? signal}`;
      resolve();
      wake();
    });
  });
  try {
    for (;;) {
      const what = told.shift();
      if (what === undefined) {
        if (gone !== null) {
          say(`${name}: ${gone}; rows may be missing`);
          return;
        }
        if (!(await woken((resolve) => (wake = resolve)))) {
          say(`${name}: the page has said nothing for ${SILENCE / 1000} s; rows may be missing`);
          return;
        }
      } else if ("row" in what) yield what.row;
      else if ("failure" in what) say(`${name}: ${what.failure}`);
      else return;
    }
  } finally {
    child.kill();
    server.close();
    await closed;
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Whether `wake` was called before the silence became too long. */
async function woken(arm: (wake: () => void) => void): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), SILENCE);
  });
  const spoke = new Promise<boolean>((resolve) => arm(() => resolve(true)));
  const outcome = await Promise.race([spoke, silence]);
  clearTimeout(timer);
  return outcome;
}
