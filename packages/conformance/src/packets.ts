// Raw IP packets from compact descriptions. Lengths and checksums are right unless the description says otherwise; every
// field can be set to what it should not be.
//
//   packet({ src: "10.0.0.1", dst: "10.0.0.2", tcp: { sport: 1025, dport: 80, flags: "S", seq: 1000, options: "mss=1460 ws=7" } })
//   packet({ src: "2001:db8::1", dst: "2001:db8::2", udp: { sport: 1025, dport: 53, payload: 8, checksum: "bad" } })
//   packet({ src: B, dst: A, icmp: { type: 3, code: 3, quote: earlier } })

import { parseAddress } from "./address.js";
import { checksum16, crc32c, pseudoSum } from "./checksum.js";

/** Bytes, or a length: that many bytes of a fixed pattern; or text. */
export type Payload = Uint8Array | number | string;
/** "bad": the right one, with a bit flipped. */
export type Checksum = number | "bad";

export interface TcpFields {
  readonly sport: number;
  readonly dport: number;
  /** Letters of S A F R P U E C; "" for none. */
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  /** Default: 64240. */
  readonly win?: number;
  readonly urgent?: number;
  /** `mss=1460 ws=7 sackok ts=1:2 sack=100-200:300-400 nop end hex=0303…`, or bytes; filled up with NOP to a multiple of 4. */
  readonly options?: string | Uint8Array;
  readonly payload?: Payload;
  /** Header length in words. */
  readonly offset?: number;
  /** The four bits between header length and flags. */
  readonly reserved?: number;
  readonly checksum?: Checksum;
}

export interface UdpFields {
  readonly sport: number;
  readonly dport: number;
  readonly payload?: Payload;
  readonly length?: number;
  /** 0: none was computed. */
  readonly checksum?: Checksum;
}

export interface UdpLiteFields {
  readonly sport: number;
  readonly dport: number;
  readonly payload?: Payload;
  /** 0: everything. */
  readonly coverage?: number;
  /** Protocol number in the pseudo header (the kernel checks with 17). Default: 136. */
  readonly pseudo?: number;
  readonly checksum?: Checksum;
}

export interface IcmpFields {
  readonly type: number;
  readonly code?: number;
  readonly id?: number;
  readonly seq?: number;
  /** The second word as a whole, instead of id and seq. */
  readonly rest?: number;
  /** The packet an error is about. */
  readonly quote?: Uint8Array;
  /** How many bytes of it. Default: all, at most 548 (IPv4) or 1232 (IPv6). */
  readonly quoteLength?: number;
  readonly payload?: Payload;
  readonly checksum?: Checksum;
}

export interface SctpChunk {
  readonly type: number;
  readonly flags?: number;
  readonly body?: Uint8Array;
  readonly length?: number;
}

export interface SctpFields {
  readonly sport: number;
  readonly dport: number;
  readonly vtag: number;
  readonly chunks: readonly SctpChunk[];
  readonly checksum?: Checksum;
}

export interface GreFields {
  /** 0, or 1 (PPTP). */
  readonly version?: number;
  readonly protocol?: number;
  /** Version 0: the key. */
  readonly key?: number;
  /** Version 1: the call id (low half of the key field). */
  readonly callId?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly payload?: Payload;
}

export interface Extension {
  /** 0 hop-by-hop, 43 routing, 60 destination options, 51 AH, 135 mobility. */
  readonly type: number;
  /** Behind the first two bytes; filled up with zeros (PadN would be right for options; zeros are Pad1). */
  readonly body?: Uint8Array;
  /** Length field; default: as long as it is. */
  readonly length?: number;
}

export interface PacketFields {
  readonly src: string;
  readonly dst: string;
  readonly ttl?: number;
  readonly tos?: number;
  /** Identification (IPv4; IPv6 with a fragment header). */
  readonly id?: number;
  readonly dontFragment?: boolean;
  /** Offset in bytes. With IPv6 this adds a fragment header. */
  readonly fragment?: { readonly offset: number; readonly more: boolean };
  /** IPv4 options, filled up to a multiple of 4 with zeros. */
  readonly ipOptions?: Uint8Array;
  readonly extensions?: readonly Extension[];
  readonly flowLabel?: number;

  readonly version?: number;
  /** IPv4, in words. */
  readonly headerLength?: number;
  /** IPv4: total length; IPv6: payload length. */
  readonly length?: number;
  readonly ipChecksum?: Checksum;
  /** Protocol or last next-header number, instead of the right one. */
  readonly protocol?: number;
  /** Cut the finished packet after this many bytes. */
  readonly truncate?: number;
  /** Bytes behind the IP packet (padding of a frame). */
  readonly trailing?: Uint8Array;

  // one of
  readonly tcp?: TcpFields;
  readonly udp?: UdpFields;
  readonly udplite?: UdpLiteFields;
  readonly icmp?: IcmpFields;
  readonly icmpv6?: IcmpFields;
  readonly sctp?: SctpFields;
  readonly gre?: GreFields;
  /** Any other protocol; needs `protocol`. */
  readonly payload?: Payload;
}

const IPPROTO = { icmp: 1, tcp: 6, udp: 17, fragment: 44, gre: 47, icmpv6: 58, sctp: 132, udplite: 136 } as const;

/** The packet, from its IP header on. */
export function packet(fields: PacketFields): Uint8Array {
  const src = addressOf(fields.src);
  const dst = addressOf(fields.dst);
  if (src.length !== dst.length) throw new Error(`addresses of two families: ${fields.src}, ${fields.dst}`);
  const [protocol, body] = transport(fields, src, dst);
  const whole = src.length === 4 ? ipv4(fields, src, dst, protocol, body) : ipv6(fields, src, dst, protocol, body);
  const cut = fields.truncate === undefined ? whole : whole.slice(0, fields.truncate);
  return fields.trailing ? concat(cut, fields.trailing) : cut;
}

// Traffic has few addresses and many packets.
const addresses = new Map<string, Uint8Array>();

function addressOf(text: string): Uint8Array {
  let bytes = addresses.get(text);
  if (!bytes) {
    if (addresses.size > 10_000) addresses.clear();
    bytes = parseAddress(text);
    addresses.set(text, bytes);
  }
  return bytes;
}

function transport(f: PacketFields, src: Uint8Array, dst: Uint8Array): [protocol: number, body: Uint8Array] {
  if (f.tcp) return [IPPROTO.tcp, tcp(f.tcp, src, dst)];
  if (f.udp) return [IPPROTO.udp, udp(f.udp, src, dst)];
  if (f.udplite) return [IPPROTO.udplite, udplite(f.udplite, src, dst)];
  if (f.icmp) return [IPPROTO.icmp, icmp(f.icmp, 548)];
  if (f.icmpv6) return [IPPROTO.icmpv6, icmp(f.icmpv6, 1232, { src, dst })];
  if (f.sctp) return [IPPROTO.sctp, sctp(f.sctp)];
  if (f.gre) return [IPPROTO.gre, gre(f.gre)];
  return [f.protocol ?? 0, bytesOf(f.payload)];
}

// --- network headers --------------------------------------------------------------------------------------------------

function ipv4(f: PacketFields, src: Uint8Array, dst: Uint8Array, protocol: number, body: Uint8Array): Uint8Array {
  const options = pad(f.ipOptions ?? new Uint8Array(0), 4);
  const header = 20 + options.length;
  const bytes = new Uint8Array(header + body.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = ((f.version ?? 4) << 4) | (f.headerLength ?? header / 4);
  bytes[1] = f.tos ?? 0;
  view.setUint16(2, f.length ?? bytes.length);
  view.setUint16(4, f.id ?? 0);
  const { offset = 0, more = false } = f.fragment ?? {};
  view.setUint16(6, (f.dontFragment ? 0x4000 : 0) | (more ? 0x2000 : 0) | (offset >> 3));
  bytes[8] = f.ttl ?? 64;
  bytes[9] = f.protocol ?? protocol;
  bytes.set(src, 12);
  bytes.set(dst, 16);
  bytes.set(options, 20);
  view.setUint16(10, withFault(checksum16(bytes, 0, header), f.ipChecksum));
  bytes.set(body, header);
  return bytes;
}

function ipv6(f: PacketFields, src: Uint8Array, dst: Uint8Array, protocol: number, body: Uint8Array): Uint8Array {
  const chain = [...(f.extensions ?? [])];
  const types = [...chain.map(({ type }) => type), ...(f.fragment ? [IPPROTO.fragment] : []), f.protocol ?? protocol];
  const parts = chain.map((extension, i) => extensionHeader(extension, types[i + 1] as number));
  if (f.fragment) {
    const header = new Uint8Array(8);
    const view = new DataView(header.buffer);
    header[0] = types.at(-1) as number;
    view.setUint16(2, (f.fragment.offset & 0xfff8) | (f.fragment.more ? 1 : 0));
    view.setUint32(4, f.id ?? 0);
    parts.push(header);
  }
  const rest = concat(...parts, body);
  const bytes = new Uint8Array(40 + rest.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (((f.version ?? 6) << 28) | ((f.tos ?? 0) << 20) | (f.flowLabel ?? 0)) >>> 0);
  view.setUint16(4, f.length ?? rest.length);
  bytes[6] = types[0] as number;
  bytes[7] = f.ttl ?? 64;
  bytes.set(src, 8);
  bytes.set(dst, 24);
  bytes.set(rest, 40);
  return bytes;
}

const AH = 51;

function extensionHeader({ type, body = new Uint8Array(0), length }: Extension, next: number): Uint8Array {
  // AH counts words of 4 bytes minus 2, the others words of 8 bytes minus 1
  const bytes = pad(concat(Uint8Array.of(next, 0), body), type === AH ? 4 : 8);
  bytes[1] = length ?? (type === AH ? bytes.length / 4 - 2 : bytes.length / 8 - 1);
  return bytes;
}

// --- transport --------------------------------------------------------------------------------------------------------

const TCP_FLAGS = "FSRPAUEC"; // by bit

/** Flag letters to bits. */
export function tcpFlags(letters: string): number {
  let bits = 0;
  for (const letter of letters) {
    const bit = TCP_FLAGS.indexOf(letter);
    if (bit < 0) throw new Error(`not a TCP flag: ${letter}`);
    bits |= 1 << bit;
  }
  return bits;
}

export function tcpFlagLetters(bits: number): string {
  return [...TCP_FLAGS].filter((_, bit) => bits & (1 << bit)).join("");
}

function tcp(f: TcpFields, src: Uint8Array, dst: Uint8Array): Uint8Array {
  const options = pad(typeof f.options === "string" ? tcpOptions(f.options) : (f.options ?? new Uint8Array(0)), 4, 1);
  const payload = bytesOf(f.payload);
  const bytes = new Uint8Array(20 + options.length + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, f.sport);
  view.setUint16(2, f.dport);
  view.setUint32(4, f.seq ?? 0);
  view.setUint32(8, f.ack ?? 0);
  bytes[12] = ((f.offset ?? 5 + options.length / 4) << 4) | (f.reserved ?? 0);
  bytes[13] = tcpFlags(f.flags);
  view.setUint16(14, f.win ?? 64_240);
  view.setUint16(18, f.urgent ?? 0);
  bytes.set(options, 20);
  bytes.set(payload, 20 + options.length);
  view.setUint16(
    16,
    withFault(checksum16(bytes, 0, bytes.length, pseudoSum(src, dst, IPPROTO.tcp, bytes.length)), f.checksum),
  );
  return bytes;
}

/** TCP options by name; see {@link TcpFields.options}. */
export function tcpOptions(text: string): Uint8Array {
  const u32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  const bytes = text.split(/[\s,]+/).flatMap((word): number[] => {
    const [, name = "", value = ""] = /^([a-z]+)=?(.*)$/.exec(word) ?? [];
    switch (name) {
      case "":
        return [];
      case "end":
        return [0];
      case "nop":
        return [1];
      case "mss":
        return [2, 4, Number(value) >> 8, Number(value) & 255];
      case "ws":
        return [3, 3, Number(value)];
      case "sackok":
        return [4, 2];
      case "sack": {
        const edges = value.split(/[-:]/).map(Number);
        return [5, 2 + edges.length * 4, ...edges.flatMap(u32)];
      }
      case "ts": {
        const [now = 1, echo = 0] = value === "" ? [] : value.split(":").map(Number);
        return [8, 10, ...u32(now), ...u32(echo)];
      }
      case "hex":
        return [...Buffer.from(value, "hex")];
      default:
        throw new Error(`not a TCP option: ${word}`);
    }
  });
  return Uint8Array.from(bytes);
}

function udp(f: UdpFields, src: Uint8Array, dst: Uint8Array): Uint8Array {
  const payload = bytesOf(f.payload);
  const bytes = new Uint8Array(8 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, f.sport);
  view.setUint16(2, f.dport);
  view.setUint16(4, f.length ?? bytes.length);
  bytes.set(payload, 8);
  const right = checksum16(bytes, 0, bytes.length, pseudoSum(src, dst, IPPROTO.udp, bytes.length)) || 0xffff;
  view.setUint16(6, withFault(right, f.checksum));
  return bytes;
}

function udplite(f: UdpLiteFields, src: Uint8Array, dst: Uint8Array): Uint8Array {
  const payload = bytesOf(f.payload);
  const bytes = new Uint8Array(8 + payload.length);
  const view = new DataView(bytes.buffer);
  const coverage = f.coverage ?? 0;
  view.setUint16(0, f.sport);
  view.setUint16(2, f.dport);
  view.setUint16(4, coverage);
  bytes.set(payload, 8);
  const end = coverage === 0 ? bytes.length : Math.min(coverage, bytes.length);
  const right = checksum16(bytes, 0, end, pseudoSum(src, dst, f.pseudo ?? IPPROTO.udplite, bytes.length)) || 0xffff;
  view.setUint16(6, withFault(right, f.checksum));
  return bytes;
}

function icmp(f: IcmpFields, quoteLimit: number, pseudo?: { src: Uint8Array; dst: Uint8Array }): Uint8Array {
  const payload = f.quote ? f.quote.subarray(0, f.quoteLength ?? quoteLimit) : bytesOf(f.payload);
  const bytes = new Uint8Array(8 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = f.type;
  bytes[1] = f.code ?? 0;
  view.setUint32(4, f.rest ?? (((f.id ?? 0) << 16) | (f.seq ?? 0)) >>> 0);
  bytes.set(payload, 8);
  const initial = pseudo ? pseudoSum(pseudo.src, pseudo.dst, IPPROTO.icmpv6, bytes.length) : 0;
  view.setUint16(2, withFault(checksum16(bytes, 0, bytes.length, initial), f.checksum));
  return bytes;
}

function sctp(f: SctpFields): Uint8Array {
  const head = new Uint8Array(12);
  const view = new DataView(head.buffer);
  view.setUint16(0, f.sport);
  view.setUint16(2, f.dport);
  view.setUint32(4, f.vtag);
  const bytes = concat(head, ...f.chunks.map(sctpChunk));
  new DataView(bytes.buffer).setUint32(8, withFault(crc32c(bytes), f.checksum) >>> 0, typeof f.checksum !== "number");
  return bytes;
}

function sctpChunk({ type, flags = 0, body = new Uint8Array(0), length }: SctpChunk): Uint8Array {
  const value = length ?? 4 + body.length;
  return pad(concat(Uint8Array.of(type, flags, value >> 8, value & 255), body), 4);
}

/** Body of an INIT or INIT ACK chunk: initiate tag, window, streams, initial TSN. */
export function sctpInit(tag: number, { window = 65_535, streams = 10, tsn = 1 } = {}): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setUint32(0, tag);
  view.setUint32(4, window);
  view.setUint16(8, streams);
  view.setUint16(10, streams);
  view.setUint32(12, tsn);
  return body;
}

function gre(f: GreFields): Uint8Array {
  const payload = bytesOf(f.payload);
  const version = f.version ?? 0;
  const keyed = version === 1 || f.key !== undefined;
  const words = [keyed, f.seq !== undefined, f.ack !== undefined].filter(Boolean).length;
  const bytes = new Uint8Array(4 + words * 4 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(
    0,
    (keyed ? 0x2000 : 0) | (f.seq === undefined ? 0 : 0x1000) | (f.ack === undefined ? 0 : 0x80) | version,
  );
  view.setUint16(2, f.protocol ?? (version === 1 ? 0x880b : 0x0800));
  let at = 4;
  if (version === 1) {
    view.setUint16(at, payload.length);
    view.setUint16(at + 2, f.callId ?? 0);
    at += 4;
  } else if (f.key !== undefined) {
    view.setUint32(at, f.key);
    at += 4;
  }
  for (const word of [f.seq, f.ack]) {
    if (word === undefined) continue;
    view.setUint32(at, word);
    at += 4;
  }
  bytes.set(payload, at);
  return bytes;
}

// --- whole packets ----------------------------------------------------------------------------------------------------

/**
 * Cuts a packet into fragments that begin at the given byte offsets of its IP payload (multiples of 8; 0 is implied).
 * IPv6: extension headers up to `unfragmentable` bytes behind the fixed header are repeated (default: none).
 */
export function fragments(whole: Uint8Array, offsets: readonly number[], id: number, unfragmentable = 0): Uint8Array[] {
  const v6 = (whole[0] as number) >> 4 === 6;
  const header = v6 ? 40 + unfragmentable : ((whole[0] as number) & 15) * 4;
  const body = whole.subarray(header);
  const starts = [0, ...offsets];
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? body.length;
    return fragment(whole.subarray(0, header), body.subarray(start, end), start, end < body.length, id);
  });
}

/** One fragment: these header bytes, this part of the payload. */
export function fragment(header: Uint8Array, part: Uint8Array, offset: number, more: boolean, id: number): Uint8Array {
  if ((header[0] as number) >> 4 === 4) {
    const bytes = concat(header, part);
    const view = new DataView(bytes.buffer);
    view.setUint16(2, bytes.length);
    view.setUint16(4, id);
    view.setUint16(6, (view.getUint16(6) & 0x4000) | (more ? 0x2000 : 0) | (offset >> 3));
    view.setUint16(10, 0);
    view.setUint16(10, checksum16(bytes, 0, header.length));
    return bytes;
  }
  const bytes = concat(header, new Uint8Array(8), part);
  const view = new DataView(bytes.buffer);
  // the next-header field to take over stands in the last header of the unfragmentable part
  let field = 6;
  for (let at = 40; at < header.length; at += ((bytes[at + 1] as number) + 1) * 8) field = at;
  bytes[header.length] = bytes[field] as number;
  bytes[field] = IPPROTO.fragment;
  view.setUint16(header.length + 2, (offset & 0xfff8) | (more ? 1 : 0));
  view.setUint32(header.length + 4, id);
  view.setUint16(4, bytes.length - 40);
  return bytes;
}

/** A copy with these bytes at this offset; checksums are left as they are. */
export function patch(bytes: Uint8Array, offset: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, offset);
  return copy;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Payload bytes: `a b c …` for a length. */
export function bytesOf(payload: Payload | undefined): Uint8Array {
  if (payload === undefined) return new Uint8Array(0);
  if (typeof payload === "string") return new Uint8Array(Buffer.from(payload, "latin1"));
  if (typeof payload !== "number") return payload;
  return Uint8Array.from({ length: payload }, (_, i) => 97 + (i % 26));
}

function pad(bytes: Uint8Array, multiple: number, filler = 0): Uint8Array {
  const missing = (multiple - (bytes.length % multiple)) % multiple;
  return missing === 0 ? bytes.slice() : concat(bytes, new Uint8Array(missing).fill(filler));
}

const withFault = (right: number, wanted: Checksum | undefined): number =>
  wanted === "bad" ? right ^ 0x0100 : (wanted ?? right);
