// /proc/net/stat/nf_conntrack and conntrack -S
import type { Stats } from "../types.js";

// Two blanks follow the first column and the one of ICMP errors, in the header and in the lines.
const COLUMNS = [
  "entries",
  " clashres",
  "found",
  "new",
  "invalid",
  "ignore",
  "delete",
  "chainlength",
  "insert",
  "insert_failed",
  "drop",
  "early_drop",
  "icmp_error",
  " expect_new",
  "expect_create",
  "expect_delete",
  "search_restart",
] as const;

/** The text of `/proc/net/stat/nf_conntrack` of a machine with one processor: the header and one line. */
export function formatProcStats(stats: Stats): string {
  const values = COLUMNS.map((column) => {
    const name = column.trim() as keyof Stats;
    return (column === name ? "" : " ") + (stats[name] >>> 0).toString(16).padStart(8, "0");
  });
  return `${COLUMNS.join(" ")}\n${values.join(" ")}\n`;
}

/** conntrack-tools calls some counters by other names than the kernel. */
const TOOL_COLUMNS = [
  ["found", "found"],
  ["invalid", "invalid"],
  ["insert", "insert"],
  ["insert_failed", "insert_failed"],
  ["drop", "drop"],
  ["early_drop", "early_drop"],
  ["error", "icmp_error"],
  ["search_restart", "search_restart"],
  ["clash_resolve", "clashres"],
  ["chaintoolong", "chainlength"],
] as const satisfies readonly (readonly [string, keyof Stats])[];

/** The line of `conntrack -S`; the blank at its end is the tool's. */
export function formatConntrackStats(stats: Stats): string {
  return `cpu=0   \t${TOOL_COLUMNS.map(([name, counter]) => `${name}=${stats[counter]} `).join("")}`;
}
