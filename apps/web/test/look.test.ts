// Every view as people see it: at two widths, light and dark. axe-core finds nothing serious, nothing runs over the edge,
// nothing jumps, and a picture of each is left in screenshots/ beside this file.
import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { APP, CHROMIUM, loaded, Site, violations } from "./browser.js";

const PICTURES = `${APP}/test/screenshots`;
const RULES = encodeURIComponent(`*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:fresh - [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate NEW -j fresh
-A FORWARD -p tcp --dport 23 -m conntrack --ctstate NEW -j ACCEPT
-A fresh -p udp -j ACCEPT
-A fresh -p tcp --dport 1:1024 -j ACCEPT
-A fresh -p tcp --dport 22 -j ACCEPT
COMMIT
`);
/** The view, and what is there when it is. */
const VIEWS: Readonly<Record<string, string>> = {
  packets: ".chip",
  why: "dd",
  flows: "svg",
  time: ".table [role=option]",
  machine: "svg",
  rules: "svg .outcome",
  compare: ".sides",
  lab: ".records",
};
const WIDTHS = [1280, 390];

/** Counts layout shifts that nobody asked for. */
const WATCH = `globalThis.shifts = 0; new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });`;

describe.skipIf(!CHROMIUM)("looks", () => {
  let site: Site;
  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    site = await Site.open();
  });
  afterAll(() => site?.close());

  for (const width of WIDTHS)
    for (const theme of ["light", "dark"] as const)
      test(`${width} pixels wide, ${theme}`, async () => {
        const { page, errors } = await site.page(`#sample=tour&view=packets&packet=5&rules=${RULES}`, {
          viewport: { width, height: 844 },
          colorScheme: theme,
        });
        // colours depend on the theme alone, all else on the width alone
        const rule = (width === 390) === (theme === "dark") ? undefined : "color-contrast";
        await page.evaluate(WATCH);
        await loaded(page);
        for (const [view, there] of Object.entries(VIEWS)) {
          await page.locator(`#tab-${view}`).click();
          await page.locator(there).first().waitFor({ state: "attached" });
          expect(await violations(page, rule), view).toEqual([]);
          const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          expect(over, `${view}: pixels over the edge`).toBeLessThanOrEqual(0);
          await page.screenshot({ path: `${PICTURES}/${view}-${width}-${theme}.png` });
        }
        // what Google calls good is below 0.1
        expect(await page.evaluate("globalThis.shifts")).toBeLessThan(0.1);
        expect(errors).toEqual([]);
        await page.close();
      });
});
