// Sets of ipset as plain data: what `ipset save` says of them.
import type { Address, Family } from "../ruleset.js";

/** Every type, and the parts of its elements: they stand behind the colon. */
export const SET_TYPES = [
  "bitmap:ip",
  "bitmap:ip,mac",
  "bitmap:port",
  "hash:ip",
  "hash:ip,mac",
  "hash:ip,mark",
  "hash:ip,port",
  "hash:ip,port,ip",
  "hash:ip,port,net",
  "hash:mac",
  "hash:net",
  "hash:net,iface",
  "hash:net,net",
  "hash:net,port",
  "hash:net,port,net",
  "list:set",
] as const;
export type SetType = (typeof SET_TYPES)[number];

export type SetPart = "ip" | "net" | "port" | "mac" | "mark" | "iface" | "set";
/** As many as a rule has to name directions. */
export const partsOf = (type: SetType): readonly SetPart[] => PARTS[type];
const PARTS = Object.fromEntries(
  SET_TYPES.map((type) => [type, type.slice(type.indexOf(":") + 1).split(",")]),
) as unknown as Readonly<Record<SetType, readonly SetPart[]>>;
export const isBitmap = (type: SetType): boolean => type.startsWith("bitmap:");
/** Those with networks know elements that are none. */
export const hasNets = (type: SetType): boolean => partsOf(type).includes("net");

export interface IpSet {
  name: string;
  type: SetType;
  /** 4 or 6; null for bitmap:port, hash:mac and list:set, which have no addresses. */
  family: Family | null;
  options: SetOptions;
  /** By element as it is printed; lists in their order. */
  entries: Map<string, SetEntry>;
  /** Line in which it was created. */
  line: number;
}

export interface SetOptions {
  /** Of bitmaps: first and last address (32 bits) or port. */
  range: { first: number; last: number } | null;
  /** Length, 0 none. */
  netmask: number;
  bitmask: Address | null;
  markmask: number;
  hashsize: number;
  maxelem: number;
  bucketsize: number;
  /** As it was written; null: the kernel draws one. */
  initval: string | null;
  /** Of list:set. */
  size: number;
  /** Seconds an element has unless it says otherwise, 0 for ever; null: elements have none. */
  timeout: number | null;
  counters: boolean;
  comment: boolean;
  skbinfo: boolean;
  forceadd: boolean;
}

export interface SetNetwork {
  address: Address;
  prefix: number;
}

export interface SetEntry {
  /** Addresses and networks, in the order of the type. */
  networks: SetNetwork[];
  /** Of ICMP: type and code as one number. bitmap:port has protocol 0. */
  port: { protocol: number; port: number } | null;
  /** null in bitmap:ip,mac: the first packet tells. */
  mac: Address | null;
  mark: number | null;
  iface: { name: string; physdev: boolean; wildcard: boolean } | null;
  /** Member of a list. */
  set: string | null;
  nomatch: boolean;
  /** Seconds that are left, 0 for ever; null: the set has none. */
  timeout: number | null;
  packets: bigint;
  bytes: bigint;
  comment: string;
  skb: { mark: number; mask: number; major: number; minor: number; queue: number };
}
