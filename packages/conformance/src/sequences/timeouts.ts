// Time: every timeout shortened to a few seconds and waited for, what renews it and what does not. These sequences run in
// real time before the kernel, in no time before the engine. Rows keep half a second away from every deadline.

import { sctpInit } from "../packets.js";
import { bothFamilies, type FreeRow, type Row, type Sequence, sequence, type TcpRow } from "../sequence.js";

type Case = readonly [name: string, sysctls: Record<string, number>, rows: readonly Row[]];

const udp = (ms: number, dir: "->" | "<-"): FreeRow => ({ ms, dir, udp: { payload: 8 } });
const other = (ms: number, dir: "->" | "<-"): FreeRow => ({ ms, dir, protocol: 99, payload: 8 });
const gre = (ms: number, dir: "->" | "<-"): FreeRow => ({ ms, dir, gre: { payload: 8 } });
const open = (ms = 0): TcpRow[] => [
  [ms, "->", "S", 100, 0, 0],
  [ms + 1, "<-", "SA", 500, 101, 0],
  [ms + 2, "->", "A", 101, 501, 0],
];
const close = (ms: number): TcpRow[] => [
  [ms, "->", "FA", 101, 501, 0],
  [ms + 1, "<-", "A", 501, 102, 0],
  [ms + 2, "<-", "FA", 501, 102, 0],
  [ms + 3, "->", "A", 102, 502, 0],
];
const probe = (ms: number): TcpRow => [ms, "->", "S", 900_000, 0, 0];
const t = (name: string, seconds: number) => ({ [`nf_conntrack_${name}`]: seconds });

// biome-ignore format: columns
const CASES: readonly Case[] = [
  ["udp, unreplied", t("udp_timeout", 1), [udp(0, "->"), udp(1600, "<-"), udp(1601, "->")]],
  ["udp, renewed by every packet", t("udp_timeout", 2), [udp(0, "->"), udp(1300, "->"), udp(2600, "->"), udp(3900, "<-")]],
  ["udp, stream after two seconds", { ...t("udp_timeout", 2), ...t("udp_timeout_stream", 1) }, [udp(0, "->"), udp(1, "<-"), udp(1200, "->"), udp(2500, "<-"), udp(2501, "->"), udp(4100, "<-")]],
  ["udp, not ASSURED before two seconds", t("udp_timeout", 2), [udp(0, "->"), udp(1, "<-"), udp(1400, "->"), udp(1401, "<-")]],
  ["udp, errors do not renew", t("udp_timeout", 2), [udp(0, "->"), { ms: 1400, dir: "<-", icmp: { type: 3, code: 3, quote: 0 } }, udp(2600, "<-")]],
  ["udp, an INVALID packet does not renew", t("udp_timeout", 2), [udp(0, "->"), { ms: 1400, dir: "->", udp: { payload: 8, checksum: "bad" } }, udp(2600, "<-")]],
  ["generic", t("generic_timeout", 1), [other(0, "->"), other(300, "<-"), other(700, "->"), other(2400, "<-")]],
  ["gre", { ...t("gre_timeout", 1), ...t("gre_timeout_stream", 3) }, [gre(0, "->"), gre(1600, "->"), gre(1700, "<-"), gre(3200, "->"), gre(3900, "<-")]],
  ["icmp", t("icmp_timeout", 1), [{ ms: 0, icmp: { type: 8, id: 1, payload: 8 } }, { ms: 500, dir: "<-", icmp: { type: 0, id: 1, payload: 8 } }, { ms: 2200, dir: "<-", icmp: { type: 0, id: 1, payload: 8 } }]],
  ["tcp SYN_SENT", t("tcp_timeout_syn_sent", 2), [[0, "->", "S", 100, 0, 0], [1200, "->", "S", 100, 0, 0], [2600, "<-", "SA", 500, 101, 0]]],
  ["tcp SYN_RECV", t("tcp_timeout_syn_recv", 1), [...open().slice(0, 2), [1600, "->", "A", 101, 501, 0], [1601, "->", "PA", 101, 501, 5]]],
  ["tcp ESTABLISHED", { ...t("tcp_timeout_established", 1), ...t("tcp_loose", 0) }, [...open(), [600, "->", "A", 101, 501, 0], [1200, "<-", "A", 501, 101, 0], [2800, "->", "A", 101, 501, 0]]],
  ["tcp unacknowledged", { ...t("tcp_timeout_unacknowledged", 1), ...t("tcp_loose", 0) }, [...open(), [10, "->", "PA", 101, 501, 10], [1600, "<-", "A", 501, 111, 0]]],
  ["tcp acknowledged in time", { ...t("tcp_timeout_unacknowledged", 1), ...t("tcp_loose", 0) }, [...open(), [10, "->", "PA", 101, 501, 10], [400, "<-", "A", 501, 111, 0], [2100, "->", "PA", 111, 501, 10]]],
  ["tcp max retrans", { ...t("tcp_timeout_max_retrans", 1), ...t("tcp_timeout_unacknowledged", 100), ...t("tcp_loose", 0) }, [...open(), ...[10, 20, 30, 40, 50].map((ms): TcpRow => [ms, "->", "PA", 101, 501, 10]), [1700, "<-", "A", 501, 111, 0]]],
  ["tcp FIN_WAIT", { ...t("tcp_timeout_fin_wait", 1), ...t("tcp_loose", 0) }, [...open(), ...close(10).slice(0, 1), [1700, "<-", "A", 501, 102, 0]]],
  ["tcp CLOSE_WAIT", { ...t("tcp_timeout_close_wait", 1), ...t("tcp_loose", 0) }, [...open(), ...close(10).slice(0, 2), [1700, "<-", "FA", 501, 102, 0]]],
  ["tcp LAST_ACK", { ...t("tcp_timeout_last_ack", 1), ...t("tcp_loose", 0) }, [...open(), ...close(10).slice(0, 3), [1700, "->", "A", 102, 502, 0]]],
  ["tcp TIME_WAIT", { ...t("tcp_timeout_time_wait", 1), ...t("tcp_loose", 0) }, [...open(), ...close(10), [500, "->", "A", 102, 502, 0], [2300, "<-", "A", 502, 102, 0]]],
  ["tcp CLOSE", { ...t("tcp_timeout_close", 1), ...t("tcp_loose", 0) }, [...open(), [10, "->", "R", 101, 0, 0], [500, "->", "A", 101, 501, 0], [1800, "<-", "A", 501, 101, 0], probe(1801)]],
  ["tcp CLOSE, new SYN in time", t("tcp_timeout_close", 2), [...open(), [10, "->", "R", 101, 0, 0], probe(1200), [2800, "<-", "SA", 7000, 900_001, 0]]],
  ["tcp SYN_SENT2", t("tcp_timeout_syn_sent", 1), [[0, "->", "S", 100, 0, 0], [10, "<-", "S", 500, 0, 0], [1700, "->", "SA", 100, 501, 0]]],
  ["tcp SYN_SENT2 has a timeout of its own", t("tcp_timeout_syn_sent", 2), [[0, "->", "S", 100, 0, 0], [10, "<-", "S", 500, 0, 0], [20, "<-", "S", 500, 0, 0], [3000, "->", "SA", 100, 501, 0]]],
  ["tcp SYN_SENT2 is cut by max retrans", { ...t("tcp_timeout_syn_sent", 2), ...t("tcp_timeout_max_retrans", 1) }, [[0, "->", "S", 100, 0, 0], [10, "<-", "S", 500, 0, 0], [20, "<-", "S", 500, 0, 0], [1700, "->", "SA", 100, 501, 0]]],
  ["tcp picked up", { ...t("tcp_timeout_unacknowledged", 1) }, [[0, "->", "A", 5000, 9000, 10], [500, "->", "A", 5010, 9000, 10], [2100, "<-", "A", 9000, 5020, 0], [2101, "->", "A", 5020, 9000, 0]]],
  ["tcp timeout changed in between", { ...t("tcp_timeout_syn_sent", 3), ...t("tcp_timeout_syn_recv", 1) }, [[0, "->", "S", 100, 0, 0], [2400, "<-", "SA", 500, 101, 0], [4000, "->", "A", 101, 501, 0]]],
];

const A = 0x11111111;
const B = 0x22222222;
const chunk = (
  ms: number,
  dir: "->" | "<-",
  vtag: number,
  type: number,
  body: Uint8Array = new Uint8Array(8),
): FreeRow => ({ ms, dir, sctp: { vtag, chunks: [{ type, body }] } });
const associate = [
  chunk(0, "->", 0, 1, sctpInit(A)),
  chunk(1, "<-", A, 2, sctpInit(B)),
  chunk(2, "->", B, 10),
  chunk(3, "<-", A, 11),
];

// biome-ignore format: columns
const SCTP: readonly Case[] = [
  ["sctp CLOSED", t("sctp_timeout_closed", 1), [...associate.slice(0, 1), chunk(1600, "<-", A, 2, sctpInit(B))]],
  ["sctp COOKIE_WAIT", t("sctp_timeout_cookie_wait", 1), [...associate.slice(0, 2), chunk(1700, "->", B, 10)]],
  ["sctp COOKIE_ECHOED", t("sctp_timeout_cookie_echoed", 1), [...associate.slice(0, 3), chunk(1700, "<-", A, 11)]],
  ["sctp ESTABLISHED", t("sctp_timeout_established", 1), [...associate, chunk(600, "->", B, 0), chunk(1200, "<-", A, 3), chunk(2800, "->", B, 0)]],
  ["sctp SHUTDOWN_SENT", t("sctp_timeout_shutdown_sent", 1), [...associate, chunk(10, "->", B, 7), chunk(1700, "<-", A, 8)]],
  ["sctp SHUTDOWN_RECD", t("sctp_timeout_shutdown_recd", 1), [...associate, chunk(10, "<-", A, 7), chunk(1700, "->", B, 8)]],
  ["sctp SHUTDOWN_ACK_SENT", t("sctp_timeout_shutdown_ack_sent", 1), [...associate, chunk(10, "->", B, 7), chunk(20, "<-", A, 8), chunk(1700, "->", B, 14)]],
  ["sctp HEARTBEAT_SENT", t("sctp_timeout_heartbeat_sent", 1), [chunk(0, "->", B, 4), chunk(500, "->", B, 4), chunk(2100, "<-", A, 5)]],
  ["sctp HEARTBEAT_SENT answered", t("sctp_timeout_heartbeat_sent", 1), [chunk(0, "->", B, 4), chunk(400, "<-", A, 5), chunk(2000, "->", B, 0)]],
];

export function timeouts(): Sequence[] {
  const sequences = [...CASES, ...SCTP].flatMap(([name, sysctls, rows]) =>
    name === "icmp"
      ? [sequence(`timeout: ${name}`, rows, { realtime: true, sysctls })]
      : bothFamilies(`timeout: ${name}`, rows, { realtime: true, sysctls }),
  );
  const icmpv6: Row[] = [
    { ms: 0, icmp: { type: 128, id: 1, payload: 8 } },
    { ms: 500, dir: "<-", icmp: { type: 129, id: 1, payload: 8 } },
    { ms: 2200, dir: "<-", icmp: { type: 129, id: 1, payload: 8 } },
  ];
  return [
    ...sequences,
    sequence("timeout: icmpv6-v6", icmpv6, { realtime: true, family: 6, sysctls: t("icmpv6_timeout", 1) }),
  ];
}
