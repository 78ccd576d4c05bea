// What a rule asks of the fields trees look at: the values of each with which it can still match.
import { program as P } from "conntrack-wasm";

/** Values from `first` to `last`. */
export type Span = readonly [first: number, last: number];

export interface Footprint {
  /** By FIELD_*: ascending spans outside of which the rule does not match; null: any value will do. */
  readonly spans: readonly (readonly Span[] | null)[];
  /** The rule matches wherever all its spans do. */
  readonly exact: boolean;
}

const U32_MAX = 0xffffffff;

/** The largest value of each field. */
const LAST: readonly number[] = Array.from({ length: P.FIELDS }, (_, field) => {
  switch (field) {
    case P.FIELD_STATE:
      return P.STATE_VALUES - 1;
    case P.FIELD_PROTOCOL:
      return 255;
    case P.FIELD_IN:
    case P.FIELD_OUT:
      return P.INTERFACE_NONE;
    case P.FIELD_SPORT:
    case P.FIELD_DPORT:
      return P.PORT_UNKNOWN;
    default:
      return U32_MAX;
  }
});

/** At most a quarter of a field's values: what asks for more tells little apart. */
export const isNarrow = (spans: readonly Span[], field: number): boolean =>
  spans.reduce((sum, [first, last]) => sum + last - first + 1, 0) <= ((LAST[field] as number) + 1) / 4;

/** The value that says a field is not known: a rule that asks for it is left open. */
export function unknownOf(field: number): number | null {
  if (field === P.FIELD_IN || field === P.FIELD_OUT) return P.INTERFACE_UNKNOWN;
  return field === P.FIELD_SPORT || field === P.FIELD_DPORT ? P.PORT_UNKNOWN : null;
}

function complement(spans: readonly Span[], last: number): Span[] {
  const rest: Span[] = [];
  let next = 0;
  for (const [from, to] of spans) {
    if (from > next) rest.push([next, from - 1]);
    next = to + 1;
  }
  return next <= last ? [...rest, [next, last]] : rest;
}

function union(spans: readonly Span[]): Span[] {
  const merged: [number, number][] = [];
  for (const [first, last] of [...spans].sort((a, b) => a[0] - b[0])) {
    const before = merged.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else if (first <= last) merged.push([first, last]);
  }
  return merged;
}

function intersect(a: readonly Span[], b: readonly Span[]): Span[] {
  return a.flatMap(([first, last]) =>
    b.flatMap(([from, to]): Span[] => {
      const [start, end] = [Math.max(first, from), Math.min(last, to)];
      return start <= end ? [[start, end]] : [];
    }),
  );
}

const swap = (word: number) => ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;

/** Values with these bits under the mask, where they are one span. */
function masked(value: number, mask: number): Span | null {
  const free = ~mask >>> 0;
  return (free & (free + 1)) === 0 && (value & free) === 0 ? [value, (value | free) >>> 0] : null;
}

const bitsOf = (word: number, last: number): Span[] =>
  Array.from({ length: last + 1 }, (_, bit): Span => [bit, bit]).filter(([bit]) => (word >>> bit) & 1);

const portSpan = (range: number): Span => [range & 0xffff, range >>> 16];

class Reader {
  readonly spans: (Span[] | null)[] = Array<Span[] | null>(P.FIELDS).fill(null);
  exact = true;

  /** `spans` and nothing else; null: nothing is known. */
  narrow(field: number, spans: readonly Span[] | null, invert: boolean): void {
    if (spans === null) {
      this.exact = false;
      return;
    }
    const last = LAST[field] as number;
    const unknown = unknownOf(field);
    const [some, none] = [union(spans), P.PORT_NONE];
    let wanted = invert ? complement(some, last) : some;
    // without a port there is nothing to ask, also when the question is turned round
    if (field === P.FIELD_SPORT || field === P.FIELD_DPORT) wanted = intersect(wanted, [[0, none - 1]]);
    if (unknown !== null)
      wanted = union([
        ...complement([[unknown, unknown]], last).flatMap((known) => intersect(wanted, [known])),
        [unknown, unknown],
      ]);
    const before = this.spans[field];
    this.spans[field] = before ? intersect(before, wanted) : wanted;
  }

  /** Address and mask as they lie in a packet. */
  address(field: number, words: readonly number[], masks: readonly number[], invert: boolean): void {
    const asked = masks.flatMap((mask, i) => (mask === 0 ? [] : [i]));
    if (invert && asked.length !== 1) {
      this.exact = false;
      // outside of everything there is nothing
      if (asked.length === 0) this.narrow(field, [[0, U32_MAX]], true);
      return;
    }
    for (const i of asked) {
      const span = masked(swap(words[i] ?? 0), swap(masks[i] ?? 0));
      this.narrow(field + i, span && [span], invert);
    }
  }

  /** Words in host order, from first to last. */
  range(field: number, first: readonly number[], last: readonly number[], words: number, invert: boolean): void {
    if (words > 1) this.exact = false;
    if (words === 1 || !invert) this.narrow(field, [[first[0] ?? 0, last[0] ?? 0]], invert);
  }

  /** One question; false where what follows must not be looked at before it is asked. */
  question(op: number, invert: boolean, args: readonly number[], family: 4 | 6): boolean {
    const [a = 0, b = 0] = args;
    switch (op) {
      case P.MATCH_SRC4:
      case P.MATCH_DST4:
        this.address(op === P.MATCH_SRC4 ? P.FIELD_SRC : P.FIELD_DST, [a], [b], invert);
        return true;
      case P.MATCH_SRC6:
      case P.MATCH_DST6:
        this.address(op === P.MATCH_SRC6 ? P.FIELD_SRC : P.FIELD_DST, args.slice(0, 4), args.slice(4), invert);
        return true;
      case P.MATCH_SRC_RANGE:
      case P.MATCH_DST_RANGE: {
        const field = op === P.MATCH_SRC_RANGE ? P.FIELD_SRC : P.FIELD_DST;
        this.range(field, args.slice(0, 4), args.slice(4), family === 4 ? 1 : 4, invert);
        return true;
      }
      case P.MATCH_IN:
      case P.MATCH_OUT: {
        const field = op === P.MATCH_IN ? P.FIELD_IN : P.FIELD_OUT;
        this.narrow(field, bitsOf(a, P.INTERFACE_NONE), invert);
        return true;
      }
      case P.MATCH_PROTOCOL:
        this.narrow(P.FIELD_PROTOCOL, [[a, a]], invert);
        return true;
      case P.MATCH_SPORT:
      case P.MATCH_DPORT:
        this.narrow(op === P.MATCH_SPORT ? P.FIELD_SPORT : P.FIELD_DPORT, [portSpan(a)], invert);
        return true;
      case P.MATCH_PORTS: {
        const ranges = args.slice(1).map(portSpan);
        if (a === 3) this.exact = false;
        else this.narrow(a === 1 ? P.FIELD_SPORT : P.FIELD_DPORT, ranges, invert);
        return true;
      }
      case P.MATCH_STATE: {
        const nat = ((1 << P.STATE_SNAT_BIT) | (1 << P.STATE_DNAT_BIT)) >>> 0;
        if (a & nat) this.exact = false;
        if (!(a & nat) || invert) this.narrow(P.FIELD_STATE, bitsOf(a & ~nat, P.STATE_VALUES - 1), invert);
        return true;
      }
      case P.MATCH_MARK: {
        const span = masked(a, b);
        this.narrow(P.FIELD_MARK, span && [span], invert);
        return true;
      }
      default:
        this.exact = false;
        return ((op < 32 ? P.MATCHES_PURE_LOW : P.MATCHES_PURE_HIGH) >>> (op & 31)) % 2 === 1;
    }
  }
}

/** Reads the questions of a rule. Spans are wider than the rule where its question is no span. */
export function footprintOf(questions: readonly number[], family: 4 | 6): Footprint {
  const reader = new Reader();
  for (let at = 0; at < questions.length; ) {
    const head = questions[at] ?? 0;
    const words = head >>> 16;
    const invert = ((head >>> 8) & P.MATCH_INVERT) !== 0;
    if (!reader.question(head & 0xff, invert, questions.slice(at + 1, at + words), family)) break;
    at += words;
  }
  const { spans, exact } = reader;
  return { spans: spans.map((span, field) => (span && isAll(span, field) ? null : span)), exact };
}

// What asks for a value that may not be known is asked, even if all will do.
function isAll(spans: readonly Span[], field: number): boolean {
  const [first] = spans;
  return unknownOf(field) === null && spans.length === 1 && first?.[0] === 0 && first[1] === LAST[field];
}
