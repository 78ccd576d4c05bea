// One line of results.
import type { Percentiles } from "./percentiles.js";

export interface Row {
  readonly question: string;
  readonly contender: string;
  readonly flows: number;
  /** Nanoseconds for one packet, or for one of what `per` says; null when only memory was asked for. */
  readonly nsPerPacket: Percentiles | null;
  readonly bytesPerFlow: number | null;
  readonly runtime: string;
  readonly per: "packet" | "entry" | "start" | "event" | "batch" | "flow";
  /** Median over the turns of this contender's time divided by the reference's, the first one's; that has 1. */
  readonly ratio: number | null;
  /** Another way to use the engine, not another implementation: here a larger ratio is the worse one. */
  readonly variant: boolean;
}

/** The public form: exactly these keys, times to a tenth of a nanosecond. */
export function toJson({ question, contender, flows, nsPerPacket, bytesPerFlow, runtime }: Row): string {
  const ns = nsPerPacket && {
    p10: tenths(nsPerPacket.p10),
    p50: tenths(nsPerPacket.p50),
    p90: tenths(nsPerPacket.p90),
  };
  return JSON.stringify({ question, contender, flows, nsPerPacket: ns, bytesPerFlow, runtime });
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The same row with figures as precise as they are worth keeping. */
export function rounded(row: Row): Row {
  const { nsPerPacket: ns, ratio } = row;
  return {
    ...row,
    nsPerPacket: ns && { p10: tenths(ns.p10), p50: tenths(ns.p50), p90: tenths(ns.p90) },
    ratio: ratio === null ? null : Number(ratio.toPrecision(4)),
  };
}
