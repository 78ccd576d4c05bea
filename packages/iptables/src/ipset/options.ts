// Options of `create` and of `add`: which type has them, and what they take.
import { addressBits, formatAddress, parseAddress, parseIPv4 } from "../address.js";
import { fail, type Word } from "../failure.js";
import { list } from "../option.js";
import type { Family } from "../ruleset.js";
import { takeSpan } from "./addresses.js";
import { formatSpan } from "./element.js";
import { hasNets, type IpSet, isBitmap, type SetEntry, type SetOptions, type SetType } from "./types.js";
import { bigOf, halves, hexOf, numberOf } from "./words.js";

const TIMEOUT_MAX = 2_147_483;
const COUNTER_MAX = (1n << 64n) - 2n;
const COMMENT_MAX = 255;
const U32_MAX = 0xffffffff;
/** Elements of a bitmap. */
const RANGE_MAX = 65_536;
const LIST_LEAST = 4;

const FAMILIES: Readonly<Record<string, Family>> = { inet: 4, ipv4: 4, "-4": 4, inet6: 6, ipv6: 6, "-6": 6 };
/** Options of older versions: read, and without effect. */
const OLD = ["probes", "resize", "gc"];
/** Options without an argument. */
const BARE_OF_SETS = ["counters", "comment", "skbinfo", "forceadd", "-4", "-6"];
const BARE_OF_ENTRIES = ["nomatch", "wildcard"];

/** Options by name, and their arguments: those without have the option's own word. */
type Given = ReadonlyMap<string, Word>;

function collect(words: readonly Word[], names: readonly string[], bare: readonly string[], what: string): Given {
  const given = new Map<string, Word>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as Word;
    if (!names.includes(word.text) && !OLD.includes(word.text))
      fail(
        word,
        `${what} has no such option; ${names.length > 0 ? `it has ${list(names)}` : "nothing more is wanted"}`,
      );
    const value = bare.includes(word.text) ? word : (words[++i] ?? fail(word, `${word.text} wants an argument`));
    given.set(word.text, value);
  }
  return given;
}

// ---- create ---------------------------------------------------------------------------------------------------------

const EXTENSIONS = ["timeout", "counters", "comment", "skbinfo"];
const HASH = ["hashsize", "maxelem", "bucketsize", "initval", "forceadd"];
const MASKED: readonly SetType[] = ["hash:ip", "hash:ip,port", "hash:net,net"];

function optionsOf(type: SetType): string[] {
  if (type === "list:set") return ["size", ...EXTENSIONS];
  if (isBitmap(type)) return ["range", ...(type === "bitmap:ip" ? ["netmask"] : []), ...EXTENSIONS];
  return [
    ...(type === "hash:mac" ? [] : ["family", "-4", "-6"]),
    ...HASH,
    ...(MASKED.includes(type) ? ["netmask", "bitmask"] : []),
    ...(type === "hash:ip,mark" ? ["markmask"] : []),
    ...EXTENSIONS,
  ];
}

function takeFamily(given: Given, type: SetType): Family | null {
  if (type === "hash:mac" || type === "list:set" || type === "bitmap:port") return null;
  const word = given.get("family") ?? given.get("-6") ?? given.get("-4");
  return word === undefined ? 4 : (FAMILIES[word.text] ?? fail(word, "wanted is inet or inet6"));
}

function takeNetmask(word: Word | undefined, family: Family): number {
  const bits = word === undefined ? 0 : numberOf(word, 1, addressBits(family));
  return bits === addressBits(family) ? 0 : bits;
}

/** What stands behind `create NAME TYPE`. */
export function takeOptions(words: readonly Word[], type: SetType, head: Word): Pick<IpSet, "family" | "options"> {
  const given = collect(words, optionsOf(type), BARE_OF_SETS, type);
  const family = takeFamily(given, type);
  const number = (name: string, usual: number, max = U32_MAX) => {
    const word = given.get(name);
    return word === undefined ? usual : numberOf(word, 0, max);
  };
  const netmask = takeNetmask(given.get("netmask"), family ?? 4);
  const bitmask = given.get("bitmask");
  if (bitmask && given.has("netmask")) fail(bitmask, "netmask and bitmask exclude one another");
  const markmask = given.get("markmask");
  const initval = given.get("initval");
  if (initval) hexOf(initval);
  const options: SetOptions = {
    range: isBitmap(type) ? takeRange(given.get("range") ?? fail(head, `${type} wants a range`), type, netmask) : null,
    netmask,
    bitmask: bitmask
      ? (parseAddress(bitmask.text, family ?? 4) ?? fail(bitmask, "wanted is a mask like 255.255.0.255"))
      : null,
    markmask: markmask ? hexOf(markmask) : U32_MAX,
    hashsize: number("hashsize", 1024),
    maxelem: number("maxelem", 65_536),
    bucketsize: number("bucketsize", 12),
    initval: initval?.text ?? null,
    size: Math.max(LIST_LEAST, number("size", 8)),
    timeout: given.has("timeout") ? number("timeout", 0, TIMEOUT_MAX) : null,
    counters: given.has("counters"),
    comment: given.has("comment"),
    skbinfo: given.has("skbinfo"),
    forceadd: given.has("forceadd"),
  };
  return { family, options };
}

function takeRange(word: Word, type: SetType, netmask: number): NonNullable<SetOptions["range"]> {
  if (type === "bitmap:port") {
    const [a, b] = (halves(word, "-") ?? fail(word, "wanted is a range of ports, FIRST-LAST")).map((end) =>
      numberOf(end, 0, 65_535),
    ) as [number, number];
    return { first: Math.min(a, b), last: Math.max(a, b) };
  }
  if (parseIPv4(word.text)) fail(word, "wanted is a network, or a range of addresses FIRST-LAST");
  const span = takeSpan(word);
  const step = netmask === 0 ? 1 : 2 ** (32 - netmask);
  const first = span.first - (span.first % step);
  const last = span.last - (span.last % step) + step - 1;
  if (netmask !== 0 && netmask <= lengthOf(first, last))
    fail(word, "with a netmask, the range has to begin with a network that is larger and holds it");
  if ((last - first + 1) / step > RANGE_MAX)
    fail(word, `the range is too large: a bitmap has at most ${RANGE_MAX} elements`);
  return { first, last };
}

/** Of the smallest network that begins with `first` and holds `last`; 32: there is none. */
function lengthOf(first: number, last: number): number {
  for (let length = 31; length > 0; length--) if (last - (last % 2 ** (32 - length)) === first) return length;
  return 32;
}

/** `create` without its name and type, as ipset prints it. */
export function formatOptions(set: IpSet): string {
  const { type, family, options } = set;
  const { netmask, bitmask, markmask, timeout } = options;
  const mask = netmask ? `netmask ${netmask}` : bitmask ? `bitmask ${formatAddress(bitmask)}` : "";
  const early = type !== "hash:ip,port" && type !== "hash:net,net";
  const words = [
    options.range && `range ${formatSpan(set)}`,
    family && type.startsWith("hash") && `family ${family === 4 ? "inet" : "inet6"}`,
    type.startsWith("hash") && `hashsize ${options.hashsize} maxelem ${options.maxelem}`,
    type === "list:set" && `size ${options.size}`,
    markmask !== U32_MAX && `markmask 0x${markmask.toString(16).padStart(8, "0")}`,
    early && mask,
    timeout !== null && `timeout ${timeout}`,
    options.counters && "counters",
    options.comment && "comment",
    options.skbinfo && "skbinfo",
    options.forceadd && "forceadd",
    type.startsWith("hash") && `bucketsize ${options.bucketsize}`,
    options.initval !== null && `initval ${options.initval}`,
    !early && mask,
  ];
  return words.filter(Boolean).join(" ");
}

// ---- add ------------------------------------------------------------------------------------------------------------

/** What an entry has beside its element. */
export type EntryOptions = Pick<SetEntry, "nomatch" | "timeout" | "packets" | "bytes" | "comment" | "skb"> & {
  wildcard: boolean;
  /** Where in a list it stands: beside this member. */
  place: { before: boolean; name: Word } | null;
};

/** Of the long lists that have nothing but elements. */
const NO_OPTIONS: EntryOptions = {
  wildcard: false,
  nomatch: false,
  timeout: null,
  packets: 0n,
  bytes: 0n,
  comment: "",
  skb: { mark: 0, mask: 0, major: 0, minor: 0, queue: 0 },
  place: null,
};

const SKB = ["skbmark", "skbprio", "skbqueue"];

/** Those the kernel refuses in a set that was created without `needs`. */
const NEEDS: Readonly<Record<string, keyof SetOptions>> = {
  timeout: "timeout",
  packets: "counters",
  bytes: "counters",
  comment: "comment",
  skbmark: "skbinfo",
  skbprio: "skbinfo",
  skbqueue: "skbinfo",
};

/** What stands behind `add NAME ELEMENT`. */
export function takeEntryOptions(words: readonly Word[], set: IpSet): EntryOptions {
  if (words.length === 0) return { ...NO_OPTIONS, timeout: set.options.timeout };
  const { type } = set;
  const names = [
    "timeout",
    ...(hasNets(type) ? ["nomatch"] : []),
    ...(type === "hash:net,iface" ? ["wildcard"] : []),
    ...(type === "list:set" ? ["before", "after"] : []),
    "packets",
    "bytes",
    "comment",
    ...SKB,
  ];
  const given = collect(words, names, BARE_OF_ENTRIES, `an element of ${type}`);
  for (const [name, value] of given) {
    const need = NEEDS[name];
    const has = need === undefined ? true : set.options[need];
    if (has === false || has === null) fail(value, `${name} wants a set that was created with ${need}`);
  }
  const number = (name: string, max: number) => {
    const word = given.get(name);
    return word === undefined ? 0 : numberOf(word, 0, max);
  };
  const big = (name: string) => {
    const word = given.get(name);
    return word === undefined ? 0n : bigOf(word, COUNTER_MAX);
  };
  const { before, after } = { before: given.get("before"), after: given.get("after") };
  if (before && after) fail(after, "before and after exclude one another");
  const name = before ?? after;
  return {
    wildcard: given.has("wildcard"),
    nomatch: given.has("nomatch"),
    timeout: given.has("timeout") ? number("timeout", TIMEOUT_MAX) : set.options.timeout,
    packets: big("packets"),
    bytes: big("bytes"),
    comment: takeComment(given.get("comment")),
    skb: {
      ...takeSkbMark(given.get("skbmark")),
      ...takeSkbPrio(given.get("skbprio")),
      queue: number("skbqueue", 65_535),
    },
    place: name ? { before: name === before, name } : null,
  };
}

function takeComment(word: Word | undefined): string {
  if (word === undefined) return "";
  if (word.text === "") fail(word, "a comment is wanted");
  if (word.text.includes('"')) fail(word, 'a comment has no " in it');
  if (new TextEncoder().encode(word.text).length > COMMENT_MAX)
    fail(word, `a comment has at most ${COMMENT_MAX} bytes`);
  return word.text;
}

function takeSkbMark(word: Word | undefined): { mark: number; mask: number } {
  if (word === undefined) return { mark: 0, mask: 0 };
  const [mark, mask] = halves(word, "/") ?? [word, null];
  for (const part of [mark, mask])
    if (part && !/^0x/i.test(part.text)) fail(part, "wanted is MARK or MARK/MASK, each like 0x10");
  return { mark: hexOf(mark), mask: mask ? hexOf(mask) : U32_MAX };
}

function takeSkbPrio(word: Word | undefined): { major: number; minor: number } {
  if (word === undefined) return { major: 0, minor: 0 };
  const [major, minor] = halves(word, ":") ?? fail(word, "wanted is MAJOR:MINOR, two hexadecimal numbers");
  return { major: hexOf(major, 0xffff), minor: hexOf(minor, 0xffff) };
}

/** What stands behind the element, in ipset's order. */
export function formatEntryOptions({ options }: IpSet, entry: SetEntry): string {
  const { skb, comment } = entry;
  const hex = (value: number) => value.toString(16);
  const words = [
    options.timeout !== null && `timeout ${entry.timeout ?? 0}`,
    entry.nomatch && "nomatch",
    entry.iface?.wildcard && "wildcard",
    options.counters && `packets ${entry.packets} bytes ${entry.bytes}`,
    comment !== "" && `comment "${comment}"`,
    (skb.mark || skb.mask) && `skbmark 0x${hex(skb.mark)}${skb.mask === U32_MAX ? "" : `/0x${hex(skb.mask)}`}`,
    (skb.major || skb.minor) && `skbprio ${hex(skb.major)}:${hex(skb.minor)}`,
    skb.queue && `skbqueue ${skb.queue}`,
  ];
  return words.filter(Boolean).join(" ");
}
