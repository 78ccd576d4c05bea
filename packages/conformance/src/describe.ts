// One packet in one line, for people: what a recording or a report calls it.

import { formatAddress } from "./address.js";
import { protocolName } from "./names.js";
import { tcpFlagLetters } from "./packets.js";

// biome-ignore format: a table
const ICMP_TYPES: Record<number, string> = {
  0: "echo-reply", 3: "dest-unreach", 4: "source-quench", 5: "redirect", 8: "echo", 11: "time-exceeded", 12: "param-problem",
  13: "timestamp", 14: "timestamp-reply", 15: "info", 16: "info-reply", 17: "mask", 18: "mask-reply",
};
// biome-ignore format: a table
const ICMPV6_TYPES: Record<number, string> = {
  1: "dest-unreach", 2: "too-big", 3: "time-exceeded", 4: "param-problem", 128: "echo", 129: "echo-reply", 130: "mld-query",
  131: "mld-report", 132: "mld-done", 133: "RS", 134: "RA", 135: "NS", 136: "NA", 137: "redirect", 143: "mld2-report",
};
// biome-ignore format: a table
const SCTP_CHUNKS = [
  "DATA", "INIT", "INIT_ACK", "SACK", "HEARTBEAT", "HEARTBEAT_ACK", "ABORT", "SHUTDOWN", "SHUTDOWN_ACK", "ERROR", "COOKIE_ECHO",
  "COOKIE_ACK", "ECNE", "CWR", "SHUTDOWN_COMPLETE",
];

interface Network {
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
  readonly body: Uint8Array;
  readonly fragment: { readonly offset: number; readonly more: boolean } | null;
}

/** `tcp 10.0.0.1.1025 > 10.0.0.2.80 [S] seq=1000 ack=0 win=64240 len=0` */
export function describePacket(bytes: Uint8Array): string {
  const network = readNetwork(bytes);
  if (!network) return `not IP ${Buffer.from(bytes.subarray(0, 20)).toString("hex")}`.trim();
  const { src, dst, protocol, body, fragment } = network;
  const name = protocol === 59 ? "nonext" : protocolName(protocol);
  const cut = fragment ? ` frag(off=${fragment.offset}${fragment.more ? ",MF" : ""})` : "";
  if (fragment && fragment.offset > 0) return `${name} ${src} > ${dst}${cut} len=${body.length}`;
  const [ports, rest] = transport(protocol, body, fragment !== null);
  return `${name} ${src}${ports?.[0] ?? ""} > ${dst}${ports?.[1] ?? ""} ${rest}${cut}${quoted(protocol, body)}`;
}

const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
const u32 = (bytes: Uint8Array, at: number): number => ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;

function readNetwork(bytes: Uint8Array): Network | null {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4 && bytes.length >= 20) {
    const flags = u16(bytes, 6);
    const [offset, more] = [(flags & 0x1fff) * 8, (flags & 0x2000) !== 0];
    return {
      src: formatAddress(bytes.subarray(12, 16)),
      dst: formatAddress(bytes.subarray(16, 20)),
      protocol: bytes[9] as number,
      body: bytes.subarray(((bytes[0] as number) & 15) * 4, Math.max(u16(bytes, 2), 20)),
      fragment: offset > 0 || more ? { offset, more } : null,
    };
  }
  if (version !== 6 || bytes.length < 40) return null;
  let [next, at] = [bytes[6] as number, 40];
  let fragment: Network["fragment"] = null;
  while ([0, 43, 44, 60, 135].includes(next) && at + 8 <= bytes.length && !(fragment && fragment.offset > 0)) {
    if (next === 44) fragment = { offset: u16(bytes, at + 2) & 0xfff8, more: (u16(bytes, at + 2) & 1) !== 0 };
    const size = next === 44 ? 8 : ((bytes[at + 1] as number) + 1) * 8;
    next = bytes[at] as number;
    at += size;
  }
  return {
    src: formatAddress(bytes.subarray(8, 24)),
    dst: formatAddress(bytes.subarray(24, 40)),
    protocol: next,
    body: bytes.subarray(at, 40 + u16(bytes, 4)),
    fragment: fragment && (fragment.offset > 0 || fragment.more) ? fragment : null,
  };
}

function transport(protocol: number, body: Uint8Array, part: boolean): [ports: [string, string] | null, rest: string] {
  const length = `len=${body.length}`;
  const ports = (): [string, string] => [`.${u16(body, 0)}`, `.${u16(body, 2)}`];
  if (protocol === 6 && body.length >= 20) {
    const header = ((body[12] as number) >> 4) * 4;
    const options = Buffer.from(body.subarray(20, header)).toString("hex");
    const line = `[${tcpFlagLetters(body[13] as number) || "0"}] seq=${u32(body, 4)} ack=${u32(body, 8)} win=${u16(body, 14)}`;
    return [ports(), `${line} len=${Math.max(0, body.length - header)}${options ? ` opt=${options}` : ""}`];
  }
  if ((protocol === 17 || protocol === 136) && body.length >= 8) {
    const [real, said] = [body.length - 8, u16(body, 4)];
    return [ports(), `len=${real}${said !== body.length && (protocol === 17 || part) ? ` ulen=${said}` : ""}`];
  }
  if ((protocol === 1 || protocol === 58) && body.length >= 8) {
    const type = body[0] as number;
    const name = (protocol === 1 ? ICMP_TYPES : ICMPV6_TYPES)[type] ?? `type=${type}`;
    const query = isError(protocol, type) ? "" : ` id=${u16(body, 4)} seq=${u16(body, 6)}`;
    return [null, `${name} code=${body[1]}${query}`];
  }
  if (protocol === 132 && body.length >= 12) {
    const chunks: string[] = [];
    for (let at = 12; at + 4 <= body.length && chunks.length < 16; at += Math.max(4, (u16(body, at + 2) + 3) & ~3))
      chunks.push(SCTP_CHUNKS[body[at] as number] ?? `chunk${body[at]}`);
    return [ports(), `vtag=${u32(body, 4).toString(16).padStart(8, "0")} ${chunks.join(",")}`.trim()];
  }
  if (protocol === 47 && body.length >= 4) {
    const flags = u16(body, 0);
    const keyed = (flags & 0x2000) !== 0 && body.length >= 8;
    const version1 = (flags & 7) === 1;
    const key = !keyed ? "" : version1 ? ` callid=${u16(body, 6)}` : ` key=${u32(body, 4)}`;
    return [null, `proto=0x${u16(body, 2).toString(16).padStart(4, "0")}${version1 ? " v1" : ""}${key}`];
  }
  return [null, length];
}

const isError = (protocol: number, type: number): boolean =>
  protocol === 1 ? [3, 4, 5, 11, 12].includes(type) : type < 128;

function quoted(protocol: number, body: Uint8Array): string {
  if ((protocol !== 1 && protocol !== 58) || body.length < 8 || !isError(protocol, body[0] as number)) return "";
  const quote = body.subarray(8);
  const inner = readNetwork(quote);
  if (!inner) return ` {not IP ${Buffer.from(quote.subarray(0, 20)).toString("hex")}}`;
  // errors about errors: one level is enough
  return inner.protocol === protocol && isError(protocol, inner.body[0] ?? 255)
    ? ` {${protocolName(protocol)} ${inner.src} > ${inner.dst} error}`
    : ` {${describePacket(quote)}}`;
}
