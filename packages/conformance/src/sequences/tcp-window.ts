// The window: scaling, its edges to the byte, SACK, wrap-around, keep-alive, zero window, retransmissions, options.

import { handshake, type Sequence, sequence, type TcpRow } from "../sequence.js";

const after: readonly TcpRow[] = [
  [0, "<-", "A", 501, 101, 0],
  [0, "->", "PA", 101, 501, 10],
  [0, "<-", "A", 501, 111, 0],
];

/** SYN and SYN/ACK with their own options, then the ACK. */
const open = (a: string, b: string): TcpRow[] => [
  [0, "->", "S", 100, 0, 0, a],
  [0, "<-", "SA", 500, 101, 0, b],
  [0, "->", "A", 101, 501, 0, "win=1000"],
];

function scaling(): Sequence[] {
  const sequences: Sequence[] = [];
  for (const shift of [0, 1, 2, 7, 13, 14, 15, 255]) {
    const both = `ws=${shift} win=1000`;
    const bytes = 1000 * 2 ** Math.min(shift, 14);
    for (const [name, offset] of [
      ["last byte", bytes - 10],
      ["one beyond", bytes - 9],
      ["far beyond", bytes + 100],
    ] as const)
      sequences.push(
        sequence(`tcp window: scale ${shift}, ${name}`, [
          ...open(both, both),
          [0, "<-", "A", 501, 101, 0, "win=1000"],
          [0, "->", "PA", 101 + offset, 501, 10, "win=1000"],
          ...after,
        ]),
      );
  }
  for (const [name, a, b] of [
    ["only in the SYN", "ws=7", ""],
    ["only in the SYN/ACK", "", "ws=7"],
    ["different", "ws=2", "ws=9"],
    ["behind NOPs", "nop nop nop ws=5", "mss=1460 nop ws=5"],
    ["behind the end of the options", "end ws=5 nop nop", "end ws=5"],
    ["of length 2", "hex=03020000", "hex=03020000"],
    ["of length 4", "hex=03040500", "hex=03040500"],
    ["twice", "ws=3 ws=8", "ws=8 ws=3"],
    ["cut off", "nop nop hex=0303", "nop nop nop hex=03"],
    ["behind a broken option", "hex=fe000303 nop", "hex=fe010303 nop"],
    ["behind an option beyond the header", "hex=fe090303 nop", "hex=fe280303 nop"],
  ] as const)
    sequences.push(
      sequence(`tcp window: scale option ${name}`, [
        ...open(a, b),
        [0, "<-", "A", 501, 101, 0, "win=1000"],
        [0, "->", "PA", 101 + 40000, 501, 10],
        [0, "<-", "PA", 501 + 40000, 101, 10],
        [0, "->", "PA", 101 + 400000, 501, 10],
        [0, "<-", "PA", 501 + 400000, 101, 10],
        ...after,
      ]),
    );
  return sequences;
}

/** All four bounds, to the byte, on a plain window of 1000. */
function edges(): Sequence[] {
  const sequences: Sequence[] = [];
  for (const liberal of [0, 1]) {
    for (const dir of ["->", "<-"] as const) {
      const [seq, ack] = dir === "->" ? [101, 501] : [501, 101];
      for (const offset of [
        -66001,
        -66000,
        -65999,
        -1001,
        -1000,
        -999,
        -11,
        -10,
        -1,
        0,
        1,
        989,
        990,
        991,
        999,
        1000,
        1001,
        65535,
        66000,
        66001,
        2 ** 31 - 1,
        2 ** 31,
      ]) {
        const row: TcpRow = [0, dir, "PA", (seq + offset) >>> 0, ack, 10, "win=1000"];
        const pure: TcpRow = [0, dir, "A", (seq + offset) >>> 0, ack, 0, "win=1000"];
        const acked: TcpRow = [0, dir, "A", seq, (ack + offset) >>> 0, 0, "win=1000"];
        const options = { sysctls: { nf_conntrack_tcp_be_liberal: liberal } };
        const start = [...open("win=1000", "win=1000"), [0, "<-", "A", 501, 101, 0, "win=1000"] as TcpRow];
        const suffix = liberal ? ", liberal" : "";
        sequences.push(
          sequence(`tcp window: ${dir} data at ${offset}${suffix}`, [...start, row, ...after], options),
          sequence(`tcp window: ${dir} empty at ${offset}${suffix}`, [...start, pure, ...after], options),
          sequence(`tcp window: ${dir} acknowledges ${offset}${suffix}`, [...start, acked, ...after], options),
        );
      }
    }
  }
  return sequences;
}

// biome-ignore format: columns
const STORIES: readonly [name: string, rows: readonly TcpRow[], sysctls?: Record<string, number>][] = [
  ["numbers wrap around in the handshake", [...handshake({ seq: 0xffffffff, ack: 0xfffffffe }), [0, "->", "PA", 0, 0xffffffff, 20], [0, "<-", "PA", 0xffffffff, 20, 20], [0, "->", "A", 20, 19, 0]]],
  ["numbers wrap around in data", [...handshake({ seq: 0xfffffff0, ack: 0xffffffe0, options: "ws=7" }), [0, "->", "PA", 0xfffffff1, 0xffffffe1, 100], [0, "<-", "A", 0xffffffe1, 85, 0], [0, "<-", "PA", 0xffffffe1, 85, 200], [0, "->", "A", 85, 169, 0], [0, "->", "PA", 0xfffffff1, 169, 100]]],
  ["numbers pass 2^31", [...handshake({ seq: 0x7fffffff, ack: 0x80000000 }), [0, "->", "PA", 0x80000000, 0x80000001, 100], [0, "<-", "A", 0x80000001, 0x80000064, 0]]],
  ["keep-alive without data", [...handshake(), [0, "->", "A", 100, 501, 0], [0, "<-", "A", 501, 101, 0], [0, "<-", "A", 500, 101, 0], [0, "->", "A", 101, 501, 0]]],
  ["keep-alive with a byte", [...handshake(), [0, "->", "A", 100, 501, 1], [0, "<-", "A", 501, 101, 0], [0, "<-", "A", 500, 101, 1], [0, "->", "A", 101, 501, 0]]],
  ["zero window and probe", [...handshake(), [0, "->", "PA", 101, 501, 100], [0, "<-", "A", 501, 201, 0, "win=0"], [0, "->", "A", 201, 501, 1], [0, "<-", "A", 501, 201, 0, "win=0"], [0, "->", "A", 200, 501, 0], [0, "<-", "A", 501, 202, 0, "win=5000"], [0, "->", "PA", 202, 501, 100]]],
  ["zero window from the start", [[0, "->", "S", 100, 0, 0, "win=0"], [0, "<-", "SA", 500, 101, 0, "win=0"], [0, "->", "A", 101, 501, 0, "win=0"], [0, "->", "PA", 101, 501, 1], [0, "<-", "PA", 501, 102, 1], [0, "->", "PA", 102, 502, 100]]],
  ["window shrinks under data on its way", [...handshake(), [0, "<-", "A", 501, 101, 0, "win=5000"], [0, "<-", "A", 501, 101, 0, "win=100"], [0, "->", "PA", 3000, 501, 100], [0, "->", "PA", 101, 501, 100]]],
  ["window update opens", [...open("win=100", "win=100"), [0, "->", "PA", 101, 501, 100], [0, "->", "PA", 201, 501, 100], [0, "<-", "A", 501, 201, 0, "win=60000"], [0, "->", "PA", 30000, 501, 100]]],
  ["SACK beyond the ack", [...handshake({ options: "sackok ws=7" }), [0, "->", "PA", 101, 501, 100], [0, "->", "PA", 301, 501, 100], [0, "<-", "A", 501, 201, 0, "nop nop sack=301-401"], [0, "->", "PA", 201, 501, 100], [0, "<-", "A", 501, 401, 0]]],
  ["SACK of what was never sent", [...handshake({ options: "sackok ws=7" }), [0, "<-", "A", 501, 101, 0, "nop nop sack=90000-91000"], [0, "->", "PA", 101, 501, 10]]],
  ["SACK not agreed", [...handshake({ options: "ws=7" }), [0, "->", "PA", 101, 501, 100], [0, "<-", "A", 501, 101, 0, "nop nop sack=151-201"], [0, "<-", "A", 501, 101, 0, "nop nop sack=90000-91000"]]],
  ["SACK agreed by one side", [[0, "->", "S", 100, 0, 0, "sackok"], [0, "<-", "SA", 500, 101, 0], [0, "->", "A", 101, 501, 0], [0, "<-", "A", 501, 101, 0, "nop nop sack=90000-91000"]]],
  ["four SACK blocks", [...handshake({ options: "sackok" }), [0, "->", "PA", 101, 501, 1000], [0, "<-", "A", 501, 151, 0, "nop nop sack=201-251:301-351:401-451:501-551"], [0, "<-", "A", 501, 151, 0, "nop nop sack=2000-2001"], [0, "->", "PA", 151, 501, 50]]],
  ["SACK with a timestamp", [...handshake({ options: "sackok ts=1:0" }), [0, "->", "PA", 101, 501, 100, "nop nop ts=2:1"], [0, "<-", "A", 501, 101, 0, "nop nop ts=2:2 nop nop sack=151-201"], [0, "<-", "A", 501, 101, 0, "nop nop ts=2:2 nop nop sack=99151-99201"]]],
  ["SACK option of a wrong length", [...handshake({ options: "sackok" }), [0, "->", "PA", 101, 501, 100], [0, "<-", "A", 501, 101, 0, "hex=0506000000000000"], [0, "<-", "A", 501, 101, 0, "hex=0502"], [0, "<-", "A", 501, 101, 0, "hex=050b00000000000000000000"]]],
  ["timestamps go back", [...handshake({ options: "ts=1000:0" }), [0, "->", "PA", 101, 501, 10, "nop nop ts=5:1000"], [0, "<-", "A", 501, 111, 0, "nop nop ts=1:5"]]],
  ["data retransmitted to the limit", [...handshake(), ...Array.from({ length: 6 }, (): TcpRow => [0, "->", "PA", 101, 501, 10]), [0, "<-", "A", 501, 111, 0], [0, "->", "A", 111, 501, 0]]],
  ["data retransmitted, limit 1", [...handshake(), ...Array.from({ length: 4 }, (): TcpRow => [0, "->", "PA", 101, 501, 10]), [0, "<-", "A", 501, 111, 0]], { nf_conntrack_tcp_max_retrans: 1 }],
  ["data retransmitted, limit 0", [...handshake(), ...Array.from({ length: 3 }, (): TcpRow => [0, "->", "PA", 101, 501, 10]), [0, "<-", "A", 501, 111, 0]], { nf_conntrack_tcp_max_retrans: 0 }],
  ["SYN retransmitted to the limit", [...Array.from({ length: 6 }, (): TcpRow => [0, "->", "S", 100, 0, 0]), [0, "<-", "SA", 500, 101, 0]]],
  ["SYN/ACK retransmitted to the limit", [[0, "->", "S", 100, 0, 0], ...Array.from({ length: 6 }, (): TcpRow => [0, "<-", "SA", 500, 101, 0]), [0, "->", "A", 101, 501, 0]]],
  ["FIN retransmitted to the limit", [...handshake(), ...Array.from({ length: 6 }, (): TcpRow => [0, "->", "FA", 101, 501, 0]), [0, "<-", "A", 501, 102, 0]]],
  ["retransmissions of both sides in turn", [...handshake(), ...Array.from({ length: 4 }, (): TcpRow[] => [[0, "->", "PA", 101, 501, 10], [0, "<-", "PA", 501, 101, 10]]).flat(), [0, "->", "A", 111, 511, 0]]],
  ["duplicate ACKs", [...handshake(), [0, "->", "PA", 101, 501, 10], ...Array.from({ length: 5 }, (): TcpRow => [0, "<-", "A", 501, 111, 0])]],
  ["retransmission, window changes between", [...handshake(), ...[100, 200, 100, 100, 100, 100].map((win): TcpRow => [0, "->", "PA", 101, 501, 10, `win=${win}`])]],
  ["out of order", [...handshake(), [0, "->", "PA", 201, 501, 100], [0, "->", "PA", 101, 501, 100], [0, "<-", "A", 501, 301, 0], [0, "->", "PA", 101, 501, 100]]],
  ["overlapping segments", [...handshake(), [0, "->", "PA", 101, 501, 100], [0, "->", "PA", 151, 501, 100], [0, "->", "PA", 101, 501, 200], [0, "<-", "A", 501, 301, 0]]],
  ["an ACK of unsent data, then the data", [...handshake(), [0, "<-", "A", 501, 5101, 0], [0, "->", "PA", 101, 501, 5000], [0, "<-", "A", 501, 5101, 0]]],
  ["unacknowledged data, then silence", [...handshake(), [0, "->", "PA", 101, 501, 10], [0, "->", "PA", 111, 501, 10], [0, "<-", "A", 501, 101, 0], [0, "<-", "A", 501, 121, 0]]],
  ["urgent data", [...handshake(), [0, "->", "PAU", 101, 501, 10, "urg=5"], [0, "<-", "A", 501, 111, 0, "urg=9"], [0, "->", "A", 111, 501, 1, "urg=1"]]],
  ["ECN through the life of a connection", [[0, "->", "SEC", 100, 0, 0, "ws=7"], [0, "<-", "SAE", 500, 101, 0, "ws=7"], [0, "->", "A", 101, 501, 0], [0, "->", "PAC", 101, 501, 10], [0, "<-", "AE", 501, 111, 0], [0, "->", "FAC", 111, 501, 0], [0, "<-", "FAE", 501, 112, 0], [0, "->", "A", 112, 502, 0]]],
  ["jumbo segments", [...handshake({ options: "ws=7" }), [0, "->", "PA", 101, 501, 60000], [0, "<-", "PA", 501, 60101, 60000], [0, "->", "A", 60101, 60501, 0], [0, "->", "PA", 60101, 60501, 60000]]],
];

/** Every combination of flags, on no connection and on an established one. */
function flagCombinations(): Sequence[] {
  const letters = [..."FSRPAU"];
  const all = Array.from({ length: 64 }, (_, bits) => letters.filter((_, bit) => bits & (1 << bit)).join(""));
  return all.flatMap((flags) => [
    sequence(`tcp flags: ${flags || "none"}, no connection`, [
      [0, "->", flags, 100, 0, 0],
      [0, "<-", "A", 500, 101, 0],
    ]),
    sequence(`tcp flags: ${flags || "none"}, established`, [...handshake(), [0, "->", flags, 101, 501, 0], ...after]),
    sequence(`tcp flags: ${flags || "none"}, established, reply`, [
      ...handshake(),
      [0, "<-", flags, 501, 101, 0],
      ...after,
    ]),
  ]);
}

export function tcpWindow(): Sequence[] {
  return [
    ...scaling(),
    ...edges(),
    ...STORIES.flatMap(([name, rows, sysctls = {}]) =>
      ([4, 6] as const).map((family) =>
        sequence(`tcp window: ${name}${family === 6 ? "-v6" : ""}`, rows, { sysctls, family }),
      ),
    ),
    ...STORIES.map(([name, rows, sysctls = {}]) =>
      sequence(`tcp window: ${name}, liberal`, rows, { sysctls: { ...sysctls, nf_conntrack_tcp_be_liberal: 1 } }),
    ),
    ...flagCombinations(),
  ];
}
