// A line is words separated by single blanks; words that do not apply are left out.
import type { Flow, Tuple } from "../types.js";
import { compressAddress, expandAddress } from "./address.js";
import { DCCP, toolParts, tupleParts } from "./tuple-parts.js";

export type Word = string | false | null | undefined;

export function line(...words: readonly Word[]): string {
  return words.filter(Boolean).join(" ");
}

/** A name in eight columns and its number: `tcp      6`. */
export function nameAndNumber(name: string, number: number): string {
  return `${name.padEnd(8)} ${number}`;
}

/** The network protocol in front of `/proc` and `-o extended` lines. */
export function family({ l3num }: Pick<Flow, "l3num">): string {
  return nameAndNumber(familyName(l3num), l3num);
}

export function familyName(l3num: Flow["l3num"]): "ipv4" | "ipv6" {
  return l3num === 2 ? "ipv4" : "ipv6";
}

/** conntrack-tools' name of the transport protocol. */
export function toolProtocol({ protocol, l4proto }: Pick<Flow, "protocol" | "l4proto">): string {
  return l4proto === DCCP ? "dccp" : protocol;
}

/** A tuple in `/proc`. */
export function procTuple(l4proto: number, tuple: Tuple): string {
  return line(`src=${expandAddress(tuple.src)} dst=${expandAddress(tuple.dst)}`, tupleParts(l4proto).text(tuple));
}

/** A tuple by conntrack-tools. */
export function toolTuple(l4proto: number, tuple: Tuple): string {
  return line(`src=${compressAddress(tuple.src)} dst=${compressAddress(tuple.dst)}`, toolParts(l4proto).text(tuple));
}

/** Whole seconds, truncated. */
export function wholeSeconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000_000n);
}
