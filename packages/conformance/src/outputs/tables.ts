// What was printed of a state, against ours. The tool asked and printed between two moments. What counts down or up is ours as
// of these moments, a tick wider: the timeout when the kernel was asked, delta-time by the clock when it was printed. A line
// must be one of those that gives. Lines come in any order.

import type { Expectation, Flow, Stats } from "conntrack-wasm";
import type { PrintedReading } from "./ask.js";
import type { Reading, View } from "./forms.js";
import { stampOf, TICK } from "./tolerance.js";

export function compareReading(reading: Reading, { from, to, text }: PrintedReading, view: View): string[] {
  const [first, last] = [BigInt(from) - TICK, BigInt(to) + TICK];
  const possible = [viewAt(view, first, first), viewAt(view, first, last), viewAt(view, last, last)].map(reading.rows);
  const { name } = reading;
  const [lines, report] = unframed(reading, text);
  const [rows = []] = possible;
  const left = new Set(rows.keys());
  for (const line of name === "stat" || name === "-S" ? summed(lines) : lines) {
    const versions = stamped(line, view, first, last)?.map(reading.rows) ?? possible;
    const found = [...left].find((i) => versions.some((version) => version[i] === line));
    if (found === undefined) report.push(`${name}: kernel ${line}`);
    else left.delete(found);
  }
  for (const i of left) report.push(`${name}: engine ${rows[i]}`);
  return report;
}

/** With the time the tool has put in front of a line, if it lies between both moments. */
function stamped(line: string, view: View, first: bigint, last: bigint): View[] | null {
  const printed = stampOf(line);
  if (printed === null || printed < first || printed > last) return null;
  return [viewAt(view, first, printed), viewAt(view, last, printed)];
}

const viewAt = (view: View, asked: bigint, printed: bigint): View => ({
  ...view,
  time: printed,
  flows: view.flows.map((flow): Flow => ({ ...flow, timeout: flow.timeout - (asked - view.time), time: printed })),
  expectations: view.expectations.map(
    (expectation): Expectation => ({
      ...expectation,
      timeout: expectation.timeout && expectation.timeout - (asked - view.time),
    }),
  ),
});

/** The lines between those in front and behind; the tool leaves both out when there is nothing between. */
export function unframed(
  { name, begin = "", end = "" }: Pick<Reading, "name" | "begin" | "end">,
  text: string,
): [lines: string[], report: string[]] {
  if (text === "") return [[], []];
  const whole = text.endsWith("\n") ? text : `${text}\n`;
  const [head, tail] = [begin, end].map((part) => (part === "" ? "" : `${part}\n`)) as [string, string];
  if (!whole.startsWith(head) || !whole.endsWith(tail))
    return [[], [`${name}: not framed as ours: ${JSON.stringify(text.slice(0, 200))}`]];
  const lines = whole.slice(head.length, whole.length - tail.length).split("\n");
  return [lines.slice(0, -1), []];
}

// ---- counters: a line for each processor

const hexWords = (line: string): number[] =>
  line
    .trim()
    .split(/ +/)
    .map((word) => Number.parseInt(word, 16));
const decimals = (line: string): number[] => [...line.matchAll(/=(\d+)/g)].map(([, number]) => Number(number));

/** The lines of all processors as one: numbers are added, but for the first, the entries or the number of the processor. */
function summed(lines: readonly string[]): string[] {
  const [first] = lines;
  if (first === undefined) return [];
  const isTool = first.startsWith("cpu=");
  const rows = lines.map(isTool ? decimals : hexWords);
  const sums = (rows[0] as number[]).map((own, column) =>
    column === 0 ? own : rows.reduce((sum, row) => sum + (row[column] ?? 0), 0),
  );
  let column = 0;
  return [
    isTool
      ? first.replace(/=\d+/g, () => `=${sums[column++]}`)
      : first.replace(/[0-9a-f]{8}/g, () => (sums[column++] as number).toString(16).padStart(8, "0")),
  ];
}

/** `/proc/net/stat/nf_conntrack` as numbers by name. */
export function countersOf(text: string): Partial<Stats> {
  const [names = "", ...lines] = text.trimEnd().split("\n");
  const numbers = hexWords(summed(lines)[0] ?? "");
  return Object.fromEntries(
    names
      .trim()
      .split(/ +/)
      .map((name, i) => [name, numbers[i] ?? 0]),
  );
}
