// Captures: where the IP packet of a frame begins, and the agreement as it is written down.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { agreementText } from "../src/agreement.js";
import { compareCapture } from "../src/captures.js";
import { whyUntellable } from "../src/cut.js";
import { Random } from "../src/dice.js";
import { whyUnseen } from "../src/engine.js";
import { framed } from "../src/frames.js";
import { kernelAvailable } from "../src/kernel.js";
import { findIp } from "../src/link-layers.js";
import { packet, sctpInit } from "../src/packets.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const MACS = "020202020202 020202020202";

test.each([
  ["Ethernet", 1, `${MACS} 0800 45`, { at: 14, etherType: 0x800 }],
  ["two VLAN tags", 1, `${MACS} 88a8 0001 8100 0002 86dd 60`, { at: 22, etherType: 0x86dd }],
  ["MPLS in a VLAN", 1, `${MACS} 8100 0001 8847 00010000 00010100 60`, { at: 26, etherType: 0x86dd }],
  ["PPPoE", 1, `${MACS} 8864 11000001 0002 0057`, { at: 22, etherType: 0x86dd }],
  ["Linux cooked, 2", 276, `0800 ${"00".repeat(18)}`, { at: 20, etherType: 0x800 }],
  ["PPP, compressed", 9, "21 45", { at: 1, etherType: 0x800 }],
  [
    "Token Ring with a route",
    6,
    `1040 ${"02".repeat(6)} ${"82".repeat(6)} 0830 001100a20ab0 aaaa03000000 0800`,
    { at: 30, etherType: 0x800 },
  ],
  ["Token Ring, no data", 6, `1000 ${"02".repeat(12)}`, { why: "not IP: IEEE 802.5, no data" }],
  ["FDDI", 10, `57 ${MACS} aaaa03000000 86dd`, { at: 21, etherType: 0x86dd }],
  ["Frame Relay, Cisco", 107, "18410800", { at: 4, etherType: 0x800 }],
  ["Frame Relay, four bytes of address", 107, "18000001 03cc", { at: 6, etherType: 0x800 }],
  ["Frame Relay, CLNP", 107, "18410381", { why: "not IP: Frame Relay, NLPID 0x0081" }],
  ["pflog, cut", 117, "3d02", { why: "ends within its link layer", short: true }],
  ["PPI of something else", 192, "0000080001000000", { why: "PPI of a link type that is not read" }],
  ["ARP", 1, `${MACS} 0806`, { why: "not IP: ARP" }],
  ["BSD loopback, another family", 0, "07000000", { why: "not IP: address family 7" }],
  ["a frame that ends too soon", 1, MACS, { why: "ends within its link layer", short: true }],
  ["what nobody reads", 230, "00", { why: "link type 230 is not read" }],
])("link layers: %s", (_, link, frame, found) => {
  expect(findIp(link as number, hex(frame as string))).toEqual(found);
});

test("the engine and the kernel's side find the same packet in every frame there is", () => {
  const random = new Random(1);
  const links = new Set<number>();
  for (let i = 0; i < 500; i++) {
    const [src, dst] = i % 2 ? ["10.0.0.1", "10.0.0.2"] : ["2001:db8::1", "2001:db8::2"];
    const data = packet({ src, dst, udp: { sport: 1025, dport: 80, payload: 8 } });
    const { frame, etherType } = framed(random, data);
    expect(findIp(frame.link, frame.data)).toEqual({ at: frame.data.length - data.length, etherType });
    expect(whyUnseen(frame)).toBeNull();
    links.add(frame.link);
  }
  expect(links.size).toBe(23);
});

const A = "10.0.0.1";
const B = "10.0.0.2";
const SYN = { sport: 1025, dport: 80, flags: "S", options: "mss=1460 ws=7 sackok" };
const INIT = { sport: 2000, dport: 3868, vtag: 0, chunks: [{ type: 1, body: sctpInit(5) }] };
const DATA = {
  ...INIT,
  chunks: [
    { type: 0, body: new Uint8Array(40) },
    { type: 3, body: new Uint8Array(12) },
  ],
};
const OPTIONS = "cut within its TCP options (snaplen)";
const CHUNKS = "cut within a chunk that is read (snaplen)";
const FRAGMENT = "a fragment of which a part was captured (snaplen)";

test.each([
  ["TCP options", packet({ src: A, dst: B, tcp: SYN }), 45, OPTIONS],
  ["TCP payload", packet({ src: A, dst: B, tcp: { ...SYN, payload: 20 } }), 60, null],
  ["IPv6, TCP options", packet({ src: "2001:db8::1", dst: "2001:db8::2", tcp: SYN }), 65, OPTIONS],
  ["SCTP, the initiate tag", packet({ src: A, dst: B, sctp: INIT }), 38, CHUNKS],
  ["SCTP, behind the initiate tag", packet({ src: A, dst: B, sctp: INIT }), 40, null],
  ["SCTP, the second chunk", packet({ src: A, dst: B, sctp: DATA }), 60, CHUNKS],
  ["SCTP, within the last chunk", packet({ src: A, dst: B, sctp: DATA }), 82, null],
  [
    "a fragment",
    packet({ src: A, dst: B, fragment: { offset: 0, more: true }, protocol: 17, payload: 64 }),
    50,
    FRAGMENT,
  ],
  ["UDP payload", packet({ src: A, dst: B, udp: { sport: 1, dport: 2, payload: 20 } }), 30, null],
])("what the kernel would read of a cut packet: %s", (_, data, kept, why) => {
  expect(whyUntellable(data.subarray(0, kept), (data[0] as number) >> 4 === 6 ? 0x86dd : 0x800)).toBe(why);
});

test("the figure is never rounded up", () => {
  const text = agreementText("6.18.0", "2026-01-01", [
    { what: "a", packets: 10_000_000, wrong: 1 },
    { what: "b", packets: 5, wrong: 0 },
  ]);
  expect(text).toContain("| a | 10,000,000 | 1 | 99.99999 % |");
  expect(text).toContain("| b | 5 | 0 | 100 % |");
});

const FOLDER = fileURLToPath(new URL("../../../../shared/captures/", import.meta.url));
const available = kernelAvailable();
const why = available.ok ? (existsSync(FOLDER) ? "" : "the captures are not here") : available.reason;

// biome-ignore format: columns
const CAPTURES: readonly (readonly [file: string, compared: number, filled: number, leftOut: readonly string[]])[] = [
  ["PcapPlusPlus__raw_ip.pcap",               100, 0, []],
  ["arkime__dot1ad.pcap",                       2, 0, []],
  ["mercury__pppoe_double_vlan_tagging.pcap", 428, 0, ["not IP: PPP protocol 0xc021"]],
  ["suricata__decode-sll2-01__input.pcap",      5, 0, []],
  ["suricata__hdlc-http_1tx.pcap",             17, 0, []],
  ["tcpdump__mpls-traceroute.pcap",            18, 0, []],
  ["zeek__radiotap.pcap",                       3, 0, []],
  ["zeek__nflog-http.pcap",                    13, 0, []],
  ["gopacket__be-test202.pcapng",               8, 6, []],
  ["tcpdump__pptp.pcap",                       23, 0, []],
];

test.skipIf(why !== "")(`real captures, live${why && ` (${why})`}`, { timeout: 120_000 }, async () => {
  for (const [file, compared, filled, reasons] of CAPTURES) {
    const { parts, seen, leftOut, ...counts } = await compareCapture(`${FOLDER}${file}`);
    expect([...parts.flatMap(({ report }) => report), ...seen], file).toEqual([]);
    const packets = parts.reduce((sum, part) => sum + part.packets, 0);
    expect([packets, counts.filled, [...leftOut.keys()]], file).toEqual([compared, filled, reasons]);
  }
});

test.skipIf(why !== "")(`at a speed${why && ` (${why})`}`, { timeout: 120_000 }, async () => {
  const { parts } = await compareCapture(`${FOLDER}nDPI__sip.pcap`, { speed: 2000 });
  expect(parts.flatMap(({ report }) => report)).toEqual([]);
});
