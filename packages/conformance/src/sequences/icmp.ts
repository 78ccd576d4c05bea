// ICMP and ICMPv6: every type as query and answer; errors about every protocol, whole, cut, in the wrong direction, with
// a wrong checksum, from and to somebody else.

import { type Extension, type PacketFields, packet, sctpInit } from "../packets.js";
import { type Row, type Sequence, sequence } from "../sequence.js";

const A = { 4: "10.0.0.1", 6: "2001:db8::1" } as const;
const B = { 4: "10.0.0.2", 6: "2001:db8::2" } as const;
/** A router between them. */
const R = { 4: "10.0.0.99", 6: "2001:db8::99" } as const;
/** Has nothing to do with it. */
const C = { 4: "10.0.0.77", 6: "2001:db8::77" } as const;
const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];

const QUERIES: Record<Family, readonly (readonly [number, number])[]> = {
  4: [
    [8, 0],
    [13, 14],
    [15, 16],
    [17, 18],
  ],
  6: [
    [128, 129],
    [139, 140],
    [135, 136],
    [133, 134],
    [130, 131],
  ],
};

function everyType(family: Family): Sequence[] {
  const suffix = family === 6 ? "-v6" : "";
  const answers = new Map(
    QUERIES[family].flatMap(
      ([query, reply]) =>
        [
          [query, reply],
          [reply, query],
        ] as const,
    ),
  );
  return Array.from({ length: 256 }, (_, type) => {
    const icmp = { type, id: 7, seq: 1, payload: 56 };
    return sequence(
      `icmp: type ${type}${suffix}`,
      [
        { ms: 0, icmp },
        { ms: 0, dir: "<-", icmp: { ...icmp, type: answers.get(type) ?? type } },
        { ms: 0, icmp: { ...icmp, seq: 2 } },
        { ms: 0, icmp: { ...icmp, code: 1 } },
      ],
      { family },
    );
  });
}

function queries(family: Family): Sequence[] {
  const suffix = family === 6 ? "-v6" : "";
  return QUERIES[family].flatMap(([query, reply]) => {
    const ask = { type: query, id: 7, seq: 1, payload: 8 };
    const answer = { ...ask, type: reply };
    const cases: readonly [string, readonly Row[]][] = [
      [
        "reply first",
        [
          { ms: 0, dir: "<-", icmp: answer },
          { ms: 0, icmp: ask },
          { ms: 0, dir: "<-", icmp: answer },
        ],
      ],
      [
        "other id in the reply",
        [
          { ms: 0, icmp: ask },
          { ms: 0, dir: "<-", icmp: { ...answer, id: 8 } },
        ],
      ],
      [
        "other code in the reply",
        [
          { ms: 0, icmp: ask },
          { ms: 0, dir: "<-", icmp: { ...answer, code: 3 } },
        ],
      ],
      [
        "reply in the same direction",
        [
          { ms: 0, icmp: ask },
          { ms: 0, icmp: answer },
        ],
      ],
      [
        "asked both ways",
        [
          { ms: 0, icmp: ask },
          { ms: 0, dir: "<-", icmp: ask },
          { ms: 0, dir: "<-", icmp: answer },
          { ms: 0, icmp: answer },
        ],
      ],
      [
        "two replies",
        [
          { ms: 0, icmp: ask },
          { ms: 0, dir: "<-", icmp: answer },
          { ms: 0, dir: "<-", icmp: answer },
          { ms: 0, icmp: { ...ask, seq: 2 } },
        ],
      ],
      [
        "wrong checksum",
        [
          { ms: 0, icmp: { ...ask, checksum: "bad" } },
          { ms: 0, icmp: ask },
          { ms: 0, dir: "<-", icmp: { ...answer, checksum: "bad" } },
        ],
      ],
      [
        "nothing but zeros, and a checksum of zero",
        [
          { ms: 0, icmp: { ...ask, id: 0, seq: 0, payload: new Uint8Array(8) } },
          { ms: 0, dir: "<-", icmp: { ...answer, id: 0, seq: 0, payload: new Uint8Array(8), checksum: 0 } },
          { ms: 0, dir: "<-", icmp: { ...answer, id: 0, seq: 0, payload: 0, checksum: 0 } },
        ],
      ],
      [
        "header only",
        [
          { ms: 0, icmp: { ...ask, payload: 0 } },
          { ms: 0, dir: "<-", icmp: { ...answer, payload: 0 } },
        ],
      ],
      [
        "cut in the header",
        [{ ms: 0, icmp: { ...ask, payload: 0 }, truncate: family === 4 ? 24 : 44, length: family === 4 ? 24 : 4 }],
      ],
    ];
    return cases.flatMap(([name, rows]) => [
      sequence(`icmp query ${query}: ${name}${suffix}`, rows, { family }),
      sequence(`icmp query ${query}: ${name}${suffix}, checksums off`, rows, {
        family,
        sysctls: { nf_conntrack_checksum: 0 },
      }),
    ]);
  });
}

/** What an error can be about: a packet of A to B. */
function quotable(family: Family): readonly [name: string, fields: Omit<PacketFields, "src" | "dst">][] {
  return [
    ["udp", { udp: { sport: 1025, dport: 80, payload: 40 } }],
    ["tcp", { tcp: { sport: 1025, dport: 80, flags: "S", seq: 100, payload: 0, options: "mss=1460" } }],
    ["udplite", { udplite: { sport: 1025, dport: 80, payload: 40, pseudo: 17 } }],
    ["sctp", { sctp: { sport: 1025, dport: 80, vtag: 0, chunks: [{ type: 1, body: sctpInit(5) }] } }],
    ["gre", { gre: { payload: 40 } }],
    ["gre with a key", { gre: { key: 9, payload: 40 } }],
    ["pptp", { gre: { version: 1, callId: 5, seq: 1, payload: 40 } }],
    ["dccp", { protocol: 33, payload: 40 }],
    ["esp", { protocol: 50, payload: 40 }],
    ["protocol 99", { protocol: 99, payload: 40 }],
    [
      "echo",
      family === 4
        ? { icmp: { type: 8, id: 7, seq: 1, payload: 40 } }
        : { icmpv6: { type: 128, id: 7, seq: 1, payload: 40 } },
    ],
    [
      "echo reply",
      family === 4
        ? { icmp: { type: 0, id: 7, seq: 1, payload: 40 } }
        : { icmpv6: { type: 129, id: 7, seq: 1, payload: 40 } },
    ],
  ];
}

const ERRORS: Record<Family, readonly (readonly [type: number, code: number])[]> = {
  4: [
    [3, 0],
    [3, 1],
    [3, 3],
    [3, 4],
    [3, 13],
    [4, 0],
    [5, 0],
    [5, 1],
    [11, 0],
    [11, 1],
    [12, 0],
  ],
  6: [
    [1, 0],
    [1, 1],
    [1, 3],
    [1, 4],
    [2, 0],
    [3, 0],
    [3, 1],
    [4, 0],
    [4, 1],
    [4, 2],
    [137, 0],
  ],
};

const row = (data: Uint8Array): Row => ({ ms: 0, raw: data });

function errors(family: Family): Sequence[] {
  const [a, b, r, c] = [A[family], B[family], R[family], C[family]];
  const suffix = family === 6 ? "-v6" : "";
  const name = family === 4 ? "icmp" : "icmpv6";
  const header = family === 4 ? 20 : 40;
  const error = (src: string, dst: string, type: number, code: number, quote: Uint8Array, more = {}) =>
    packet({ src, dst, [name]: { type, code, quote, ...more } });
  const sequences: Sequence[] = [];
  for (const [protocol, fields] of quotable(family)) {
    const sent = packet({ src: a, dst: b, ...fields });
    const back = packet({ src: b, dst: a, ...reversed(fields) });
    const first = (ERRORS[family][2] as readonly [number, number])[0];
    const variants: readonly [string, readonly Uint8Array[]][] = [
      ["from a router", [sent, error(r, a, first, 3, sent), sent]],
      ["about the reply", [sent, back, error(r, b, first, 3, back), error(a, b, first, 3, back)]],
      ["to the wrong side", [sent, error(r, b, first, 3, sent)]],
      ["to somebody else", [sent, error(b, c, first, 3, sent)]],
      ["with a wrong checksum", [sent, error(b, a, first, 3, sent, { checksum: "bad" })]],
      ["about nothing known", [error(b, a, first, 3, sent)]],
      ["about an error", [sent, error(r, a, first, 3, sent), error(c, r, first, 1, error(r, a, first, 3, sent))]],
      [
        "about a fragment",
        [
          sent,
          error(b, a, first, 3, packet({ src: a, dst: b, ...fields, fragment: { offset: 8, more: false }, id: 9 })),
        ],
      ],
      [
        "about the first fragment",
        [
          sent,
          error(b, a, first, 3, packet({ src: a, dst: b, ...fields, fragment: { offset: 0, more: true }, id: 9 })),
        ],
      ],
      ["in both directions", [sent, back, error(b, a, first, 3, sent), error(a, b, first, 3, back)]],
    ];
    for (const [variant, packets] of variants)
      sequences.push(sequence(`icmp error: ${protocol}, ${variant}${suffix}`, packets.map(row), { family }));
    for (const [type, code] of ERRORS[family])
      sequences.push(
        sequence(
          `icmp error: ${protocol}, type ${type} code ${code}${suffix}`,
          [sent, error(b, a, type, code, sent), error(r, a, type, code, sent), sent].map(row),
          { family },
        ),
      );
    for (const length of [
      0,
      4,
      header - 1,
      header,
      header + 1,
      header + 3,
      header + 4,
      header + 7,
      header + 8,
      header + 11,
      header + 12,
      header + 20,
    ]) {
      const cut = error(r, a, first, 3, sent, { quoteLength: Math.min(length, sent.length) });
      sequences.push(
        sequence(`icmp error: ${protocol}, ${length} bytes quoted${suffix}`, [sent, cut].map(row), { family }),
      );
    }
  }
  return sequences;
}

/** The answer to such a packet. */
function reversed(fields: Omit<PacketFields, "src" | "dst">): Omit<PacketFields, "src" | "dst"> {
  const turn = <T extends { sport: number; dport: number }>(part: T): T => ({
    ...part,
    sport: part.dport,
    dport: part.sport,
  });
  const { tcp, udp, udplite, sctp, icmp, icmpv6 } = fields;
  if (tcp) return { tcp: { ...turn(tcp), flags: "SA", seq: 500, ack: 101 } };
  if (udp) return { udp: turn(udp) };
  if (udplite) return { udplite: turn(udplite) };
  if (sctp) return { sctp: { ...turn(sctp), vtag: 5, chunks: [{ type: 2, body: sctpInit(6) }] } };
  if (icmp) return { icmp: { ...icmp, type: icmp.type === 8 ? 0 : 8 } };
  if (icmpv6) return { icmpv6: { ...icmpv6, type: icmpv6.type === 128 ? 129 : 128 } };
  return fields;
}

function extensionHeaders(): Sequence[] {
  const udp = { sport: 1025, dport: 80, payload: 20 };
  const option: Extension = { type: 60, body: Uint8Array.of(1, 4, 0, 0, 0, 0) };
  const chains: readonly [string, readonly Extension[]][] = [
    ["hop-by-hop", [{ type: 0, body: Uint8Array.of(1, 4, 0, 0, 0, 0) }]],
    ["destination options", [option]],
    ["routing", [{ type: 43, body: new Uint8Array(6) }]],
    ["AH", [{ type: 51, body: new Uint8Array(10) }]],
    ["mobility", [{ type: 135, body: new Uint8Array(6) }]],
    ["HIP", [{ type: 139, body: new Uint8Array(6) }]],
    ["shim6", [{ type: 140, body: new Uint8Array(6) }]],
    [
      "all of them",
      [{ type: 0, body: Uint8Array.of(1, 4, 0, 0, 0, 0) }, option, { type: 43, body: new Uint8Array(6) }, option],
    ],
    ["too long", [{ ...option, length: 30 }]],
    ["seven times", Array.from({ length: 7 }, () => option)],
    ["nine times", Array.from({ length: 9 }, () => option)],
  ];
  return chains.flatMap(([name, extensions]) => [
    sequence(
      `extension headers: ${name}`,
      [
        { ms: 0, extensions, udp },
        { ms: 0, dir: "<-", udp },
        { ms: 0, dir: "<-", icmp: { type: 1, code: 4, quote: 0 } },
      ],
      { family: 6 },
    ),
    sequence(
      `extension headers: ${name}, echo`,
      [
        { ms: 0, extensions, icmp: { type: 128, id: 1, payload: 8 } },
        { ms: 0, dir: "<-", icmp: { type: 129, id: 1, payload: 8 } },
      ],
      { family: 6 },
    ),
    sequence(`extension headers: ${name}, no next header`, [{ ms: 0, extensions, protocol: 59, payload: 8 }], {
      family: 6,
    }),
  ]);
}

export function icmp(): Sequence[] {
  return [...FAMILIES.flatMap((family) => [...everyType(family), ...queries(family)]), ...extensionHeaders()];
}

export const icmpErrors = (): Sequence[] => FAMILIES.flatMap(errors);
