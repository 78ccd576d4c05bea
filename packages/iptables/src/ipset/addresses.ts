// Addresses, networks and ranges of elements, and the elements they stand for.
import { addressBits, applyMask, parseIPv4, prefixMask, resolveAddress } from "../address.js";
import { fail, type Word } from "../failure.js";
import { parseNumber } from "../number.js";
import type { Address, Family } from "../ruleset.js";
import type { SetNetwork } from "./types.js";
import { halves } from "./words.js";

export const toNumber = (address: Address): number => address.reduce((sum, byte) => sum * 256 + byte, 0);
export const fromNumber = (value: number): Address => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);

const U32_MAX = 0xffffffff;

export interface Span {
  readonly first: number;
  readonly last: number;
}

/** `A`, `A/LENGTH` or `A-B` of IPv4, as a span. */
export function takeSpan(word: Word): Span {
  const slash = halves(word, "/");
  if (slash) {
    const [host, length] = slash;
    const bits = takeLength(length, 4, 1);
    const first = toNumber(applyMask(resolveAddress(host, 4), prefixMask(bits, 4)));
    return { first, last: first + 2 ** (32 - bits) - 1 };
  }
  const dash = parseIPv4(word.text) ? null : halves(word, "-");
  if (!dash) {
    const only = toNumber(resolveAddress(word, 4));
    return { first: only, last: only };
  }
  const [a, b] = dash.map((end) => toNumber(resolveAddress(end, 4))) as [number, number];
  return { first: Math.min(a, b), last: Math.max(a, b) };
}

function takeLength(word: Word, family: Family, least: number): number {
  const bits = addressBits(family);
  return parseNumber(word.text, least, bits) ?? fail(word, `wanted is the length of a network, ${least} to ${bits}`);
}

/** One address; of IPv6 `/128` may stand behind it. */
export function takeHost(word: Word, family: Family): Address {
  const [host, length] = halves(word, "/") ?? [word, null];
  if (length && (family === 4 || length.text !== "128")) fail(word, "wanted is one address here, no network");
  if (family === 4 && !parseIPv4(host.text) && host.text.includes("-"))
    fail(word, "wanted is one address here, no range");
  return resolveAddress(host, family);
}

/** The addresses of an `ip` part. */
export function* takeHosts(word: Word, family: Family): Generator<SetNetwork> {
  const prefix = addressBits(family);
  if (family === 6) {
    yield { address: takeHost(word, 6), prefix };
    return;
  }
  const { first, last } = takeSpan(word);
  for (let one = first; one <= last; one++) yield { address: fromNumber(one), prefix };
}

/** The networks of a `net` part: a range becomes as few as cover it. `least`: the shortest length the type knows. */
export function* takeNets(word: Word, family: Family, least: 0 | 1): Generator<SetNetwork> {
  const slash = halves(word, "/");
  if (slash) {
    const prefix = takeLength(slash[1], family, least);
    yield { address: applyMask(resolveAddress(slash[0], family), prefixMask(prefix, family)), prefix };
  } else if (family === 6) yield { address: resolveAddress(word, 6), prefix: 128 };
  else {
    const span = takeSpan(word);
    if (span.first === 0 && span.last === U32_MAX)
      fail(word, "all addresses are no range; 0.0.0.0/1 and 128.0.0.0/1 are");
    yield* cover(span, least);
  }
}

function* cover({ first, last }: Span, least: number): Generator<SetNetwork> {
  for (let from = first; from <= last; ) {
    let prefix = 32;
    while (prefix > least && from % 2 ** (33 - prefix) === 0 && from + 2 ** (33 - prefix) - 1 <= last) prefix--;
    yield { address: fromNumber(from), prefix };
    from += 2 ** (32 - prefix);
    if (from > U32_MAX) return;
  }
}
