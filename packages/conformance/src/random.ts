// Random traffic that a seed repeats: sessions that behave, woven together, and a network that does not: packets lost,
// doubled, late, changed; errors about any of them; tuples used again.

import { checksum16 } from "./checksum.js";

import { fragments, type PacketFields, packet, patch, sctpInit, type TcpFields } from "./packets.js";
import { RULED, tosFor } from "./ruled.js";
import type { Sequence } from "./sequence.js";

/** mulberry32 (Tommy Ettinger). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0;
  }
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  below(n: number): number {
    return Math.floor((this.u32() / 2 ** 32) * n);
  }
  chance(probability: number): boolean {
    return this.u32() / 2 ** 32 < probability;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

export type Episode = Pick<Sequence, "name" | "packets" | "options">;

export interface EpisodeOptions {
  /** Rules that act on connections hold: ruled.ts. */
  readonly ruled?: boolean;
}

interface Ends {
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
}
type Session = Generator<PacketFields, void, undefined>;

const turn = ({ src, dst, sport, dport }: Ends): Ends => ({ src: dst, dst: src, sport: dport, dport: sport });
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

const SESSIONS = [tcpSession, tcpSession, tcpSession, tcpSession, datagramSession, echoSession, sctpSession];
const FLAGS = ["", "S", "SA", "A", "PA", "FA", "F", "R", "RA", "SF", "SR", "FPU", "SP", "AU"];
const NUDGES = [1, -1, 10, -10, 1000, -1000, 70_000, -70_000, 2 ** 31, 2 ** 30];

/** One field not as the sender meant it. */
function mutate(random: Random, fields: PacketFields): PacketFields {
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

function errorAbout(
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
function damage(random: Random, data: Uint8Array): Uint8Array {
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

/** Between packets; only their order counts. */
const STEP = 0.01;

/** An episode of about `length` packets, from an empty table. */
export function episode(seed: number, length: number, { ruled = false }: EpisodeOptions = {}): Episode {
  const random = new Random(seed);
  // rules have dice of their own: the same seed gives the same sessions with and without them
  const dice = new Random(~seed);
  const steered = (tos: number) => (ruled && dice.chance(0.1) ? tosFor(dice) : tos);
  let identification = seed * 16; // fragments that wait must not meet those of the next episode
  const family = random.chance(0.7) ? "10.0.0." : "2001:db8::";
  const hosts = [1, 2, 3, 4].map((host) => `${family}${host}`);
  const sent: { data: Uint8Array; fields: PacketFields }[] = [];
  const sessions: { readonly steps: Session; readonly tos: number }[] = [];
  const late: PacketFields[] = [];
  const begin = () => {
    const src = random.pick(hosts);
    const dst = random.pick(hosts.filter((host) => host !== src));
    const ends = { src, dst, sport: 1024 + random.below(6), dport: 80 + random.below(2) };
    return { steps: random.pick(SESSIONS)(random, ends), tos: ruled && dice.chance(0.35) ? tosFor(dice) : 0 };
  };
  const out: Uint8Array[] = [];
  const send = (fields: PacketFields) => {
    let data = packet(fields);
    if (random.chance(0.01)) data = damage(random, data);
    if (random.chance(0.01) && data.length > 80) out.push(...fragments(data, [24], identification++ & 0xffff));
    else out.push(data);
    sent.push({ data, fields });
  };
  while (out.length < length) {
    while (sessions.length < 4) sessions.push(begin());
    const at = random.below(sessions.length);
    const { steps, tos } = sessions[at] as (typeof sessions)[number];
    const step = steps.next();
    if (step.done) {
      sessions.splice(at, 1);
      continue;
    }
    const fields = ruled ? { ...step.value, tos: steered(tos) } : step.value;
    const fate = random.below(100);
    if (fate < 4) continue; // lost
    if (fate < 8) late.push(fields);
    else if (fate < 16) send(mutate(random, fields));
    else send(fields);
    if (fate > 95) send(fields); // doubled
    if (random.chance(0.05) && late.length > 0) send(late.shift() as PacketFields);
    if (random.chance(0.04) && sent.length > 0) {
      const { data, fields: about } = sent[Math.max(0, sent.length - 1 - random.below(10))] as (typeof sent)[number];
      out.push(errorAbout(random, data, about, hosts));
    }
    if (random.chance(0.005)) sessions.splice(random.below(sessions.length), 1); // it falls silent
  }
  const sysctls: Record<string, number> = {};
  if (dice.chance(0.3)) sysctls.nf_conntrack_acct = 1;
  if (random.chance(0.15)) sysctls.nf_conntrack_tcp_loose = 0;
  if (random.chance(0.15)) sysctls.nf_conntrack_tcp_be_liberal = 1;
  if (random.chance(0.1)) sysctls.nf_conntrack_checksum = 0;
  if (random.chance(0.1)) sysctls.nf_conntrack_tcp_ignore_invalid_rst = 1;
  if (random.chance(0.1)) sysctls.nf_conntrack_tcp_max_retrans = random.below(3);
  return {
    name: `random ${seed}`,
    packets: out.map((data, i) => ({ time: i * STEP, data, expected: null })),
    options: ruled ? { ...RULED, sysctls } : { sysctls },
  };
}
