// The historic walk-through: what /proc/net/ip_conntrack of Linux 2.4 showed, record by record, from packets through the
// engine to text. The second number of a record is what is left of its timer when it is read.
import { describe, expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import { Conntrack, formatLegacy } from "../../conntrack/src/index.js";
import { NS, START } from "./support/blocks.js";
import { BUILDS } from "./support/builds.js";

const tcp = (back: boolean, flags: string, seq: number, ack: number) => {
  const [src, dst, sport, dport] = back
    ? (["192.168.1.35", "192.168.1.5", 23, 1031] as const)
    : (["192.168.1.5", "192.168.1.35", 1031, 23] as const);
  return packet({ src, dst, tcp: { sport, dport, flags, seq, ack, win: 5840 } });
};
const udp = (back: boolean) =>
  back
    ? packet({ src: "192.168.1.5", dst: "192.168.1.2", udp: { sport: 1025, dport: 137, payload: 10 } })
    : packet({ src: "192.168.1.2", dst: "192.168.1.5", udp: { sport: 137, dport: 1025, payload: 10 } });
const icmp = (type: number, back = false) => {
  const [src, dst] = back ? (["192.168.1.10", "192.168.1.6"] as const) : (["192.168.1.6", "192.168.1.10"] as const);
  return packet({ src, dst, icmp: { type, id: 33029, seq: 1, payload: 56 } });
};

const TCP = "src=192.168.1.5 dst=192.168.1.35 sport=1031 dport=23";
const TCP_BACK = "src=192.168.1.35 dst=192.168.1.5 sport=23 dport=1031";
const UDP = "src=192.168.1.2 dst=192.168.1.5 sport=137 dport=1025";
const UDP_BACK = "src=192.168.1.5 dst=192.168.1.2 sport=1025 dport=137";

/** Seconds since the first packet, a packet or null when only time passes, the table then. */
type Row = readonly [seconds: number, packet: Uint8Array | null, table: readonly string[]];

// biome-ignore format: columns
const TELNET: readonly Row[] = [
  [0, tcp(false, "S", 100, 0),    [`tcp      6 120 SYN_SENT ${TCP} [UNREPLIED] ${TCP_BACK} use=1`]],
  [3, null,                       [`tcp      6 117 SYN_SENT ${TCP} [UNREPLIED] ${TCP_BACK} use=1`]],
  [4, tcp(true, "SA", 300, 101),  [`tcp      6 60 SYN_RECV ${TCP} ${TCP_BACK} use=1`]],
  [7, null,                       [`tcp      6 57 SYN_RECV ${TCP} ${TCP_BACK} use=1`]],
  [8, tcp(false, "A", 101, 301),  [`tcp      6 432000 ESTABLISHED ${TCP} ${TCP_BACK} use=1`]],
  [9, null,                       [`tcp      6 431999 ESTABLISHED ${TCP} ${TCP_BACK} use=1`]],
  [9, tcp(false, "PA", 101, 301), [`tcp      6 432000 ESTABLISHED ${TCP} ${TCP_BACK} [ASSURED] use=1`]],
];

// biome-ignore format: columns
const NETBIOS: readonly Row[] = [
  [ 0, udp(false), [`udp      17 30 ${UDP} [UNREPLIED] ${UDP_BACK} use=1`]],
  [10, null,       [`udp      17 20 ${UDP} [UNREPLIED] ${UDP_BACK} use=1`]],
  [11, udp(true),  [`udp      17 180 ${UDP} ${UDP_BACK} use=1`]],
  [31, null,       [`udp      17 160 ${UDP} ${UDP_BACK} use=1`]],
  [32, udp(false), [`udp      17 180 ${UDP} ${UDP_BACK} [ASSURED] use=1`]],
  [33, null,       [`udp      17 179 ${UDP} ${UDP_BACK} [ASSURED] use=1`]],
];

const ping = (type: number, left: number) =>
  `icmp     1 ${left} src=192.168.1.6 dst=192.168.1.10 type=${type} code=0 id=33029 [UNREPLIED] src=192.168.1.10 dst=192.168.1.6 type=${type === 8 ? 0 : type + 1} code=0 id=33029 use=1`;

/** The pairs of ICMP: the record is gone after the reply. */
const PAIRS = [
  { name: "echo", ask: 8, answer: 0 },
  { name: "timestamp", ask: 13, answer: 14 },
  { name: "information", ask: 15, answer: 16 },
  { name: "address mask", ask: 17, answer: 18 },
];

describe.each(BUILDS)("linux-2.4, $name build", ({ wasm }) => {
  function replay(rows: readonly Row[]): void {
    const engine = Conntrack.openSync(wasm, { max: 10, seed: 1, profile: "linux-2.4" });
    for (const [seconds, data, table] of rows) {
      const time = START + BigInt(seconds) * NS;
      if (data === null) engine.advance(time);
      else engine.track({ time, data });
      expect(engine.flows().map((flow) => formatLegacy(flow))).toEqual(table);
    }
  }

  test("telnet: a TCP handshake", () => replay(TELNET));
  test("NetBIOS: UDP request, reply, stream", () => replay(NETBIOS));
  test.each(PAIRS)("ICMP $name", ({ ask, answer }) => {
    replay([
      [0, icmp(ask), [ping(ask, 30)]],
      [5, null, [ping(ask, 25)]],
      [6, icmp(answer, true), []],
    ]);
  });
});
