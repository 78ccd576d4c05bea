// iprange, addrtype, mac, pkttype, physdev, devgroup, realm, rpfilter: where a packet comes from and goes to.
import { formatAddress, takeAddress } from "../address.js";
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { hex, hex2, U32 } from "../number.js";
import {
  type Context,
  flag,
  formatInterface,
  type Given,
  iface,
  inverted,
  invertOnly,
  join,
  list,
  mark,
  not,
  option,
  type Take,
} from "../option.js";
import type {
  Address,
  AddressType,
  AddrtypeMatch,
  DevgroupMatch,
  InterfaceTest,
  IprangeMatch,
  MacMatch,
  MaskedTest,
  PhysdevMatch,
  PkttypeMatch,
  RealmMatch,
  RpfilterMatch,
} from "../ruleset.js";

type AddressRange = { first: Address; last: Address };

/** IPv4 may leave out zeros at the end. */
const loose = (word: Word, { family }: Context): Address => {
  const parts = word.text.split(".");
  const full =
    family === 4 && word.text !== "" && parts.length < 4 ? [...parts, "0", "0", "0"].slice(0, 4).join(".") : word.text;
  return takeAddress({ text: full, column: word.column }, family);
};

function takeRange(word: Word, context: Context): AddressRange {
  const dash = word.text.indexOf("-");
  const first = loose({ text: dash < 0 ? word.text : word.text.slice(0, dash), column: word.column }, context);
  const last = dash < 0 ? first : loose({ text: word.text.slice(dash + 1), column: word.column + dash + 1 }, context);
  return { first, last };
}

const printAddresses = (name: string, test: (AddressRange & { invert: boolean }) | null) =>
  test && `${not(test)}--${name} ${formatAddress(test.first)}-${formatAddress(test.last)}`;

export const iprange = match({
  name: "iprange",
  options: {
    src: option("src-range", takeRange, { invert: true }),
    dst: option("dst-range", takeRange, { invert: true }),
  },
  build({ src, dst }, { word }): IprangeMatch {
    if (!src && !dst) fail(word, "iprange wants --src-range or --dst-range");
    return { name: "iprange", src: inverted(src), dst: inverted(dst) };
  },
  print: ({ src, dst }: IprangeMatch) => join(printAddresses("src-range", src), printAddresses("dst-range", dst)),
});

// ---- addrtype -------------------------------------------------------------------------------------------------------

/** In the order of the kernel's bits. */
export const ADDRESS_TYPES: readonly AddressType[] = [
  "UNSPEC",
  "UNICAST",
  "LOCAL",
  "BROADCAST",
  "ANYCAST",
  "MULTICAST",
  "BLACKHOLE",
  "UNREACHABLE",
  "PROHIBIT",
  "THROW",
  "NAT",
  "XRESOLVE",
];

/** The kernel knows no broadcast in IPv6, and asks for routes only of these. */
const NOT_IN_IPV6: readonly AddressType[] = ["BROADCAST", "BLACKHOLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE"];

function takeTypes(word: Word, { family }: Context): AddressType[] {
  const found = word.text.split(",").map((part) => {
    const type = part === "" ? undefined : ADDRESS_TYPES.find((name) => name.startsWith(part.toUpperCase()));
    if (!type) fail(word, `wanted are types of addresses: ${list(ADDRESS_TYPES)}, with commas between`);
    if (family === 6 && NOT_IN_IPV6.includes(type)) fail(word, `there is no type ${type} in IPv6`);
    return type;
  });
  return ADDRESS_TYPES.filter((type) => found.includes(type));
}

const types = (given: Given<AddressType[]> | undefined) =>
  given ? { types: given.value, invert: given.invert } : null;

export const addrtype = match({
  name: "addrtype",
  options: {
    src: option("src-type", takeTypes, { invert: true }),
    dst: option("dst-type", takeTypes, { invert: true }),
    limitIn: flag("limit-iface-in", { excludes: ["limitOut"] }),
    limitOut: flag("limit-iface-out", { excludes: ["limitIn"] }),
  },
  build({ src, dst, limitIn, limitOut }, { word, chain }): AddrtypeMatch {
    if (!src && !dst) fail(word, "addrtype wants --src-type or --dst-type");
    if (limitIn && ["OUTPUT", "POSTROUTING"].includes(chain))
      fail(limitIn.word, `there is no input interface in ${chain}`);
    if (limitOut && ["INPUT", "PREROUTING"].includes(chain))
      fail(limitOut.word, `there is no output interface in ${chain}`);
    return {
      name: "addrtype",
      src: types(src),
      dst: types(dst),
      limitIn: limitIn !== undefined,
      limitOut: limitOut !== undefined,
    };
  },
  print: ({ src, dst, limitIn, limitOut }: AddrtypeMatch) =>
    join(
      src && `${not(src)}--src-type ${src.types.join(",")}`,
      dst && `${not(dst)}--dst-type ${dst.types.join(",")}`,
      limitIn && "--limit-iface-in",
      limitOut && "--limit-iface-out",
    ),
});

// ---- mac, pkttype ---------------------------------------------------------------------------------------------------

function takeMac(word: Word): { bytes: number[] } {
  if (!/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(word.text))
    fail(word, "not a hardware address; wanted is one like 00:11:22:aa:bb:cc");
  return { bytes: word.text.split(":").map((byte) => Number.parseInt(byte, 16)) };
}

export const mac = match({
  name: "mac",
  chains: ["PREROUTING", "INPUT", "FORWARD"],
  options: { source: option("mac-source", takeMac, { invert: true, required: true }) },
  build: ({ source }): MacMatch => ({
    name: "mac",
    address: source?.value.bytes ?? [],
    invert: source?.invert ?? false,
  }),
  print: (test: MacMatch) => `${not(test)}--mac-source ${test.address.map(hex2).join(":")}`,
});

const PACKET_TYPES: Readonly<Record<string, PkttypeMatch["type"]>> = {
  unicast: "unicast",
  broadcast: "broadcast",
  multicast: "multicast",
  otherhost: "otherhost",
  host: "unicast",
  bcast: "broadcast",
  mcast: "multicast",
};

export const pkttype = match({
  name: "pkttype",
  options: {
    type: option(
      "pkt-type",
      (word) =>
        PACKET_TYPES[word.text.toLowerCase()] ??
        fail(word, `wanted is ${list(["unicast", "broadcast", "multicast", "otherhost"])}`),
      { invert: true, required: true },
    ),
  },
  build: ({ type }): PkttypeMatch => ({
    name: "pkttype",
    type: type?.value ?? "unicast",
    invert: type?.invert ?? false,
  }),
  print: (test: PkttypeMatch) => `${not(test)}--pkt-type ${test.type}`,
});

// ---- Interfaces -----------------------------------------------------------------------------------------------------

const printPort = (name: string, test: InterfaceTest | null) =>
  test && `${not(test)}--${name} ${formatInterface(test)}`;
const printFlag = (name: string, test: { invert: boolean } | null) => test && `${not(test)}--${name}`;

/** No name stands for every port. */
const port: typeof iface = (word, context, next) =>
  word.text === "" ? { name: "", prefix: false } : iface(word, context, next);

export const physdev = match({
  name: "physdev",
  options: {
    in: option("physdev-in", port, { invert: true }),
    out: option("physdev-out", port, { invert: true }),
    isIn: flag("physdev-is-in", { invert: true }),
    isOut: flag("physdev-is-out", { invert: true }),
    isBridged: flag("physdev-is-bridged", { invert: true }),
  },
  build(given, { word, chain }): PhysdevMatch {
    if (!Object.values(given).some(Boolean))
      fail(word, "physdev wants an option: --physdev-in, --physdev-out, --physdev-is-bridged ...");
    const out = given.out ?? given.isOut;
    if (out && chain === "OUTPUT" && (!given.isBridged || given.isBridged.invert))
      fail(out.word, "in OUTPUT the port a packet leaves by is not known yet; it is in FORWARD and POSTROUTING");
    return {
      name: "physdev",
      in: inverted(given.in),
      out: inverted(given.out),
      isIn: invertOnly(given.isIn),
      isOut: invertOnly(given.isOut),
      isBridged: invertOnly(given.isBridged),
    };
  },
  print: (test: PhysdevMatch) =>
    join(
      printFlag("physdev-is-in", test.isIn),
      printPort("physdev-in", test.in),
      printFlag("physdev-is-out", test.isOut),
      printPort("physdev-out", test.out),
      printFlag("physdev-is-bridged", test.isBridged),
    ),
});

/** A number, or the one name that iproute2 brings for it. */
const named =
  (zero: string): Take<{ value: number; mask: number }> =>
  (word, context, next) =>
    word.text === zero ? { value: 0, mask: U32 } : mark(word, context, next);

function printNamed(name: string, test: MaskedTest | null, zero: string): string | null {
  if (!test) return null;
  if (test.mask !== U32) return `${not(test)}--${name} ${hex(test.value)}/${hex(test.mask)}`;
  return `${not(test)}--${name} ${test.value === 0 ? zero : hex(test.value)}`;
}

const GROUP = "default";
const group = named(GROUP);

export const devgroup = match({
  name: "devgroup",
  options: { src: option("src-group", group, { invert: true }), dst: option("dst-group", group, { invert: true }) },
  build({ src, dst }, { word, chain }): DevgroupMatch {
    if (!src && !dst) fail(word, "devgroup wants --src-group or --dst-group");
    if (src && ["OUTPUT", "POSTROUTING"].includes(chain)) fail(src.word, `there is no input interface in ${chain}`);
    if (dst && ["INPUT", "PREROUTING"].includes(chain)) fail(dst.word, `there is no output interface in ${chain}`);
    return { name: "devgroup", src: inverted(src), dst: inverted(dst) };
  },
  print: ({ src, dst }: DevgroupMatch) =>
    join(printNamed("src-group", src, GROUP), printNamed("dst-group", dst, GROUP)),
});

const REALM = "cosmos";

export const realm = match({
  name: "realm",
  family: 4,
  chains: ["INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  options: { realm: option("realm", named(REALM), { invert: true, required: true }) },
  build: ({ realm: given }): RealmMatch => ({ name: "realm", ...(inverted(given) as MaskedTest) }),
  print: (test: RealmMatch) => `${printNamed("realm", test, REALM)}`,
});

export const rpfilter = match({
  name: "rpfilter",
  tables: ["raw", "mangle"],
  chains: ["PREROUTING"],
  options: {
    loose: flag("loose"),
    validmark: flag("validmark"),
    acceptLocal: flag("accept-local"),
    invert: flag("invert"),
  },
  build: (given): RpfilterMatch => ({
    name: "rpfilter",
    loose: given.loose !== undefined,
    validmark: given.validmark !== undefined,
    acceptLocal: given.acceptLocal !== undefined,
    invert: given.invert !== undefined,
  }),
  print: (test: RpfilterMatch) =>
    join(
      test.loose && "--loose",
      test.validmark && "--validmark",
      test.acceptLocal && "--accept-local",
      test.invert && "--invert",
    ),
});
