// What the built app was built from, as a digest: dist/ keeps it, so that the tests never look at an app of yesterday.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const OWN = ["apps/web/src", "apps/web/public", "apps/web/index.html", "apps/web/vite.config.ts", "samples"];
const PACKAGES = ["packages/capture/dist", "packages/conntrack/dist", "packages/iptables/dist", "apps/cli/dist"];

function* filesUnder(path: string): Generator<string, void> {
  if (/\.\w+$/.test(path)) return yield path;
  for (const entry of readdirSync(`${REPOSITORY}/${path}`, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    if (entry.isDirectory()) yield* filesUnder(`${path}/${entry.name}`);
    else if (!/\.(?:map|d\.ts|md|txt)$/.test(entry.name)) yield `${path}/${entry.name}`;
  }
}

export function builtFrom(): string {
  const hash = createHash("sha256");
  for (const root of [...OWN, ...PACKAGES])
    for (const file of filesUnder(root)) hash.update(file).update(readFileSync(`${REPOSITORY}/${file}`));
  return hash.digest("hex");
}
