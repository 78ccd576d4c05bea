// Everything without states, and SCTP: queries with and without answers, streams, every protocol the kernel names.

import { type PacketFields, packet } from "../../packets.js";
import { sequence } from "../../sequence.js";
import { icmpErrors } from "../../sequences/icmp.js";
import { STATES as SCTP_STATES } from "../../sequences/sctp.js";
import { flush, type OutputScript, read, send, sendAll, waitUntil } from "../script.js";

const HOSTS = { 4: ["10.0.0.1", "10.0.0.2"], 6: ["2001:db8::1", "2001:db8::2"] } as const;
type Family = keyof typeof HOSTS;

const there = (family: Family, fields: Partial<PacketFields>) =>
  packet({ src: HOSTS[family][0], dst: HOSTS[family][1], ...fields });
const back = (family: Family, fields: Partial<PacketFields>) =>
  packet({ src: HOSTS[family][1], dst: HOSTS[family][0], ...fields });

const udp = (sport: number, dport: number) => ({ udp: { sport, dport, payload: 8 } });
const lite = (sport: number, dport: number) => ({ udplite: { sport, dport, payload: 8, pseudo: 17 } });

/** Asked; asked and answered; asked, answered and gone on with. */
function exchanges(family: Family, make: (sport: number, dport: number) => Partial<PacketFields>, from = 3000) {
  return [0, 1, 2].flatMap((more) => {
    const ask = there(family, make(from + more, 53));
    const answer = back(family, make(53, from + more));
    return [ask, ...(more > 0 ? [answer] : []), ...(more > 1 ? [ask, answer] : [])];
  });
}

const ICMP_QUERIES = [
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
] as const;
const ICMPV6_QUERIES = [
  [128, 129],
  [139, 140],
] as const;

function queries(family: Family): Uint8Array[] {
  const name = family === 4 ? "icmp" : "icmpv6";
  return (family === 4 ? ICMP_QUERIES : ICMPV6_QUERIES).flatMap(([ask, answer], i) => [
    there(family, { [name]: { type: ask, id: 100 + i, payload: 8 } }),
    back(family, { [name]: { type: answer, id: 100 + i, payload: 8 } }),
    there(family, { [name]: { type: ask, id: 200 + i, payload: 8 } }),
    there(family, { [name]: { type: ask, id: 65535, code: 1, payload: 8 } }),
  ]);
}

/** GRE with and without key, and what has no tracker: DCCP, ESP, OSPF, IP in IP, AH, and a number nobody has. */
function others(family: Family): Uint8Array[] {
  const some = [
    { gre: { payload: 8 } },
    { gre: { payload: 8, key: 7 } },
    { gre: { payload: 8, version: 1 as const, callId: 9 } },
    ...[33, 50, 89, 4, 51, 94, 112, 253, 255].map((protocol) => ({ protocol, payload: 24 })),
  ];
  return [...some.map((fields) => there(family, fields)), ...some.slice(0, 6).map((fields) => back(family, fields))];
}

/** Addresses /proc, the tool and RFC 5952 write in different ways. */
const ODD_ADDRESSES = [
  ["::1:2", "::ffff:10.0.0.9"],
  ["::a00:1", "2001:0:0:1::"],
  ["2001:db8:0:1:1:1:1:1", "2001:0:0:1:0:0:0:1"],
  ["1::", "::1:0:0:0:0"],
  ["fe80::1", "ff02::1:2"],
] as const;

const sctpStates = (family: Family) =>
  SCTP_STATES.map(([name, rows], i) => sequence(name, rows, { family, a: { port: 4000 + i } }));

export function datagrams(): OutputScript[] {
  const full = { nf_conntrack_acct: 1, nf_conntrack_timestamp: 1 };
  const families = [4, 6] as const;
  const two = <T>(make: (family: Family) => readonly T[]) => families.flatMap(make);
  return [
    {
      name: "udp: asked, answered, streaming",
      steps: [
        send(two((family) => exchanges(family, udp))),
        read,
        send(
          two((family) => exchanges(family, udp)),
          2300,
        ),
        read,
        flush,
      ],
    },
    {
      name: "udp: counted and timed",
      steps: [
        send(two((family) => exchanges(family, udp))),
        read,
        send(
          two((family) => exchanges(family, udp, 3001)),
          2300,
        ),
        waitUntil(2700),
        read,
        flush,
      ],
      sysctls: full,
    },
    {
      name: "udp-lite",
      steps: [send(two((family) => exchanges(family, lite))), read],
      sysctls: { nf_conntrack_acct: 1 },
    },
    { name: "icmp and icmpv6: queries", steps: [send(two(queries)), read, flush] },
    { name: "icmp and icmpv6: counted and timed", steps: [send(two(queries)), read, flush], sysctls: full },
    {
      name: "icmp and icmpv6: errors about others",
      steps: [sendAll(icmpErrors().filter((_, i) => i % 60 === 0)), read],
    },
    { name: "gre, dccp, esp and others", steps: [send(two(others)), read, flush] },
    { name: "gre, dccp, esp and others: counted and timed", steps: [send(two(others)), read, flush], sysctls: full },
    { name: "sctp: every state", steps: [sendAll(sctpStates(4)), read, flush] },
    { name: "sctp: every state, IPv6, counted and timed", steps: [sendAll(sctpStates(6)), read, flush], sysctls: full },
    {
      name: "addresses",
      steps: [
        send(ODD_ADDRESSES.map(([src, dst]) => packet({ src, dst, udp: { sport: 1, dport: 65535, payload: 4 } }))),
        read,
        flush,
      ],
    },
  ];
}
