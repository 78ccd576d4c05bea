// Every cell of the TCP tables: each state, each kind of packet, both directions, and what two harmless packets then make
// of it, so that also what the cell left behind is seen. Strict, loose and liberal; IPv4 and IPv6.

import { bothFamilies, type Sequence, type TcpRow } from "../sequence.js";

// A has sent up to 101, B up to 501, before anybody closes.
const SYN: TcpRow = [0, "->", "S", 100, 0, 0, "mss=1460 ws=7 sackok"];
const SYN_BACK: TcpRow = [0, "<-", "S", 500, 0, 0, "mss=1460 ws=7 sackok"];
const SYNACK: TcpRow = [0, "<-", "SA", 500, 101, 0, "mss=1460 ws=7 sackok"];
const ACK: TcpRow = [0, "->", "A", 101, 501, 0];
const FIN: TcpRow = [0, "->", "FA", 101, 501, 0];
const FIN_ACKED: TcpRow = [0, "<-", "A", 501, 102, 0];
const FIN_BACK: TcpRow = [0, "<-", "FA", 501, 102, 0];
const FIN_BACK_ACKED: TcpRow = [0, "->", "A", 102, 502, 0];
const RST: TcpRow = [0, "->", "R", 101, 0, 0];

/** The packets that lead to each state, and the numbers both sides have reached then. */
// biome-ignore format: a table
export const STATES: readonly { readonly state: string; readonly rows: readonly TcpRow[]; readonly a: number; readonly b: number }[] = [
  { state: "NONE",        a: 100, b: 500, rows: [] },
  { state: "SYN_SENT",    a: 101, b: 500, rows: [SYN] },
  { state: "SYN_SENT2",   a: 101, b: 501, rows: [SYN, SYN_BACK] },
  { state: "SYN_RECV",    a: 101, b: 501, rows: [SYN, SYNACK] },
  { state: "ESTABLISHED", a: 101, b: 501, rows: [SYN, SYNACK, ACK] },
  { state: "FIN_WAIT",    a: 102, b: 501, rows: [SYN, SYNACK, ACK, FIN] },
  { state: "CLOSE_WAIT",  a: 102, b: 501, rows: [SYN, SYNACK, ACK, FIN, FIN_ACKED] },
  { state: "LAST_ACK",    a: 102, b: 502, rows: [SYN, SYNACK, ACK, FIN, FIN_ACKED, FIN_BACK] },
  { state: "TIME_WAIT",   a: 102, b: 502, rows: [SYN, SYNACK, ACK, FIN, FIN_ACKED, FIN_BACK, FIN_BACK_ACKED] },
  { state: "CLOSE",       a: 101, b: 501, rows: [SYN, SYNACK, ACK, RST] },
];

// biome-ignore format: a table
const KINDS = [
  { kind: "SYN", flags: "S" }, { kind: "SYN/ACK", flags: "SA" }, { kind: "FIN", flags: "FA" },
  { kind: "ACK", flags: "A" }, { kind: "RST", flags: "R" }, { kind: "RST/ACK", flags: "RA" }, { kind: "no flags", flags: "" },
  { kind: "FIN without ACK", flags: "F" }, { kind: "SYN with PSH", flags: "SP" }, { kind: "Xmas", flags: "FPU" },
] as const;

const MODES = {
  strict: { nf_conntrack_tcp_loose: 0 },
  loose: {},
  liberal: { nf_conntrack_tcp_be_liberal: 1 },
} as const;

export function tcpTable(): Sequence[] {
  const sequences: Sequence[] = [];
  for (const [mode, sysctls] of Object.entries(MODES)) {
    for (const { state, rows, a, b } of STATES) {
      for (const { kind, flags } of KINDS) {
        for (const dir of ["->", "<-"] as const) {
          const [seq, ack] = dir === "->" ? [a, b] : [b, a];
          const after: TcpRow[] = [
            [0, "<-", "A", b, a, 0],
            [0, "->", "PA", a, b, 10],
            [0, "->", "S", a + 1000, 0, 0],
          ];
          const event: TcpRow = [0, dir, flags, seq, flags.includes("A") ? ack : 0, 0];
          sequences.push(
            ...bothFamilies(`tcp ${mode}: ${state}, ${dir} ${kind}`, [...rows, event, ...after], { sysctls }),
          );
        }
      }
    }
  }
  return sequences;
}
