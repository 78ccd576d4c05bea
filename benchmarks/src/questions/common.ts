// What the questions share.
import { engine, engineWith } from "../contenders/engine.js";
import { mapBigInt, mapString } from "../contenders/map.js";
import { typedArray } from "../contenders/typed-array.js";
import type { Measured } from "../paired.js";
import type { Row } from "../row.js";
import { runtime } from "../runtime.js";
import type { Contender } from "../tool.js";

/** Packets of a chunk: one timed call. */
export const CHUNK = 1024;

/** The first one is what the others are compared with. */
export const CONTENDERS: readonly Contender[] = [engine, typedArray, mapString, mapBigInt];

/** The engine with somebody who listens to events, and takes them: as objects, or as records. */
export const withEvents = [
  engineWith("engine, events", { events: true }),
  engineWith("engine, event records", { events: true }, "records"),
];

/** The lanes of a question: the contenders and what else it asks of the engine; with `--against`, two builds of the engine. */
export function contenders({ against }: Settings, more: readonly Contender[] = []): readonly Contender[] {
  if (against === null) return [...CONTENDERS, ...more];
  return [engine, engineWith("engine, other build", { wasm: against })];
}

export interface Settings {
  /** Every size and every variant, instead of what takes minutes. */
  readonly full: boolean;
  /** Milliseconds for one paired run. */
  readonly budget: number;
  /** Another build of the engine to be compared with, instead of the contenders. */
  readonly against: Uint8Array | null;
}

export type Question = (settings: Settings) => AsyncGenerator<Row, void>;

export function rowsOf(
  question: string,
  flows: number,
  measured: readonly Measured[],
  per: Row["per"] = "packet",
): Row[] {
  return measured.map(({ contender, variant, ns, ratio }) => ({
    question,
    contender,
    flows,
    nsPerPacket: ns,
    bytesPerFlow: null,
    runtime: runtime(),
    per,
    ratio,
    variant,
  }));
}
