// Packets for rulesets to judge.
import { type PacketFields, packet } from "../../conformance/src/packets.js";

const [A, B] = ["10.0.0.1", "10.0.0.2"];
type Fields = Omit<PacketFields, "src" | "dst">;
const there = (fields: Fields): Uint8Array => packet({ src: A, dst: B, ...fields });
const back = (fields: Fields): Uint8Array => packet({ src: B, dst: A, ...fields });
const tcp = (
  sport: number,
  dport: number,
  flags: string,
  seq: number,
  ack: number,
  payload: number | string = 0,
  options = "",
) => ({
  tcp: { sport, dport, flags, seq, ack, payload, options },
});
const udp = (sport: number, dport: number, payload = 8) => ({ udp: { sport, dport, payload } });

/** An FTP session in which the client announces where the server may connect to, and the server does. */
const PORT = "PORT 10,0,0,1,4,100\r\n";
const FTP: readonly Uint8Array[] = [
  there(tcp(1040, 21, "S", 100, 0)),
  back(tcp(21, 1040, "SA", 500, 101)),
  there(tcp(1040, 21, "A", 101, 501)),
  there(tcp(1040, 21, "PA", 101, 501, "NOOP\r\n")),
  there(tcp(1040, 21, "PA", 107, 501, PORT)),
  back(tcp(20, 1124, "S", 900, 0)),
  there(tcp(1124, 20, "SA", 700, 901)),
  back(tcp(20, 1124, "A", 901, 701)),
  back(tcp(20, 1125, "S", 900, 0)),
];

/** What the helper drops: half a command, and an announcement somebody else made already. */
export const REFUSED: readonly Uint8Array[] = [
  ...FTP.slice(0, 4),
  there(tcp(1040, 21, "PA", 107, 501, "PORT 10,0,0,1,4,")),
  there(tcp(1040, 21, "PA", 107, 501, PORT)),
  there(tcp(1041, 21, "S", 100, 0)),
  back(tcp(21, 1041, "SA", 500, 101)),
  there(tcp(1041, 21, "PA", 101, 501, "NOOP\r\n")),
  there(tcp(1041, 21, "PA", 107, 501, PORT)),
  back(tcp(20, 1124, "S", 900, 0)),
];

/** A web connection from beginning to end, names asked for, pings, errors, an FTP session, and what belongs nowhere. */
export const TRAFFIC: readonly Uint8Array[] = [
  there(tcp(1025, 80, "S", 1000, 0, 0, "mss=1460 sackok ts=1:0 nop ws=7")),
  back(tcp(80, 1025, "SA", 5000, 1001, 0, "mss=1460")),
  there(tcp(1025, 80, "A", 1001, 5001)),
  there({ tos: 0x10, ...tcp(1025, 80, "PA", 1001, 5001, 100) }),
  back({ ttl: 50, ...tcp(80, 1025, "PA", 5001, 1101, 200) }),
  there(tcp(1025, 80, "A", 1101, 5201)),
  there(udp(1026, 53)),
  back(udp(53, 1026, 60)),
  there(udp(1026, 53, 9)),
  there({ tos: 0xb8, ...udp(1027, 5060, 300) }),
  there({ icmp: { type: 8, id: 7, seq: 1, payload: 20 } }),
  back({ icmp: { type: 0, id: 7, seq: 1, payload: 20 } }),
  back({ icmp: { type: 0, id: 9, seq: 1, payload: 20 } }),
  there(tcp(1030, 443, "S", 1, 0)),
  back(tcp(443, 1030, "RA", 0, 2)),
  there(tcp(1031, 25, "A", 1, 1)),
  there(tcp(1032, 8080, "", 1, 1)),
  there(tcp(1033, 110, "SF", 1, 1)),
  back({ icmp: { type: 3, code: 3, quote: there(udp(1027, 5060, 300)), quoteLength: 28 } }),
  back({ icmp: { type: 3, code: 1, quote: there(udp(9, 9, 8)) } }),
  there(tcp(1025, 80, "FA", 1101, 5201)),
  back(tcp(80, 1025, "FA", 5201, 1102)),
  there(tcp(1025, 80, "A", 1102, 5202)),
  there(tcp(1025, 80, "A", 9_000_000, 5202)),
  there({ ttl: 3, protocol: 47, payload: new Uint8Array(12) }),
  packet({ src: "10.0.0.9", dst: B, ...udp(4000, 53) }),
  packet({ src: "10.9.0.9", dst: "10.0.7.2", ...tcp(4000, 1863, "S", 1, 0) }),
  ...FTP,
];
