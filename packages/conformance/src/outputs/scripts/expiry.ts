// The end by time: the kernel tells it when it next comes by, here when the table is read.

import { packet } from "../../packets.js";
import { handshake, sequence } from "../../sequence.js";
import { type OutputScript, read, send, sendAll, waitUntil } from "../script.js";

const FULL = { nf_conntrack_acct: 1, nf_conntrack_timestamp: 1 };
const once = (sport: number) => packet({ src: "10.0.0.1", dst: "10.0.0.2", udp: { sport, dport: 53, payload: 8 } });

export const expiry = (): OutputScript[] => [
  {
    name: "expired: udp",
    steps: [send([once(1)]), waitUntil(1500), read, send([once(1)], 3000), waitUntil(4500), read],
    sysctls: { nf_conntrack_udp_timeout: 1 },
  },
  {
    name: "expired: udp, counted and timed",
    steps: [send([once(1), once(1)]), waitUntil(1500), read],
    sysctls: { nf_conntrack_udp_timeout: 1, ...FULL },
  },
  {
    name: "expired: udp, found by the next packet",
    steps: [send([once(1)]), send([once(1)], 1500), read],
    sysctls: { nf_conntrack_udp_timeout: 1, ...FULL },
  },
  {
    name: "expired: tcp",
    steps: [sendAll([sequence("open", handshake())]), waitUntil(1500), read],
    sysctls: { nf_conntrack_tcp_timeout_established: 1, ...FULL },
  },
  {
    name: "expired: icmp",
    steps: [
      send([packet({ src: "10.0.0.1", dst: "10.0.0.2", icmp: { type: 8, id: 9, payload: 8 } })]),
      waitUntil(1500),
      read,
    ],
    sysctls: { nf_conntrack_icmp_timeout: 1 },
  },
];
