// What the questions share.
import { engine, engineWith } from "../contenders/engine.js";
import { mapBigInt } from "../contenders/map-bigint.js";
import { mapString } from "../contenders/map-string.js";
import { typedArray } from "../contenders/typed-array.js";
import { type Contender, type Measured, type Row, runtime } from "../tool.js";

/** Packets of a chunk: one timed call. */
export const CHUNK = 1024;

/** The first one is what the others are compared with. */
export const CONTENDERS: readonly Contender[] = [engine, typedArray, mapString, mapBigInt];

/** The engine with checksums verified, as Linux does, and with somebody who listens to events. */
export const withEvents = engineWith("engine, events", { sysctl: { nf_conntrack_checksum: 0 }, events: true });

export interface Settings {
  /** Every size and every variant, instead of what takes minutes. */
  readonly full: boolean;
  /** Milliseconds for one paired run. */
  readonly budget: number;
}

export type Question = (settings: Settings) => AsyncGenerator<Row, void>;

export function rowsOf(
  question: string,
  flows: number,
  measured: readonly Measured[],
  per: Row["per"] = "packet",
): Row[] {
  return measured.map(({ contender, ns, ratio }) => ({
    question,
    contender,
    flows,
    nsPerPacket: ns,
    bytesPerFlow: null,
    runtime: runtime(),
    per,
    ratio,
  }));
}
