// Zones, NOTRACK, and packets a rule drops before they are confirmed: said by the DSCP of the packets (steering.ts).

import { bothFamilies, type FreeRow, type Sequence } from "../sequence.js";
import { STEERING_RULES, type Steering, tosOf } from "../steering.js";

const udp = { udp: { payload: 8 } };
const there = (steering: Steering, fields: Partial<FreeRow> = udp): FreeRow => ({
  ms: 0,
  dir: "->",
  tos: tosOf(steering),
  ...fields,
});
const back = (steering: Steering, fields: Partial<FreeRow> = udp): FreeRow => ({
  ms: 0,
  dir: "<-",
  tos: tosOf(steering),
  ...fields,
});
const tcp = (flags: string, seq: number, ack: number, payload = 0): Partial<FreeRow> => ({
  tcp: { flags, seq, ack, payload },
});
const unreachable: Partial<FreeRow> = { icmp: { type: 3, code: 3, quote: 0 } };
const error6: Partial<FreeRow> = { icmp: { type: 1, code: 4, quote: 0 } };
const [ZONE1, ZONE2, DEFAULT, NOTRACK, DROP] = [{ zone: 1 }, { zone: 2 }, {}, { notrack: true }, { drop: true }];

// biome-ignore format: columns
const CASES: readonly (readonly [name: string, rows: readonly FreeRow[]])[] = [
  ["one tuple in three zones", [there(DEFAULT), there(ZONE1), there(ZONE2), back(ZONE1), back(DEFAULT), there(ZONE2), back(ZONE2)]],
  ["the answer in another zone", [there(ZONE1), back(ZONE2), back(ZONE1)]],
  ["the answer in no zone", [there(ZONE1), back(DEFAULT), there(ZONE1)]],
  ["tcp in two zones", [there(ZONE1, tcp("S", 1, 0)), there(ZONE2, tcp("S", 9000, 0)), back(ZONE1, tcp("SA", 1, 2)), there(ZONE1, tcp("A", 2, 2)), back(ZONE2, tcp("SA", 1, 9001)), there(ZONE2, tcp("R", 9001, 0)), there(ZONE1, tcp("PA", 2, 2, 10))]],
  ["an error in the zone", [there(ZONE1), back(ZONE1, unreachable)]],
  ["an error in another zone", [there(ZONE1), back(ZONE2, unreachable), back(DEFAULT, unreachable)]],
  ["every zone", [1, 2, 3, 4, 5, 6, 7].flatMap((zone) => [there({ zone }), back({ zone })])],
  ["icmp in a zone", [there(ZONE1, { icmp: { type: 8, id: 1, payload: 8 } }), back(ZONE1, { icmp: { type: 0, id: 1, payload: 8 } }), back(DEFAULT, { icmp: { type: 0, id: 1, payload: 8 } })]],
  ["not tracked", [there(NOTRACK), back(NOTRACK), there(NOTRACK, tcp("S", 1, 0)), there(NOTRACK, { udp: { payload: 8, checksum: "bad" } })]],
  ["tracked one way only", [there(DEFAULT), back(NOTRACK), there(DEFAULT), back(DEFAULT)]],
  ["an error about what was not tracked", [there(NOTRACK), back(DEFAULT, unreachable), back(NOTRACK, unreachable)]],
  ["a new one dropped", [there(DROP), there(DROP), there(DEFAULT), back(DEFAULT)]],
  ["a new one dropped, answered", [there(DROP), back(DEFAULT), there(DEFAULT)]],
  ["a SYN dropped", [there(DROP, tcp("S", 1, 0)), back(DEFAULT, tcp("SA", 1, 2)), there(DEFAULT, tcp("S", 1, 0))]],
  ["an answer dropped", [there(DEFAULT), back(DROP), there(DEFAULT), back(DEFAULT)]],
  ["a SYN/ACK dropped", [there(DEFAULT, tcp("S", 1, 0)), back(DROP, tcp("SA", 1, 2)), back(DEFAULT, tcp("SA", 1, 2)), there(DEFAULT, tcp("A", 2, 2))]],
  ["the last packet of a handshake dropped", [there(DEFAULT, tcp("S", 1, 0)), back(DEFAULT, tcp("SA", 1, 2)), there(DROP, tcp("A", 2, 2)), there(DEFAULT, tcp("A", 2, 2))]],
  ["an RST dropped", [there(DEFAULT, tcp("S", 1, 0)), back(DROP, tcp("RA", 0, 2)), there(DEFAULT, tcp("S", 1, 0)), back(DEFAULT, tcp("RA", 0, 2))]],
  ["a FIN dropped, sent again", [there(DEFAULT, tcp("S", 1, 0)), back(DEFAULT, tcp("SA", 1, 2)), there(DEFAULT, tcp("A", 2, 2)), there(DROP, tcp("FA", 2, 2)), there(DEFAULT, tcp("FA", 2, 2)), back(DEFAULT, tcp("A", 2, 3))]],
  ["an error dropped", [there(DEFAULT), back(DROP, unreachable), back(DEFAULT, unreachable)]],
  ["INVALID and dropped", [there(DROP, { udp: { payload: 8, checksum: "bad" } }), there(DROP, tcp("SF", 1, 0))]],
];

/** In IPv6 the error is another type. */
const forIPv6 = (rows: readonly FreeRow[]): FreeRow[] =>
  rows.map((row) =>
    row.icmp === unreachable.icmp
      ? { ...row, ...error6 }
      : row.icmp
        ? { ...row, icmp: { ...row.icmp, type: row.icmp.type === 8 ? 128 : 129 } }
        : row,
  );

export function steered(): Sequence[] {
  const options = { nft: STEERING_RULES };
  return CASES.flatMap(([name, rows]) => [
    bothFamilies(`steered: ${name}`, rows, options)[0],
    bothFamilies(`steered: ${name}`, forIPv6(rows), options)[1],
  ]);
}
