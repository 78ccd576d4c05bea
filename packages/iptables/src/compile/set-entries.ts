// Entries of sets as the core has them, and back.
import { program as P } from "conntrack-wasm";
import { type Element, formatElement } from "../ipset/element.js";
import { type IpSet, isBitmap, partsOf, type SetEntry } from "../ipset/types.js";
import type { Address } from "../ruleset.js";
import { rawBytes, rawWords, u64 } from "./words.js";

const SECOND = 1_000_000_000n;

/** Names that are numbers in the core. */
export interface SetNames {
  /** Interfaces of the box, a bit each. */
  readonly interfaces: readonly string[];
  /** Sets of the program. */
  readonly sets: readonly string[];
  /** By set: interfaces its file names, which may be others, or only the beginning of a name. */
  readonly ifaces: ReadonlyMap<string, readonly NonNullable<SetEntry["iface"]>[]>;
}

const ifaceText = ({ name, physdev, wildcard }: NonNullable<SetEntry["iface"]>) => `${physdev} ${wildcard} ${name}`;

/** Every interface the entries of a set name, once. */
export function ifacesOf({ entries }: IpSet): NonNullable<SetEntry["iface"]>[] {
  const found = new Map([...entries.values()].flatMap(({ iface }) => (iface ? [[ifaceText(iface), iface]] : [])));
  return [...found.values()];
}

const macWords = (mac: Address): [low: number, high: number] => [
  rawWords(mac.slice(0, 4))[0] as number,
  (mac[4] as number) | ((mac[5] as number) << 8),
];

const macOf = (low: number, high: number): Address => [...rawBytes([low]), high & 0xff, (high >>> 8) & 0xff];

/** Which parts are addresses, and which of these are networks: only theirs have lengths in the key. */
const addressParts = ({ type }: IpSet) => partsOf(type).filter((part) => part === "ip" || part === "net");

function keyOf(set: IpSet, entry: SetEntry, names: SetNames): number[] {
  if (entry.set !== null) return [names.sets.indexOf(entry.set)];
  const lengths = addressParts(set).map((kind, i) => (kind === "net" ? (entry.networks[i]?.prefix ?? 0) : 0));
  return [
    (lengths[0] ?? 0) | ((lengths[1] ?? 0) << 8) | ((entry.port?.protocol ?? 0) << 16),
    entry.mark ?? entry.port?.port ?? 0,
    ...entry.networks.flatMap(({ address }) => rawWords(address)),
    ...(entry.mac && !isBitmap(set.type) ? macWords(entry.mac) : []),
  ];
}

// Ports of bridges (physdev) are none of the box's interfaces.
function interfaceBits(iface: SetEntry["iface"], interfaces: readonly string[]): number {
  if (iface === null || iface.physdev) return 0;
  const fits = (name: string) => (iface.wildcard ? name.startsWith(iface.name) : name === iface.name);
  return interfaces.reduce((bits, name, i) => (fits(name) ? bits | (1 << i) : bits), 0);
}

/** Key and value of an entry, words. */
export function entryWords(set: IpSet, entry: SetEntry, names: SetNames): { key: number[]; value: number[] } {
  const { skb, iface } = entry;
  const filled = set.type === "bitmap:ip,mac" && entry.mac ? macWords(entry.mac) : null;
  const known = names.ifaces.get(set.name) ?? [];
  const upper = filled?.[1] ?? (iface ? known.findIndex((one) => ifaceText(one) === ifaceText(iface)) + 1 : 0);
  const flags =
    P.SET_VALUE_ORIGINAL |
    (entry.nomatch ? P.SET_VALUE_NOMATCH : 0) |
    (filled ? P.SET_VALUE_FILLED : 0) |
    (upper << P.SET_VALUE_NAME_SHIFT);
  return {
    key: keyOf(set, entry, names),
    value: [
      flags >>> 0,
      (filled?.[0] ?? interfaceBits(iface, names.interfaces)) >>> 0,
      ...u64(BigInt(entry.timeout ?? 0) * SECOND),
      ...u64(entry.packets),
      ...u64(entry.bytes),
      skb.mark,
      skb.mask,
      ((skb.major << 16) | skb.minor) >>> 0,
      skb.queue,
    ],
  };
}

// ---- back

/** The entry of a key and a value, whose words behind what the set has are zeros; null: its time is over at `clock`. */
export function readEntry(
  set: IpSet,
  key: readonly number[],
  value: readonly number[],
  names: SetNames,
  clock: bigint,
): { element: string; entry: SetEntry } | null {
  const [flags = 0, bits = 0] = value;
  const [mark = 0, mask = 0, priority = 0, queue = 0] = value.slice(P.SET_VALUE_SKB / 4);
  const big = (at: number) => BigInt(value[at] ?? 0) | (BigInt(value[at + 1] ?? 0) << 32n);
  const parts = partsOf(set.type);
  const upper = flags >>> P.SET_VALUE_NAME_SHIFT;
  const filled = set.type === "bitmap:ip,mac";
  const hasMac = !filled || (flags & P.SET_VALUE_FILLED) !== 0;
  const left = timeLeft(big(P.SET_VALUE_EXPIRES / 4), hasMac ? clock : 0n);
  if (left === null) return null;
  const known = {
    ...readKey(set, key, names),
    iface: parts.includes("iface") ? ifaceOf(set, upper, bits, names) : null,
    ...(filled && { mac: hasMac ? macOf(bits, upper) : null }),
  };
  const element = formatElement(known, set.type, set.family);
  const entry: SetEntry = {
    ...known,
    nomatch: (flags & P.SET_VALUE_NOMATCH) !== 0,
    timeout: set.options.timeout === null ? null : left,
    packets: big(P.SET_VALUE_PACKETS / 4),
    bytes: big(P.SET_VALUE_BYTES / 4),
    comment: flags & P.SET_VALUE_ORIGINAL ? (set.entries.get(element)?.comment ?? "") : "",
    skb: { mark, mask, major: priority >>> 16, minor: priority & 0xffff, queue },
  };
  return { element, entry };
}

// Whole seconds, and one as long as there is any.
function timeLeft(expires: bigint, clock: bigint): number | null {
  if (expires === 0n) return 0;
  if (clock > expires) return null;
  return Math.max(1, Number((expires - clock) / SECOND));
}

function readKey(set: IpSet, key: readonly number[], { sets }: SetNames): Omit<Element, "iface"> {
  const [head = 0, number = 0] = key;
  const nothing = { networks: [], port: null, mac: null, mark: null, set: null };
  if (set.type === "list:set") return { ...nothing, set: sets[head] ?? "" };
  const words = set.family === 6 ? 4 : 1;
  const parts = partsOf(set.type);
  const networks = addressParts(set).map((kind, i) => {
    const address = rawBytes(key.slice(2 + i * words, 2 + (i + 1) * words));
    return { address, prefix: kind === "net" ? (head >>> (8 * i)) & 0xff : 8 * address.length };
  });
  const mac = 2 + networks.length * words;
  return {
    ...nothing,
    networks,
    port: parts.includes("port") ? { protocol: (head >>> 16) & 0xff, port: number } : null,
    mac: parts.includes("mac") && !isBitmap(set.type) ? macOf(key[mac] ?? 0, key[mac + 1] ?? 0) : null,
    mark: parts.includes("mark") ? number : null,
  };
}

function ifaceOf({ name: set }: IpSet, number: number, bits: number, names: SetNames): NonNullable<SetEntry["iface"]> {
  const told = number === 0 ? undefined : names.ifaces.get(set)?.[number - 1];
  return told ?? { name: names.interfaces[31 - Math.clz32(bits)] ?? "", physdev: false, wildcard: false };
}
