// More lines from Linux 6.18 and conntrack-tools 1.4.7, mostly without accounting: protocols and events side by side.
import { describe, expect, test } from "vitest";
import { formatConntrack, formatEvent, formatProc, formatSave, formatXmlFlow } from "../../src/format/index.js";
import type { EventBit, Flow, FlowEvent, Tuple } from "../../src/types.js";
import { ASSURED, CONFIRMED, event, flow, SECOND, SEEN_REPLY, SRC_NAT, SRC_NAT_DONE } from "./flow.js";

const OPEN = CONFIRMED | SEEN_REPLY;
const STREAM = OPEN | ASSURED;

type Parts = Omit<Tuple, "src" | "dst">;

function made(l4proto: number, protocol: string, seconds: number, parts: Parts, back: Parts, more: Partial<Flow> = {}) {
  return flow({
    l4proto,
    protocol,
    timeout: BigInt(seconds) * SECOND,
    original: { src: "10.0.1.2", dst: "10.0.2.2", ...parts },
    reply: { src: "10.0.2.2", dst: "10.0.1.2", ...back },
    ...more,
  });
}

const ports =
  (l4proto: number, protocol: string) => (seconds: number, sport: number, dport: number, more?: Partial<Flow>) =>
    made(l4proto, protocol, seconds, { sport, dport }, { sport: dport, dport: sport }, more);
const udp = ports(17, "udp");
const sctp = ports(132, "sctp");
const tcp = (seconds: number, protocolState: string, sport: number, dport: number, status: number) =>
  ports(6, "tcp")(seconds, sport, dport, { protocolState, status });

const icmp = made(1, "icmp", 29, { type: 8, code: 0, id: 9 }, { type: 0, code: 0, id: 9 });
const gre = made(
  47,
  "gre",
  29,
  { srckey: 0, dstkey: 99 },
  { srckey: 99, dstkey: 0 },
  { greTimeouts: { unreplied: 30, stream: 180 } },
);
const counted6 = flow({
  l3num: 10,
  l4proto: 17,
  protocol: "udp",
  timeout: 30n * SECOND,
  original: { src: "fd01::2", dst: "fd02::2", sport: 7, dport: 53 },
  reply: { src: "fd02::2", dst: "fd01::2", sport: 53, dport: 7 },
  counters: { original: { packets: 1n, bytes: 49n }, reply: { packets: 0n, bytes: 0n } },
  start: 1795340206_000_000_000n,
  time: 1795340206_500_000_000n,
});

describe("/proc/net/nf_conntrack", () => {
  test.each<[Flow, string]>([
    [
      tcp(431999, "ESTABLISHED", 1000, 80, STREAM),
      "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000 [ASSURED] mark=0 zone=0 use=2",
    ],
    [
      udp(29, 5, 53),
      "ipv4     2 udp      17 29 src=10.0.1.2 dst=10.0.2.2 sport=5 dport=53 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=53 dport=5 mark=0 zone=0 use=2",
    ],
    [
      icmp,
      "ipv4     2 icmp     1 29 src=10.0.1.2 dst=10.0.2.2 type=8 code=0 id=9 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 type=0 code=0 id=9 mark=0 zone=0 use=2",
    ],
    [
      gre,
      "ipv4     2 gre      47 29 timeout=30, stream_timeout=180 src=10.0.1.2 dst=10.0.2.2 srckey=0x0 dstkey=0x63 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 srckey=0x63 dstkey=0x0 mark=0 zone=0 use=2",
    ],
    [
      sctp(10, 5, 6, { protocolState: "CLOSED" }),
      "ipv4     2 sctp     132 10 CLOSED src=10.0.1.2 dst=10.0.2.2 sport=5 dport=6 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=6 dport=5 mark=0 zone=0 use=2",
    ],
    [
      made(99, "unknown", 599, {}, {}),
      "ipv4     2 unknown  99 599 src=10.0.1.2 dst=10.0.2.2 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 mark=0 zone=0 use=2",
    ],
    [
      counted6,
      "ipv6     10 udp      17 30 src=fd01:0000:0000:0000:0000:0000:0000:0002 dst=fd02:0000:0000:0000:0000:0000:0000:0002 sport=7 dport=53 packets=1 bytes=49 [UNREPLIED] src=fd02:0000:0000:0000:0000:0000:0000:0002 dst=fd01:0000:0000:0000:0000:0000:0000:0002 sport=53 dport=7 packets=0 bytes=0 mark=0 zone=0 delta-time=0 use=2",
    ],
    [
      udp(30, 1, 53, { zone: 5, zoneDirection: "original" }),
      "ipv4     2 udp      17 30 src=10.0.1.2 dst=10.0.2.2 sport=1 dport=53 zone-orig=5 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=53 dport=1 mark=0 use=2",
    ],
    [
      udp(30, 1, 53, { zone: 6, zoneDirection: "reply" }),
      "ipv4     2 udp      17 30 src=10.0.1.2 dst=10.0.2.2 sport=1 dport=53 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=53 dport=1 zone-reply=6 mark=0 use=2",
    ],
  ])("%#", (given, line) => expect(formatProc(given)).toBe(line));
});

describe("conntrack -L", () => {
  test.each<[Flow, string]>([
    [
      { ...tcp(431999, "ESTABLISHED", 30003, 21, STREAM), helper: "ftp", use: 2 },
      "tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=30003 dport=21 src=10.0.2.2 dst=10.0.1.2 sport=21 dport=30003 [ASSURED] mark=0 helper=ftp use=2",
    ],
    [
      udp(29, 1, 53, { zone: 5 }),
      "udp      17 29 src=10.0.1.2 dst=10.0.2.2 sport=1 dport=53 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=53 dport=1 mark=0 zone=5 use=1",
    ],
    [
      { ...counted6, timeout: 29n * SECOND },
      "udp      17 29 src=fd01::2 dst=fd02::2 sport=7 dport=53 packets=1 bytes=49 [UNREPLIED] src=fd02::2 dst=fd01::2 sport=53 dport=7 packets=0 bytes=0 mark=0 delta-time=0 use=1",
    ],
    [
      gre,
      "gre      47 29 src=10.0.1.2 dst=10.0.2.2 srckey=0x0 dstkey=0x63 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 srckey=0x63 dstkey=0x0 mark=0 use=1",
    ],
  ])("%#", (given, line) => expect(formatConntrack(given)).toBe(line));
});

describe("conntrack -L -o xml", () => {
  const web: Flow = {
    ...tcp(431999, "ESTABLISHED", 1003, 80, STREAM),
    id: 1666053825,
    counters: { original: { packets: 4n, bytes: 170n }, reply: { packets: 2n, bytes: 80n } },
    start: 1795340215884906557n,
    time: 1795340215_900_000_000n,
  };
  test("with ktimestamp", () => {
    expect(formatXmlFlow(web, { ktimestamp: true })).toBe(
      '<flow><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>10.0.1.2</src><dst>10.0.2.2</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>1003</sport><dport>80</dport></layer4><counters><packets>4</packets><bytes>170</bytes></counters></meta><meta direction="reply"><layer3 protonum="2" protoname="ipv4"><src>10.0.2.2</src><dst>10.0.1.2</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>80</sport><dport>1003</dport></layer4><counters><packets>2</packets><bytes>80</bytes></counters></meta><meta direction="independent"><state>ESTABLISHED</state><timeout>431999</timeout><mark>0</mark><use>1</use><id>1666053825</id><assured/><timestamp><start>1795340215884906557</start></timestamp><deltatime>0</deltatime></meta></flow>',
    );
  });
});

test("conntrack -L -o save", () => {
  const given = {
    ...tcp(98, "ESTABLISHED", 5, 6, STREAM),
    original: { src: "1.1.1.1", dst: "2.2.2.2", sport: 5, dport: 6 },
    reply: { src: "2.2.2.2", dst: "1.1.1.1", sport: 6, dport: 5 },
  };
  expect(formatSave(given)).toBe(
    "-A -t 98 -u SEEN_REPLY,ASSURED -s 1.1.1.1 -d 2.2.2.2 -r 2.2.2.2 -q 1.1.1.1 -p tcp --sport 5 --dport 6 --reply-port-src 6 --reply-port-dst 5 --state ESTABLISHED",
  );
  const translated = {
    ...given,
    status: given.status | SRC_NAT | SRC_NAT_DONE,
    reply: { ...given.reply, dst: "9.9.9.9" },
  };
  expect(formatSave(translated)).toContain(" -r 2.2.2.2 -n 9.9.9.9 -p tcp ");
});

describe("conntrack -E", () => {
  test.each<[FlowEvent["type"], EventBit[], Flow, string]>([
    [
      "NEW",
      ["NEW", "PROTOINFO"],
      tcp(120, "SYN_SENT", 1000, 80, CONFIRMED),
      "    [NEW] tcp      6 120 SYN_SENT src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=80 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000",
    ],
    [
      "UPDATE",
      ["REPLY", "PROTOINFO"],
      tcp(60, "SYN_RECV", 1000, 80, OPEN),
      " [UPDATE] tcp      6 60 SYN_RECV src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000",
    ],
    [
      "UPDATE",
      ["ASSURED", "PROTOINFO"],
      tcp(432000, "ESTABLISHED", 1000, 80, STREAM),
      " [UPDATE] tcp      6 432000 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000 [ASSURED]",
    ],
    [
      "UPDATE",
      ["PROTOINFO"],
      tcp(60, "CLOSE_WAIT", 1000, 80, STREAM),
      " [UPDATE] tcp      6 60 CLOSE_WAIT src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000 [ASSURED]",
    ],
    [
      "NEW",
      ["NEW"],
      udp(30, 5, 53),
      "    [NEW] udp      17 30 src=10.0.1.2 dst=10.0.2.2 sport=5 dport=53 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=53 dport=5",
    ],
    [
      "UPDATE",
      ["REPLY"],
      udp(30, 5, 53, { status: OPEN }),
      " [UPDATE] udp      17 30 src=10.0.1.2 dst=10.0.2.2 sport=5 dport=53 src=10.0.2.2 dst=10.0.1.2 sport=53 dport=5",
    ],
    [
      "UPDATE",
      ["ASSURED"],
      udp(120, 5, 53, { status: STREAM }),
      " [UPDATE] udp      17 120 src=10.0.1.2 dst=10.0.2.2 sport=5 dport=53 src=10.0.2.2 dst=10.0.1.2 sport=53 dport=5 [ASSURED]",
    ],
    [
      "DESTROY",
      ["DESTROY"],
      udp(0, 6, 53),
      "[DESTROY] udp      17 src=10.0.1.2 dst=10.0.2.2 sport=6 dport=53 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=53 dport=6",
    ],
    [
      "DESTROY",
      ["DESTROY"],
      tcp(120, "CLOSE", 1002, 80, CONFIRMED),
      "[DESTROY] tcp      6 120 CLOSE src=10.0.1.2 dst=10.0.2.2 sport=1002 dport=80 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1002",
    ],
    [
      "UPDATE",
      ["PROTOINFO", "MARK"],
      { ...tcp(119, "SYN_SENT", 1001, 80, CONFIRMED), mark: 7 },
      " [UPDATE] tcp      6 119 SYN_SENT src=10.0.1.2 dst=10.0.2.2 sport=1001 dport=80 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1001 mark=7",
    ],
    [
      "DESTROY",
      ["DESTROY"],
      udp(118, 5, 53, { status: STREAM }),
      "[DESTROY] udp      17 118 src=10.0.1.2 dst=10.0.2.2 sport=5 dport=53 src=10.0.2.2 dst=10.0.1.2 sport=53 dport=5 [ASSURED]",
    ],
  ])("%s %j", (type, bits, given, line) => expect(formatEvent(event(type, bits, 0n, given))).toBe(line));
});
