// Where the IP packet of a captured frame begins, and what the link layer calls it. A reading of its own, not the engine's:
// so that one is compared, too.

export interface Found {
  /** Offset of the IP header. */
  readonly at: number;
  readonly etherType: number;
}

/** Why a frame has no IP packet to send; `short`: it ends within its link layer. */
export interface Without {
  readonly why: string;
  readonly short?: boolean;
}

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;
const VLAN: readonly number[] = [0x8100, 0x88a8, 0x9100, 0x9200];
const MPLS: readonly number[] = [0x8847, 0x8848];
const PPPOE_SESSION = 0x8864;
/** What a type field below is a length. */
const TYPES_FROM = 1501;

const NAMES: Readonly<Record<number, string>> = {
  2054: "ARP",
  35020: "LLDP",
  34915: "PPPoE discovery",
  34825: "slow protocols",
  34958: "EAPOL",
};
const AF_INET = 2;
const AF_INET6: readonly number[] = [10, 24, 28, 30];

const hex = (n: number) => `0x${n.toString(16).padStart(4, "0")}`;

class Reader {
  readonly #bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  get length(): number {
    return this.#bytes.length;
  }
  u8(at: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) throw new RangeError("short");
    return byte;
  }
  u16(at: number): number {
    return (this.u8(at) << 8) | this.u8(at + 1);
  }
  /** Little-endian. */
  u16le(at: number): number {
    return this.u8(at) | (this.u8(at + 1) << 8);
  }
}

/** `link`: a LINKTYPE_ number of tcpdump.org. */
export function findIp(link: number, frame: Uint8Array): Found | Without {
  try {
    return byLink(link, new Reader(frame));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { why: "ends within its link layer", short: true };
  }
}

function byLink(link: number, frame: Reader): Found | Without {
  switch (link) {
    case 1:
      return byType(frame, frame.u16(12), 14);
    case 113:
      return byType(frame, frame.u16(14), 16);
    case 276:
      frame.u8(19);
      return byType(frame, frame.u16(0), 20);
    case 104:
      return byType(frame, frame.u16(2), 4);
    case 12:
    case 14:
    case 101:
      return byVersion(frame, 0);
    case 228:
      return { at: 0, etherType: ETHERTYPE_IPV4 };
    case 229:
      return { at: 0, etherType: ETHERTYPE_IPV6 };
    case 0:
      return byFamily(frame.u16le(2) === 0 ? frame.u16le(0) : frame.u16(2), 4);
    case 108:
      return byFamily(frame.u16(2), 4);
    case 9:
    case 50:
      return ppp(frame, 0);
    case 51:
      return pppoe(frame, 0);
    case 6:
      return tokenRing(frame);
    case 10:
      frame.u8(12);
      return frame.u8(0) >> 4 === 5 ? snap(frame, 13) : { why: "not IP: FDDI, no data" };
    case 105:
      return wireless(frame, 0);
    case 107:
      return frameRelay(frame);
    case 109:
      frame.u8(11);
      return byFamily(frame.u16le(2) === 0 ? frame.u16le(0) : frame.u16(2), 12);
    case 117:
      return pflog(frame);
    case 119:
    case 163: {
      frame.u8(7);
      const isAvs = frame.u16(0) === 0x8021 && frame.u8(2) >> 4 === 1;
      return wireless(frame, isAvs ? frame.u16(4) * 0x10000 + frame.u16(6) : 144);
    }
    case 127:
      return wireless(frame, frame.u16le(2));
    case 192:
      if (frame.u16le(4) + frame.u16le(6) !== 105) return { why: "PPI of a link type that is not read" };
      return wireless(frame, frame.u16le(2));
    case 239:
      return nflog(frame);
    default:
      return { why: `link type ${link} is not read` };
  }
}

function byType(frame: Reader, type: number, at: number): Found | Without {
  if (type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6) return { at, etherType: type };
  if (VLAN.includes(type)) return byType(frame, frame.u16(at + 2), at + 4);
  if (MPLS.includes(type)) return labels(frame, at);
  if (type === PPPOE_SESSION) return pppoe(frame, at);
  if (type < TYPES_FROM) return snap(frame, at);
  return { why: `not IP: ${NAMES[type] ?? `EtherType ${hex(type)}`}` };
}

/** IEEE 802.2 with SNAP. */
function snap(frame: Reader, at: number): Found | Without {
  const [sap, control, type] = [frame.u16(at), frame.u8(at + 2), frame.u16(at + 6)];
  const organisation = (frame.u8(at + 3) << 16) | frame.u16(at + 4);
  if (sap !== 0xaaaa || control !== 3 || organisation !== 0 || type < TYPES_FROM)
    return { why: `not IP: IEEE 802.2, SAPs ${hex(sap)}` };
  return byType(frame, type, at + 8);
}

/** IEEE 802.5, with the route its source may give. */
function tokenRing(frame: Reader): Found | Without {
  frame.u8(13);
  if (frame.u8(1) >> 6 !== 1) return { why: "not IP: IEEE 802.5, no data" };
  const isRouted = frame.u8(8) >= 0x80;
  return snap(frame, 14 + (isRouted ? (frame.u16(14) >> 8) & 31 : 0));
}

/** RFC 2427, or Cisco's own way. */
function frameRelay(frame: Reader): Found | Without {
  const address = [0, 1, 2, 3].find((i) => frame.u8(i) & 1);
  if (address === undefined) return { why: "not IP: Frame Relay, a long address" };
  const control = address + 1;
  const start = frame.u16(control);
  if (start >> 8 !== 3) return byType(frame, start, control + 2);
  const at = (start & 255) === 0 ? control + 2 : control + 1;
  const network = frame.u8(at);
  if (network === 0xcc) return { at: at + 1, etherType: ETHERTYPE_IPV4 };
  if (network === 0x8e) return { at: at + 1, etherType: ETHERTYPE_IPV6 };
  if (network === 0x80) {
    const [organisation, type] = [(frame.u8(at + 1) << 16) | frame.u16(at + 2), frame.u16(at + 4)];
    if (organisation === 0) return byType(frame, type, at + 6);
  }
  return { why: `not IP: Frame Relay, NLPID ${hex(network)}` };
}

function pflog(frame: Reader): Found | Without {
  const family = frame.u8(1);
  const at = Math.ceil(frame.u8(0) / 4) * 4;
  if (at > frame.length) throw new RangeError("short");
  return byFamily(family, at);
}

function labels(frame: Reader, at: number): Found | Without {
  const bottom = (frame.u8(at + 2) & 1) === 1;
  frame.u8(at + 3);
  if (!bottom) return labels(frame, at + 4);
  const version = frame.u8(at + 4) >> 4;
  if (version === 4 || version === 6) return byVersion(frame, at + 4);
  return { why: "not IP: behind MPLS labels" };
}

function pppoe(frame: Reader, at: number): Found | Without {
  const code = frame.u8(at + 1);
  frame.u8(at + 5);
  return code === 0 ? ppp(frame, at + 6) : { why: `not IP: PPPoE code ${code}` };
}

function ppp(frame: Reader, start: number): Found | Without {
  const framed = start + 2 <= frame.length && frame.u16(start) === 0xff03;
  const at = framed ? start + 2 : start;
  frame.u8(at + 1);
  const compressed = (frame.u8(at) & 1) === 1;
  const protocol = compressed ? frame.u8(at) : frame.u16(at);
  const behind = at + (compressed ? 1 : 2);
  if (protocol === 0x21) return { at: behind, etherType: ETHERTYPE_IPV4 };
  if (protocol === 0x57) return { at: behind, etherType: ETHERTYPE_IPV6 };
  if (protocol === 0x281) return labels(frame, behind);
  return { why: `not IP: PPP protocol ${hex(protocol)}` };
}

/** Data frames in the clear. */
function wireless(frame: Reader, at: number): Found | Without {
  const [control, flags] = [frame.u8(at), frame.u8(at + 1)];
  frame.u8(at + 23);
  const [kind, sort] = [(control >> 2) & 3, control >> 4];
  if (kind !== 2) return { why: `not IP: IEEE 802.11, ${kind === 0 ? "management" : "control"}` };
  if (flags & 0x40) return { why: "IEEE 802.11, encrypted" };
  if (sort & 4) return { why: "not IP: IEEE 802.11, no data" };
  const distributed = (flags & 3) === 3 ? 6 : 0;
  const quality = sort & 8 ? (flags & 0x80 ? 6 : 2) : 0;
  return snap(frame, at + 24 + distributed + quality);
}

function nflog(frame: Reader): Found | Without {
  const family = frame.u8(0);
  for (let at = 4; at + 4 <= frame.length; at += (frame.u16le(at) + 3) & ~3) {
    if (frame.u16le(at) < 4) break;
    if ((frame.u16le(at + 2) & 0x7fff) !== 9) continue;
    return byFamily(family, at + 4);
  }
  return { why: "not IP: NFLOG without a packet" };
}

function byFamily(family: number, at: number): Found | Without {
  if (family === AF_INET) return { at, etherType: ETHERTYPE_IPV4 };
  if (AF_INET6.includes(family)) return { at, etherType: ETHERTYPE_IPV6 };
  return { why: `not IP: address family ${family}` };
}

function byVersion(frame: Reader, at: number): Found {
  return { at, etherType: frame.u8(at) >> 4 === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4 };
}
