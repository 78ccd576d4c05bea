// What rules give connections: zones, marks, labels, timeout policies; and packets rules keep from them.

import { packet } from "../../packets.js";
import { ruled } from "../../sequences/ruled.js";
import { flush, type OutputScript, read, send, sendAll } from "../script.js";

const udp = (dscp: number, sport: number, dport: number, family: 4 | 6 = 4) =>
  packet({
    src: family === 4 ? "10.0.0.1" : "2001:db8::1",
    dst: family === 4 ? "10.0.0.2" : "2001:db8::2",
    tos: dscp << 2,
    udp: { sport, dport, payload: 8 },
  });

const answer = (dscp: number, sport: number, dport: number) =>
  packet({ src: "10.0.0.2", dst: "10.0.0.1", tos: dscp << 2, udp: { sport: dport, dport: sport, payload: 8 } });

const FULL = { nf_conntrack_acct: 1, nf_conntrack_timestamp: 1 };
const ZONES = [0, 1, 2, 3];
/** Of one direction: original 1, reply 1, original by mark 1, reply by mark 0. */
const ONE_WAY = [4, 6, 22, 24];
const MARKS = [8, 9, 10, 11, 12, 13, 14];
const LABELS = [16, 17, 18];

export function rules(): OutputScript[] {
  const zoned = ZONES.flatMap((zone) => [udp(zone, 1000, 53), udp(zone, 1001, 53, 6), answer(zone, 1000, 53)]);
  const oneWay = ONE_WAY.flatMap((zone) => [
    udp(zone, 1100 + zone, 53),
    udp(zone, 1100 + zone, 53, 6),
    answer(0, 1100 + zone, 53),
  ]);
  const marked = [
    ...MARKS.map((dscp) => udp(dscp, 1000 + dscp, 53)),
    ...MARKS.flatMap((dscp) => MARKS.map((other) => answer(other, 1000 + dscp, 53))),
  ];
  const labelled = [
    ...LABELS.map((dscp) => udp(dscp, 1000 + dscp, 53)),
    ...LABELS.flatMap((dscp) => LABELS.map((other) => answer(other, 1000 + dscp, 53))),
    udp(17, 1020, 53, 6),
  ];
  return [
    { name: "zones", steps: [send(zoned), read, flush], ruled: true },
    { name: "zones: counted and timed", steps: [send(zoned), read, flush], ruled: true, sysctls: FULL },
    { name: "zones for one direction", steps: [send(oneWay), read, flush], ruled: true, sysctls: FULL },
    { name: "marks", steps: [send(marked), read, flush], ruled: true },
    { name: "labels without names", steps: [send(labelled), read, flush], ruled: true },
    {
      name: "labels with names",
      steps: [send(labelled), read, flush],
      ruled: true,
      labels: { 0: "zero", 127: "last" },
    },
    { name: "marks, policies, drops", steps: [sendAll(ruled()), read, flush], ruled: true, sysctls: FULL },
  ];
}
