// Sessions that behave: TCP, datagrams of several protocols, ICMP queries, SCTP.

import type { Random } from "./dice.js";
import { type PacketFields, sctpInit, type TcpFields } from "./packets.js";

/** Who speaks first, with whom. */
export interface Ends {
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
}
/** What both sides say, in turn. */
export type Session = Generator<PacketFields, void, undefined>;

/** The same with the other side as the one who speaks. */
export const turn = ({ src, dst, sport, dport }: Ends): Ends => ({ src: dst, dst: src, sport: dport, dport: sport });
const isV6 = ({ src }: { readonly src: string }) => src.includes(":");

function* tcpSession(random: Random, a: Ends): Session {
  const next = [random.u32(), random.u32()] as [number, number];
  if (random.chance(0.1)) next[0] = 0xffffffff - random.below(2000);
  const ends = [a, turn(a)] as const;
  const options = random.pick(["", "mss=1460", "mss=1460 ws=7 sackok", "mss=1460 sackok ts=1:0 ws=2", "ws=0"]);
  const windows = [random.pick([0, 500, 8192, 65535]), random.pick([500, 8192, 65535])] as const;
  const say = (side: 0 | 1, flags: string, payload = 0, text = ""): PacketFields => {
    const seq = next[side];
    next[side] = (seq + payload + (/[SF]/.test(flags) ? 1 : 0)) >>> 0;
    const ack = flags.includes("A") ? (next[1 - side] as number) : 0;
    const { src, dst, sport, dport } = ends[side];
    const tcp: TcpFields = { sport, dport, flags, seq, ack, win: windows[side], payload, options: text };
    return { src, dst, tcp };
  };
  yield say(0, "S", 0, options);
  if (random.chance(0.05)) yield say(1, "RA");
  yield say(1, random.chance(0.05) ? "S" : "SA", 0, random.chance(0.8) ? options : "");
  yield say(0, "A");
  for (let turns = random.below(8); turns > 0; turns--) {
    const side = random.below(2) as 0 | 1;
    for (let i = random.below(3); i >= 0; i--) yield say(side, "PA", random.below(400));
    yield say(
      (1 - side) as 0 | 1,
      "A",
      0,
      random.chance(0.1) ? `nop nop sack=${next[side]}-${(next[side] + 50) >>> 0}` : "",
    );
  }
  const closer = random.below(2) as 0 | 1;
  const other = (1 - closer) as 0 | 1;
  if (random.chance(0.3)) yield say(closer, random.pick(["R", "RA"]));
  else {
    yield say(closer, "FA");
    if (random.chance(0.6)) yield say(other, "A");
    yield say(other, "FA");
    yield say(closer, "A");
  }
}

function* datagramSession(random: Random, a: Ends): Session {
  const b = turn(a);
  const kind = random.pick(["udp", "udplite", "gre", "generic"]);
  for (let i = random.below(5); i >= 0; i--) {
    const { src, dst, sport, dport } = random.chance(0.6) ? a : b;
    const payload = random.below(60);
    if (kind === "udp") yield { src, dst, udp: { sport, dport, payload } };
    else if (kind === "udplite")
      yield {
        src,
        dst,
        udplite: { sport, dport, payload, pseudo: random.pick([17, 17, 136]), coverage: random.pick([0, 8, 12]) },
      };
    else if (kind === "gre")
      yield { src, dst, gre: { payload, ...random.pick([{}, { key: 5 }, { version: 1, callId: 7 }]) } };
    else yield { src, dst, protocol: random.pick([50, 89, 99, 33]), payload };
  }
}

function* echoSession(random: Random, a: Ends): Session {
  const name = isV6(a) ? "icmpv6" : "icmp";
  const [query, reply] = random.pick(
    isV6(a)
      ? [
          [128, 129],
          [139, 140],
          [135, 136],
        ]
      : [
          [8, 0],
          [13, 14],
          [17, 18],
        ],
  ) as [number, number];
  for (let seq = random.below(3); seq >= 0; seq--) {
    yield { src: a.src, dst: a.dst, [name]: { type: query, id: a.sport, seq, payload: 8 } };
    if (random.chance(0.8)) yield { src: a.dst, dst: a.src, [name]: { type: reply, id: a.sport, seq, payload: 8 } };
  }
}

function* sctpSession(random: Random, a: Ends): Session {
  const ends = [a, turn(a)] as const;
  const tags = [1 + random.below(1000), 1 + random.below(1000)] as const;
  const say = (
    side: 0 | 1,
    type: number,
    body: Uint8Array = new Uint8Array(8),
    vtag: number = tags[1 - side] as number,
  ): PacketFields => {
    const { src, dst, sport, dport } = ends[side];
    return { src, dst, sctp: { sport, dport, vtag, chunks: [{ type, body }] } };
  };
  yield say(0, 1, sctpInit(tags[0]), 0);
  yield say(1, 2, sctpInit(tags[1]));
  yield say(0, 10);
  yield say(1, 11);
  for (let i = random.below(6); i > 0; i--) yield say(random.below(2) as 0 | 1, random.pick([0, 3, 4, 5]));
  if (random.chance(0.3)) yield say(random.below(2) as 0 | 1, 6);
  else {
    yield say(0, 7);
    yield say(1, 8);
    yield say(0, 14);
  }
}

export const SESSIONS = [tcpSession, tcpSession, tcpSession, tcpSession, datagramSession, echoSession, sctpSession];
