// Rows as lines for people.
import type { Row } from "./row.js";

const UNITS: Readonly<Record<Row["per"], string>> = {
  packet: "ns",
  entry: "ns/entry",
  start: "ns/start",
  event: "ns/event",
  batch: "ns/call",
  flow: "B/flow",
};

export const HEADING = `${"question".padEnd(36)}${"flows".padStart(9)}  ${"contender".padEnd(34)}${"p10".padStart(9)}${"p50".padStart(9)}${"p90".padStart(9)}            ratio`;

/** One row; with the runtime in front when there are several. */
export function report(row: Row, withRuntime = false): string {
  return withRuntime ? `${row.runtime.padEnd(16)}${lineOf(row)}` : lineOf(row);
}

function lineOf(row: Row): string {
  const flows = row.flows > 0 ? String(row.flows) : "";
  const title = `${row.question.padEnd(36)}${flows.padStart(9)}  ${row.contender.padEnd(34)}`;
  const bytes = row.bytesPerFlow === null ? "" : `${row.bytesPerFlow} B/flow`;
  if (row.nsPerPacket === null) return `${title}${bytes.padStart(27)}`;
  const { p10, p50, p90 } = row.nsPerPacket;
  const times = [p10, p50, p90].map((time) => time.toFixed(0).padStart(9)).join("");
  const ratio = row.ratio === null ? "" : `x${row.ratio.toFixed(2)}`;
  return `${title}${times} ${UNITS[row.per].padEnd(9)} ${ratio.padEnd(8)}${bytes}`.trimEnd();
}
