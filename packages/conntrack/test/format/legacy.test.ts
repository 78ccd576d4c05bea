// /proc/net/ip_conntrack
import { describe, expect, test } from "vitest";
import { formatLegacy } from "../../src/format/index.js";
import { ASSURED, CONFIRMED, flow, SECOND, SEEN_REPLY } from "./flow.js";

const telnet = flow({
  l4proto: 6,
  protocol: "tcp",
  protocolState: "SYN_SENT",
  timeout: 117n * SECOND,
  original: { src: "192.168.1.5", dst: "192.168.1.35", sport: 1031, dport: 23 },
  reply: { src: "192.168.1.35", dst: "192.168.1.5", sport: 23, dport: 1031 },
});
const netbios = flow({
  l4proto: 17,
  protocol: "udp",
  timeout: 20n * SECOND,
  original: { src: "192.168.1.2", dst: "192.168.1.5", sport: 137, dport: 1025 },
  reply: { src: "192.168.1.5", dst: "192.168.1.2", sport: 1025, dport: 137 },
});
const ping = flow({
  l4proto: 1,
  protocol: "icmp",
  timeout: 25n * SECOND,
  original: { src: "192.168.1.6", dst: "192.168.1.10", type: 8, code: 0, id: 33029 },
  reply: { src: "192.168.1.10", dst: "192.168.1.6", type: 0, code: 0, id: 33029 },
});

describe("the lines of the walk-through", () => {
  test("tcp, first packet", () => {
    expect(formatLegacy(telnet)).toBe(
      "tcp      6 117 SYN_SENT src=192.168.1.5 dst=192.168.1.35 sport=1031 dport=23 [UNREPLIED] src=192.168.1.35 dst=192.168.1.5 sport=23 dport=1031 use=1",
    );
  });
  test("tcp, second packet", () => {
    const answered = { ...telnet, protocolState: "SYN_RECV", timeout: 57n * SECOND, status: CONFIRMED | SEEN_REPLY };
    expect(formatLegacy(answered)).toBe(
      "tcp      6 57 SYN_RECV src=192.168.1.5 dst=192.168.1.35 sport=1031 dport=23 src=192.168.1.35 dst=192.168.1.5 sport=23 dport=1031 use=1",
    );
  });
  test("tcp, third packet", () => {
    const open = { ...telnet, protocolState: "ESTABLISHED", timeout: 431999n * SECOND, status: CONFIRMED | SEEN_REPLY };
    expect(formatLegacy(open)).toBe(
      "tcp      6 431999 ESTABLISHED src=192.168.1.5 dst=192.168.1.35 sport=1031 dport=23 src=192.168.1.35 dst=192.168.1.5 sport=23 dport=1031 use=1",
    );
  });
  test("udp, unanswered", () => {
    expect(formatLegacy(netbios)).toBe(
      "udp      17 20 src=192.168.1.2 dst=192.168.1.5 sport=137 dport=1025 [UNREPLIED] src=192.168.1.5 dst=192.168.1.2 sport=1025 dport=137 use=1",
    );
  });
  test("udp, a stream", () => {
    expect(formatLegacy({ ...netbios, timeout: 179n * SECOND, status: CONFIRMED | SEEN_REPLY | ASSURED })).toBe(
      "udp      17 179 src=192.168.1.2 dst=192.168.1.5 sport=137 dport=1025 src=192.168.1.5 dst=192.168.1.2 sport=1025 dport=137 [ASSURED] use=1",
    );
  });
  test("icmp", () => {
    expect(formatLegacy(ping)).toBe(
      "icmp     1 25 src=192.168.1.6 dst=192.168.1.10 type=8 code=0 id=33029 [UNREPLIED] src=192.168.1.10 dst=192.168.1.6 type=0 code=0 id=33029 use=1",
    );
  });
});

const counted = {
  ...ping,
  mark: 3,
  counters: { original: { packets: 1n, bytes: 84n }, reply: { packets: 0n, bytes: 0n } },
};

test("exact bytes of 2.4: a blank at the end, neither counters nor mark", () => {
  expect(formatLegacy(counted, { exact: true })).toBe(`${formatLegacy(ping)} `);
});

test("2.6: counters and mark, no blank", () => {
  expect(formatLegacy(counted, { kernel: "2.6", exact: true })).toBe(
    "icmp     1 25 src=192.168.1.6 dst=192.168.1.10 type=8 code=0 id=33029 packets=1 bytes=84 [UNREPLIED] src=192.168.1.10 dst=192.168.1.6 type=0 code=0 id=33029 packets=0 bytes=0 mark=3 use=1",
  );
});

test("a protocol without tracker", () => {
  expect(formatLegacy({ ...ping, l4proto: 255, protocol: "unknown", timeout: 580n * SECOND })).toBe(
    "unknown  255 580 src=192.168.1.6 dst=192.168.1.10 [UNREPLIED] src=192.168.1.10 dst=192.168.1.6 use=1",
  );
});
