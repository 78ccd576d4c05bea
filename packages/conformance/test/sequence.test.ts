// The column DSL, and sequences of the specification before the real kernel.

import { describe, expect, test } from "vitest";
import { kernelAvailable } from "../src/kernel.js";
import { fragments, packet, sctpInit } from "../src/packets.js";
import { recordSequences } from "../src/record.js";
import { bothFamilies, handshake, parseExpected, type Sequence, sequence, unmet } from "../src/sequence.js";

const available = kernelAvailable();

test("expectations in words", () => {
  expect(parseExpected("NEW SYN_SENT 120", true)).toEqual({ state: "NEW", protocolState: "SYN_SENT", timeout: 120 });
  expect(parseExpected("ESTABLISHED", true)).toEqual({ protocolState: "ESTABLISHED" });
  expect(parseExpected("ESTABLISHED", false)).toEqual({ state: "ESTABLISHED" });
  expect(parseExpected("ESTABLISHED/r ESTABLISHED", true)).toEqual({
    state: "ESTABLISHED",
    dir: "reply",
    protocolState: "ESTABLISHED",
  });
  expect(parseExpected("ESTABLISHED/r -", true)).toEqual({ state: "ESTABLISHED", dir: "reply", gone: true });
  expect(() => parseExpected("NOVEL", true)).toThrow();
});

test("a wrong row says which", () => {
  expect(() => sequence("wrong", [[0, "->", "Q", 1, 1, 0]])).toThrow(/"wrong", row 0/);
});

const udp = { sport: 1000, dport: 53, payload: 8 };
const whole = (src: string, dst: string) => packet({ src, dst, udp: { sport: 1025, dport: 80, payload: 100 } });

const SEQUENCES: Sequence[] = [
  ...bothFamilies("orderly close", [
    [0, "->", "S", 100, 0, 0, "NEW SYN_SENT 120"],
    [1, "<-", "SA", 500, 101, 0, "ESTABLISHED/r SYN_RECV 60"],
    [2, "->", "A", 101, 501, 0, "ESTABLISHED 432000"],
    [3, "->", "PA", 101, 501, 10, "ESTABLISHED 300"],
    [4, "<-", "A", 501, 111, 0, "ESTABLISHED 432000"],
    [5, "->", "FA", 111, 501, 0, "FIN_WAIT 120"],
    [6, "<-", "A", 501, 112, 0, "CLOSE_WAIT 60"],
    [7, "<-", "FA", 501, 112, 0, "LAST_ACK 30"],
    [8, "->", "A", 112, 502, 0, "TIME_WAIT 120"],
  ]),
  sequence("refused", [
    [0, "->", "S", 100, 0, 0, "NEW SYN_SENT"],
    [1, "<-", "RA", 0, 101, 0, "ESTABLISHED/r -"],
  ]),
  sequence("simultaneous open", [
    [0, "->", "S", 100, 0, 0, "NEW SYN_SENT"],
    [1, "<-", "S", 500, 0, 0, "ESTABLISHED/r SYN_SENT2"],
    [2, "->", "SA", 100, 501, 0, "ESTABLISHED SYN_RECV 60"],
    [3, "<-", "SA", 500, 101, 0, "ESTABLISHED/r SYN_RECV"],
    [4, "->", "A", 101, 501, 0, "ESTABLISHED ESTABLISHED"],
  ]),
  sequence(
    "no pick-up",
    [
      [0, "->", "A", 5000, 9000, 10, "INVALID"],
      [1, "->", "S", 100, 0, 0, "NEW SYN_SENT"],
    ],
    { sysctls: { nf_conntrack_tcp_loose: 0 } },
  ),
  sequence("pick-up again, the sysctl is back", [[0, "->", "A", 5000, 9000, 10, "NEW ESTABLISHED 300"]]),
  sequence("beyond the window", [
    ...handshake({ options: "ws=0 win=100" }),
    [3, "->", "PA", 200000, 501, 10, "INVALID"],
    [4, "->", "PA", 101, 501, 10, "ESTABLISHED 300"],
  ]),
  sequence(
    "not renewed by retransmission",
    [
      [0, "->", "S", 100, 0, 0, "NEW SYN_SENT 2"],
      [1200, "->", "S", 100, 0, 0, "NEW SYN_SENT 0"],
      [2300, "<-", "SA", 500, 101, 0, "INVALID"],
    ],
    { realtime: true, sysctls: { nf_conntrack_tcp_timeout_syn_sent: 2 } },
  ),
  ...bothFamilies("errors about a flow", [
    { ms: 0, udp, expect: "NEW 30" },
    { ms: 1, dir: "<-", icmp: { type: 3, code: 3, quote: 0 }, expect: "RELATED/r" },
    { ms: 2, dir: "->", icmp: { type: 3, code: 3, quote: 0 }, expect: "INVALID" },
    { ms: 3, dir: "<-", icmp: { type: 3, code: 3, quote: 0, checksum: "bad" }, expect: "INVALID" },
  ]),
  sequence("SCTP association", [
    { ms: 0, sctp: { vtag: 0, chunks: [{ type: 1, body: sctpInit(0x11111111) }] }, expect: "NEW CLOSED 10" },
    {
      ms: 1,
      dir: "<-",
      sctp: { vtag: 0x11111111, chunks: [{ type: 2, body: sctpInit(0x22222222) }] },
      expect: "COOKIE_WAIT",
    },
    { ms: 2, sctp: { vtag: 0x22222222, chunks: [{ type: 10, body: new Uint8Array(8) }] }, expect: "COOKIE_ECHOED" },
    { ms: 3, dir: "<-", sctp: { vtag: 0x11111111, chunks: [{ type: 11 }] }, expect: "ESTABLISHED/r ESTABLISHED 210" },
    {
      ms: 4,
      sctp: { vtag: 0x22222222, chunks: [{ type: 0, body: new Uint8Array(13) }], checksum: "bad" },
      expect: "INVALID",
    },
  ]),
  ...bothFamilies("what it is made of", [
    { ms: 0, udplite: { payload: 8 }, expect: "INVALID" }, // the kernel checks UDP-Lite with UDP's pseudo header
    { ms: 1, udplite: { payload: 8, pseudo: 17 }, expect: "NEW 30" },
    { ms: 2, udp: { payload: 9, checksum: "bad" }, expect: "INVALID" },
    { ms: 3, udp: { payload: 9, checksum: 0 }, expect: "NEW" },
    { ms: 4, gre: { key: 5, payload: 8 }, expect: "NEW 30" },
    { ms: 5, gre: { version: 1, callId: 5, seq: 1, ack: 2, payload: 8 }, expect: "NEW" },
    { ms: 6, protocol: 99, payload: 8, expect: "NEW 600" },
    { ms: 7, tcp: { flags: "S", checksum: "bad" }, expect: "INVALID" },
    { ms: 8, tcp: { flags: "S", options: "mss=1460 sackok ts nop ws=7" }, expect: "NEW SYN_SENT" },
  ]),
  sequence(
    "extension headers",
    [
      {
        ms: 0,
        extensions: [{ type: 0, body: Uint8Array.of(1, 4, 0, 0, 0, 0) }, { type: 60 }],
        udp: { payload: 8 },
        expect: "NEW",
      },
      { ms: 1, extensions: [{ type: 51, body: new Uint8Array(10) }], udp: { payload: 8 }, expect: "NEW" },
    ],
    { family: 6 },
  ),
  ...[
    ["10.0.0.1", "10.0.0.2"],
    ["2001:db8::1", "2001:db8::2"],
  ].flatMap(([a = "", b = ""]) =>
    // the second time round the rest of a datagram must not meet the part that still waits
    ["left over", "not left over"].map((name) =>
      sequence(`a fragment ${name} ${a}`, [
        ...(name === "left over"
          ? fragments(whole(a, b), [40], 9).slice(0, 1)
          : fragments(whole(a, b), [40], 9).slice(1)
        ).map((raw, ms) => ({ ms, raw, expect: "UNSEEN" })),
      ]),
    ),
  ),
  sequence(
    "a datagram in three fragments",
    fragments(whole("10.0.0.1", "10.0.0.2"), [40, 80], 9).map((raw, ms) => ({
      ms,
      raw,
      expect: ms < 2 ? "UNSEEN" : "NEW 30",
    })),
  ),
  sequence("never seen", [
    { ms: 0, udp: { payload: 8 }, ipChecksum: "bad", expect: "UNSEEN" },
    { ms: 1, udp: { payload: 8 }, version: 5, expect: "UNSEEN" },
    { ms: 2, udp: { payload: 8 }, length: 2000, expect: "UNSEEN" },
    { ms: 3, udp: { payload: 8 }, expect: "NEW" },
  ]),
];

describe.skipIf(!available.ok)(`the kernel decides as expected${available.ok ? "" : ` (${available.reason})`}`, () => {
  test("all sequences", { timeout: 60_000 }, async () => {
    const recordings = await recordSequences(SEQUENCES);
    const report = SEQUENCES.flatMap(({ name, packets }, i) =>
      packets.flatMap(({ expected }, k) => {
        const decision = recordings[i]?.packets[k];
        const wrong = !decision ? "no decision" : expected ? unmet(expected, decision) : "";
        return wrong === "" ? [] : [`${name}, row ${k}: ${wrong} ${decision?.why ?? ""}`];
      }),
    );
    expect(report).toEqual([]);
  });
});
