// Crafted packets in Ethernet frames, as the endpoints of a user-space network exchange them.
import { type PacketFields, packet } from "../../conformance/src/packets.js";

/** An Ethernet frame around an IPv4 packet. */
export function frame(fields: PacketFields): Uint8Array {
  const ip = packet(fields);
  const bytes = new Uint8Array(14 + ip.length);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
  bytes.set(ip, 14);
  return bytes;
}

export const tcp = (src: string, sport: number, dst: string, dport: number, flags: string, seq: number, ack: number) =>
  frame({ src, dst, tcp: { sport, dport, flags, seq, ack } });
