// What a run amounts to: packets by state.
import { type Results, STATE_NAMES } from "conntrack-wasm";
import type { Colors } from "./color.js";
import { secondsText } from "./packet.js";
import type { Session } from "./session.js";
import { paintState } from "./text.js";

const NONE = 0;
const INVALID = 4;
/** Of one engine of several: a fragment, told by the one whose datagram it is of. */
const FOREIGN = 255;

/** What a Tally has counted, as plain data. */
export interface TallyCounts {
  readonly packets: number;
  readonly states: Float64Array;
  readonly reasons: ReadonlyMap<string, number>;
}

/** Counts results without looking at each twice. */
export class Tally {
  packets = 0;
  /** By state code. */
  readonly states = new Float64Array(8);
  /** Reasons of packets that are INVALID or not tracked, by name. */
  readonly reasons = new Map<string, number>();

  addAll(results: Results): void {
    const { words, count } = results;
    const { states } = this;
    let foreign = 0;
    for (let i = 0; i < count; i++) {
      const state = (words[2 * i] as number) & 255;
      if (state === FOREIGN) {
        foreign++;
        continue;
      }
      (states[state] as number)++;
      if (state === INVALID || state === NONE) this.#addReason(results.reason(i).name);
    }
    this.packets += count - foreign;
  }

  /** Takes what another has counted. */
  addCounts({ packets, states, reasons }: TallyCounts): void {
    this.packets += packets;
    for (const [state, count] of states.entries()) (this.states[state] as number) += count;
    for (const [name, count] of reasons) this.#addReason(name, count);
  }

  get counts(): TallyCounts {
    const { packets, states, reasons } = this;
    return { packets, states, reasons };
  }

  add(results: Results, i: number): void {
    const state = results.stateCode(i);
    (this.states[state] as number)++;
    if (state === INVALID || state === NONE) this.#addReason(results.reason(i).name);
    this.packets++;
  }

  #addReason(name: string, count = 1): void {
    this.reasons.set(name, (this.reasons.get(name) ?? 0) + count);
  }
}

/** The lines at the end of `track`. */
export function summaryText(tally: Tally, session: Session, colors: Colors): string {
  const { input } = session;
  const span = input.first === null ? "" : ` in ${secondsText(session.now - input.first, 3)} s`;
  const shown = tally.packets === input.packets ? "" : `, ${tally.packets.toLocaleString("en")} shown`;
  const { created } = session.totals;
  const plural = created === 1 ? "connection" : "connections";
  let text = `${input.packets.toLocaleString("en")} packets${span}${shown}; ${created.toLocaleString("en")} ${plural}, ${session.entries.toLocaleString("en")} left in the table\n`;
  const states = STATE_NAMES.map((name, code) => ({ name, count: tally.states[code] as number })).filter(
    ({ count }) => count > 0,
  );
  states.push(...states.splice(0, states[0]?.name === null ? 1 : 0)); // what has no state comes last
  const width = Math.max(0, ...states.map(({ count }) => count.toLocaleString("en").length));
  for (const { name, count } of states) {
    const label = (name ?? "not tracked").padEnd("ESTABLISHED".length);
    text += `  ${paintState(colors, name, label)} ${count.toLocaleString("en").padStart(width)}\n`;
  }
  const reasons = [...tally.reasons].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  if (reasons.length > 0)
    text += `  ${reasons.map(([name, count]) => `${name} ${count.toLocaleString("en")}`).join(", ")}\n`;
  return text;
}
