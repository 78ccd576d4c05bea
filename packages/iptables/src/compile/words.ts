// Pieces of a rule program: 32-bit words, little endian, as the core reads them.
import { program as P } from "conntrack-wasm";
import type { Address, Range } from "../ruleset.js";

/** One word of an address as it lies in a packet. */
const rawWord = (bytes: Address, at: number) =>
  ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0;

/** The words of an address as they lie in a packet: one or four. */
export const rawWords = (address: Address): number[] =>
  Array.from({ length: address.length / 4 }, (_, i) => rawWord(address, 4 * i));

/** The bytes of words as they lie in a packet. */
export const rawBytes = (words: readonly number[]): Address =>
  words.flatMap((word) => [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24]);

/** Four words in host order, for comparisons by size. */
export const orderedWords = (address: Address): number[] =>
  Array.from({ length: 4 }, (_, i) => {
    const [a = 0, b = 0, c = 0, d = 0] = address.slice(4 * i, 4 * i + 4);
    return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  });

export const u64 = (value: bigint): number[] => [Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn)];

export const portRange = ({ first, last }: Range): number => (first | (last << 16)) >>> 0;

/** One question a rule asks: operation, flags, arguments. */
export function ask(op: number, args: readonly number[], invert = false, assume = false): number[] {
  const flags = (invert ? P.MATCH_INVERT : 0) | (assume ? P.MATCH_ASSUME : 0);
  return [op | (flags << 8) | ((args.length + 1) << 16), ...args];
}
