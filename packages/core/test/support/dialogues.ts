// Hand-written dialogues on a control connection, as packets: what each side says, in order.
import type { TimedPacket } from "../../../conformance/src/kernel.js";
import { type Payload, packet } from "../../../conformance/src/packets.js";

export const CLIENT = "10.0.1.2";
export const SERVER = "10.0.2.2";
export const CLIENT6 = "fd01::2";
export const SERVER6 = "fd02::2";

/** Who speaks, and what; or a packet of another connection. */
export type Line = readonly [">" | "<", Payload] | Uint8Array;

export interface Dialogue {
  readonly name: string;
  /** As in recordings: `sip:5060`. */
  readonly helpers: string;
  readonly packets: readonly TimedPacket[];
}

export interface Ends {
  readonly client?: string;
  readonly server?: string;
  readonly sport?: number;
  readonly dport: number;
}

const bytes = (payload: Payload) => (typeof payload === "string" ? new TextEncoder().encode(payload) : payload);
const timed = (data: readonly Uint8Array[]) => data.map((bytes, time) => ({ time, data: bytes }));

/** Datagrams between the two ends. */
export function udpDialogue(name: string, helpers: string, lines: readonly Line[], ends: Ends): Dialogue {
  const { client = CLIENT, server = SERVER, sport = 30001, dport } = ends;
  const packets = lines.map((line) => {
    if (line instanceof Uint8Array) return line;
    const [who, payload] = line;
    return who === ">"
      ? packet({ src: client, dst: server, udp: { sport, dport, payload: bytes(payload) } })
      : packet({ src: server, dst: client, udp: { sport: dport, dport: sport, payload: bytes(payload) } });
  });
  return { name, helpers, packets: timed(packets) };
}

/** A handshake, then segments one after the other. */
export function tcpDialogue(name: string, helpers: string, lines: readonly Line[], ends: Ends): Dialogue {
  const { client = CLIENT, server = SERVER, sport = 30001, dport } = ends;
  const next = { ">": 1000, "<": 5000 };
  const segment = (who: ">" | "<", flags: string, payload: Payload = 0) => {
    const data = bytes(payload);
    const length = typeof data === "number" ? data : data.length;
    const seq = next[who];
    next[who] += length + (flags.includes("S") || flags.includes("F") ? 1 : 0);
    const ack = flags === "S" ? 0 : next[who === ">" ? "<" : ">"];
    const tcp = { flags, seq, ack, payload: data };
    return who === ">"
      ? packet({ src: client, dst: server, tcp: { sport, dport, ...tcp } })
      : packet({ src: server, dst: client, tcp: { sport: dport, dport: sport, ...tcp } });
  };
  const packets = [segment(">", "S"), segment("<", "SA"), segment(">", "A")];
  for (const line of lines)
    packets.push(line instanceof Uint8Array ? line : segment(line[0], line[1] === "" ? "RA" : "PA", line[1]));
  return { name, helpers, packets: timed(packets) };
}
