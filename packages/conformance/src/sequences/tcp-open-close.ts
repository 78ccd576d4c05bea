// How connections begin and end beside the usual way: simultaneous open and close, split handshake, RST in every
// position, SYN reuse in every state, half-open restarts, pick-up midstream.

import { handshake, type Row, type Sequence, sequence, type TcpRow } from "../sequence.js";
import { STATES } from "./tcp-table.js";

const WS = "mss=1460 ws=7 sackok";

// biome-ignore format: columns
const OPENINGS: readonly [name: string, rows: readonly TcpRow[]][] = [
  ["simultaneous open", [
    [0, "->", "S", 100, 0, 0, WS], [0, "<-", "S", 500, 0, 0, WS], [0, "->", "SA", 100, 501, 0, WS], [0, "<-", "SA", 500, 101, 0, WS],
    [0, "->", "A", 101, 501, 0], [0, "<-", "A", 501, 101, 10], [0, "->", "A", 101, 511, 0],
  ]],
  ["simultaneous open, one SYN/ACK lost", [
    [0, "->", "S", 100, 0, 0, WS], [0, "<-", "S", 500, 0, 0, WS], [0, "<-", "SA", 500, 101, 0, WS], [0, "->", "A", 101, 501, 10],
  ]],
  ["simultaneous open, SYN/ACK repeated", [
    [0, "->", "S", 100, 0, 0, WS], [0, "<-", "S", 500, 0, 0, WS], [0, "->", "SA", 100, 501, 0, WS], [0, "->", "SA", 100, 501, 0, WS],
    [0, "<-", "SA", 500, 101, 0, WS], [0, "<-", "SA", 500, 101, 0, WS], [0, "->", "A", 101, 501, 0],
  ]],
  ["simultaneous open without options", [
    [0, "->", "S", 100, 0, 0], [0, "<-", "S", 500, 0, 0], [0, "->", "SA", 100, 501, 0], [0, "<-", "SA", 500, 101, 0], [0, "->", "A", 101, 501, 1],
  ]],
  ["split handshake, four ways", [
    [0, "->", "S", 100, 0, 0, WS], [0, "<-", "A", 0, 101, 0], [0, "<-", "S", 500, 0, 0, WS], [0, "->", "SA", 100, 501, 0, WS],
    [0, "<-", "A", 501, 101, 0], [0, "->", "PA", 101, 501, 20], [0, "<-", "PA", 501, 121, 20],
  ]],
  ["split handshake, three ways", [
    [0, "->", "S", 100, 0, 0], [0, "<-", "S", 500, 0, 0], [0, "->", "SA", 100, 501, 0], [0, "<-", "A", 501, 101, 0], [0, "->", "A", 101, 501, 5],
  ]],
  ["five-way handshake", [
    [0, "->", "S", 100, 0, 0], [0, "<-", "A", 400, 101, 0], [0, "<-", "S", 500, 0, 0], [0, "->", "A", 101, 501, 0],
    [0, "->", "SA", 100, 501, 0], [0, "<-", "A", 501, 101, 0], [0, "->", "A", 101, 501, 9],
  ]],
  ["data in the SYN (fast open)", [
    [0, "->", "S", 100, 0, 50, `${WS} hex=220a0102030405060708`], [0, "<-", "SA", 500, 151, 0, WS], [0, "->", "A", 151, 501, 10], [0, "<-", "A", 501, 161, 10],
  ]],
  ["data in the SYN not acknowledged", [
    [0, "->", "S", 100, 0, 50], [0, "<-", "SA", 500, 101, 0], [0, "->", "A", 101, 501, 50], [0, "<-", "A", 501, 151, 0],
  ]],
  ["SYN/ACK with a wrong ack, then the right one", [
    [0, "->", "S", 100, 0, 0], [0, "<-", "SA", 500, 99, 0], [0, "<-", "SA", 500, 102, 0], [0, "<-", "SA", 500, 101, 0], [0, "->", "A", 101, 501, 0],
  ]],
  ["challenge ACK of a half-open server", [
    [0, "->", "S", 100, 0, 0], [0, "<-", "A", 9000, 7000, 0], [0, "->", "R", 7000, 0, 0], [0, "->", "S", 100, 0, 0], [0, "<-", "SA", 500, 101, 0], [0, "->", "A", 101, 501, 0],
  ]],
  ["SYN of a restarted client, challenge ACK, RST, SYN", [
    ...handshake(), [0, "->", "S", 77000, 0, 0], [0, "<-", "A", 501, 101, 0], [0, "->", "R", 101, 0, 0], [0, "->", "S", 77000, 0, 0],
    [0, "<-", "SA", 90000, 77001, 0], [0, "->", "A", 77001, 90001, 0],
  ]],
  ["SYN/ACK with data", [[0, "->", "S", 100, 0, 0], [0, "<-", "SA", 500, 101, 30], [0, "->", "A", 101, 531, 0], [0, "<-", "A", 531, 101, 7]]],
  ["SYN/ACK first", [[0, "<-", "SA", 500, 101, 0], [0, "->", "A", 101, 501, 0], [0, "<-", "A", 501, 101, 0]]],
  ["SYN/ACK first, SYN behind", [[0, "<-", "SA", 500, 101, 0], [0, "->", "S", 100, 0, 0], [0, "->", "A", 101, 501, 0]]],
  ["SYN sent again with other options", [[0, "->", "S", 100, 0, 0, WS], [0, "->", "S", 100, 0, 0], [0, "<-", "SA", 500, 101, 0, WS], [0, "->", "A", 101, 501, 0]]],
  ["SYN sent again with another number", [[0, "->", "S", 100, 0, 0], [0, "->", "S", 900, 0, 0], [0, "<-", "SA", 500, 901, 0], [0, "->", "A", 901, 501, 0]]],
  ["SYN/ACK of the first of two SYNs", [[0, "->", "S", 100, 0, 0], [0, "->", "S", 900, 0, 0], [0, "<-", "SA", 500, 101, 0], [0, "->", "A", 101, 501, 0]]],
  ["ACK of the handshake lost, data instead", [[0, "->", "S", 100, 0, 0], [0, "<-", "SA", 500, 101, 0], [0, "->", "PA", 101, 501, 10], [0, "<-", "A", 501, 111, 0]]],
  ["ACK of the handshake lost, server speaks", [[0, "->", "S", 100, 0, 0], [0, "<-", "SA", 500, 101, 0], [0, "<-", "PA", 501, 101, 10], [0, "->", "A", 101, 511, 0]]],
];

// biome-ignore format: columns
const CLOSINGS: readonly [name: string, rows: readonly TcpRow[]][] = [
  ["simultaneous close", [[0, "->", "FA", 101, 501, 0], [0, "<-", "FA", 501, 101, 0], [0, "->", "A", 102, 502, 0], [0, "<-", "A", 502, 102, 0]]],
  ["simultaneous close with data", [[0, "->", "FPA", 101, 501, 9], [0, "<-", "FPA", 501, 101, 9], [0, "->", "A", 111, 511, 0], [0, "<-", "A", 511, 111, 0]]],
  ["closed in three packets", [[0, "->", "FA", 101, 501, 0], [0, "<-", "FA", 501, 102, 0], [0, "->", "A", 102, 502, 0]]],
  ["server closes first", [[0, "<-", "FA", 501, 101, 0], [0, "->", "A", 101, 502, 0], [0, "->", "FA", 101, 502, 0], [0, "<-", "A", 502, 102, 0]]],
  ["half closed, data flows on", [[0, "->", "FA", 101, 501, 0], [0, "<-", "A", 501, 102, 0], [0, "<-", "PA", 501, 102, 100], [0, "->", "A", 102, 601, 0], [0, "<-", "FA", 601, 102, 0], [0, "->", "A", 102, 602, 0]]],
  ["FIN repeated in every state", [[0, "->", "FA", 101, 501, 0], [0, "->", "FA", 101, 501, 0], [0, "<-", "A", 501, 102, 0], [0, "->", "FA", 101, 501, 0], [0, "<-", "FA", 501, 102, 0], [0, "<-", "FA", 501, 102, 0], [0, "->", "A", 102, 502, 0], [0, "<-", "FA", 501, 102, 0], [0, "->", "A", 102, 502, 0]]],
  ["last ACK lost", [[0, "->", "FA", 101, 501, 0], [0, "<-", "FA", 501, 102, 0], [0, "<-", "FA", 501, 102, 0], [0, "->", "A", 102, 502, 0]]],
  ["FIN beyond the window", [[0, "->", "FA", 5000101, 501, 0], [0, "<-", "A", 501, 101, 0]]],
  ["FIN, then data behind it", [[0, "->", "FA", 101, 501, 0], [0, "->", "PA", 102, 501, 10], [0, "<-", "A", 501, 112, 0]]],
  ["FIN before the handshake ends", [[0, "->", "FA", 101, 501, 0], [0, "<-", "SA", 500, 101, 0], [0, "<-", "A", 501, 102, 0]]],
  ["RST after FIN", [[0, "->", "FA", 101, 501, 0], [0, "<-", "RA", 501, 102, 0], [0, "->", "A", 102, 501, 0]]],
];

function resets(): Sequence[] {
  const sequences: Sequence[] = [];
  // biome-ignore format: a table
  const positions: readonly [name: string, offset: number][] = [
    ["exact", 0], ["one above", 1], ["in window", 1000], ["one below", -1], ["far below", -100000],
    ["beyond the window", 10_000_000], ["zero", Number.NaN],
  ];
  for (const { state, rows, a, b } of STATES) {
    for (const dir of ["->", "<-"] as const) {
      for (const [name, offset] of positions) {
        for (const ignore of [0, 1]) {
          if (ignore && state !== "ESTABLISHED" && state !== "SYN_RECV") continue;
          const seq = Number.isNaN(offset) ? 0 : ((dir === "->" ? a : b) + offset) >>> 0;
          const after: TcpRow[] = [
            [0, "<-", "A", b, a, 0],
            [0, "->", "A", a, b, 5],
            [0, dir, "RA", seq, dir === "->" ? b : a, 0],
            [0, "->", "A", a, b, 5],
          ];
          sequences.push(
            sequence(
              `tcp reset: ${state}, ${dir} ${name}${ignore ? ", invalid ones ignored" : ""}`,
              [...rows, [0, dir, "R", seq, 0, 0], ...after],
              {
                sysctls: ignore ? { nf_conntrack_tcp_ignore_invalid_rst: 1 } : {},
              },
            ),
          );
        }
      }
    }
  }
  return sequences;
}

function reuses(): Sequence[] {
  const sequences: Sequence[] = [];
  for (const { state, rows, a, b } of STATES) {
    for (const dir of ["->", "<-"] as const) {
      const [mine, other] = dir === "->" ? [a, b] : [b, a];
      const back = dir === "->" ? "<-" : "->";
      for (const [name, seq] of [
        ["higher", mine + 70000],
        ["the same", mine - 1],
        ["lower", (mine - 70000) >>> 0],
      ] as const) {
        sequences.push(
          sequence(`tcp reuse: ${state}, ${dir} SYN with ${name} number`, [
            ...rows,
            [0, dir, "S", seq, 0, 0, WS],
            [0, back, "SA", other + 5000, (seq + 1) >>> 0, 0, WS],
            [0, dir, "A", (seq + 1) >>> 0, other + 5001, 0],
            [0, dir, "PA", (seq + 1) >>> 0, other + 5001, 100],
            [0, back, "A", other + 5001, (seq + 101) >>> 0, 0],
          ]),
          sequence(`tcp reuse: ${state}, ${dir} SYN with ${name} number, answered by ACK`, [
            ...rows,
            [0, dir, "S", seq, 0, 0, WS],
            [0, back, "A", other, mine, 0],
            [0, dir, "R", mine, 0, 0],
            [0, dir, "S", seq, 0, 0, WS],
            [0, back, "SA", other + 5000, (seq + 1) >>> 0, 0, WS],
          ]),
        );
      }
    }
  }
  return sequences;
}

function pickUps(): Sequence[] {
  const sequences: Sequence[] = [];
  for (const loose of [1, 0]) {
    for (const flags of ["A", "PA", "FA", "F", "R", "RA", "SA", "", "U", "AU", "FPU", "SF", "SR", "SAC", "SEC"]) {
      for (const replied of [true, false]) {
        const rows: Row[] = [
          [0, "->", flags, 5000, flags.includes("A") ? 9000 : 0, 10],
          ...(replied ? ([[0, "<-", "A", 9000, 5010, 0]] as Row[]) : []),
          [0, "->", "PA", 5010, 9000, 100],
          [0, "<-", "PA", 9000, 5110, 100],
          [0, "->", "A", 5110, 9100, 0],
          [0, "->", "PA", 900000, 9100, 10],
          [0, "<-", "FA", 9100, 5110, 0],
        ];
        sequences.push(
          sequence(
            `tcp pick-up: ${flags || "no flags"}${replied ? "" : ", not answered at once"}${loose ? "" : ", strict"}`,
            rows,
            {
              sysctls: { nf_conntrack_tcp_loose: loose },
            },
          ),
        );
      }
    }
  }
  return sequences;
}

export function tcpOpenClose(): Sequence[] {
  return [
    ...OPENINGS.map(([name, rows]) => sequence(`tcp open: ${name}`, rows)),
    ...OPENINGS.map(([name, rows]) =>
      sequence(`tcp open: ${name}, liberal`, rows, { sysctls: { nf_conntrack_tcp_be_liberal: 1 } }),
    ),
    ...OPENINGS.map(([name, rows]) =>
      sequence(`tcp open: ${name}, strict`, rows, { sysctls: { nf_conntrack_tcp_loose: 0 } }),
    ),
    ...CLOSINGS.map(([name, rows]) =>
      sequence(`tcp close: ${name}`, [
        ...(name.startsWith("FIN before") ? handshake().slice(0, 2) : handshake()),
        ...rows,
      ]),
    ),
    ...resets(),
    ...reuses(),
    ...pickUps(),
  ];
}
