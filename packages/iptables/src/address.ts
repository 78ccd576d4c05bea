// Addresses and masks as text. IPv6 is printed as glibc's inet_ntop prints it.
import { fail, type Word } from "./failure.js";
import { parseNumber, U8 } from "./number.js";
import type { Address, AddressTest, Family } from "./ruleset.js";

export const addressBits = (family: Family): number => (family === 4 ? 32 : 128);

/** Four numbers with dots, each as strtoul reads it. */
export function parseIPv4(text: string): Address | null {
  const parts = text.split(".").map((part) => (/^\s|[+-]/.test(part) ? null : parseNumber(part, 0, U8)));
  return parts.length === 4 && !parts.includes(null) ? (parts as number[]) : null;
}

export function parseIPv6(text: string): Address | null {
  const [, before = "", dotted] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text) ?? [];
  if (dotted !== undefined) {
    if (!/^(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])(\.(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])){3}$/.test(dotted)) return null;
    const [a = 0, b = 0, c = 0, d = 0] = dotted.split(".").map(Number);
    return parseIPv6(`${before}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  if (!groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return null;
  const [left = [], right] = groups;
  const missing = 8 - left.length - (right?.length ?? 0);
  if (right ? missing < 1 : missing !== 0) return null;
  const all = [...left, ...Array<string>(right ? missing : 0).fill("0"), ...(right ?? [])].map((g) =>
    Number.parseInt(g, 16),
  );
  return all.flatMap((group) => [group >> 8, group & 0xff]);
}

export const parseAddress = (text: string, family: Family): Address | null =>
  family === 4 ? parseIPv4(text) : parseIPv6(text);

function formatIPv6(address: Address): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((address[2 * i] ?? 0) << 8) | (address[2 * i + 1] ?? 0));
  // The longest run of zeros, the first of equals, at least two.
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === 0) n++;
    if (n > length) [start, length] = [i, n];
  }
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  const dotted = start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff));
  if (dotted) return `${length === 6 ? "::" : "::ffff:"}${address.slice(12).join(".")}`;
  return start < 0 ? text(0, 8) : `${text(0, start)}::${text(start + length, 8)}`;
}

export const formatAddress = (address: Address): string =>
  address.length === 4 ? address.join(".") : formatIPv6(address);

const masksOf = (family: Family): readonly Address[] =>
  Array.from({ length: addressBits(family) + 1 }, (_, bits) =>
    Array.from(
      { length: addressBits(family) / 8 },
      (_, i) => (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff,
    ),
  );
const MASKS = { 4: masksOf(4), 6: masksOf(6) };

/** The mask of this many bits; the same array for the same length. */
export const prefixMask = (bits: number, family: Family): Address => MASKS[family][bits] as Address;

/** The length of a contiguous mask, or null. */
export function prefixLength(mask: Address): number | null {
  const bits = mask.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.lastIndexOf("1") + 1 : null;
}

export const applyMask = (address: Address, mask: Address): Address => address.map((byte, i) => byte & (mask[i] ?? 0));

const SAMPLE = { 4: "10.0.0.1", 6: "2001:db8::1" } as const;

export function takeAddress(word: Word, family: Family): Address {
  const address = parseAddress(word.text, family);
  if (address) return address;
  const other = parseAddress(word.text, family === 4 ? 6 : 4);
  fail(
    word,
    other
      ? `this is an address of ${family === 4 ? "IPv6, and these are rules of iptables" : "IPv4, and these are rules of ip6tables"}; wanted is one like ${SAMPLE[family]}`
      : `not an address; wanted is one like ${SAMPLE[family]} (names of hosts are not looked up)`,
  );
}

/** As the C library reads a number of IPv4: the last part fills all bytes that are left. */
function parseNumberOf(text: string): Address | null {
  const parts = text.split(".").map((part) => (/^[0-9]/.test(part) ? parseNumber(part, 0, 0xffffffff) : null));
  const last = parts.pop();
  if (last === undefined || last === null || parts.length > 3) return null;
  if (parts.some((part) => part === null || part > U8) || last >= 256 ** (4 - parts.length)) return null;
  const rest = [last >>> 24, (last >>> 16) & U8, (last >>> 8) & U8, last & U8];
  return [...(parts as number[]), ...rest.slice(parts.length)];
}

/**
 * An address where iptables would look up a name: other ways to write one of IPv4, and the one name that means the same everywhere.
 */
export function resolveAddress(word: Word, family: Family): Address {
  const plain = parseAddress(word.text, family);
  if (plain || family === 6) return plain ?? takeAddress(word, family);
  if (word.text.toLowerCase() === "localhost") return [127, 0, 0, 1];
  const mapped = parseIPv6(word.text);
  if (mapped?.slice(0, 12).join() === "0,0,0,0,0,0,0,0,0,0,255,255") return mapped.slice(12);
  return parseNumberOf(word.text) ?? takeAddress(word, family);
}

/** 24 or 255.255.255.0 */
export function takeMask(word: Word, family: Family): Address {
  const bits = parseNumber(word.text, 0, addressBits(family));
  return (
    (bits === null ? parseAddress(word.text, family) : prefixMask(bits, family)) ??
    fail(
      word,
      `not a mask; wanted is a length of 0 to ${addressBits(family)} or one like ${family === 4 ? "255.255.255.0" : "ffff:ffff::"}`,
    )
  );
}

/** Networks with a name: /etc/networks of Debian 12. */
const NETWORKS: Readonly<Record<string, Address>> = {
  default: [0, 0, 0, 0],
  loopback: [127, 0, 0, 0],
  "link-local": [169, 254, 0, 0],
};

/** ADDRESS[/MASK]; IPv4 may leave out zeros at the end when it is a network. With a mask of no bits any address will do. */
export function takeNetwork(word: Word, family: Family): Omit<AddressTest, "invert"> {
  const slash = word.text.lastIndexOf("/");
  const host = slash < 0 ? word.text : word.text.slice(0, slash);
  const mask =
    slash < 0
      ? prefixMask(addressBits(family), family)
      : takeMask({ text: word.text.slice(slash + 1), column: word.column + slash + 1 }, family);
  if (mask.every((byte) => byte === 0)) return { address: mask, mask };
  const parts = host.split(".");
  const full = family === 4 && host !== "" && parts.length < 4 ? [...parts, "0", "0", "0"].slice(0, 4).join(".") : host;
  const named = family === 4 ? NETWORKS[host.toLowerCase()] : undefined;
  const address = parseAddress(full, family) ?? named ?? resolveAddress({ text: host, column: word.column }, family);
  return { address: applyMask(address, mask), mask };
}

/** As `-s` prints it. */
export function formatNetwork({ address, mask }: Omit<AddressTest, "invert">): string {
  return `${formatAddress(address)}/${prefixLength(mask) ?? formatAddress(mask)}`;
}
