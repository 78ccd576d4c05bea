// The tables of README.md, written between `<!-- results: NAME -->` and `<!-- end -->` from the saved results.
import type { Conditions } from "./machine.js";
import type { Saved } from "./results.js";
import type { Row } from "./row.js";

const PLACE = /(<!-- results: ([\w-]+) -->\n)[\s\S]*?(<!-- end -->)/g;
/** Contenders that still fit beside each other. */
const MOST_COLUMNS = 5;

/** The text with every table whose results are there written afresh. */
export function withTables(text: string, results: ReadonlyMap<string, Saved>): string {
  return text.replace(PLACE, (whole, begin: string, name: string, end: string) => {
    const saved = results.get(name);
    return saved === undefined ? whole : `${begin}\n${tableOf(saved)}\n\n${conditionsText(saved)}\n\n${end}`;
  });
}

function conditionsText({ date, commit, machine, others, state }: Conditions): string {
  const load = others === null ? "what else ran is not known" : `others used ${others} processors`;
  return `${date}, commit ${commit}, ${machine}; ${state}: ${load}.`;
}

/** Contenders side by side where the same ones answer several questions; else one below the other. */
export function tableOf({ rows }: Pick<Saved, "rows">): string {
  const contenders = [...new Set(rows.map(({ contender }) => contender))];
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.question}|${row.flows}|${row.runtime}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const several = new Set(rows.map(({ runtime }) => runtime)).size > 1;
  if (groups.size > 1 && contenders.length <= MOST_COLUMNS)
    return sideBySide([...groups.values()], contenders, several);
  return belowEachOther(rows, several);
}

function sideBySide(groups: readonly Row[][], contenders: readonly string[], several: boolean): string {
  const head = ["question", "flows", ...(several ? ["runtime"] : []), ...contenders];
  const body = groups.map((rows) => {
    const [{ question, flows, runtime }] = rows as [Row];
    const cells = contenders.map((name) => cellOf(rows.find(({ contender }) => contender === name)));
    return [question, flowsText(flows), ...(several ? [runtime] : []), ...cells];
  });
  return markdown(head, body);
}

function cellOf(row: Row | undefined): string {
  if (row === undefined) return "";
  if (row.nsPerPacket === null) return row.bytesPerFlow === null ? "" : `${row.bytesPerFlow} B`;
  const time = timeText(row.nsPerPacket.p10);
  return row.ratio === null || row.ratio === 1 ? time : `${time} (x${ratioText(row.ratio)})`;
}

function belowEachOther(rows: readonly Row[], several: boolean): string {
  const memory = rows.some(({ bytesPerFlow }) => bytesPerFlow !== null);
  const head = ["question", "flows", ...(several ? ["runtime"] : []), "contender", "p10", "p50", "p90", "ratio"];
  if (memory) head.push("bytes a flow");
  const body = rows.map(({ question, flows, runtime, contender, nsPerPacket: ns, ratio, bytesPerFlow }) => {
    const times = ns === null ? ["", "", ""] : [ns.p10, ns.p50, ns.p90].map(timeText);
    const cells = [question, flowsText(flows), ...(several ? [runtime] : []), contender, ...times];
    cells.push(ratio === null ? "" : ratioText(ratio));
    if (memory) cells.push(bytesPerFlow === null ? "" : String(bytesPerFlow));
    return cells;
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
