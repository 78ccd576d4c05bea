// Rows as a table for people.
import type { Row } from "./tool.js";

const UNITS: Readonly<Record<Row["per"], string>> = {
  packet: "ns",
  entry: "ns/entry",
  start: "ns/start",
  flow: "B/flow",
};

export function report(row: Row): string {
  const title = `${row.question.padEnd(22)}${row.flows > 0 ? String(row.flows).padStart(9) : "".padStart(9)}`;
  const who = `  ${row.contender.padEnd(30)}`;
  if (row.nsPerPacket === null) return `${title}${who}${String(row.bytesPerFlow).padStart(8)} B/flow`;
  const { p10, p50, p90 } = row.nsPerPacket;
  const times = [p10, p50, p90].map((time) => time.toFixed(0).padStart(9)).join("");
  return `${title}${who}${times} ${UNITS[row.per].padEnd(9)} x${row.ratio?.toFixed(2)}`;
}
