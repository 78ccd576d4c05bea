// What a bad network does to packets: a field changed, a byte damaged, an error about one of them.

import { checksum16 } from "./checksum.js";
import type { Random } from "./dice.js";
import { type PacketFields, packet, patch, type TcpFields } from "./packets.js";

const FLAGS = ["", "S", "SA", "A", "PA", "FA", "F", "R", "RA", "SF", "SR", "FPU", "SP", "AU"];
const NUDGES = [1, -1, 10, -10, 1000, -1000, 70_000, -70_000, 2 ** 31, 2 ** 30];

/** One field not as the sender meant it. */
export function mutate(random: Random, fields: PacketFields): PacketFields {
  const checksum = "bad" as const;
  const { tcp, udp, sctp } = fields;
  if (tcp) {
    const nudge = (value = 0) => (value + random.pick(NUDGES)) >>> 0;
    const changes: readonly Partial<TcpFields>[] = [
      { flags: random.pick(FLAGS) },
      { seq: nudge(tcp.seq) },
      { ack: nudge(tcp.ack) },
      { seq: random.u32() },
      { win: random.pick([0, 1, 100, 65535]) },
      { options: random.pick(["", "ws=14", "ws=3 sackok", "nop nop sack=5-9", "hex=0300", "hex=05ff", "end"]) },
      { checksum },
      { offset: random.pick([4, 6, 15]) },
      { payload: random.below(3000) },
    ];
    return { ...fields, tcp: { ...tcp, ...random.pick(changes) } };
  }
  if (udp)
    return {
      ...fields,
      udp: { ...udp, ...random.pick([{ checksum }, { checksum: 0 }, { length: 7 }, { length: 60 }]) },
    };
  if (sctp) {
    const changes = [
      { checksum },
      { vtag: random.below(1000) },
      { chunks: [{ type: random.below(16), body: new Uint8Array(4) }] },
    ];
    return { ...fields, sctp: { ...sctp, ...random.pick(changes) } };
  }
  return { ...fields, ttl: 1, tos: 8 }; // DSCP 2
}

/** An ICMP error that quotes a packet. */
export function errorAbout(
  random: Random,
  quoted: Uint8Array,
  { src, dst, tos = 0 }: PacketFields,
  hosts: readonly string[],
): Uint8Array {
  const v6 = src.includes(":");
  const type = random.pick(v6 ? [1, 2, 3, 4] : [3, 3, 4, 5, 11, 12]);
  const quoteLength = Math.min(quoted.length, random.pick([20, 28, 40, 48, 60, 500]));
  const fields = {
    type,
    code: random.below(4),
    quote: quoted,
    quoteLength,
    ...(random.chance(0.05) ? { checksum: "bad" as const } : {}),
  };
  const from = random.chance(0.5) ? dst : random.pick(hosts);
  const to = random.chance(0.9) ? src : random.pick(hosts);
  return packet({ src: from, dst: to, tos, ...(v6 ? { icmpv6: fields } : { icmp: fields }) });
}

/** A byte of the transport header is not what it was; the IPv4 header stays sound. */
export function damage(random: Random, data: Uint8Array): Uint8Array {
  const v6 = (data[0] ?? 0) >> 4 === 6;
  const at = random.chance(0.8) ? (v6 ? 40 : 20) + random.below(24) : random.pick(v6 ? [6, 7] : [8, 9]);
  if (at >= data.length) return data;
  const bytes = patch(data, at, random.below(256));
  if (v6) return bytes;
  const view = new DataView(bytes.buffer);
  view.setUint16(10, 0);
  view.setUint16(10, checksum16(bytes, 0, ((bytes[0] ?? 0) & 15) * 4));
  return bytes;
}
