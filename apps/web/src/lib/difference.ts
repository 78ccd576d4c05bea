// Two runs over the same capture, packet by packet.
import { STATE_NAMES } from "conntrack-wasm";
import type { Columns } from "../worker/columns";

export interface Difference {
  /** Frame numbers of the packets that are judged differently. */
  readonly frames: readonly number[];
  /** The state in the other run. */
  stateOf(frame: number): string | null;
  verdictOf(frame: number): "ACCEPT" | "DROP";
  /** Packets by state code, in this run and in the other. */
  readonly counts: readonly (readonly [here: number, there: number])[];
}

/** State, direction, verdict. */
const JUDGED = 0xff00ffff;

export function compareRuns({ data, count }: Columns, other: Uint32Array): Difference {
  const frames: number[] = [];
  const counts = STATE_NAMES.map((): [number, number] => [0, 0]);
  for (let i = 0; i < count; i++) {
    const here = data.decision[i] as number;
    const there = other[2 * i] as number;
    const [a, b] = [counts[here & 255], counts[there & 255]];
    if (a) a[0]++;
    if (b) b[1]++;
    if (((here ^ there) & JUDGED) !== 0) frames.push(i + 1);
  }
  const at = (frame: number) => other[2 * (frame - 1)] as number;
  return {
    frames,
    counts,
    stateOf: (frame) => STATE_NAMES[at(frame) & 255] ?? null,
    verdictOf: (frame) => (at(frame) >>> 24 === 1 ? "DROP" : "ACCEPT"),
  };
}
