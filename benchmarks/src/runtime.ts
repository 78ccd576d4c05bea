// Name and version of what runs this.

export function runtime(): string {
  const versions: Record<string, string | undefined> = globalThis.process?.versions ?? {};
  if (versions.bun !== undefined) return `bun ${versions.bun}`;
  if (versions.deno !== undefined) return `deno ${versions.deno}`;
  if (versions.node !== undefined) return `node ${versions.node}`;
  const [, name = "browser", version = ""] = /(Firefox|Chrome)\/(\d+)/.exec(navigator.userAgent) ?? [];
  return `${name === "Chrome" ? "chromium" : name.toLowerCase()} ${version}`.trim();
}
