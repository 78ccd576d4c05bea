// The firewall's own place: `eth0=203.0.113.1/24` and what follows from it.
import { program as P } from "conntrack-wasm";
import type { Address, InterfaceTest } from "../ruleset.js";
import { rawWords } from "./words.js";

/** An interface and the addresses the box has on it, `203.0.113.1/24` or `2001:db8::1/64`. */
export interface PlaceInterface {
  readonly name: string;
  readonly networks: readonly PlaceNetwork[];
}

export interface PlaceNetwork {
  /** The box's own address. */
  readonly address: Address;
  readonly prefix: number;
}

export type Hook = "INPUT" | "FORWARD" | "OUTPUT";

/** Interfaces by number; those beyond have no bit. */
const MOST_INTERFACES = 30;

export class PlaceError extends Error {
  override readonly name = "PlaceError";
}

/** Reads `eth0=203.0.113.1/24`; without `=` only the name. More addresses: more of them, or a comma between. */
export function parsePlace(specs: readonly string[]): PlaceInterface[] {
  const found = new Map<string, PlaceNetwork[]>();
  for (const spec of specs) {
    const [, name, rest] = /^([^=\s]{1,15})(?:=(.*))?$/.exec(spec) ?? [];
    if (name === undefined) throw new PlaceError(`"${spec}": write NAME=ADDRESS/PREFIX, such as eth0=203.0.113.1/24`);
    const networks = found.get(name) ?? [];
    found.set(name, networks);
    for (const text of rest === undefined ? [] : rest.split(",")) networks.push(parseNetwork(text, spec));
  }
  if (found.size > MOST_INTERFACES) throw new PlaceError(`at most ${MOST_INTERFACES} interfaces`);
  return [...found].map(([name, networks]) => ({ name, networks }));
}

function parseNetwork(text: string, spec: string): PlaceNetwork {
  const [, host = "", length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = host.includes(":") ? parse6(host) : parse4(host);
  const prefix = length === undefined ? (address?.length ?? 0) * 8 : Number(length);
  if (address === null || prefix > address.length * 8)
    throw new PlaceError(`"${spec}": "${text}" is no ADDRESS/PREFIX, such as 203.0.113.1/24`);
  return { address, prefix };
}

function parse4(text: string): Address | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return null;
  return parts.map(Number);
}

function parse6(text: string): Address | null {
  const [head = "", tail, more] = text.split("::");
  if (more !== undefined) return null;
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const all = [...left, ...Array<string>(missing).fill("0"), ...right];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]);
}

const maskOf = (size: number, prefix: number): Address =>
  Array.from({ length: size }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, prefix - 8 * i))) & 0xff);

/** The networks as the core has them. */
export function placeWords(interfaces: readonly PlaceInterface[]): number[] {
  const four = (words: number[]) => [...words, 0, 0, 0, 0].slice(0, 4);
  return interfaces.flatMap(({ networks }, number) =>
    networks.flatMap(({ address, prefix }) => {
      const mask = maskOf(address.length, prefix);
      const network = address.map((byte, i) => byte & (mask[i] ?? 0));
      const l3num = address.length === 4 ? 2 : 10;
      return [...four(rawWords(network)), ...four(rawWords(mask)), ...four(rawWords(address)), l3num, number];
    }),
  );
}

/** The interfaces a test is true for, as bits; inversion is the question's. A packet without one has the name "". */
export function interfaceBits({ name, prefix }: InterfaceTest, interfaces: readonly PlaceInterface[]): number {
  const fits = (other: string) => (prefix ? other.startsWith(name) : other === name);
  let bits = fits("") ? (1 << P.INTERFACE_NONE) >>> 0 : 0;
  for (const [number, { name: other }] of interfaces.entries()) if (fits(other)) bits |= 1 << number;
  return bits >>> 0;
}
