// Packets put together byte by byte: IPv4 with TCP, UDP or ICMP, checksums right.

export const FLAG = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 } as const;

function checksum(bytes: Uint8Array, sum = 0): number {
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const octets = (address: string) => address.split(".").map(Number);

let identification = 1;

function ipv4(src: string, dst: string, protocol: number, body: Uint8Array): Uint8Array {
  const packet = new Uint8Array(20 + body.length);
  const view = new DataView(packet.buffer);
  packet.set([0x45, 0]);
  view.setUint16(2, packet.length);
  view.setUint16(4, identification++ & 0xffff);
  packet.set([64, protocol], 8);
  packet.set([...octets(src), ...octets(dst)], 12);
  view.setUint16(10, checksum(packet.subarray(0, 20)));
  packet.set(body, 20);
  return packet;
}

/** The sum over the addresses, protocol and length that TCP and UDP include in their checksums. */
function pseudo(src: string, dst: string, protocol: number, length: number): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = [...octets(src), ...octets(dst)];
  return (a << 8) + b + (c << 8) + d + (e << 8) + f + (g << 8) + h + protocol + length;
}

export interface Ends {
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
}

export function tcp({ src, dst, sport, dport }: Ends, flags: number, seq: number, ack: number, data = ""): Uint8Array {
  const payload = new TextEncoder().encode(data);
  const segment = new Uint8Array(20 + payload.length);
  const view = new DataView(segment.buffer);
  view.setUint16(0, sport);
  view.setUint16(2, dport);
  view.setUint32(4, seq >>> 0);
  view.setUint32(8, flags & FLAG.ACK ? ack >>> 0 : 0);
  segment.set([0x50, flags], 12);
  view.setUint16(14, 29200);
  segment.set(payload, 20);
  view.setUint16(16, checksum(segment, pseudo(src, dst, 6, segment.length)));
  return ipv4(src, dst, 6, segment);
}

export function udp({ src, dst, sport, dport }: Ends, data = "hello"): Uint8Array {
  const payload = new TextEncoder().encode(data);
  const datagram = new Uint8Array(8 + payload.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, sport);
  view.setUint16(2, dport);
  view.setUint16(4, datagram.length);
  datagram.set(payload, 8);
  view.setUint16(6, checksum(datagram, pseudo(src, dst, 17, datagram.length)) || 0xffff);
  return ipv4(src, dst, 17, datagram);
}

function icmp(src: string, dst: string, type: number, code: number, rest: Uint8Array): Uint8Array {
  const message = new Uint8Array(4 + rest.length);
  message.set([type, code]);
  message.set(rest, 4);
  new DataView(message.buffer).setUint16(2, checksum(message));
  return ipv4(src, dst, 1, message);
}

/** Echo request (8) or reply (0). */
export function ping(src: string, dst: string, type: 0 | 8, id: number): Uint8Array {
  return icmp(src, dst, type, 0, Uint8Array.of(id >> 8, id & 255, 0, 1, ...new TextEncoder().encode("conntrack")));
}

/** An error about another packet: what it quotes is that packet's IP header and eight bytes more. */
export function icmpError(src: string, dst: string, type: number, code: number, about: Uint8Array): Uint8Array {
  const quoted = about.subarray(0, 28);
  const rest = new Uint8Array(4 + quoted.length);
  rest.set(quoted, 4);
  return icmp(src, dst, type, code, rest);
}
