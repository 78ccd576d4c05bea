// Random traffic of the rarer kind, by a seed: IPv4 options, chains of IPv6 headers in any order, fragments of every shape,
// options and chunks that do not add up, errors about errors, and frames of every link layer. The engine reads the frames,
// the kernel what is in them.

import { Random } from "./dice.js";
import { damage, errorAbout, mutate } from "./faults.js";
import { framed } from "./frames.js";
import {
  type Extension,
  fragment,
  type IcmpFields,
  type PacketFields,
  packet,
  type SctpChunk,
  sctpInit,
  type TcpFields,
} from "./packets.js";
import { type Episode, randomSysctls } from "./random.js";
import { type Ends, SESSIONS, type Session, turn } from "./sessions.js";

const isV6 = (address: string) => address.includes(":");

function bytes(random: Random, most: number): Uint8Array {
  return Uint8Array.from({ length: random.below(most + 1) }, () => random.below(256));
}

// --- sessions ----------------------------------------------------------------------------------------------------------

const TCP_OPTIONS = [
  "",
  "mss=1460",
  "ws=15",
  "ws=255",
  "ws=14 sackok",
  "sackok ts=1:0 ws=7",
  "ts=4294967295:1",
  "nop nop sack=1-2",
  "sack=5-9:20-30:40-50",
  "hex=0500",
  "hex=0502",
  "hex=0503aa",
  "hex=050a0000",
  "hex=0301",
  "hex=030200",
  "hex=0304010203",
  "hex=0808ffffffff0000",
  "hex=00030307",
  "hex=01010303",
  "hex=1e0c0081aabbccdd11223344",
  "hex=1e0a00010203040506",
  "hex=220a0102030405060708",
  "hex=2202",
  "hex=fe06f989aabb",
  "hex=ff",
  "hex=02",
  "hex=0203",
  "hex=0200",
  "hex=131200112233445566778899aabbccddeeff",
  "ws=3 ws=5",
  "nop nop nop nop",
  "hex=0303ff",
  "hex=0402050a00000001000000020303",
]; // prettier-ignore
const TCP_FLAGS = [
  "S",
  "SA",
  "A",
  "PA",
  "FA",
  "R",
  "RA",
  "F",
  "",
  "SEC",
  "SAE",
  "AE",
  "AC",
  "AU",
  "PAU",
  "SU",
  "SAU",
  "SFA",
  "SRA",
  "FPU",
  "SFRPAU",
  "SP",
  "SPA",
  "AEC",
  "FAC",
];

/** Two sides that know each other's numbers and say what they like. */
function* oddTcp(random: Random, a: Ends): Session {
  const ends = [a, turn(a)] as const;
  const next: [number, number] = [random.pick([random.u32(), 0xffffff00, 0, 0x7fffff00]), random.u32()];
  const windows = [0, 1, 500, 8192, 65535];
  const flags = random.chance(0.7) ? ["S", "SA", "A"] : ["S", "S", "SA", "SA"]; // in order, or both at once
  const sides = flags.length === 4 || random.chance(0.3) ? [0, 1, 0, 1] : [0, 1, 0];
  for (let i = 0; i < flags.length + random.below(10); i++) {
    const side = (sides[i] ?? random.below(2)) as 0 | 1;
    const flag = flags[i] ?? (random.chance(0.5) ? random.pick(["A", "PA", "FA", "R", "RA"]) : random.pick(TCP_FLAGS));
    const { src, dst, sport, dport } = ends[side];
    const shift = random.chance(0.75) ? 0 : random.pick([-1, 1, -5, 5, 1000, -1000, 65535, -65536, 66000, 2 ** 31]);
    const payload = random.chance(0.5) ? 0 : random.below(flag.includes("S") ? 40 : 300);
    const seq = (next[side] + shift) >>> 0;
    const ack =
      flag.includes("A") || random.chance(0.1) ? (next[1 - side] as number) + random.pick([0, 0, 0, 1, -1, 70_000]) : 0;
    if (shift === 0) next[side] = (seq + payload + (/[SF]/.test(flag) ? 1 : 0)) >>> 0;
    const options = random.chance(flag.includes("S") ? 0.8 : 0.25) ? random.pick(TCP_OPTIONS) : "";
    const tcp: TcpFields = {
      sport,
      dport,
      seq,
      ack: ack >>> 0,
      flags: flag,
      win: random.pick(windows),
      payload,
      options,
      ...(random.chance(0.05) ? { urgent: random.below(65536) } : {}),
      ...(random.chance(0.03) ? { offset: random.below(16) } : {}),
      ...(random.chance(0.05) ? { reserved: random.below(16) } : {}),
      ...(random.chance(0.02) ? { checksum: "bad" as const } : {}),
    }; // prettier-ignore
    yield { src, dst, tcp };
  }
}

function* oddUdp(random: Random, a: Ends): Session {
  for (let i = random.below(4); i >= 0; i--) {
    const { src, dst, ...ports } = random.chance(0.6) ? a : turn(a);
    const { sport, dport } = random.chance(0.15)
      ? { sport: random.pick([0, ports.sport]), dport: random.pick([0, ports.dport]) }
      : ports;
    const payload = random.pick([0, 0, 1, 7, 8, 1400, 9000]);
    const lengths = random.chance(0.2) ? { length: random.pick([0, 1, 7, 8, 9, payload + 8, payload + 9, 65535]) } : {};
    const checksum = random.chance(0.3) ? { checksum: random.pick([0, 0xffff, "bad" as const]) } : {};
    if (random.chance(0.7)) yield { src, dst, udp: { sport, dport, payload, ...lengths, ...checksum } };
    else
      yield {
        src,
        dst,
        udplite: {
          sport,
          dport,
          payload,
          pseudo: random.pick([17, 136]),
          coverage: random.pick([0, 1, 7, 8, 9, payload + 8, payload + 9, 65535]),
          ...checksum,
        },
      }; // prettier-ignore
  }
}

function* oddSctp(random: Random, a: Ends): Session {
  const ends = [a, turn(a)] as const;
  const tags = [1 + random.below(1000), 1 + random.below(1000)] as const;
  const order = [1, 2, 10, 11];
  for (let i = 0; i < 2 + random.below(9); i++) {
    const side = (i < 4 && random.chance(0.85) ? i % 2 : random.below(2)) as 0 | 1;
    const first = random.chance(0.75) ? (order[i] ?? random.pick([0, 3, 4, 5, 6, 7, 8, 9, 14])) : random.below(16);
    const types = [
      first,
      ...(random.chance(0.25) ? [random.pick([0, 3, 1, 2, 10, 11, 14, 6, 4, 192, 128, 13])] : []),
      ...(random.chance(0.1) ? [random.below(256)] : []),
    ];
    const chunks = types.map((type): SctpChunk => {
      const body =
        type === 1 || type === 2 ? sctpInit(random.chance(0.9) ? (tags[side] as number) : 0) : bytes(random, 20);
      return {
        type,
        body,
        ...(random.chance(0.15) ? { flags: random.below(4) } : {}),
        ...(random.chance(0.05) ? { length: random.pick([0, 1, 3, 4, 5, body.length + 4, 400, 65535]) } : {}),
      };
    }); // prettier-ignore
    const right = first === 1 ? 0 : (tags[1 - side] as number);
    const vtag = random.chance(0.88) ? right : random.pick([0, tags[side] as number, random.below(1000)]);
    const { src, dst, sport, dport } = ends[side];
    yield {
      src,
      dst,
      sctp: { sport, dport, vtag, chunks, ...(random.chance(0.03) ? { checksum: "bad" as const } : {}) },
    };
  }
}

function* oddGre(random: Random, a: Ends): Session {
  for (let i = random.below(5); i >= 0; i--) {
    const { src, dst } = random.chance(0.5) ? a : turn(a);
    const gre = random.pick([
      {},
      { key: 5 },
      { key: 0 },
      { version: 1, callId: 7 },
      { version: 1, callId: 7, seq: 1, ack: 2 },
      { version: 2 },
      { seq: 9 },
      { version: 1, protocol: 0x880b },
    ]);
    if (random.chance(0.8)) yield { src, dst, gre: { payload: random.below(30), ...gre } };
    else yield { src, dst, protocol: 47, payload: bytes(random, 14) };
  }
}

/** Protocols without a tracker, whole or not: DCCP, ESP, AH, OSPF, IPIP, IPv6 in IPv4, IPComp, … */
function* oddProtocols(random: Random, a: Ends): Session {
  const protocol = random.pick([33, 50, 51, 89, 4, 41, 108, 103, 112, 2, 0, 255, 253, 94, 137]);
  for (let i = random.below(4); i >= 0; i--) {
    const { src, dst } = random.chance(0.5) ? a : turn(a);
    yield { src, dst, protocol, payload: bytes(random, 40) };
  }
}

function* oddIcmp(random: Random, a: Ends): Session {
  const name = isV6(a.src) ? "icmpv6" : "icmp";
  const types = isV6(a.src)
    ? [128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 139, 140, 141, 142, 143, 151, 160, 0, 255]
    : [0, 8, 13, 14, 15, 16, 17, 18, 9, 10, 30, 37, 42, 43, 1, 255];
  const first = random.pick(types);
  for (let i = random.below(5); i >= 0; i--) {
    const { src, dst } = random.chance(0.5) ? a : turn(a);
    const type = random.chance(0.5) ? first : random.chance(0.8) ? first + random.pick([0, 1, -1]) : random.pick(types);
    const fields: IcmpFields = {
      type: type & 255,
      code: random.chance(0.85) ? 0 : random.below(4),
      id: a.sport,
      seq: i,
      payload: random.below(20),
      ...(random.chance(0.06) ? { checksum: "bad" as const } : {}),
    }; // prettier-ignore
    const hops = random.chance(0.3) ? { ttl: 255 } : {};
    yield {
      src,
      dst,
      ...hops,
      [name]: fields,
      ...(random.chance(0.06) ? { truncate: (isV6(src) ? 40 : 20) + random.below(9) } : {}),
    };
  }
}

const ODD_SESSIONS = [oddTcp, oddTcp, oddTcp, oddUdp, oddSctp, oddGre, oddProtocols, oddIcmp, ...SESSIONS.slice(3)];

// --- the network layer -------------------------------------------------------------------------------------------------

const IP_OPTIONS = [
  "01010101",
  "00",
  "0707040a00000100",
  "44080500000000000000",
  "830704c0a80001",
  "890704c0a80001",
  "94040000",
  "8203ab",
  "860a00000001020400",
  "0700",
  "07",
  "ff28",
  "0703ff",
  "440405f0",
  "880400ab",
  "010000000000000000000000000000000000000000000000000000000000000000000000000000",
]; // prettier-ignore

const EXTENSIONS = [0, 0, 43, 60, 60, 51, 135, 139, 140, 50, 59];

function extension(random: Random, type: number): Extension {
  const length = random.chance(0.1) ? { length: random.pick([0, 1, 5, 255]) } : {};
  if (type === 51) return { type, body: new Uint8Array(random.pick([10, 22, 14, 6])), ...length };
  const options = random.pick([
    "",
    "01020000",
    "05020000",
    "010400000000",
    "c2040001ffff",
    "0101010101010101",
    "3e0400000000",
    "c00100",
    "01ff",
    "1e00",
  ]);
  return { type, body: Uint8Array.from(Buffer.from(options, "hex")), ...length };
}

/** Something about the IP header that is not as usual. `id`: the first of those free for fragment headers. */
function dressed(random: Random, fields: PacketFields, id: number): PacketFields {
  if (random.chance(0.6)) return fields;
  const more: Partial<PacketFields>[] = isV6(fields.src)
    ? [
        { extensions: Array.from({ length: 1 + random.below(3) }, () => extension(random, random.pick(EXTENSIONS))) },
        { extensions: [extension(random, 0)] },
        { extensions: [extension(random, 60)] },
        { fragment: { offset: 0, more: false }, id: id + random.below(4) },
        {
          extensions: [extension(random, random.pick(EXTENSIONS))],
          fragment: { offset: 0, more: false },
          id: id + random.below(4),
        },
        { flowLabel: random.below(2 ** 20), tos: random.below(256) },
        { ttl: random.pick([0, 1, 255]) },
        { trailing: bytes(random, 30) },
        { truncate: 40 + random.below(40) },
        { length: random.pick([0, 1, 8, 40, 65535]) },
        { protocol: random.pick([0, 1, 6, 17, 58, 59, 44, 132, 47, 41]) },
      ]
    : [
        { ipOptions: Uint8Array.from(Buffer.from(random.pick(IP_OPTIONS), "hex")) },
        { ipOptions: bytes(random, 40) },
        { ttl: random.pick([0, 1, 255]), tos: random.below(256) },
        { dontFragment: true, id: random.below(65536) },
        { trailing: bytes(random, 30) },
        { truncate: 20 + random.below(30) },
        { length: random.pick([0, 19, 20, 21, 28, 40, 65535]) },
        { headerLength: random.pick([0, 4, 5, 6, 15]) },
        { ipChecksum: "bad" },
        { version: random.pick([0, 5, 6, 15]) },
        { protocol: random.pick([0, 1, 6, 17, 58, 132, 47, 41]) },
      ];
  return { ...fields, ...random.pick(more) };
}

/** Pieces that may overlap, be missing, come twice or out of order, be too short, too long or empty. */
function pieces(random: Random, whole: Uint8Array, id: number): Uint8Array[] {
  const v6 = (whole[0] as number) >> 4 === 6;
  const header = v6 ? 40 : ((whole[0] as number) & 15) * 4;
  if (whole.length < header + 16 || header < 20) return [whole];
  const body = whole.subarray(header);
  const step = random.pick([8, 8, 16, 24, 64, 512]);
  const parts: Uint8Array[] = [];
  const part = (from: number, to: number, more = to < body.length) =>
    parts.push(fragment(whole.subarray(0, header), body.subarray(from, to), from, more, id));
  for (let at = 0; at < body.length && parts.length < 40; at += step) part(at, Math.min(at + step, body.length));
  if (parts.length === 40) part(40 * step, body.length);
  const [from, to] = [random.below(body.length >> 3) << 3, body.length];
  switch (random.below(12)) {
    case 0:
      parts.reverse();
      break;
    case 1:
      parts.splice(random.below(parts.length), 1);
      break;
    case 2:
      parts.splice(random.below(parts.length), 0, random.pick(parts)); // a duplicate
      break;
    case 3:
      part(from, Math.min(from + 8 + (random.below(4) << 3), to)); // an overlap, perhaps exact
      parts.push(parts.shift() as Uint8Array);
      break;
    case 4:
      part(from, Math.min(from + 1 + random.below(20), to), true); // an odd size
      break;
    case 5:
      parts.splice(1, 0, fragment(whole.subarray(0, header), body.subarray(0, 8), 65_528, random.chance(0.5), id)); // beyond the end
      break;
    case 6:
      parts.splice(
        random.below(parts.length + 1),
        0,
        fragment(whole.subarray(0, header), body.subarray(0, 0), from, random.chance(0.5), id),
      ); // empty
      break;
    case 7:
      parts.push(fragment(whole.subarray(0, header), body.subarray(0, 8), body.length & ~7, false, id)); // another end
      break;
    case 8:
      for (let i = parts.length - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [parts[i], parts[j]] = [parts[j] as Uint8Array, parts[i] as Uint8Array];
      }
      break;
    default:
  }
  return parts;
}

// --- the episode -------------------------------------------------------------------------------------------------------

const STEP = 0.01;
/** Identifications of an episode: those that wait must not meet those of the next one. The first few are for atomic fragments. */
const IDS = 64;
const ATOMIC_IDS = 4;
const WOVEN = 3;

/** About `length` packets, from an empty table. Datagrams in fragments have identifications of the seed. */
export function oddEpisode(seed: number, length: number): Episode {
  const random = new Random(seed);
  const family = random.chance(0.5) ? "10.0.0." : "2001:db8::";
  const hosts = [1, 2, 3].map((host) => `${family}${host}`);
  const sessions: Session[] = [];
  const sent: { data: Uint8Array; fields: PacketFields }[] = [];
  const out: Uint8Array[] = [];
  const firstId = seed * IDS;
  let identification = firstId + ATOMIC_IDS;
  const send = (data: Uint8Array, fields: PacketFields) => {
    if (random.chance(0.08)) out.push(...pieces(random, data, identification++ & 0xffff));
    else out.push(data);
    sent.push({ data, fields });
  };
  while (out.length < length) {
    while (sessions.length < WOVEN) {
      const src = random.pick(hosts);
      const ends = {
        src,
        dst: random.pick(random.chance(0.03) ? hosts : hosts.filter((host) => host !== src)),
        sport: 1024 + random.below(4),
        dport: 80,
      };
      sessions.push(random.pick(ODD_SESSIONS)(random, ends));
    }
    const at = random.below(sessions.length);
    const step = (sessions[at] as Session).next();
    if (step.done) {
      sessions.splice(at, 1);
      continue;
    }
    const fields = dressed(random, random.chance(0.1) ? mutate(random, step.value) : step.value, firstId & 0xffff);
    const data = packet(fields);
    send(random.chance(0.03) ? damage(random, data) : data, fields);
    if (random.chance(0.12)) {
      const about = random.pick(sent.slice(-8));
      const error = errorAbout(random, about.data, about.fields, hosts);
      send(error, { ...about.fields, src: about.fields.dst, dst: about.fields.src }); // so that errors about errors come up
    }
  }
  const packets = out.map((data, i) => ({ time: i * STEP, data, expected: null, ...framed(random, data) }));
  return { name: `odd ${seed}`, packets, options: { sysctls: randomSysctls(random, random) } };
}
