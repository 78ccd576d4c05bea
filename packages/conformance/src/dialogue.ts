// Dialogues on a control connection, as packets: what each side says, in order.
//
//   tcpDialogue("PORT", "ftp:21", [
//     [">", "USER x\r\n"],
//     [">", "PORT 10,0,1,2,200,10\r\n"],
//     [">", "PORT 10,0,1,2,200,10\r\n", 8],   // again: from the 8th byte of what this side sends
//     syn(SERVER, CLIENT, 51210),             // a packet of another connection
//     ["<", "", "FA"],                        // flags instead
//   ], { dport: 21 });

import type { TimedPacket } from "./kernel.js";
import { type Payload, packet } from "./packets.js";

export const CLIENT = "10.0.1.2";
export const SERVER = "10.0.2.2";
export const CLIENT6 = "fd01::2";
export const SERVER6 = "fd02::2";

/** Who speaks, what, and from which byte of its stream or with which flags; or a packet of another connection. */
export type Line = readonly [who: ">" | "<", what: Payload, how?: number | string] | Uint8Array;

export interface Dialogue {
  readonly name: string;
  /** As in recordings: `sip:5060`. */
  readonly helpers: string;
  readonly packets: readonly TimedPacket[];
  readonly sysctls?: Readonly<Record<string, number>>;
  /** Packets go at their times. */
  readonly realtime?: boolean;
  /** `loose` of the FTP helper, a parameter of the kernel's module: for all namespaces of the machine. */
  readonly loose?: boolean;
  /** `nf_conntrack_expect_max`, which only the first namespace can set, for all of them. */
  readonly expectMax?: number;
}

export interface Ends {
  readonly client?: string;
  readonly server?: string;
  readonly sport?: number;
  readonly dport: number;
  /** The first sequence number of each side. */
  readonly isn?: number;
}

const bytes = (payload: Payload) => (typeof payload === "string" ? new TextEncoder().encode(payload) : payload);
const timed = (data: readonly Uint8Array[]) => data.map((bytes, time) => ({ time, data: bytes }));

/** Opens a connection that may have been announced. */
export const syn = (src: string, dst: string, dport: number, sport = 20): Uint8Array =>
  packet({ src, dst, tcp: { sport, dport, flags: "S", seq: 1 } });

/** A datagram of a connection that may have been announced. */
export const datagram = (src: string, dst: string, dport: number, sport = 3000, payload: Payload = 4): Uint8Array =>
  packet({ src, dst, udp: { sport, dport, payload } });

/** Datagrams between the two ends. */
export function udpDialogue(name: string, helpers: string, lines: readonly Line[], ends: Ends): Dialogue {
  const packets = lines.map((line) => (line instanceof Uint8Array ? line : udpPacket(line[0], line[1], ends)));
  return { name, helpers, packets: timed(packets) };
}

/** A datagram of one of the two ends. */
export function udpPacket(who: ">" | "<", payload: Payload, ends: Ends): Uint8Array {
  const { client = CLIENT, server = SERVER, sport = 30001, dport } = ends;
  return who === ">"
    ? packet({ src: client, dst: server, udp: { sport, dport, payload: bytes(payload) } })
    : packet({ src: server, dst: client, udp: { sport: dport, dport: sport, payload: bytes(payload) } });
}

/** A handshake, then segments one after the other. */
export function tcpDialogue(name: string, helpers: string, lines: readonly Line[], ends: Ends): Dialogue {
  return { name, helpers, packets: timed(tcpPackets(lines, ends)) };
}

export function tcpPackets(lines: readonly Line[], ends: Ends): Uint8Array[] {
  const { client = CLIENT, server = SERVER, sport = 30001, dport, isn } = ends;
  const first = { ">": isn ?? 1000, "<": isn ?? 5000 };
  const next = { ...first };
  const segment = (who: ">" | "<", flags: string, payload: Payload = 0, seq: number = next[who]) => {
    const data = bytes(payload);
    const length = typeof data === "number" ? data : data.length;
    const behind = seq + length + (flags.includes("S") || flags.includes("F") ? 1 : 0);
    next[who] = Math.max(next[who], behind);
    const ack = flags === "S" ? 0 : next[who === ">" ? "<" : ">"] >>> 0;
    const tcp = { flags, seq: seq >>> 0, ack, payload: data };
    return who === ">"
      ? packet({ src: client, dst: server, tcp: { sport, dport, ...tcp } })
      : packet({ src: server, dst: client, tcp: { sport: dport, dport: sport, ...tcp } });
  };
  const packets = [segment(">", "S"), segment("<", "SA"), segment(">", "A")];
  for (const line of lines) {
    if (line instanceof Uint8Array) {
      packets.push(line);
      continue;
    }
    const [who, what, how] = line;
    const flags = typeof how === "string" ? how : what === "" ? "RA" : "PA";
    packets.push(segment(who, flags, what, typeof how === "number" ? first[who] + 1 + how : undefined));
  }
  return packets;
}
