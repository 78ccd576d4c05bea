// SCTP: every chunk in every state and both directions, right and wrong tags, bundles, checksums, broken chunks.

import { type SctpChunk, sctpInit } from "../packets.js";
import { bothFamilies, type FreeRow, type Sequence } from "../sequence.js";

const TAG_A = 0x11111111; // what B must send
const TAG_B = 0x22222222; // what A must send

const chunk = (type: number, flags = 0): SctpChunk => {
  if (type === 1) return { type, flags, body: sctpInit(TAG_A) };
  if (type === 2) return { type, flags, body: sctpInit(TAG_B) };
  return { type, flags, body: new Uint8Array(type === 0 ? 13 : type === 7 ? 4 : 8) };
};
const row = (dir: "->" | "<-", vtag: number, chunks: readonly SctpChunk[], more = {}): FreeRow => ({
  ms: 0,
  dir,
  sctp: { vtag, chunks, ...more },
});

const INIT = row("->", 0, [chunk(1)]);
const INIT_ACK = row("<-", TAG_A, [chunk(2)]);
const COOKIE = row("->", TAG_B, [chunk(10)]);
const COOKIE_ACK = row("<-", TAG_A, [{ type: 11 }]);
const OPEN = [INIT, INIT_ACK, COOKIE, COOKIE_ACK];
const SHUTDOWN = row("->", TAG_B, [chunk(7)]);
const SHUTDOWN_BACK = row("<-", TAG_A, [chunk(7)]);
const SHUTDOWN_ACK = row("<-", TAG_A, [{ type: 8 }]);
const HEARTBEAT = row("->", TAG_B, [chunk(4)]);

export const STATES: readonly (readonly [string, readonly FreeRow[]])[] = [
  ["NONE", []],
  ["CLOSED", [INIT]],
  ["COOKIE_WAIT", [INIT, INIT_ACK]],
  ["COOKIE_ECHOED", [INIT, INIT_ACK, COOKIE]],
  ["ESTABLISHED", OPEN],
  ["SHUTDOWN_SENT", [...OPEN, SHUTDOWN]],
  ["SHUTDOWN_RECD", [...OPEN, SHUTDOWN_BACK]],
  ["SHUTDOWN_ACK_SENT", [...OPEN, SHUTDOWN, SHUTDOWN_ACK]],
  ["HEARTBEAT_SENT", [HEARTBEAT]],
  ["heartbeat answered", [HEARTBEAT, row("<-", TAG_A, [chunk(5)])]],
  ["after ABORT", [...OPEN, row("->", TAG_B, [{ type: 6 }])]],
];

// biome-ignore format: a table
const CHUNKS = [
  ["DATA", 0], ["INIT", 1], ["INIT ACK", 2], ["SACK", 3], ["HEARTBEAT", 4], ["HEARTBEAT ACK", 5], ["ABORT", 6], ["SHUTDOWN", 7],
  ["SHUTDOWN ACK", 8], ["ERROR", 9], ["COOKIE ECHO", 10], ["COOKIE ACK", 11], ["SHUTDOWN COMPLETE", 14], ["AUTH", 15], ["unknown", 200],
] as const;

/** Chunks nothing else may be bundled with. */
const STANDS_ALONE: readonly number[] = [1, 2, 14];

const after = [row("->", TAG_B, [chunk(0)]), row("<-", TAG_A, [chunk(3)])];

export function sctp(): Sequence[] {
  const sequences: Sequence[] = [];
  for (const [state, rows] of STATES)
    for (const [name, type] of CHUNKS)
      for (const dir of ["->", "<-"] as const) {
        const right = type === 1 ? 0 : dir === "->" ? TAG_B : TAG_A;
        const swapped = dir === "->" ? TAG_A : TAG_B;
        sequences.push(
          ...bothFamilies(`sctp: ${state}, ${dir} ${name}`, [...rows, row(dir, right, [chunk(type)]), ...after]),
          ...bothFamilies(`sctp: ${state}, ${dir} ${name} with a wrong tag`, [
            ...rows,
            row(dir, 0x33333333, [chunk(type)]),
            ...after,
          ]).slice(0, 1),
          ...bothFamilies(`sctp: ${state}, ${dir} ${name} with the other tag, T bit`, [
            ...rows,
            row(dir, swapped, [chunk(type, 1)]),
            ...after,
          ]).slice(0, 1),
        );
      }
  // the first chunk may change the state, and the second is not valid: what changed is told with the next packet
  for (const [state, rows] of STATES)
    for (const [name, type] of CHUNKS)
      for (const dir of ["->", "<-"] as const) {
        if (STANDS_ALONE.includes(type)) continue;
        const chunks = [chunk(type), chunk(6, 1)];
        const sequence = [...rows, row(dir, dir === "->" ? TAG_B : TAG_A, chunks), ...after];
        sequences.push(...bothFamilies(`sctp: ${state}, ${dir} ${name}, ABORT with the T bit`, sequence).slice(0, 1));
      }
  // biome-ignore format: columns
  const broken: readonly (readonly [string, readonly FreeRow[]])[] = [
    ["no chunk", [row("->", TAG_B, [])]],
    ["chunk of length 0", [row("->", TAG_B, [{ type: 0, length: 0 }])]],
    ["chunk of length 3", [row("->", TAG_B, [{ type: 0, length: 3 }])]],
    ["chunk longer than the packet", [row("->", TAG_B, [{ type: 0, length: 200 }])]],
    ["INIT too short", [row("->", 0, [{ type: 1, body: new Uint8Array(4) }])]],
    ["INIT with tag 0", [row("->", 0, [{ type: 1, body: sctpInit(0) }]), row("<-", 0, [chunk(2)])]],
    ["INIT bundled with DATA", [row("->", 0, [chunk(1), chunk(0)])]],
    ["DATA bundled with INIT", [row("->", 0, [chunk(0), chunk(1)])]],
    ["COOKIE ECHO with DATA", [INIT, INIT_ACK, row("->", TAG_B, [chunk(10), chunk(0)]), row("<-", TAG_A, [{ type: 11 }, chunk(3)])]],
    ["SACK and DATA", [...OPEN, row("->", TAG_B, [chunk(3), chunk(0), chunk(0)])]],
    ["SHUTDOWN and DATA", [...OPEN, row("->", TAG_B, [chunk(7), chunk(0)])]],
    ["HEARTBEAT and DATA first", [row("->", TAG_B, [chunk(4), chunk(0)])]],
    ["ABORT bundled behind DATA", [...OPEN, row("->", TAG_B, [chunk(0), { type: 6 }])]],
    ["wrong checksum", [{ ms: 0, sctp: { vtag: 0, chunks: [chunk(1)], checksum: "bad" } }, INIT, INIT_ACK]],
    ["wrong checksum later", [...OPEN, { ms: 0, sctp: { vtag: TAG_B, chunks: [chunk(0)], checksum: "bad" } }, ...after]],
    ["checksum zero", [{ ms: 0, sctp: { vtag: 0, chunks: [chunk(1)], checksum: 0 } }]],
    ["INIT again, another tag", [INIT, row("->", 0, [{ type: 1, body: sctpInit(0x44444444) }]), INIT_ACK, row("<-", 0x44444444, [chunk(2)])]],
    ["INIT of both sides", [INIT, row("<-", 0, [{ type: 1, body: sctpInit(TAG_B) }]), INIT_ACK, row("->", TAG_B, [{ type: 2, body: sctpInit(TAG_A) }]), COOKIE, COOKIE_ACK]],
    ["INIT in an association", [...OPEN, INIT, INIT_ACK, COOKIE, COOKIE_ACK]],
    ["INIT back in an association", [...OPEN, row("<-", 0, [{ type: 1, body: sctpInit(0x55) }]), row("->", 0x55, [{ type: 2, body: sctpInit(0x66) }]), ...after]],
    ["heartbeats of a second path", [HEARTBEAT, row("<-", TAG_A, [chunk(5)]), ...after, HEARTBEAT]],
    ["heartbeat, then DATA back", [HEARTBEAT, row("<-", TAG_A, [chunk(0)]), ...after]],
    ["header cut", [{ ms: 0, sctp: { vtag: 0, chunks: [] }, truncate: 30, length: 30 }]],
  ];
  for (const [name, rows] of broken) {
    const [v4, v6] = bothFamilies(`sctp: ${name}`, rows);
    sequences.push(
      v4,
      ...(name === "header cut" ? [] : [v6]),
      ...bothFamilies(`sctp: ${name}, checksums off`, rows, { sysctls: { nf_conntrack_checksum: 0 } }).slice(0, 1),
    );
  }
  return sequences;
}
