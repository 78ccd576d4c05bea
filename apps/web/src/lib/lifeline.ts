// What a connection's state was from packet to packet, as a band along a sequence diagram.
import { statusNames } from "conntrack-wasm";
import { type Columns, NOTE, PROTOCOL_STATES } from "../worker/columns";

const INVALID = 4;

export interface Span {
  readonly state: string;
  /** Rows it lasts, from the row of the packet that brought it. */
  readonly from: number;
  readonly to: number;
}

/** UNREPLIED, REPLIED or ASSURED: for protocols whose tracker has no states of its own. */
export function statusState(status: number): string {
  const names = statusNames(status);
  if (names.includes("ASSURED")) return "ASSURED";
  return names.includes("SEEN_REPLY") ? "REPLIED" : "UNREPLIED";
}

/** The state right behind a packet; null when it left no entry. */
export function stateBehind({ data }: Columns, index: number): string | null {
  if (((data.notes[index] as number) & NOTE.after) === 0) return null;
  return PROTOCOL_STATES[data.after[index] as number] || statusState(data.status[index] as number);
}

/** The spans of the rows of a diagram; rows of other connections, null, let the state be as it is. */
export function spansOf(columns: Columns, rows: readonly (number | null)[]): Span[] {
  const spans: Span[] = [];
  for (const [row, index] of rows.entries()) {
    const last = spans.at(-1);
    const state = (index === null ? null : (stateBehind(columns, index) ?? endedBy(columns, index))) ?? last?.state;
    if (state === undefined) continue;
    if (state === last?.state) spans[spans.length - 1] = { ...last, to: row + 1 };
    else spans.push({ state, from: row, to: row + 1 });
  }
  return spans;
}

/** A packet that found an entry and left none has ended it, unless it was not let in. */
function endedBy({ data }: Columns, index: number): string | null {
  const found = ((data.notes[index] as number) & NOTE.before) !== 0;
  return found && ((data.decision[index] as number) & 255) !== INVALID ? "gone" : null;
}
