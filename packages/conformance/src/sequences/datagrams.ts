// UDP, UDP-Lite, GRE, everything without a tracker of its own; headers that are wrong; fragments.

import { fragment, fragments, type PacketFields, packet } from "../packets.js";
import { bothFamilies, type FreeRow, type Row, type Sequence, sequence } from "../sequence.js";

type Case = readonly [name: string, rows: readonly Row[]];
const there = (fields: Partial<FreeRow>): FreeRow => ({ ms: 0, dir: "->", ...fields });
const back = (fields: Partial<FreeRow>): FreeRow => ({ ms: 0, dir: "<-", ...fields });
const NO_CHECKSUMS = { sysctls: { nf_conntrack_checksum: 0 } };

const udp = (more = {}) => ({ udp: { payload: 8, ...more } });
const lite = (more = {}) => ({ udplite: { payload: 8, pseudo: 17, ...more } });

// biome-ignore format: columns
const UDP: readonly Case[] = [
  ["query and answer", [there(udp()), back(udp()), there(udp()), back(udp())]],
  ["one way only", [there(udp()), there(udp()), there(udp())]],
  ["both at once", [there(udp()), back(udp()), back(udp()), there(udp())]],
  ["empty", [there(udp({ payload: 0 })), back(udp({ payload: 0 }))]],
  ["port 0 from", [there(udp({ sport: 0 })), back(udp({ dport: 0 }))]],
  ["port 0 to", [there(udp({ dport: 0 })), back(udp({ sport: 0 }))]],
  ["same port on both sides", [there(udp({ sport: 53, dport: 53 })), back(udp({ sport: 53, dport: 53 }))]],
  ["answer from another port", [there(udp()), back(udp({ sport: 81 })), back(udp())]],
  ["no checksum", [there(udp({ checksum: 0 })), back(udp({ checksum: 0 }))]],
  ["wrong checksum first", [there(udp({ checksum: "bad" })), there(udp())]],
  ["wrong checksum in the answer", [there(udp()), back(udp({ checksum: "bad" })), back(udp())]],
  ["length too large", [there(udp({ length: 17 }))]],
  ["length too small", [there(udp({ length: 12 }))]],
  ["length below the header", [there(udp({ length: 7 }))]],
  ["length 0", [there(udp({ length: 0 }))]],
  ["length 8 with data", [there(udp({ length: 8, checksum: 0 })), there(udp({ length: 8 }))]],
  ["header cut", [there({ ...udp({ payload: 0 }), truncate: 24, length: 24 })]],
  ["to itself", [there({ src: "10.0.0.1", dst: "10.0.0.1", ...udp() }), there({ src: "10.0.0.1", dst: "10.0.0.1", ...udp({ sport: 80, dport: 1025 }) })]],
  ["to itself, one port", [there({ src: "10.0.0.1", dst: "10.0.0.1", ...udp({ sport: 5, dport: 5 }) }), there({ src: "10.0.0.1", dst: "10.0.0.1", ...udp({ sport: 5, dport: 5 }) })]],
  ["large", [there(udp({ payload: 60000 })), back(udp({ payload: 60000 }))]],
];

// biome-ignore format: columns
const UDPLITE: readonly Case[] = [
  ["query and answer", [there(lite()), back(lite()), there(lite())]],
  ["covers its header", [there(lite({ coverage: 8 })), back(lite({ coverage: 8 }))]],
  ["covers a part", [there(lite({ coverage: 12 })), back(lite({ coverage: 12 }))]],
  ["covers too little", [there(lite({ coverage: 7 })), there(lite({ coverage: 1 }))]],
  ["covers too much", [there(lite({ coverage: 17 })), there(lite({ coverage: 60000 }))]],
  ["no checksum", [there(lite({ checksum: 0 }))]],
  ["wrong checksum", [there(lite({ checksum: "bad" })), there(lite()), back(lite({ checksum: "bad" }))]],
  ["its own pseudo header", [there(lite({ pseudo: 136 })), back(lite({ pseudo: 136 }))]],
  ["damage beyond the coverage", [there(lite({ coverage: 8, payload: 20 }))]],
  ["header cut", [there({ ...lite({ payload: 0 }), truncate: 26, length: 26 })]],
];

const gre = (more = {}) => ({ gre: { payload: 8, ...more } });

// biome-ignore format: columns
const GRE: readonly Case[] = [
  ["there and back", [there(gre()), back(gre()), there(gre())]],
  ["keys do not tell connections apart", [there(gre({ key: 1 })), back(gre({ key: 2 })), there(gre({ key: 3 }))]],
  ["sequence numbers", [there(gre({ seq: 1 })), back(gre({ seq: 1, ack: 1 }))]],
  ["of another protocol", [there(gre({ protocol: 0x6558 })), back(gre({ protocol: 0x86dd }))]],
  ["version 1 unannounced", [there(gre({ version: 1, callId: 5 })), back(gre({ version: 1, callId: 6 })), there(gre({ version: 1, callId: 7 }))]],
  ["version 1 of another protocol", [there(gre({ version: 1, callId: 5, protocol: 0x0800 }))]],
  ["version 1 without payload", [there(gre({ version: 1, callId: 5, payload: 0 }))]],
  ["version 2", [there(gre({ version: 2 })), back(gre({ version: 2 }))]],
  ["version 7", [there(gre({ version: 7 })), back(gre({ version: 7 }))]],
  ["4 bytes", [there(gre({ payload: 0 })), back(gre({ payload: 0 }))]],
  ["3 bytes", [there({ protocol: 47, payload: 3 })]],
  ["no bytes", [there({ protocol: 47, payload: 0 })]],
  ["version 1 in 6 bytes", [there({ protocol: 47, payload: Uint8Array.of(0x20, 1, 0x88, 0x0b, 0, 0) })]],
];

function generic(): Sequence[] {
  const protocols = [
    0, 2, 3, 4, 8, 33, 41, 46, 50, 51, 59, 60, 88, 89, 94, 97, 99, 103, 108, 112, 115, 133, 137, 142, 143, 253, 254,
    255,
  ];
  return protocols.flatMap((protocol) =>
    bothFamilies(`generic: protocol ${protocol}`, [
      there({ protocol, payload: 20 }),
      back({ protocol, payload: 20 }),
      there({ protocol, payload: 0 }),
      back({ icmp: { type: 3, code: 2, quote: 0 } }),
    ]),
  );
}

const BASE = { udp: { payload: 20 } } as const;

// biome-ignore format: columns
const MALFORMED4: readonly Case[] = [
  ["version 5", [there({ ...BASE, version: 5 }), there(BASE)]],
  ["version 0", [there({ ...BASE, version: 0 })]],
  ["header length 4", [there({ ...BASE, headerLength: 4 })]],
  ["header length 0", [there({ ...BASE, headerLength: 0 })]],
  ["header length 15, no options", [there({ ...BASE, headerLength: 15 })]],
  ["wrong header checksum", [there({ ...BASE, ipChecksum: "bad" })]],
  ["header checksum 0", [there({ ...BASE, ipChecksum: 0 })]],
  ["total length beyond the frame", [there({ ...BASE, length: 2000 })]],
  ["total length below the header", [there({ ...BASE, length: 19 })]],
  ["total length 0", [there({ ...BASE, length: 0 })]],
  ["total length cuts the payload", [there({ ...BASE, length: 40 })]],
  ["padding behind the packet", [there({ ...BASE, trailing: new Uint8Array(18) }), back({ ...BASE, trailing: new Uint8Array(6) })]],
  ["cut in the header", [there({ ...BASE, truncate: 19 })]],
  ["one byte", [there({ ...BASE, truncate: 1 })]],
  ["ttl 0", [there({ ...BASE, ttl: 0 })]],
  ["ttl 1", [there({ ...BASE, ttl: 1 }), back({ ...BASE, ttl: 1 })]],
  ["options: NOPs", [there({ ...BASE, ipOptions: new Uint8Array(8).fill(1) }), back(BASE)]],
  ["options: record route", [there({ ...BASE, ipOptions: Uint8Array.of(7, 7, 4, 0, 0, 0, 0) })]],
  ["options: source route", [there({ ...BASE, ipOptions: Uint8Array.of(131, 7, 4, 10, 0, 0, 9) })]],
  ["options: of length 0", [there({ ...BASE, ipOptions: Uint8Array.of(7, 0, 0, 0) })]],
  ["options: beyond the header", [there({ ...BASE, ipOptions: Uint8Array.of(7, 40, 4, 0) })]],
  ["options: timestamp", [there({ ...BASE, ipOptions: Uint8Array.of(68, 8, 5, 0, 0, 0, 0, 0) })]],
  ["options: router alert", [there({ ...BASE, ipOptions: Uint8Array.of(148, 4, 0, 0) })]],
  ["reserved flag and DF", [there({ ...BASE, dontFragment: true }), back({ ...BASE, dontFragment: true })]],
  ["IPv6's ICMP in IPv4", [there({ protocol: 58, payload: 8 }), back({ protocol: 58, payload: 8 })]],
  ["multicast", [there({ ...BASE, dst: "224.0.0.251" }), there({ ...BASE, src: "224.0.0.251" })]],
  ["broadcast", [there({ ...BASE, dst: "255.255.255.255" }), there({ ...BASE, src: "255.255.255.255" })]],
  ["loopback", [there({ ...BASE, dst: "127.0.0.1" }), there({ ...BASE, src: "127.0.0.1" })]],
  ["no address", [there({ ...BASE, src: "0.0.0.0" }), there({ ...BASE, dst: "0.0.0.0" })]],
];

// biome-ignore format: columns
const MALFORMED6: readonly Case[] = [
  ["version 4", [there({ ...BASE, version: 4 })]],
  ["payload length beyond the frame", [there({ ...BASE, length: 2000 })]],
  ["payload length 0", [there({ ...BASE, length: 0 })]],
  ["payload length cuts", [there({ ...BASE, length: 20 })]],
  ["padding behind the packet", [there({ ...BASE, trailing: new Uint8Array(18) }), back(BASE)]],
  ["cut in the header", [there({ ...BASE, truncate: 39 })]],
  ["cut in an extension header", [there({ ...BASE, extensions: [{ type: 60, body: new Uint8Array(14) }], truncate: 48, length: 8 })]],
  ["hop limit 0", [there({ ...BASE, ttl: 0 })]],
  ["flow label", [there({ ...BASE, flowLabel: 0xfffff, tos: 3 }), back(BASE)]],
  ["IPv4's ICMP in IPv6", [there({ protocol: 1, payload: 8 }), back({ protocol: 1, payload: 8 })]],
  ["multicast", [there({ ...BASE, dst: "ff02::fb" }), there({ ...BASE, src: "ff02::fb" })]],
  ["loopback", [there({ ...BASE, dst: "::1" }), there({ ...BASE, src: "::1" })]],
  ["no address", [there({ ...BASE, src: "::" }), there({ ...BASE, dst: "::" })]],
  ["mapped addresses", [there({ ...BASE, src: "::ffff:10.0.0.1", dst: "::ffff:10.0.0.2" })]],
  ["ESP behind AH", [there({ extensions: [{ type: 51, body: new Uint8Array(10) }], protocol: 50, payload: 16 })]],
  ["hop-by-hop behind another", [there({ ...BASE, extensions: [{ type: 60 }, { type: 0, body: Uint8Array.of(1, 4, 0, 0, 0, 0) }] })]],
  ["hop-by-hop with a jumbo option", [there({ ...BASE, extensions: [{ type: 0, body: Uint8Array.of(0xc2, 4, 0, 1, 0, 0) }] })]],
  ["hop-by-hop with an unknown option", [there({ ...BASE, extensions: [{ type: 0, body: Uint8Array.of(0xbe, 4, 0, 1, 0, 0) }] })]],
];

// biome-ignore format: columns
const MALFORMED_TCP: readonly Case[] = [
  ["data offset 4", [there({ tcp: { flags: "S", offset: 4 } })]],
  ["data offset 0", [there({ tcp: { flags: "S", offset: 0 } })]],
  ["data offset beyond the packet", [there({ tcp: { flags: "S", offset: 15 } })]],
  ["header cut to 19 bytes", [there({ tcp: { flags: "S" }, truncate: 59, length: 19 })]],
  ["wrong checksum in the SYN", [there({ tcp: { flags: "S", seq: 1, checksum: "bad" } }), there({ tcp: { flags: "S", seq: 1 } })]],
  ["wrong checksum in data", [there({ tcp: { flags: "S", seq: 1 } }), back({ tcp: { flags: "SA", seq: 1, ack: 2 } }), there({ tcp: { flags: "PA", seq: 2, ack: 2, payload: 5, checksum: "bad" } }), there({ tcp: { flags: "PA", seq: 2, ack: 2, payload: 5 } })]],
  ["wrong checksum in the RST", [there({ tcp: { flags: "S", seq: 1 } }), back({ tcp: { flags: "RA", ack: 2, checksum: "bad" } }), back({ tcp: { flags: "RA", ack: 2 } })]],
  ["reserved bits", [there({ tcp: { flags: "S", seq: 1, reserved: 15 } }), back({ tcp: { flags: "SA", seq: 1, ack: 2, reserved: 7 } })]],
  ["ports 0", [there({ tcp: { sport: 0, dport: 0, flags: "S" } }), back({ tcp: { sport: 0, dport: 0, flags: "SA", ack: 1 } })]],
  ["one host, one port", [there({ src: "2001:db8::1", dst: "2001:db8::1", tcp: { sport: 5, dport: 5, flags: "S" } })]],
];

const woven = (a: readonly Uint8Array[], b: readonly Uint8Array[]): Uint8Array[] =>
  a.flatMap((part, i) => [part, b[i] as Uint8Array]);

/** A bridge looks at these again when it forwards the datagram. */
const HIDDEN_OPTIONS: readonly (readonly [name: string, body: string])[] = [
  ["sound", "010400000000"],
  ["beyond their end", "010900000000"],
  ["a jumbo length", "c20400010000"],
  ["unknown", "1e0400000000"],
];

export function fragmented(): Sequence[] {
  const sequences: Sequence[] = [];
  const add = (name: string, packets: readonly Uint8Array[], family: 4 | 6) =>
    sequences.push(
      sequence(
        `fragments: ${name}${family === 6 ? "-v6" : ""}`,
        packets.map((raw): Row => ({ ms: 0, raw })),
        { family },
      ),
    );
  let id = 100;
  for (const family of [4, 6] as const) {
    const [a, b] = family === 4 ? ["10.0.0.1", "10.0.0.2"] : ["2001:db8::1", "2001:db8::2"];
    const kinds: readonly [string, Omit<PacketFields, "src" | "dst">, Omit<PacketFields, "src" | "dst">][] = [
      ["udp", { udp: { sport: 1025, dport: 80, payload: 120 } }, { udp: { sport: 80, dport: 1025, payload: 120 } }],
      [
        "tcp",
        { tcp: { sport: 1025, dport: 80, flags: "S", seq: 1, payload: 100 } },
        { tcp: { sport: 80, dport: 1025, flags: "SA", seq: 1, ack: 102, payload: 100 } },
      ],
      [
        "echo",
        { [family === 4 ? "icmp" : "icmpv6"]: { type: family === 4 ? 8 : 128, id: 3, payload: 120 } },
        { [family === 4 ? "icmp" : "icmpv6"]: { type: family === 4 ? 0 : 129, id: 3, payload: 120 } },
      ],
      ["gre", { gre: { payload: 120 } }, { gre: { payload: 120 } }],
      ["protocol 99", { protocol: 99, payload: 120 }, { protocol: 99, payload: 120 }],
      [
        "udp, wrong checksum",
        { udp: { sport: 1025, dport: 80, payload: 120, checksum: "bad" } },
        { udp: { sport: 80, dport: 1025, payload: 120 } },
      ],
    ];
    for (const [name, fields, answer] of kinds) {
      const whole = packet({ src: a, dst: b, ...fields });
      const reply = packet({ src: b, dst: a, ...answer });
      const cut = () => fragments(whole, [40, 80], id++);
      const [f1, f2, f3] = cut() as [Uint8Array, Uint8Array, Uint8Array];
      add(`${name}, in order`, [...cut(), ...fragments(reply, [64], id++), whole], family);
      add(`${name}, reversed`, [...cut().reverse(), reply], family);
      add(`${name}, last first`, [f3, f1, f2, reply], family);
      const [g1, g2, g3] = cut() as [Uint8Array, Uint8Array, Uint8Array];
      add(`${name}, one twice`, [g1, g2, g2, g3, reply], family);
      const other = fragments(whole, [32, 80], id - 1);
      add(`${name}, overlapping`, [g1, other[1] as Uint8Array, g3, g2, reply], family);
      add(`${name}, tiny first`, fragments(whole, [8, 16], id++), family);
      add(`${name}, two datagrams woven`, woven(cut(), fragments(reply, [40, 80], id++)), family);
      add(
        `${name}, one fragment that is all`,
        [
          fragment(whole.subarray(0, family === 4 ? 20 : 40), whole.subarray(family === 4 ? 20 : 40), 0, false, id++),
          reply,
        ],
        family,
      );
      add(`${name}, first only, then whole`, [(cut() as Uint8Array[])[0] as Uint8Array, whole, reply], family);
    }
  }
  for (const [name, body] of HIDDEN_OPTIONS) {
    const whole = packet({
      src: "2001:db8::1",
      dst: "2001:db8::2",
      extensions: [{ type: 0, body: Uint8Array.from(Buffer.from(body, "hex")) }],
      udp: { sport: 1025, dport: 80, payload: 40 },
    });
    const rest = packet({ src: "2001:db8::2", dst: "2001:db8::1", udp: { sport: 80, dport: 1025, payload: 8 } });
    add(`hop-by-hop options behind the fragment header, ${name}`, [...fragments(whole, [24], id++), rest, rest], 6);
    add(`hop-by-hop options behind an atomic fragment header, ${name}`, [...fragments(whole, [], id++), rest, rest], 6);
  }
  return sequences;
}

const named = (family: string, cases: readonly Case[], options = {}) =>
  cases.map(([name, rows]) => sequence(`${family}: ${name}`, rows, options));
/** Cases that name IPv4 addresses or IPv4 lengths are of IPv4 alone. */
const onlyV4 = (rows: readonly Row[]) => rows.some((row) => "ms" in row && ("src" in row || "truncate" in row));

const twice = (family: string, cases: readonly Case[]): Sequence[] =>
  cases.flatMap(([name, rows]) =>
    onlyV4(rows) ? [sequence(`${family}: ${name}`, rows)] : bothFamilies(`${family}: ${name}`, rows),
  );

export function datagrams(): Sequence[] {
  return [
    ...twice("udp", UDP),
    ...named("udp, checksums off", UDP, NO_CHECKSUMS),
    ...twice("udplite", UDPLITE),
    ...named("udplite, checksums off", UDPLITE, NO_CHECKSUMS),
    ...twice("gre", GRE),
    ...generic(),
  ];
}

export function malformed(): Sequence[] {
  return [
    ...named("malformed IPv4", MALFORMED4),
    ...named("malformed IPv4, checksums off", MALFORMED4, NO_CHECKSUMS),
    ...named("malformed IPv6", MALFORMED6, { family: 6 }),
    ...named("malformed IPv6, checksums off", MALFORMED6, { family: 6, ...NO_CHECKSUMS }),
    ...named("malformed TCP, IPv6", MALFORMED_TCP, { family: 6 }),
    ...named("malformed TCP, IPv6, checksums off", MALFORMED_TCP, { family: 6, ...NO_CHECKSUMS }),
    ...named(
      "malformed TCP",
      MALFORMED_TCP.filter(([, rows]) => !onlyV4(rows)),
    ),
    ...named(
      "malformed TCP, checksums off",
      MALFORMED_TCP.filter(([, rows]) => !onlyV4(rows)),
      NO_CHECKSUMS,
    ),
  ];
}
