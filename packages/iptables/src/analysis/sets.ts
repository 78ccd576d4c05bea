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
  inner.every(([first, last]) => {
    const around = outer[indexFrom(outer, first)];
    return around !== undefined && around[0] <= first && last <= around[1];
  });

export const areDisjoint = (a: Spans, b: Spans): boolean => intersection(a, b).length === 0;

/** What is in both. */
export function intersection(a: Spans, b: Spans): Spans {
  const [few, many] = a.length < b.length ? [a, b] : [b, a];
  const both: Span[] = [];
  for (const [first, last] of few)
    for (let i = indexFrom(many, first); i < many.length; i++) {
      let [from, to] = many[i] as Span;
      if (from > last) break;
      if (from < first) from = first;
      if (to > last) to = last;
      both.push([from, to]);
    }
  return both;
}

/** Adds ranges to a set in place. */
export function add(set: Span[], ranges: Spans): void {
  for (let [first, last] of ranges) {
    const at = indexFrom(set, before(first));
    let end = at;
    for (; end < set.length; end++) {
      const [from, to] = set[end] as Span;
      if (from > after(last)) break;
      if (from < first) first = from;
      if (to > last) last = to;
    }
    set.splice(at, end - at, [first, last]);
  }
}

/** The first range of a set that does not end in front of the value. */
function indexFrom(set: Spans, value: Value): number {
  let [low, high] = [0, set.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((set[middle] as Span)[1] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The numbers below `size` a test holds for. */
export function those(size: number, holds: (value: number) => boolean): Spans {
  const found: Span[] = [];
  for (let value = 0; value < size; value++) if (holds(value)) found.push([value, value]);
  return spans(found);
}
