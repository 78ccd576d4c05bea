// Sets of values a field may have, as ranges that are sorted and do not touch. IPv6 addresses are bigint, all else numbers.

export type Value = number | bigint;
export type Span = readonly [first: Value, last: Value];
export type Spans = readonly Span[];

const after = (value: Value): Value => (typeof value === "bigint" ? value + 1n : value + 1);
const before = (value: Value): Value => (typeof value === "bigint" ? value - 1n : value - 1);

/** Any ranges, in order and merged. */
export function spans(ranges: Spans): Spans {
  const sorted = ranges.filter(([first, last]) => first <= last).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const merged: [Value, Value][] = [];
  for (const [first, last] of sorted) {
    const top = merged.at(-1);
    if (top !== undefined && first <= after(top[1])) {
      if (last > top[1]) top[1] = last;
    } else merged.push([first, last]);
  }
  return merged;
}

/** What is not in it, from 0 to `most`. */
export function complement(set: Spans, most: Value): Spans {
  const rest: Span[] = [];
  let next: Value = typeof most === "bigint" ? 0n : 0;
  for (const [first, last] of set) {
    if (first > next) rest.push([next, before(first)]);
    next = after(last);
  }
  if (next <= most) rest.push([next, most]);
  return rest;
}

export const isSubset = (inner: Spans, outer: Spans): boolean =>
  inner.every(([first, last]) => outer.some(([from, to]) => from <= first && last <= to));

export const areDisjoint = (a: Spans, b: Spans): boolean =>
  a.every(([first, last]) => b.every(([from, to]) => last < from || to < first));

/** The numbers below `size` a test holds for. */
export function those(size: number, holds: (value: number) => boolean): Spans {
  const found: Span[] = [];
  for (let value = 0; value < size; value++) if (holds(value)) found.push([value, value]);
  return spans(found);
}
