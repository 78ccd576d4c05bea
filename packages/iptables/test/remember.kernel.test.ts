// What rules remember of addresses and connections, against the live kernel; in real time where time counts.
import { packet } from "../../conformance/src/packets.js";
import { type Duel, duels } from "./duel.js";
import { counting } from "./rulesets.js";

const B = "10.0.0.99";
const host = (n: number) => `10.0.0.${n}`;
const udp = (n: number, dport = 53, payload = 8, ttl = 64) =>
  packet({ src: host(n), dst: B, ttl, udp: { sport: 1000 + n, dport, payload } });
const tcp = (n: number, sport: number, flags: string, seq = 1, ack = 0) =>
  packet({ src: host(n), dst: B, tcp: { sport, dport: 80, flags, seq, ack } });
const answer = (n: number, sport: number, flags: string, seq = 1, ack = 0) =>
  packet({ src: B, dst: host(n), tcp: { sport: 80, dport: sport, flags, seq, ack } });
const udp6 = (n: number, dport = 53) =>
  packet({ src: `2001:db8:${n}::1`, dst: "2001:db8:ff::1", udp: { sport: 1000 + n, dport } });

const every = (count: number, seconds: number) => Array.from({ length: count }, (_, i) => i * seconds);
/** Packets that come together, far from the moments at which a rate lets another one pass. */
const TIMES = [0, 0, 0, 0, 0, 0, 0.13, 0.13, 0.33, 0.33, 0.33, 0.77, 0.77, 0.77, 0.77, 1.55, 1.55, 1.55, 1.55, 1.55];
const MIX = TIMES.map((_, i) => udp([1, 1, 2, 1, 3][i % 5] as number, i % 4 ? 53 : 123, (i % 4) * 100));

const HASHLIMITS = [
  "-m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 3 --hashlimit-mode srcip --hashlimit-name one",
  "-m hashlimit --hashlimit-above 5/sec --hashlimit-burst 2 --hashlimit-mode srcip,dstport --hashlimit-name two",
  "-m hashlimit --hashlimit-upto 10/sec --hashlimit-burst 1 --hashlimit-name three",
  "-m hashlimit --hashlimit-upto 1/min --hashlimit-burst 4 --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name four",
  "-m hashlimit --hashlimit-upto 2/sec --hashlimit-burst 2 --hashlimit-mode dstip,srcport --hashlimit-name five",
  "-m hashlimit --hashlimit-above 1kb/s --hashlimit-mode srcip --hashlimit-name six",
  "-m hashlimit --hashlimit-upto 2kb/s --hashlimit-burst 4kb --hashlimit-mode srcip --hashlimit-name seven",
  "-p udp -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 3 --hashlimit-mode srcip --hashlimit-name one",
];

const RECENTS = [
  "FORWARD -m recent --rcheck --name A",
  "FORWARD -m recent ! --rcheck --name A",
  "FORWARD -p udp -m udp --dport 123 -m recent --set --name A",
  "FORWARD -m recent --update --seconds 1 --hitcount 3 --name A",
  "FORWARD -m recent --set --name B --rdest",
  "FORWARD -m recent --rcheck --seconds 1 --hitcount 4 --name B --rdest",
  "FORWARD -m recent --update --seconds 1 --reap --name C",
  "FORWARD -s 10.0.0.1 -m recent --set --name C",
  "FORWARD -m recent --rcheck --name D --mask 255.255.255.0",
  "FORWARD -s 10.0.0.3 -m recent --set --name D --mask 255.255.255.0",
  "FORWARD -s 10.0.0.2 -m recent --remove --name D --mask 255.255.255.0",
  "FORWARD -m recent --rcheck --rttl --name E",
  "FORWARD -s 10.0.0.2 -m recent --set --name E",
  "FORWARD -m recent --rcheck --hitcount 20 --name B --rdest",
];

const CONNECTIONS: readonly Uint8Array[] = [
  ...[1, 2, 3].flatMap((port) => [tcp(1, port, "S"), answer(1, port, "SA", 1, 2), tcp(1, port, "A", 2, 2)]),
  tcp(2, 1, "S"),
  tcp(1, 4, "S"),
  tcp(1, 1, "R", 2, 2),
  tcp(1, 5, "S"),
  tcp(1, 6, "S"),
  tcp(2, 2, "S"),
  tcp(1, 2, "A", 2, 2),
  udp(1),
  udp(2),
  tcp(3, 9, "A", 5, 5),
];

const DUELS: readonly Duel[] = [
  { ...counting("hashlimit", HASHLIMITS), packets: MIX, times: TIMES },
  {
    ...counting("hashlimit of IPv6 and what has no ports", [
      "-m hashlimit --hashlimit-upto 1/min --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-srcmask 32 --hashlimit-name a",
      "-m hashlimit --hashlimit-upto 1/min --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-srcmask 48 --hashlimit-name b",
      "-m hashlimit --hashlimit-upto 1/min --hashlimit-burst 2 --hashlimit-mode dstport,srcip --hashlimit-name c",
    ]),
    family: 6,
    packets: [1, 1, 2, 3, 1, 2].flatMap((n) => [udp6(n), udp6(n, 5)]),
  },
  {
    name: "hashlimit with a table that is full",
    rules: [
      "FORWARD -m hashlimit --hashlimit-upto 1/min --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name x --hashlimit-htable-size 2 --hashlimit-htable-max 3",
      "FORWARD -p udp",
    ],
    packets: [1, 2, 3, 4, 5, 1, 2, 1].map((n) => udp(n)),
  },
  { name: "recent", rules: RECENTS, packets: MIX, times: TIMES },
  {
    name: "recent: an attacker is shut out, in FORWARD and PREROUTING",
    rules: [
      "FORWARD -p tcp -m tcp --syn -m recent --update --seconds 60 --hitcount 3 --rttl --name SSH -j DROP",
      "FORWARD -p tcp -m tcp --syn -m recent --set --name SSH -j ACCEPT",
    ],
    raw: ["PREROUTING -m recent --rcheck --rttl --name SSH"],
    packets: [...[1, 2, 3, 4, 5].flatMap((port) => [tcp(1, port, "S"), tcp(2, port, "S")]), tcp(3, 1, "S")],
  },
  {
    name: "recent: more than a hundred addresses",
    rules: ["FORWARD -m recent --rcheck --name Z", "FORWARD -m recent --set --name Z"],
    packets: [...Array.from({ length: 110 }, (_, i) => udp(i + 1)), udp(1), udp(50), udp(110), udp(12), udp(1)],
  },
  {
    ...counting("connlimit", [
      "-p tcp -m tcp --syn -m connlimit --connlimit-above 2",
      "-p tcp -m tcp --syn -m connlimit --connlimit-upto 2 --connlimit-mask 32 --connlimit-saddr",
      "-p tcp -m tcp --syn -m connlimit --connlimit-above 3 --connlimit-mask 0",
      "-p tcp -m tcp --syn -m connlimit --connlimit-above 4 --connlimit-daddr",
      "-m connlimit --connlimit-above 3",
    ]),
    packets: CONNECTIONS,
    times: every(CONNECTIONS.length, 0.03),
  },
  {
    name: "connlimit that drops",
    rules: [
      "FORWARD -p tcp -m tcp --syn -m connlimit --connlimit-above 2 -j DROP",
      "FORWARD -p tcp -m tcp --syn -m connlimit --connlimit-above 1 -j LOG",
    ],
    packets: CONNECTIONS,
    times: every(CONNECTIONS.length, 0.03),
  },
];

await duels("rules that remember, in the kernel", DUELS);
