// Random fragments: datagrams cut into pieces that come in any order, again, overlapping, with ends that contradict each
// other. Few hosts and identifications, so that trains meet.
import { checksum16 } from "../../../conformance/src/checksum.js";
import { fragment, packet } from "../../../conformance/src/packets.js";
import type { Random } from "./random.js";

export interface TrainOptions {
  readonly count: number;
  readonly families?: readonly (4 | 6)[];
  /** How often a train is disturbed. Default 0.5. */
  readonly dirt?: number;
  readonly hosts?: number;
  readonly ids?: number;
  /** Trains under way at the same time. Default 3. */
  readonly abreast?: number;
}

/** Packets from the IP header on. */
export function randomTrains(random: Random, options: TrainOptions): Uint8Array[] {
  const { count, families = [4, 6], dirt = 0.5, hosts = 3, ids = 4, abreast = 3 } = options;
  const out: Uint8Array[] = [];
  const trains: Uint8Array[][] = [];
  while (out.length < count) {
    while (trains.length < abreast) trains.push(train(random, random.pick(families), dirt, hosts, ids));
    const at = random.below(trains.length);
    const next = (trains[at] as Uint8Array[]).shift();
    if (next) out.push(next);
    else trains.splice(at, 1);
  }
  return out;
}

/** A whole packet of some protocol, with the length of its unfragmentable part. */
export function randomDatagram(random: Random, family: 4 | 6, hosts: number): { whole: Uint8Array; header: number } {
  const host = (side: number) =>
    family === 4 ? `10.0.${side}.${random.below(hosts) + 1}` : `2001:db8::${side}:${random.below(hosts) + 1}`;
  const size = random.chance(0.1) ? random.between(1000, 3000) : random.between(0, 150);
  const back = random.chance(0.3); // the other way
  const port = 1024 + random.below(4);
  const sport = back ? 53 : port;
  const dport = back ? port : 53;
  const before =
    family === 6 && random.chance(0.3) ? [{ type: 60, body: new Uint8Array(6 + 8 * random.below(4)) }] : [];
  const behind = family === 6 && random.chance(0.15) ? [{ type: 60, body: new Uint8Array(6) }] : [];
  const common = {
    src: host(back ? 2 : 1),
    dst: host(back ? 1 : 2),
    tos: random.chance(0.9) ? 0 : 2,
    extensions: [...before, ...behind],
    ...(family === 4 && random.chance(0.2) ? { ipOptions: new Uint8Array(4 * random.between(1, 10)).fill(1) } : {}),
  };
  const whole = (() => {
    switch (random.below(6)) {
      case 0:
        return packet({
          ...common,
          tcp: { sport, dport, flags: random.pick(["S", "SA", "A", "PA", "SF"]), seq: 1, ack: 1, payload: size },
        });
      case 1:
        return family === 4
          ? packet({ ...common, icmp: { type: back ? 0 : 8, id: port, seq: 1, payload: size } })
          : packet({ ...common, icmpv6: { type: back ? 129 : 128, id: port, seq: 1, payload: size } });
      case 2:
        return packet({ ...common, protocol: 253, payload: size + 1 });
      case 3:
        return packet({ ...common, udp: { sport, dport, payload: size, checksum: 0 } });
      default:
        return packet({ ...common, udp: { sport, dport, payload: size } });
    }
  })();
  const header =
    family === 4 ? ((whole[0] as number) & 15) * 4 : 40 + before.reduce((sum, { body }) => sum + body.length + 2, 0);
  return { whole, header };
}

function train(random: Random, family: 4 | 6, dirt: number, hosts: number, ids: number): Uint8Array[] {
  const { whole, header } = randomDatagram(random, family, hosts);
  const head = whole.subarray(0, header);
  const body = whole.subarray(header);
  const id = random.below(ids);
  const cuts = [0, body.length];
  const units = body.length >> 3;
  for (let i = random.below(5); i > 0 && units > 1; i--)
    cuts.push(8 * random.between(1, units - (body.length % 8 ? 0 : 1)));
  const ends = [...new Set(cuts)].sort((a, b) => a - b);
  const pieces = ends.slice(0, -1).map((from, i) => ({ from, end: ends[i + 1] as number }));
  const make = (from: number, end: number, more = end < body.length, tos = false) => {
    const part = new Uint8Array(Math.max(0, end - from));
    part.set(body.subarray(Math.min(from, body.length), Math.min(end, body.length)));
    const made = fragment(head, part, from, more, id);
    if (!tos) return made;
    const other = head.slice();
    other[1] = (other[1] as number) ^ (family === 4 ? random.between(1, 3) : 16 * random.between(1, 3));
    return fragment(other, part, from, more, id);
  };
  const all = pieces.map(({ from, end }) => make(from, end));
  if (random.chance(dirt)) {
    for (let i = random.between(1, 3); i > 0; i--) {
      const { from, end } = random.pick(pieces);
      const far = 8 * random.below(units + 3);
      switch (random.below(12)) {
        case 0: // again
        case 1:
          all.push(make(from, end));
          break;
        case 2: // two pieces in one
          all.push(make(from, random.pick(pieces).end));
          break;
        case 3: // overlaps
          all.push(make(far, far + 8 * random.between(1, 4)));
          break;
        case 4: // within another one
          if (end - from >= 16) all.push(make(from + 8, end - (end % 8) - (random.chance(0.5) ? 0 : 8)));
          break;
        case 5: // wrong end
          all.push(make(from, end, !(end < body.length)));
          break;
        case 6: // not a multiple of 8
          all.push(make(from, end + random.between(1, 7), true));
          break;
        case 7: // empty
          all.push(make(far, far, random.chance(0.5)));
          break;
        case 8: // ECN
          all.push(make(from, end, undefined, true));
          break;
        case 9: // far behind
          all.push(make(8 * random.between(8000, 8191), 0, random.chance(0.5)));
          break;
        case 10: {
          // 65528 + …
          const from = 8 * random.between(8180, 8191);
          all.push(make(from, from + random.between(1, 400), random.chance(0.5)));
          break;
        }
        default: // one is lost
          all.splice(random.below(all.length), 1);
      }
    }
  }
  if (random.chance(0.6)) for (let i = all.length - 1; i > 0; i--) swap(all, i, random.below(i + 1));
  if (pieces.length === 1 && random.chance(0.5)) all.push(whole);
  return all;
}

function swap<T>(items: T[], i: number, j: number): void {
  [items[i], items[j]] = [items[j] as T, items[i] as T];
}

const NEXT_HEADERS = [1, 6, 17, 43, 44, 47, 50, 51, 58, 59, 60, 132, 135, 136, 253];

/** Some of them with headers changed and cut: other protocols, chains of headers that break or nest, other offsets. */
export function mutated(random: Random, packets: readonly Uint8Array[]): Uint8Array[] {
  return packets.map((packet) => {
    if (random.chance(0.5)) return packet;
    return (packet[0] as number) >> 4 === 6 ? mutated6(random, packet) : mutated4(random, packet);
  });
}

function mutated6(random: Random, packet: Uint8Array): Uint8Array {
  let bytes = packet.slice();
  const put = (at: number, value: number) => {
    if (at < bytes.length) bytes[at] = value;
  };
  for (let i = random.between(1, 3); i > 0; i--) {
    switch (random.below(5)) {
      case 0:
        put(6, random.pick(NEXT_HEADERS));
        break;
      case 1:
        put(random.between(40, 60), random.pick(NEXT_HEADERS));
        break;
      case 2:
        put(40 + 8 * random.below(8), random.pick(NEXT_HEADERS));
        break;
      case 3:
        put(random.between(40, 90), random.below(256));
        break;
      default:
        bytes = bytes.slice(0, random.between(40, bytes.length));
        new DataView(bytes.buffer).setUint16(4, bytes.length - 40);
    }
  }
  return bytes;
}

function mutated4(random: Random, packet: Uint8Array): Uint8Array {
  const header = ((packet[0] as number) & 15) * 4;
  const bytes = packet.slice(0, random.chance(0.3) ? random.between(header, packet.length) : packet.length);
  if (random.chance(0.3)) bytes[6] = (packet[6] as number) ^ (1 << random.below(6));
  if (random.chance(0.3)) bytes[7] = random.below(256);
  if (random.chance(0.3)) bytes[9] = random.pick(NEXT_HEADERS);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, bytes.length);
  view.setUint16(10, 0);
  view.setUint16(10, checksum16(bytes, 0, header));
  return bytes;
}
