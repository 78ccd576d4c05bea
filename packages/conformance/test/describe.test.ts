import { expect, test } from "vitest";
import { describePacket } from "../src/describe.js";
import { fragments, packet } from "../src/packets.js";

const up = { src: "10.0.0.1", dst: "10.0.0.2" };
const down6 = { src: "2001:db8::2", dst: "2001:db8::1" };

test("packets in one line", () => {
  const syn = packet({ ...up, tcp: { sport: 1025, dport: 80, flags: "S", seq: 1000, options: "ws=7 nop" } });
  expect(describePacket(syn)).toBe("tcp 10.0.0.1.1025 > 10.0.0.2.80 [S] seq=1000 ack=0 win=64240 len=0 opt=03030701");
  const query = packet({ src: down6.dst, dst: down6.src, udp: { sport: 1025, dport: 53, payload: 100 } });
  expect(fragments(query, [48], 1).map(describePacket)).toEqual([
    "udp 2001:db8::1.1025 > 2001:db8::2.53 len=40 ulen=108 frag(off=0,MF)",
    "udp 2001:db8::1 > 2001:db8::2 frag(off=48) len=60",
  ]);
  expect(describePacket(packet({ ...down6, icmpv6: { type: 1, code: 4, quote: query, quoteLength: 48 } }))).toBe(
    "icmpv6 2001:db8::2 > 2001:db8::1 dest-unreach code=4 {udp 2001:db8::1.1025 > 2001:db8::2.53 len=0 ulen=108}",
  );
  expect(
    describePacket(packet({ ...up, sctp: { sport: 1, dport: 2, vtag: 7, chunks: [{ type: 10 }, { type: 0 }] } })),
  ).toBe("sctp 10.0.0.1.1 > 10.0.0.2.2 vtag=00000007 COOKIE_ECHO,DATA");
  expect(describePacket(packet({ ...up, gre: { version: 1, callId: 5 } }))).toBe(
    "gre 10.0.0.1 > 10.0.0.2 proto=0x880b v1 callid=5",
  );
});

test("every prefix of a packet has a description", () => {
  const error = packet({ ...up, icmp: { type: 3, code: 1, quote: packet({ ...up, icmp: { type: 8 } }) } });
  const whole = [
    error,
    packet({ ...down6, extensions: [{ type: 0 }], tcp: { sport: 1, dport: 2, flags: "", options: "mss=1" } }),
  ];
  for (const bytes of whole)
    for (let n = 0; n <= bytes.length; n++) expect(typeof describePacket(bytes.subarray(0, n))).toBe("string");
});
