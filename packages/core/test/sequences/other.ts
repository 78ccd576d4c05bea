// UDP, ICMP and the rest as the kernel tracked them (Linux 6.18.44).
//
// ms, packet, state seen ("/r": reply direction; "" when none: it waits), the table afterwards: protocol, seconds left,
// original direction, unreplied, assured. A row with null lets time pass.
import { fragments, packet } from "../../../conformance/src/packets.js";

const A = "10.0.1.2";
const B = "10.0.2.2";
/** A router on B's side. */
const R = "10.0.2.99";

export type Step = readonly [ms: number, packet: Uint8Array | null, state: string, table: string];
export type Sequence = readonly [name: string, steps: readonly Step[], sysctls?: Readonly<Record<string, number>>];

const udp = (fields = {}, network = {}) =>
  packet({ src: A, dst: B, ...network, udp: { sport: 1000, dport: 53, payload: 1, ...fields } });
const udpBack = (fields = {}) => packet({ src: B, dst: A, udp: { sport: 53, dport: 1000, payload: 1, ...fields } });
const icmp = (src: string, dst: string, fields: object) => packet({ src, dst, icmp: { type: 8, ...fields } });
const ping = (src: string, dst: string, id: number, seq = 1) => icmp(src, dst, { id, seq, payload: 8 });
const pong = (src: string, dst: string, id: number, seq = 1) => icmp(src, dst, { type: 0, id, seq, payload: 8 });
const error = (src: string, dst: string, type: number, code: number, quote: Uint8Array, more = {}) =>
  icmp(src, dst, { type, code, quote, ...more });
const other = (src: string, dst: string) => packet({ src, dst, protocol: 99, payload: 8 });
const gre = (src: string, dst: string, fields = {}) => packet({ src, dst, gre: { payload: 8, ...fields } });
const UNREACHABLE = error(R, A, 3, 3, udp());
const [first, last] = fragments(udp({ payload: 40 }), [24], 7) as [Uint8Array, Uint8Array];

const NEW = "udp 30 A:1000>B:53 unreplied";

// biome-ignore format: columns
export const OTHER_SEQUENCES: readonly Sequence[] = [
  ["V66 UDP request and reply", [
    [   0, udp(),     "NEW",           NEW],
    [   1, udpBack(), "ESTABLISHED/r", "udp 30 A:1000>B:53"],
    [   2, udp(),     "ESTABLISHED",   "udp 30 A:1000>B:53"],
  ]],
  ["V67 UDP becomes a stream with a packet more than two seconds after the first", [
    [   0, udp(),     "NEW",           NEW],
    [   1, udpBack(), "ESTABLISHED/r", "udp 30 A:1000>B:53"],
    [1500, null,      "",              "udp 28 A:1000>B:53"],
    [1501, udp(),     "ESTABLISHED",   "udp 30 A:1000>B:53"],
    [2300, null,      "",              "udp 29 A:1000>B:53"],
    [2301, udpBack(), "ESTABLISHED/r", "udp 120 A:1000>B:53 assured"],
  ]],
  ["V68 a first UDP reply after more than two seconds does not assure, the next packet does", [
    [   0, udp(),     "NEW",           NEW],
    [2300, null,      "",              "udp 27 A:1000>B:53 unreplied"],
    [2301, udpBack(), "ESTABLISHED/r", "udp 30 A:1000>B:53"],
    [2302, udpBack(), "ESTABLISHED/r", "udp 120 A:1000>B:53 assured"],
  ]],
  ["V69 UDP in one direction stays NEW", [
    [   0, udp(),     "NEW",           NEW],
    [2300, null,      "",              "udp 27 A:1000>B:53 unreplied"],
    [2301, udp(),     "NEW",           NEW],
    [2302, udp(),     "NEW",           NEW],
  ]],
  ["V70 a UDP reply after expiry opens an entry the other way round", [
    [   0, udp(),     "NEW",           "udp 1 A:1000>B:53 unreplied"],
    [1500, null,      "",              "-"],
    [1501, udpBack(), "NEW",           "udp 1 B:53>A:1000 unreplied"],
  ], { nf_conntrack_udp_timeout: 1 }],
  ["V71 a wrong UDP checksum is INVALID and renews nothing", [
    [   0, udp(),     "NEW",           NEW],
    [2000, null,      "",              "udp 27 A:1000>B:53 unreplied"],
    [2001, udp({ checksum: "bad" }), "INVALID", "udp 27 A:1000>B:53 unreplied"],
  ]],
  ["V72 UDP without checksum; a length field too large; one below 8", [
    [   0, udp({ checksum: 0 }),              "NEW",     NEW],
    [   1, udp({ sport: 1001, length: 100 }), "INVALID", NEW],
    [   2, udp({ sport: 1002, length: 7 }),   "INVALID", NEW],
  ]],
  ["V73 ping", [
    [   0, ping(A, B, 7),    "NEW",           "icmp 30 A>B unreplied"],
    [   1, pong(B, A, 7),    "ESTABLISHED/r", "icmp 30 A>B"],
    [2000, null,             "",              "icmp 28 A>B"],
    [2001, ping(A, B, 7, 2), "ESTABLISHED",   "icmp 30 A>B"],
    [2002, pong(B, A, 7),    "ESTABLISHED/r", "icmp 30 A>B"],
  ]],
  ["V74 a reply to another ping, and one nobody asked for", [
    [   0, ping(A, B, 7), "NEW",     "icmp 30 A>B unreplied"],
    [   1, pong(B, A, 8), "INVALID", "icmp 30 A>B unreplied"],
    [   2, pong(A, B, 7), "INVALID", "icmp 30 A>B unreplied"],
  ]],
  ["V75 both hosts ping with the same id: two entries", [
    [   0, ping(A, B, 7), "NEW",           "icmp 30 A>B unreplied"],
    [   1, ping(B, A, 7), "NEW",           "icmp 30 A>B unreplied; icmp 30 B>A unreplied"],
    [   2, pong(B, A, 7), "ESTABLISHED/r", "icmp 30 A>B; icmp 30 B>A unreplied"],
  ]],
  ["V76 timestamp, information and address mask requests open entries; others do not", [
    [   0, icmp(A, B, { type: 13, id: 1 }), "NEW",     "icmp 30 A>B unreplied"],
    [   1, icmp(A, B, { type: 15, id: 1 }), "NEW",     "icmp 30 A>B unreplied; icmp 30 A>B unreplied"],
    [   2, icmp(A, B, { type: 17, id: 1 }), "NEW",     "icmp 30 A>B unreplied; icmp 30 A>B unreplied; icmp 30 A>B unreplied"],
    [   3, icmp(A, B, { type: 10 }),        "INVALID", "icmp 30 A>B unreplied; icmp 30 A>B unreplied; icmp 30 A>B unreplied"],
    [   4, icmp(A, B, { type: 42 }),        "INVALID", "icmp 30 A>B unreplied; icmp 30 A>B unreplied; icmp 30 A>B unreplied"],
  ]],
  ["V77 port unreachable: RELATED, the entry is not touched", [
    [   0, udp(),                     "NEW",       NEW],
    [2000, null,                      "",          "udp 28 A:1000>B:53 unreplied"],
    [2001, error(B, A, 3, 3, udp()),  "RELATED/r", "udp 28 A:1000>B:53 unreplied"],
    [2002, udp(),                     "NEW",       NEW],
  ]],
  ["V78 time exceeded, from a router on the way", [
    [   0, udp(),                     "NEW",       NEW],
    [   1, error(R, A, 11, 0, udp()), "RELATED/r", NEW],
  ]],
  ["V79 an error to another host than the one whose packet it quotes", [
    [   0, udp(),                              "NEW",     NEW],
    [   1, error(R, "10.0.1.50", 3, 3, udp()), "INVALID", NEW],
  ]],
  ["V80 an error about an unknown flow", [
    [   0, udp(),                                  "NEW",     NEW],
    [   1, error(R, A, 3, 3, udp({ sport: 1001 })), "INVALID", NEW],
  ]],
  ["V81 an error that quotes four bytes of transport, and one with three", [
    [   0, udp(),                                         "NEW",       NEW],
    [   1, error(R, A, 3, 3, udp(), { quoteLength: 24 }), "RELATED/r", NEW],
    [   2, error(R, A, 3, 3, udp(), { quoteLength: 23 }), "INVALID",   NEW],
  ]],
  ["V82 an error about a fragment that is not the first", [
    [   0, udp(),                                                              "NEW",     NEW],
    [   1, error(R, A, 11, 1, udp({}, { fragment: { offset: 40, more: false } })), "INVALID", NEW],
  ]],
  ["V83 an error in the original direction", [
    [   0, udp(),                        "NEW",           NEW],
    [   1, udpBack(),                    "ESTABLISHED/r", "udp 30 A:1000>B:53"],
    [   2, error(A, B, 3, 3, udpBack()), "RELATED",       "udp 30 A:1000>B:53"],
  ]],
  ["V84 a redirect is RELATED", [
    [   0, udp(),                    "NEW",       NEW],
    [   1, error(R, A, 5, 1, udp()), "RELATED/r", NEW],
  ]],
  ["V85 wrong ICMP checksums", [
    [   0, udp(),                                         "NEW",     NEW],
    [   1, error(R, A, 3, 3, udp(), { checksum: "bad" }), "INVALID", NEW],
    [   2, icmp(A, B, { id: 1, checksum: "bad" }),        "INVALID", NEW],
  ]],
  ["V86 an error about an error", [
    [   0, udp(),                         "NEW",       NEW],
    [   1, UNREACHABLE,                   "RELATED/r", NEW],
    [   2, error(A, R, 3, 1, UNREACHABLE), "INVALID",  NEW],
  ]],
  ["V87 a protocol without a tracker", [
    [   0, other(A, B), "NEW",           "unknown 600 A>B unreplied"],
    [   1, other(B, A), "ESTABLISHED/r", "unknown 600 A>B"],
    [   2, other(A, B), "ESTABLISHED",   "unknown 600 A>B"],
  ]],
  ["V88 GRE version 0", [
    [   0, gre(A, B),             "NEW",           "gre 30 A>B unreplied"],
    [   1, gre(B, A),             "ESTABLISHED/r", "gre 30 A>B"],
    [   2, gre(A, B, { key: 99 }), "ESTABLISHED",  "gre 180 A>B assured"],
  ]],
  ["V89 GRE version 1 without the PPTP helper: an entry per direction", [
    [   0, gre(A, B, { version: 1, callId: 5 }), "NEW", "gre 30 A>B unreplied"],
    [   1, gre(B, A, { version: 1, callId: 6 }), "NEW", "gre 30 A>B unreplied; gre 30 B>A unreplied"],
  ]],
  ["V90 a datagram in two fragments is decided as a whole", [
    [   0, first, "",    "-"],
    [   1, last,  "NEW", NEW],
  ]],
];
