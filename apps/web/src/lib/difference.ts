// Two runs over the same capture, packet by packet.
import { STATE_NAMES } from "conntrack-wasm";
import type { Columns } from "../worker/columns";

/** The decision of a packet, by its place: state | direction << 8 | reason << 16 | verdict << 24. */
export type Run = (index: number) => number;

export const runOf =
  ({ data }: Columns): Run =>
  (index) =>
    data.decision[index] as number;

/** A run as the worker answers it: two words a packet. */
export const rerunOf =
  (words: Uint32Array): Run =>
  (index) =>
    words[2 * index] as number;

type Pair = readonly [left: number, right: number];

export interface Difference {
  /** Frame numbers of the packets that are judged differently. */
  readonly frames: readonly number[];
  /** Packets by state code. */
  readonly states: readonly Pair[];
  readonly dropped: Pair;
}

/** State, direction, verdict. */
const JUDGED = 0xff00ffff;
const isDropped = (decision: number) => decision >>> 24 === 1;

export function compareRuns(count: number, left: Run, right: Run): Difference {
  const frames: number[] = [];
  const states = STATE_NAMES.map((): [number, number] => [0, 0]);
  const dropped: [number, number] = [0, 0];
  for (let i = 0; i < count; i++) {
    const pair = [left(i), right(i)] as const;
    for (const side of [0, 1] as const) {
      const counts = states[pair[side] & 255];
      if (counts) counts[side]++;
      if (isDropped(pair[side])) dropped[side]++;
    }
    if (((pair[0] ^ pair[1]) & JUDGED) !== 0) frames.push(i + 1);
  }
  return { frames, states, dropped };
}

/** What a run made of a packet. */
export function judgementOf(run: Run, frame: number): { state: string | null; verdict: "ACCEPT" | "DROP" } {
  const decision = run(frame - 1);
  return { state: STATE_NAMES[decision & 255] ?? null, verdict: isDropped(decision) ? "DROP" : "ACCEPT" };
}
