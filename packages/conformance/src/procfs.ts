// Text files of /proc/net: the table, the expectations, counters.

import { formatAddress, parseAddress } from "./address.js";
import type { RecordedExpectation, RecordedFlow } from "./recording.js";

/** A line of `/proc/net/nf_conntrack`. */
export function parseFlow(line: string): RecordedFlow {
  const words = line.trim().split(/\s+/);
  const [l3 = "", , l4 = "", l4num = "0", timeout = "0"] = words;
  const extra: Record<string, unknown> = {};
  const tuples: Record<string, string | number>[] = [];
  const flags: string[] = [];
  let state: string | null = null;
  for (const word of words.slice(5)) {
    const flag = /^\[(\w+)\]$/.exec(word)?.[1];
    const [name = "", value] = word.replace(/,$/, "").split("=");
    if (flag) flags.push(flag);
    else if (value === undefined) state = name;
    else if (name === "src") tuples.push({ src: formatAddress(parseAddress(value)) });
    else if (name === "dst") (tuples.at(-1) as Record<string, string>).dst = formatAddress(parseAddress(value));
    else if (name === "timeout" || name === "stream_timeout") extra[`gre_${name}`] = Number(value);
    else if (/^(sport|dport|type|code|id)$/.test(name)) (tuples.at(-1) as Record<string, number>)[name] = Number(value);
    else if (/key$/.test(name)) (tuples.at(-1) as Record<string, string>)[name] = value;
    else if (/^(packets|bytes)$/.test(name)) (tuples.at(-1) as Record<string, number>)[name] = Number(value);
    else extra[name] = /^-?\d+$/.test(value) ? Number(value) : value;
  }
  const [orig = {}, reply = {}] = tuples;
  const { mark = 0, zone = 0, use = 0, ...rest } = extra as Record<string, number>;
  return {
    line,
    l3,
    l4,
    l4num: Number(l4num),
    timeout: Number(timeout),
    state,
    ...rest,
    mark,
    zone,
    use,
    flags,
    orig,
    reply,
  };
}

/** A line of `/proc/net/nf_conntrack_expect`. */
export function parseExpectation(line: string): RecordedExpectation {
  const fields: Record<string, unknown> = {};
  const flags: string[] = [];
  let helper = "";
  const [timeout = "0", ...words] = line.trim().replace(/ = /g, "=").split(/\s+/);
  for (const word of words) {
    const [name = "", value] = word.split("=");
    if (value === undefined) {
      const names = name.split(",").filter((item) => item !== "");
      if (names.every((item) => /^[A-Z]+$/.test(item))) flags.push(...names);
      else helper = name;
    } else fields[name] = /^\d+$/.test(value) ? Number(value) : value;
  }
  const { l3proto = 0, proto = 0 } = fields as Record<string, number>;
  return { line, timeout: Number(timeout), ...fields, l3proto, proto, flags, helper };
}

export const lines = (text: string): string[] => text.split("\n").filter((line) => line.trim() !== "");

/** `/proc/net/stat/nf_conntrack`: a line of names, then one of hex numbers for each CPU. The entry count is left out. */
export function parseStat(text: string): Record<string, number> {
  const [head = "", ...rows] = lines(text);
  const counters: Record<string, number> = {};
  head
    .trim()
    .split(/\s+/)
    .forEach((name, i) => {
      if (name !== "entries")
        counters[name] = rows.reduce((sum, row) => sum + Number.parseInt(row.trim().split(/\s+/)[i] ?? "0", 16), 0);
    });
  return counters;
}

// Counters of the IP layer that say a received packet was given up (those of sending count the kernel's own, too).
const DROP_COUNTERS =
  /^(Ip\.(InHdrErrors|InAddrErrors|InUnknownProtos|InDiscards|ReasmFails|FragFails)|IpExt\.InTruncatedPkts|Ip6(InHdrErrors|InTooBigErrors|InNoRoutes|InAddrErrors|InUnknownProtos|InTruncatedPkts|InDiscards|ReasmFails|FragFails))$/;

/** `/proc/net/snmp` and `netstat` (pairs of lines), `snmp6` (name and number). */
export function parseSnmp(text: string): Record<string, number> {
  const counters: Record<string, number> = {};
  const rows = lines(text);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as string;
    const pair = /^(\w+): ([A-Z].*)$/.exec(row);
    if (pair) {
      const values = (rows[++i] ?? "").split(" ").slice(1);
      (pair[2] as string).split(" ").forEach((name, k) => {
        counters[`${pair[1]}.${name}`] = Number(values[k]);
      });
    } else {
      const [name = "", value] = row.trim().split(/\s+/);
      counters[name] = Number(value);
    }
  }
  return counters;
}

/** What rose between two readings. */
export function risen(
  before: Record<string, number>,
  after: Record<string, number>,
  only: RegExp = DROP_COUNTERS,
): Record<string, number> {
  const rose: Record<string, number> = {};
  for (const [name, value] of Object.entries(after)) {
    const by = value - (before[name] ?? 0);
    if (by !== 0 && only.test(name)) rose[name] = by;
  }
  return rose;
}

/** The files together, as kernel/oracle.c hands them out for a packet that did not get through. */
export function parseCounters(text: string): { ip: Record<string, number>; ct: Record<string, number> } {
  const split = text.search(/^entries /m);
  return { ip: parseSnmp(text.slice(0, split)), ct: parseStat(text.slice(split)) };
}
