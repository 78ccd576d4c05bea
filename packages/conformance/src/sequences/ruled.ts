// What rules do to connections: marks, timeout policies, and packets dropped in between; said by the DSCP (ruled.ts).

import { dscpOf, RULED } from "../ruled.js";
import { bothFamilies, type FreeRow, type Sequence } from "../sequence.js";

type Row = readonly [dir: "->" | "<-", rule: Parameters<typeof dscpOf>[0] | "", fields: Partial<FreeRow>];

const udp: Partial<FreeRow> = { udp: { payload: 8 } };
const gre: Partial<FreeRow> = { gre: { payload: 8 } };
const tcp = (flags: string, seq: number, ack = 0, payload = 0): Partial<FreeRow> => ({
  tcp: { flags, seq, ack, payload },
});
const chunk = (type: number, vtag: number, length = 8): Partial<FreeRow> => ({
  sctp: {
    vtag,
    chunks: [
      {
        type,
        body: Uint8Array.from({ length }, (_, i) =>
          i === 3 && length > 8 ? 7 : i === 9 ? 1 : i === 11 ? 1 : i === 15 ? 9 : 0,
        ),
      },
    ],
  },
});
const closed: readonly Row[] = [
  ["->", "", tcp("S", 1)],
  ["<-", "", tcp("SA", 1, 2)],
  ["->", "", tcp("A", 2, 2)],
  ["->", "", tcp("FA", 2, 2)],
  ["<-", "", tcp("FA", 2, 3)],
  ["->", "", tcp("A", 3, 3)],
];

// biome-ignore format: columns
const CASES: readonly (readonly [name: string, rows: readonly Row[]])[] = [
  ["a mark with the first packet", [["->", "mark 8", udp], ["<-", "", udp], ["->", "", udp]]],
  ["a mark with the answer", [["->", "", udp], ["<-", "mark 8", udp], ["->", "mark 8", udp]]],
  ["marks set, or, and, xor", [["->", "mark 0xabcdef12", udp], ["<-", "or 0x100", udp], ["->", "and 0xf", udp], ["<-", "xor 3", udp], ["->", "xor 3", udp]]],
  ["a mark taken away is told", [["->", "mark 8", udp], ["<-", "mark 0", udp], ["->", "mark 0", udp]]],
  ["a mark with a packet that is dropped later", [["->", "", udp], ["<-", "drop", udp], ["->", "mark 9", udp]]],
  ["a mark with an INVALID packet", [["->", "mark 8", udp], ["->", "mark 9", { udp: { payload: 8, checksum: "bad" } }], ["->", "", udp]]],
  ["a mark with the RST that ends it", [["->", "mark 8", tcp("S", 1)], ["<-", "mark 9", tcp("RA", 0, 2)], ["->", "", tcp("S", 1)]]],
  ["a mark with the SYN that takes its place", [...closed, ["->", "mark 8", tcp("S", 90000)]]],
  ["the SYN that takes its place is dropped", [...closed, ["->", "drop", tcp("S", 90000)], ["->", "", tcp("S", 90000)]]],
  ["a label with the first packet is told with NEW", [["->", "label 64", udp], ["<-", "", udp], ["->", "label 64", udp]]],
  ["labels one after the other", [["->", "", tcp("S", 1)], ["<-", "label 0", tcp("SA", 1, 2)], ["->", "label 127", tcp("A", 2, 2)], ["<-", "label 0", tcp("A", 2, 2)]]],
  ["a label with a packet that is dropped later is told with the next", [["->", "", udp], ["->", "drop", udp], ["<-", "label 127", udp], ["<-", "", udp]]],
  ["a label with the RST that ends it", [["->", "label 0", tcp("S", 1)], ["<-", "label 64", tcp("RA", 0, 2)], ["->", "", tcp("S", 1)]]],
  ["a label with an INVALID packet", [["->", "label 0", udp], ["->", "label 64", { udp: { payload: 8, checksum: "bad" } }], ["->", "", udp]]],
  ["ASSURED is told with the next packet that gets through", [["->", "", tcp("S", 1)], ["<-", "", tcp("SA", 1, 2)], ["->", "drop", tcp("A", 2, 2)], ["<-", "", tcp("A", 2, 2)]]],
  ["udp, brief", [["->", "brief", udp], ["->", "", udp], ["<-", "", udp], ["->", "", udp]]],
  ["udp, the answer names the policy: too late", [["->", "", udp], ["<-", "brief", udp], ["->", "long", udp]]],
  ["tcp, long", [["->", "long", tcp("S", 1)], ["<-", "", tcp("SA", 1, 2)], ["->", "", tcp("A", 2, 2)], ["->", "", tcp("PA", 2, 2, 9)], ["<-", "", tcp("A", 2, 11)], ["->", "", tcp("FA", 11, 2)], ["<-", "", tcp("A", 2, 12)], ["<-", "", tcp("FA", 2, 12)], ["->", "", tcp("A", 12, 3)]]],
  ["tcp, brief, midstream", [["->", "brief", tcp("PA", 1, 1, 9)], ["<-", "", tcp("A", 1, 10)], ["<-", "", tcp("R", 1)]]],
  ["tcp, brief, sent again and again", [["->", "brief", tcp("S", 1)], ["->", "", tcp("S", 1)], ["->", "", tcp("S", 1)], ["->", "", tcp("S", 1)], ["->", "", tcp("S", 1)], ["->", "", tcp("S", 1)]]],
  ["gre, long", [["->", "long", gre], ["<-", "", gre], ["->", "", gre]]],
  ["sctp, brief", [["->", "brief", chunk(1, 0, 16)], ["<-", "", chunk(2, 0, 16)], ["->", "", chunk(10, 0)]]],
  ["a zone for the original direction, answered in none", [["->", "original 1", udp], ["<-", "", udp], ["->", "original 1", udp], ["->", "", udp]]],
  ["a zone for the original direction, answered in it", [["->", "original 1", udp], ["<-", "original 1", udp], ["<-", "zone 1", udp], ["->", "zone 1", udp]]],
  ["a zone for the reply, answered in it", [["->", "reply 1", udp], ["<-", "reply 1", udp], ["->", "", udp], ["<-", "zone 1", udp]]],
  ["a zone for the reply, answered in none", [["->", "reply 1", udp], ["<-", "", udp], ["->", "reply 1", udp], ["<-", "original 1", udp]]],
  ["a zone for the reply, answered in another", [["->", "reply 1", udp], ["<-", "reply 2", udp], ["<-", "zone 2", udp], ["->", "", udp]]],
  ["two zones for the original direction: the replies clash", [["->", "original 1", udp], ["->", "original 2", udp], ["<-", "", udp], ["->", "original 2", udp]]],
  ["none, then a zone for the original direction: the replies clash", [["->", "", udp], ["->", "original 1", udp], ["<-", "", udp], ["->", "original 1", udp]]],
  ["a zone for the original direction, then the answer opens one of both", [["->", "original 1", udp], ["<-", "zone 1", udp], ["->", "zone 1", udp]]],
  ["a zone for the reply, then the answer opens one of none", [["->", "reply 1", udp], ["<-", "", udp], ["->", "", udp]]],
  ["zones for either direction of one tuple", [["->", "original 1", udp], ["->", "reply 2", udp], ["<-", "reply 2", udp], ["<-", "zone 2", udp], ["<-", "", udp], ["->", "original 1", udp]]],
  ["tcp: a zone for the original direction", [["->", "original 1", tcp("S", 1)], ["<-", "", tcp("SA", 1, 2)], ["->", "original 1", tcp("A", 2, 2)], ["->", "", tcp("PA", 2, 2, 9)], ["<-", "", tcp("A", 2, 2)]]],
  ["tcp: two zones for the original direction: the second SYN is dropped", [["->", "original 1", tcp("S", 1)], ["->", "original 2", tcp("S", 9000)], ["<-", "", tcp("SA", 1, 2)], ["->", "original 2", tcp("A", 2, 2)], ["->", "original 1", tcp("A", 2, 2)]]],
  ["tcp: a zone for the reply, the answer elsewhere is dropped", [["->", "reply 1", tcp("S", 1)], ["<-", "", tcp("SA", 1, 2)], ["<-", "reply 1", tcp("SA", 1, 2)], ["->", "", tcp("A", 2, 2)]]],
  ["tcp: the same ports again in a zone for one direction", [...closed, ["->", "original 1", tcp("S", 90000)], ["->", "reply 1", tcp("S", 90000)], ["<-", "reply 1", tcp("SA", 1, 90001)]]],
  ["gre: two zones for the original direction", [["->", "original 1", gre], ["->", "original 2", gre], ["<-", "", gre], ["<-", "zone 2", gre]]],
  ["sctp: two zones for the original direction", [["->", "original 1", chunk(1, 0, 16)], ["->", "original 2", chunk(1, 0, 16)], ["<-", "", chunk(2, 0, 16)]]],
  ["icmp: two zones for the original direction", [["->", "original 1", { icmp: { type: 8, id: 1, payload: 8 } }], ["->", "original 2", { icmp: { type: 8, id: 1, payload: 8 } }]]],
  ["a protocol of its own kind: two zones for the original direction", [["->", "original 1", { protocol: 99, payload: 8 }], ["->", "original 2", { protocol: 99, payload: 8 }], ["<-", "", { protocol: 99, payload: 8 }]]],
  ["udp-lite: two zones for the original direction", [["->", "original 1", { udplite: { payload: 8 } }], ["->", "original 2", { udplite: { payload: 8 } }], ["<-", "", { udplite: { payload: 8 } }]]],
  ["a zone by mark: the mark of the end of the table", [["->", "original by mark 1", udp], ["<-", "", udp], ["->", "original 1", udp], ["<-", "zone 1", udp]]],
  ["a zone by mark, both directions", [["->", "by mark 2", udp], ["<-", "zone 2", udp], ["<-", "", udp]]],
  ["zone 0 for one direction", [["->", "reply by mark 0", udp], ["<-", "", udp], ["->", "", udp]]],
  ["a zone for one direction ends with its entry", [["->", "original 1", tcp("S", 1)], ["<-", "", tcp("RA", 0, 2)], ["->", "original 2", tcp("S", 1)], ["<-", "original 1", tcp("SA", 1, 2)]]],
  ["icmp knows no policy", [["->", "brief", { icmp: { type: 8, id: 1, payload: 8 } }], ["->", "", udp]]],
];

/** In IPv6 an echo request is another type. */
const forIPv6 = (row: FreeRow): FreeRow => (row.icmp ? { ...row, icmp: { ...row.icmp, type: 128 } } : row);

export function ruled(): Sequence[] {
  const sequences = CASES.flatMap(([name, rows]) => {
    const free = rows.map(
      ([dir, rule, fields]): FreeRow => ({ ms: 0, dir, tos: rule === "" ? 0 : dscpOf(rule) << 2, ...fields }),
    );
    const counted = { ...RULED, sysctls: { nf_conntrack_acct: 1 } };
    return [
      bothFamilies(`ruled: ${name}`, free, counted)[0],
      bothFamilies(`ruled: ${name}`, free.map(forIPv6), counted)[1],
    ];
  });
  const error = { ms: 0, dir: "<-", icmp: { type: 3, code: 3, quote: 0 } } as const;
  const [syn, synack, ack] = closed.slice(0, 3).map(([dir, , fields]): FreeRow => ({ ms: 0, dir, ...fields })) as [
    FreeRow,
    FreeRow,
    FreeRow,
  ];
  const untold = [syn, synack, { ...ack, tos: dscpOf("drop") << 2 }, error];
  return [...sequences, bothFamilies("ruled: ASSURED is told with an error", untold, RULED)[0]];
}
