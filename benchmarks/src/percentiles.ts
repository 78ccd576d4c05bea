// Times as percentiles: the machine is never quiet for long, and an average would say how busy it was.

export interface Percentiles {
  /** Quiet. */
  readonly p10: number;
  readonly p50: number;
  /** Busy. */
  readonly p90: number;
}

/** The value below which the fraction `p` of the sorted values lies. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

export function percentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  return { p10: quantile(sorted, 0.1), p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) };
}

export function median(values: readonly number[]): number {
  return percentiles(values).p50;
}
