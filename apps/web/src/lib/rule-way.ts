// The way of a packet through the chains, put together from the rules it was asked by.
import type { Asked, RuleRows } from "../worker/messages";

export interface WayLine {
  readonly label: string;
  readonly text: string;
  readonly matched: boolean;
  readonly undecided: boolean;
  readonly line: number;
}

/** A stay in a chain; a chain that is left by a jump and come back to is there twice. */
export interface WayChain {
  readonly table: string;
  readonly chain: string;
  /** Jumps that led here. */
  readonly depth: number;
  readonly lines: readonly WayLine[];
}

export function wayThrough(asked: readonly Asked[], rows: RuleRows): WayChain[] {
  const stays: { table: string; chain: string; depth: number; lines: WayLine[] }[] = [];
  const behind: string[] = [];
  let table = "";
  let chain = "";
  const stay = () => {
    const last = stays.at(-1);
    if (last && last.table === table && last.chain === chain && last.depth === behind.length) return last.lines;
    const lines: WayLine[] = [];
    stays.push({ table, chain, depth: behind.length, lines });
    return lines;
  };
  for (const { rule, matched, undecided } of asked) {
    const row = rows[rule] ?? null;
    if (row === null) {
      stay().push({ label: "end", text: "back", matched: true, undecided: false, line: 0 });
      chain = behind.pop() ?? chain;
      continue;
    }
    // another chain than the one expected: the next table, or the next hook
    if (row.table !== table || row.chain !== chain) behind.length = 0;
    ({ table, chain } = row);
    const label = row.position === 0 ? "policy" : String(row.position);
    stay().push({ label, text: row.text, matched, undecided, line: row.line });
    if (!matched) continue;
    if (row.to) {
      if (row.to.back) behind.push(chain);
      chain = row.to.chain;
    } else if (/(?:^| )-j RETURN\b/.test(row.text)) chain = behind.pop() ?? chain;
  }
  return stays;
}
