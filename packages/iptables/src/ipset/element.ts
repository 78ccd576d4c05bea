// Elements of a set: what is written for them, which may stand for many, and how one is printed.
import { addressBits, applyMask, formatAddress, prefixMask } from "../address.js";
import { fail, type Word } from "../failure.js";
import type { Address, Family } from "../ruleset.js";
import { fromNumber, takeHost, takeHosts, takeNets, takeSpan, toNumber } from "./addresses.js";
import { formatPort, takeBarePorts, takePorts } from "./ports.js";
import { type IpSet, isBitmap, partsOf, type SetEntry, type SetNetwork, type SetPart } from "./types.js";
import { hexOf, pieces } from "./words.js";

/** What tells one element from another. */
export type Element = Pick<SetEntry, "networks" | "port" | "mac" | "mark" | "iface" | "set">;

const NOTHING: Element = { networks: [], port: null, mac: null, mark: null, iface: null, set: null };

const SAMPLES: Readonly<Record<SetPart, string>> = {
  ip: "10.0.0.1",
  net: "10.0.0.0/8",
  port: "tcp:80",
  mac: "02:00:00:00:00:01",
  mark: "0x10",
  iface: "eth0",
  set: "other",
};

/** Types whose networks may have length 0. */
const WITH_ZERO = ["hash:net,iface", "hash:net,net", "hash:net,port,net"];

const IFACE_MAX = 15;

export function takeMac(word: Word): Address {
  const bytes = /^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(word.text)
    ? word.text.split(":").map((byte) => Number.parseInt(byte, 16))
    : fail(word, `wanted is an address of the link, like ${SAMPLES.mac}`);
  return bytes;
}

function takeIface(word: Word): NonNullable<SetEntry["iface"]> {
  const physdev = word.text.startsWith("physdev:");
  const name = physdev ? word.text.slice("physdev:".length) : word.text;
  if (name === "") fail(word, "the name of an interface is wanted");
  if (name.length > IFACE_MAX) fail(word, `the name of an interface has at most ${IFACE_MAX} characters`);
  return { name, physdev, wildcard: false };
}

/** The elements a word stands for; one for each combination of its parts. */
export function* takeElements(word: Word, set: IpSet): Generator<Element> {
  const parts = partsOf(set.type);
  const words = pieces(word, ",");
  const least = set.type === "bitmap:ip,mac" ? 1 : parts.length;
  if (words.length < least || words.length > parts.length || words.some(({ text }) => text === ""))
    fail(word, `an element of ${set.type} is wanted: ${parts.map((part) => SAMPLES[part]).join(",")}`);
  yield* combine(set, parts, words, NOTHING);
}

function* combine(set: IpSet, parts: readonly SetPart[], words: readonly Word[], so: Element): Generator<Element> {
  const [part, ...rest] = parts;
  const [word, ...behind] = words;
  if (part === undefined || word === undefined) {
    yield so;
    return;
  }
  for (const more of takePart(set, part, word, so)) yield* combine(set, rest, behind, { ...so, ...more });
}

function* takePart(set: IpSet, part: SetPart, word: Word, so: Element): Generator<Partial<Element>> {
  const family = set.family ?? 4;
  const withNetwork = (network: SetNetwork) => ({ networks: [...so.networks, network] });
  switch (part) {
    case "ip":
      for (const one of takeIps(set, word, so.networks.length > 0)) yield withNetwork(kept(set, one, word));
      return;
    case "net":
      for (const one of takeNets(word, family, WITH_ZERO.includes(set.type) ? 0 : 1))
        yield withNetwork(masked(one, set.options.bitmask));
      return;
    case "port":
      if (set.type === "bitmap:port")
        for (const port of takeBarePorts(word)) yield { port: inRange(set, port.port, word) && port };
      else for (const port of takePorts(word, family)) yield { port };
      return;
    case "mac":
      yield { mac: keptMac(set, takeMac(word), word) };
      return;
    case "mark":
      yield { mark: (takeMark(word) & set.options.markmask) >>> 0 };
      return;
    case "iface":
      yield { iface: takeIface(word) };
      return;
    case "set":
      yield { set: word.text };
  }
}

const takeMark = (word: Word): number =>
  /^0x/i.test(word.text) || !/^\d+$/.test(word.text) ? hexOf(word) : Number(word.text) >>> 0;

function* takeIps(set: IpSet, word: Word, second: boolean): Generator<SetNetwork> {
  const family = set.family ?? 4;
  if (second || set.type.endsWith("ip,mac")) yield { address: takeHost(word, family), prefix: addressBits(family) };
  else if (isBitmap(set.type)) yield* takeSteps(set, word);
  else yield* takeHosts(word, family);
}

// Of a bitmap with a netmask, one element a network.
function* takeSteps(set: IpSet, word: Word): Generator<SetNetwork> {
  const { first, last } = takeSpan(word);
  for (const end of [first, last]) inRange(set, end, word);
  const step = 2 ** (32 - (set.options.netmask || 32));
  for (let one = first; one <= last; one += step) yield { address: fromNumber(one), prefix: 32 };
}

function masked({ address, prefix }: SetNetwork, mask: Address | null): SetNetwork {
  return mask === null ? { address, prefix } : { address: applyMask(address, mask), prefix };
}

/** What the set keeps of an address. */
function kept(set: IpSet, { address, prefix }: SetNetwork, word: Word): SetNetwork {
  const { netmask, bitmask } = set.options;
  const mask = bitmask ?? (netmask && set.family ? prefixMask(netmask, set.family) : null);
  const network = masked({ address, prefix }, mask);
  if (isBitmap(set.type)) inRange(set, toNumber(network.address), word);
  else if (!network.address.some(Boolean)) fail(word, "this address is all zeros, which no set of this type holds");
  return network;
}

function keptMac({ type }: IpSet, mac: Address, word: Word): Address {
  if (!isBitmap(type) && !mac.some(Boolean)) fail(word, "this address is all zeros, which no set of this type holds");
  return mac;
}

function inRange(set: IpSet, value: number, word: Word): true {
  const { first, last } = set.options.range ?? { first: 0, last: 0 };
  if (value >= first && value <= last) return true;
  return fail(word, `not in the range of the set, ${formatSpan(set)}`);
}

export function formatSpan({ type, options: { range } }: IpSet): string {
  const { first, last } = range ?? { first: 0, last: 0 };
  const text = (value: number) => (type === "bitmap:port" ? String(value) : formatAddress(fromNumber(value)));
  return `${text(first)}-${text(last)}`;
}

function formatNetwork({ address, prefix }: SetNetwork): string {
  return formatAddress(address) + (prefix === 8 * address.length ? "" : `/${prefix}`);
}

/** `10.0.0.0/8,tcp:80`, in the order of the type. */
export function formatElement(
  { networks, port, mac, mark, iface, set }: Element,
  type: IpSet["type"],
  family: Family | null,
): string {
  const nets = networks.map(formatNetwork);
  const words = partsOf(type).map((part) => {
    switch (part) {
      case "port":
        return port && formatPort(port, family ?? 4);
      case "mac":
        return mac?.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(":");
      case "mark":
        return `0x${(mark ?? 0).toString(16).padStart(8, "0")}`;
      case "iface":
        return iface && (iface.physdev ? "physdev:" : "") + iface.name;
      case "set":
        return set;
      default:
        return nets.shift();
    }
  });
  return words.filter(Boolean).join(",");
}
