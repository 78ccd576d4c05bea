// The tables of README.md, written between `<!-- results: NAME -->` and `<!-- end -->` from the saved results.
import type { Conditions } from "./machine.js";
import type { Saved } from "./results.js";
import type { Row } from "./row.js";

const PLACE = /(<!-- results: ([\w-]+) -->\n)[\s\S]*?(<!-- end -->)/g;
/** Contenders that still fit beside each other. */
const MOST_COLUMNS = 5;

/** The text with these tables, by name, in their places. */
export function withTables(text: string, tables: ReadonlyMap<string, string>): string {
  return text.replace(PLACE, (whole, begin: string, name: string, end: string) => {
    const table = tables.get(name);
    return table === undefined ? whole : `${begin}\n${table}\n\n${end}`;
  });
}

/** The table of a question's results, and what it was measured on. */
export function resultsText(saved: Saved): string {
  return `${tableOf(saved)}\n\n${conditionsText(saved)}`;
}

function conditionsText({ date, commit, machine, others, state }: Conditions): string {
  const load = others === null ? "what else ran is not known" : `others used ${others} processors`;
  return `${date}, commit ${commit}, ${machine}; ${state}: ${load}.`;
}

/** Runtimes side by side where there are several; contenders where the same ones answer several questions. */
export function tableOf({ rows }: Pick<Saved, "rows">): string {
  const runtimes = distinct(rows.map(({ runtime }) => runtime));
  const contenders = distinct(rows.map(({ contender }) => contender));
  const questions = groupsOf(rows, ({ question, flows }) => `${question}|${flows}`);
  if (runtimes.length > 1) {
    const lanes = groupsOf(rows, ({ question, flows, contender }) => `${question}|${flows}|${contender}`);
    return sideBySide(lanes, "runtime", runtimes, (row) => [row.question, flowsText(row.flows), row.contender]);
  }
  if (questions.length > 1 && contenders.length <= MOST_COLUMNS)
    return sideBySide(questions, "contender", contenders, (row) => [row.question, flowsText(row.flows)]);
  return belowEachOther(rows);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}

/** At least one row in each. */
type Group = readonly [Row, ...Row[]];

function groupsOf(rows: readonly Row[], keyOf: (row: Row) => string): Group[] {
  const groups = new Map<string, [Row, ...Row[]]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return [...groups.values()];
}

function sideBySide(
  groups: readonly Group[],
  column: "runtime" | "contender",
  names: readonly string[],
  titles: (row: Row) => string[],
): string {
  const body = groups.map((rows) => [
    ...titles(rows[0]),
    ...names.map((name) => cellOf(rows.find((row) => row[column] === name))),
  ]);
  const head = ["question", "flows", "contender"].slice(0, (body[0]?.length ?? 0) - names.length);
  return markdown([...head, ...names], body);
}

function cellOf(row: Row | undefined): string {
  if (row === undefined) return "";
  if (row.nsPerPacket === null) return row.bytesPerFlow === null ? "" : `${row.bytesPerFlow} B`;
  const time = timeText(row.nsPerPacket.p10);
  return row.ratio === null || row.ratio === 1 ? time : `${time} (x${ratioText(row.ratio)})`;
}

function belowEachOther(rows: readonly Row[]): string {
  const memory = rows.some(({ bytesPerFlow }) => bytesPerFlow !== null);
  const head = ["question", "flows", "contender", "p10", "p50", "p90", "ratio", ...(memory ? ["bytes a flow"] : [])];
  const body = rows.map(({ question, flows, contender, nsPerPacket: ns, ratio, bytesPerFlow }) => {
    const times = ns === null ? ["", "", ""] : [ns.p10, ns.p50, ns.p90].map(timeText);
    const cells = [question, flowsText(flows), contender, ...times, ratio === null ? "" : ratioText(ratio)];
    return memory ? [...cells, bytesPerFlow === null ? "" : String(bytesPerFlow)] : cells;
  });
  return markdown(head, body);
}

function markdown(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}

function flowsText(flows: number): string {
  return flows > 0 ? flows.toLocaleString("en") : "";
}

/** Nanoseconds with about three figures, and a unit from microseconds on. */
export function timeText(ns: number): string {
  if (ns < 10_000) return ns < 100 ? ns.toFixed(ns < 10 ? 1 : 0) : ns.toFixed(0);
  return ns < 1e7 ? `${(ns / 1e3).toPrecision(3)} µs` : `${(ns / 1e6).toPrecision(3)} ms`;
}

function ratioText(ratio: number): string {
  return ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(ratio < 1 ? 2 : 3);
}
