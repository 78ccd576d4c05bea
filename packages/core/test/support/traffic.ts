// Random traffic that means something: conversations of every protocol the engine knows, interleaved, with losses,
// repetitions, errors, strays and what attackers send.
import { fragments, packet, patch, sctpInit } from "../../../conformance/src/packets.js";
import { START, type TimedPacket } from "./blocks.js";
import type { Random } from "./random.js";

export interface TrafficOptions {
  readonly count: number;
  /** Hosts on each side; few hosts and ports make packets meet. */
  readonly hosts?: number;
  readonly ports?: number;
  /** Mean time between packets, nanoseconds. */
  readonly gap?: number;
  /** IP fragments among it. */
  readonly fragmented?: boolean;
  /** Times are multiples of this: 1000 for files that keep microseconds. */
  readonly resolution?: bigint;
}

interface Ends {
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
}

const turn = ({ src, dst, sport, dport }: Ends): Ends => ({ src: dst, dst: src, sport: dport, dport: sport });

/** Numbers of a TCP conversation, per direction. */
interface Conversation {
  readonly ends: Ends;
  readonly next: [number, number];
  readonly scaled: boolean;
}

const TCP_FLAGS = ["S", "SA", "A", "PA", "FA", "R", "RA", "", "SF", "SR", "FPU", "AU", "FAU", "SEC"];

export function randomTraffic(random: Random, options: TrafficOptions): TimedPacket[] {
  const { count, hosts = 6, ports = 4, gap = 2_000_000, fragmented = false, resolution = 1n } = options;
  const packets: TimedPacket[] = [];
  const tcp = new Map<string, Conversation>();
  let now = START;
  const add = (data: Uint8Array) => {
    now += BigInt(Math.floor(-Math.log(1 - random.below(1e6) / 1e6) * gap));
    packets.push({ time: now - (now % resolution), data });
  };
  const ends = (): Ends => {
    const v6 = random.chance(0.3);
    const host = (side: number) =>
      v6 ? `2001:db8::${side}:${random.below(hosts) + 1}` : `10.0.${side}.${random.below(hosts) + 1}`;
    const both: Ends = { src: host(1), dst: host(2), sport: 1024 + random.below(ports), dport: 80 + random.below(2) };
    return random.chance(0.5) ? both : turn(both);
  };

  while (packets.length < count) {
    const e = ends();
    const v6 = e.src.includes(":");
    const { src, dst, sport, dport } = e;
    const query = v6 ? "icmpv6" : "icmp";
    switch (random.below(fragmented ? 14 : 12)) {
      case 0:
      case 1:
        add(
          packet({
            src,
            dst,
            udp: { sport, dport, payload: random.below(40), ...(random.chance(0.03) ? { checksum: "bad" } : {}) },
          }),
        );
        break;
      case 2: {
        const type = random.pick(v6 ? [128, 129, 139, 135] : [8, 0, 13, 14, 17, 9]);
        add(packet({ src, dst, [query]: { type, id: random.below(ports), seq: 1, payload: 8 } }));
        break;
      }
      case 3: {
        const earlier = packets[Math.max(0, packets.length - 1 - random.below(20))];
        if (!earlier || (earlier.data[0] ?? 0) >> 4 !== (v6 ? 6 : 4)) break;
        const type = random.pick(v6 ? [1, 2, 3, 4] : [3, 11, 5, 12]);
        const to = random.chance(0.9) ? sourceOf(earlier.data) : src;
        add(
          packet({
            src: dst,
            dst: to,
            [query]: { type, quote: earlier.data, quoteLength: random.pick([24, 28, 44, 48, 60, 200]) },
          }),
        );
        break;
      }
      case 4:
        add(packet({ src, dst, udplite: { sport, dport, payload: 8, pseudo: random.pick([17, 136]) } }));
        break;
      case 5: {
        const chunk = random.pick([0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 14]);
        const body = chunk === 1 || chunk === 2 ? sctpInit(random.below(3) + 1) : new Uint8Array(random.below(3) * 4);
        add(packet({ src, dst, sctp: { sport, dport, vtag: random.below(4), chunks: [{ type: chunk, body }] } }));
        break;
      }
      case 6:
        if (random.chance(0.5))
          add(packet({ src, dst, gre: { version: random.below(2), callId: random.below(3), payload: 8 } }));
        else add(packet({ src, dst, protocol: random.pick([50, 89, 99, 1, 58]), payload: 12 }));
        break;
      case 7: {
        // anything goes
        const flags = random.pick(TCP_FLAGS);
        add(
          packet({
            src,
            dst,
            tcp: { sport, dport, flags, seq: random.below(3000), ack: random.below(3000), payload: random.below(20) },
          }),
        );
        break;
      }
      case 12:
      case 13: {
        const whole = packet({ src, dst, udp: { sport, dport, payload: 64 + random.below(200) } });
        const parts = fragments(whole, random.pick([[32], [16, 48], [24, 40, 56]]), random.below(50));
        const sent = random.chance(0.5) ? parts : parts.reverse();
        for (const part of sent) if (random.chance(0.95)) add(part);
        break;
      }
      default: {
        const key = [src, dst, sport, dport].join();
        const back = [dst, src, dport, sport].join();
        let conversation = tcp.get(key) ?? tcp.get(back);
        if (!conversation || random.chance(0.01)) {
          conversation = { ends: e, next: [random.u32(), random.u32()], scaled: random.chance(0.5) };
          tcp.set(key, conversation);
        }
        talk(random, conversation, add);
      }
    }
    if (random.chance(0.02)) {
      const last = packets.at(-1);
      if (last)
        add(random.chance(0.5) ? last.data : patch(last.data, random.below(last.data.length), random.below(256)));
    }
  }
  return packets.slice(0, count);
}

// A few packets of a conversation, now and then one too few or one too many.
function talk(random: Random, { ends, next, scaled }: Conversation, add: (data: Uint8Array) => void): void {
  const say = (dir: 0 | 1, flags: string, payload = 0, options = "") => {
    const from = dir === 0 ? ends : turn(ends);
    const seq = next[dir];
    const ack = flags.includes("A") ? next[dir === 0 ? 1 : 0] : 0;
    next[dir] = (seq + payload + (flags.includes("S") || flags.includes("F") ? 1 : 0)) >>> 0;
    if (random.chance(0.04)) return; // lost before it is seen
    const win = random.chance(0.02) ? 0 : 8192;
    add(
      packet({
        src: from.src,
        dst: from.dst,
        tcp: { sport: from.sport, dport: from.dport, flags, seq, ack, win, payload, options },
      }),
    );
  };
  const side = random.below(2) as 0 | 1;
  const other = (1 - side) as 0 | 1;
  const plain = random.chance(0.5) ? "" : "nop nop ts=1:2";
  switch (random.below(8)) {
    case 0:
      say(0, "S", 0, scaled ? "mss=1460 ws=7 sackok" : "");
      say(1, "SA", 0, scaled ? "mss=1460 ws=7 sackok" : "");
      say(0, "A");
      break;
    case 1:
      say(side, "FA");
      say(other, "A");
      say(other, "FA");
      say(side, "A");
      break;
    case 2:
      say(side, random.pick(["R", "RA"]));
      break;
    default:
      for (let i = random.below(4); i >= 0; i--) say(side, "PA", 1 + random.below(60), plain);
      say(other, "A", 0, plain);
  }
}

function sourceOf(data: Uint8Array): string {
  if ((data[0] ?? 0) >> 4 === 4) return [...data.subarray(12, 16)].join(".");
  const words = Array.from({ length: 8 }, (_, i) =>
    (((data[8 + 2 * i] ?? 0) << 8) | (data[9 + 2 * i] ?? 0)).toString(16),
  );
  return words.join(":");
}
