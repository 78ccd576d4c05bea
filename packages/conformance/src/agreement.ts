// The agreement figure: made from a run, written into the README between its markers.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Measured {
  readonly what: string;
  readonly packets: number;
  /** Packets that differ. */
  readonly wrong: number;
}

const README = fileURLToPath(new URL("../../../README.md", import.meta.url));
const BEGIN = "<!-- agreement -->";
const END = "<!-- /agreement -->";

/** Rounded down: 100 % is said of no difference at all. */
function percent(packets: number, wrong: number): string {
  return wrong === 0 ? "100 %" : `${(Math.floor((1 - wrong / packets) * 1e7) / 1e5).toFixed(5)} %`;
}

export function agreementText(kernel: string, date: string, measured: readonly Measured[]): string {
  const count = (n: number) => n.toLocaleString("en-US");
  const rows = measured.map(
    ({ what, packets, wrong }) => `| ${what} | ${count(packets)} | ${count(wrong)} | ${percent(packets, wrong)} |`,
  );
  return [
    `Linux ${kernel}, ${date} (\`npm run conformance -- --agreement\`):`,
    "",
    "| packets of | compared | different | agreement |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** Puts the text between the markers. */
export function writeAgreement(text: string): void {
  const readme = readFileSync(README, "utf8");
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`README.md has no ${BEGIN} … ${END}`);
  writeFileSync(README, `${readme.slice(0, from + BEGIN.length)}\n${text}\n${readme.slice(to)}`);
}
