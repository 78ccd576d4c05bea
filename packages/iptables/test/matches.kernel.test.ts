// What matches ask of bytes and headers, against the live kernel.
import { type PacketFields, packet } from "../../conformance/src/packets.js";
import { type Duel, duels } from "./duel.js";
import { counting } from "./rulesets.js";

type Fields = Omit<PacketFields, "src" | "dst">;
const [A, B] = ["10.0.0.1", "10.0.0.2"];
const there = (fields: Fields): Uint8Array => packet({ src: A, dst: B, ...fields });
const back = (fields: Fields): Uint8Array => packet({ src: B, dst: A, ...fields });
const udp = (sport: number, dport: number, payload: number | string | Uint8Array = 8) => ({
  udp: { sport, dport, payload },
});
const tcp = (flags: string, seq: number, ack: number, payload: number | string = 0, options = "") => ({
  tcp: { sport: 1025, dport: 80, flags, seq, ack, payload, options },
});

const WEB: readonly Uint8Array[] = [
  there(tcp("S", 1000, 0, 0, "mss=1460 sackok nop ws=7")),
  back({ tcp: { sport: 80, dport: 1025, flags: "SA", seq: 5000, ack: 1001, options: "mss=536" } }),
  there(tcp("A", 1001, 5001)),
  there(tcp("PA", 1001, 5001, "GET /Index.html HTTP/1.1\r\nHost: Example.com\r\n\r\n")),
  back({
    tcp: { sport: 80, dport: 1025, flags: "PA", seq: 5001, ack: 1050, payload: "HTTP/1.1 200 OK\r\n\r\nabcabcabd" },
  }),
  there({ tos: 1, ...tcp("AE", 1050, 5030) }),
  there({ tos: 2, ...tcp("AC", 1050, 5030) }),
  there({ tos: 0x2b, ttl: 9, ...tcp("ACE", 1050, 5030) }),
];
const NAMES: readonly Uint8Array[] = [
  there(udp(1026, 53, "\u0001www\u0003abc\u0000")),
  there(udp(1027, 53, Uint8Array.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0x77, 0x77, 0x77, 0xff]))),
  back(udp(53, 1026, "WWW answer")),
  there(udp(1030, 9, 0)),
];

const chunk = (type: number, flags = 0, length = 4) => ({ type, flags, body: new Uint8Array(length).fill(7) });
const sctp = (...chunks: { type: number; flags?: number; body?: Uint8Array; length?: number }[]) =>
  there({ sctp: { sport: 2905, dport: 2906, vtag: 1, chunks } });
const ASSOCIATION: readonly Uint8Array[] = [
  there({ sctp: { sport: 2905, dport: 2906, vtag: 0, chunks: [chunk(1, 0, 16)] } }),
  sctp(chunk(10), chunk(0, 3, 13)),
  sctp(chunk(0, 2, 13)),
  sctp(chunk(0, 3, 12), chunk(3, 0, 12)),
  sctp(chunk(6, 1, 0)),
  sctp(chunk(200, 0, 4)),
  sctp({ type: 3, length: 0 }),
  sctp(chunk(4, 0, 8)),
];

const dccp = (type: number) =>
  there({
    protocol: 33,
    payload: Uint8Array.from([4, 1, 0, 80, 4, 0, 0, 0, (type << 1) | 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
  });

const OWN = "198.19.255.1";
const PLACES: readonly Uint8Array[] = [
  packet({ src: A, dst: OWN, ...udp(1, 2) }),
  packet({ src: A, dst: "198.19.255.2", ...udp(1, 2) }),
  packet({ src: A, dst: "198.19.255.3", ...udp(1, 2) }),
  packet({ src: "0.0.0.0", dst: "255.255.255.255", ...udp(68, 67) }),
  packet({ src: A, dst: "255.255.255.255", ...udp(68, 67) }),
  there(udp(1, 2)),
];

const HEX = "|00 01 00 00|";
const A6 = "2001:db8::1";
const B6 = "2001:db8::2";
const six = (fields: Fields): Uint8Array => packet({ src: A6, dst: B6, ...fields });
const options = (...bytes: number[]) => Uint8Array.from(bytes);
const segments = (left: number, ...last: number[]) =>
  Uint8Array.from([0, left, 0, 0, 0, 0, ...last.flatMap((n) => [0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), n])]);
const EXTENSIONS: readonly Uint8Array[] = [
  six(udp(1, 2)),
  six({ extensions: [{ type: 0, body: options(5, 2, 0, 0, 1, 0) }], ...udp(1, 2) }),
  six({
    extensions: [
      { type: 0, body: options(1, 4, 0, 0, 0, 0) },
      { type: 60, body: options(1, 12, ...Array(12).fill(0)) },
    ],
    ...udp(1, 3),
  }),
  six({ extensions: [{ type: 60, body: options(0, 0, 1, 2, 0, 0) }], ...udp(1, 4) }),
  six({ extensions: [{ type: 43, body: segments(0, 7, 8) }], ...udp(1, 5) }),
  six({
    extensions: [{ type: 43, body: Uint8Array.from([0, 1, 0, 0, 0, 1, ...segments(1, 9).slice(6)]) }],
    ...udp(1, 6),
  }),
  six({ extensions: [{ type: 43, body: Uint8Array.from([4, 0, 0, 0, 0, 0]) }], ...udp(1, 7) }),
  six({ extensions: [{ type: 51, body: options(0, 0, 0, 0, 1, 0, 0, 0, 0, 9) }], ...udp(1, 8) }),
  six({ extensions: [{ type: 51, body: options(0, 7, 0, 0, 2, 0, 0, 0, 0, 9, 0, 0, 0, 0) }], ...udp(1, 9) }),
  six({ protocol: 50, payload: 20 }),
  six({ protocol: 59, payload: 4 }),
  six({ protocol: 135, payload: Uint8Array.from([59, 0, 1, 0, 0, 0, 0, 0]) }),
  six({ protocol: 135, payload: Uint8Array.from([59, 0, 5, 0, 0, 0, 0, 0]) }),
  six({ protocol: 135, payload: Uint8Array.from([17, 0, 5, 0, 0, 0, 0, 0]) }),
  six({ id: 77, fragment: { offset: 0, more: false }, ...udp(1, 10) }),
  packet({ src: "2001:db8::ff:fe00:1", dst: B6, ...udp(1, 12) }),
  packet({ src: A6, dst: "fd6f:7263::1", ...udp(1, 13) }),
];

const now = new Date();
const day = now.getUTCDate();
const weekday = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][now.getUTCDay()];
const clock = (hours: number) => new Date(now.getTime() + hours * 3_600_000).toISOString().slice(11, 19);
const date = (days: number) => new Date(now.getTime() + days * 86_400_000).toISOString().slice(0, 19);

const DUELS: readonly Duel[] = [
  {
    ...counting("text", [
      '-m string --string "GET" --algo bm --to 65535',
      '-m string --string "get" --algo bm --icase',
      '-m string --string "get" --algo kmp',
      '-m string --string "example.com" --algo kmp --icase',
      '-m string --string "abcabd" --algo kmp',
      '-m string --string "abcabd" --algo bm',
      '-m string ! --string "HTTP" --algo bm',
      '-m string --string "GET" --algo bm --from 40 --to 43',
      '-m string --string "GET" --algo bm --from 40 --to 42',
      '-m string --string "GET" --algo bm --from 41',
      '-m string --string "GET" --algo kmp --from 40 --to 40',
      '-m string --string "HTTP" --algo kmp --from 50 --to 60',
      `-m string --hex-string "${HEX}" --algo bm --from 28 --to 60`,
      '-m string --hex-string "|03|www|ff|" --algo kmp',
      '-m string --string "www" --algo bm --icase',
      '-m string --string "answer" --algo bm --from 2000',
    ]),
    packets: [...WEB, ...NAMES],
  },
  {
    ...counting("u32", [
      '-m u32 --u32 "0>>22&0x3c@0>>24=0x4"',
      '-m u32 --u32 "6&0xff=0x6"',
      '-m u32 --u32 "6&0xff=0x6,0x11"',
      '-m u32 ! --u32 "6&0xff=0x6"',
      '-m u32 --u32 "5&0xff=0x3f"',
      '-m u32 --u32 "8>>24=0x8,0x3f"',
      '-m u32 --u32 "8&0xffff=0:0x7fff"',
      '-m u32 --u32 "6&0xff=0x6&&0>>22&0x3c@12>>26&0x3c@0=0x47455420"',
      '-m u32 --u32 "0>>22&0x3c@8=0:0xffffffff"',
      '-m u32 --u32 "2&0xffff=0x0:0x28"',
      '-m u32 --u32 "0&0xffff<<2=0xa0"',
      '-m u32 --u32 "1000=0"',
      '-m u32 --u32 "4@0xfffffff0=0"',
    ]),
    packets: [...WEB, ...NAMES],
  },
  {
    ...counting("the clock", [
      `-m time --datestart ${date(-1)} --datestop ${date(1)}`,
      `-m time --datestart ${date(1)}`,
      `-m time --datestop ${date(-1)}`,
      `-m time --timestart ${clock(-1)} --timestop ${clock(1)}`,
      `-m time --timestart ${clock(1)} --timestop ${clock(-1)}`,
      `-m time --timestart ${clock(1)} --timestop ${clock(2)}`,
      `-m time --timestart ${clock(2)} --timestop ${clock(1)} --contiguous --weekdays ${weekday}`,
      `-m time --timestart ${clock(2)} --timestop ${clock(1)} --weekdays ${weekday}`,
      `-m time --weekdays ${weekday}`,
      `-m time ! --weekdays ${weekday}`,
      `-m time --monthdays ${day}`,
      `-m time ! --monthdays ${day}`,
      `-m time --weekdays Mon,Tue,Wed,Thu,Fri --monthdays 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15`,
    ]),
    packets: WEB.slice(0, 2),
  },
  {
    ...counting("TCP once more", [
      "-p tcp -m tcpmss --mss 1460",
      "-p tcp -m tcpmss --mss 500:600",
      "-p tcp -m tcpmss ! --mss 500:1500",
      "-m ecn --ecn-ip-ect 1",
      "-m ecn ! --ecn-ip-ect 0",
      "-p tcp -m ecn --ecn-tcp-ece",
      "-p tcp -m ecn --ecn-tcp-cwr",
      "-p tcp -m ecn ! --ecn-tcp-cwr --ecn-ip-ect 3",
      "-p tcp -m ecn ! --ecn-tcp-ece ! --ecn-tcp-cwr",
    ]),
    packets: [...WEB, ...NAMES],
  },
  {
    ...counting("SCTP chunks", [
      "-p sctp -m sctp --chunk-types any INIT",
      "-p sctp -m sctp --chunk-types any DATA,SACK",
      "-p sctp -m sctp --chunk-types all DATA,SACK",
      "-p sctp -m sctp --chunk-types only DATA",
      "-p sctp -m sctp --chunk-types only DATA,SACK",
      "-p sctp -m sctp --chunk-types any DATA:B",
      "-p sctp -m sctp --chunk-types any DATA:Be",
      "-p sctp -m sctp --chunk-types any DATA:b",
      "-p sctp -m sctp ! --chunk-types any DATA",
      "-p sctp -m sctp --chunk-types only ABORT:T",
      "-p sctp -m sctp --chunk-types any ALL",
      "-p sctp -m sctp --chunk-types only NONE",
      "-p sctp -m sctp --dport 2906 --chunk-types all COOKIE_ECHO",
    ]),
    packets: ASSOCIATION,
  },
  {
    ...counting("DCCP", [
      "-p dccp -m dccp --dport 80",
      "-p dccp -m dccp --dccp-types REQUEST",
      "-p dccp -m dccp --dccp-types DATA,ACK",
      "-p dccp -m dccp ! --dccp-types REQUEST",
    ]),
    packets: [dccp(0), dccp(2), dccp(3), dccp(9)],
  },
  {
    ...counting("the link", [
      "-m mac --mac-source 02:00:00:00:00:01",
      "-m mac ! --mac-source 02:00:00:00:00:01",
      "-m mac --mac-source 02:00:00:00:00:02",
      "-m pkttype --pkt-type unicast",
      "-m pkttype --pkt-type multicast",
      "-m pkttype ! --pkt-type broadcast",
    ]),
    packets: [...WEB.slice(0, 3), ...NAMES],
  },
  {
    name: "types of addresses",
    rules: ["FORWARD", "INPUT"].flatMap((chain) =>
      [
        "-m addrtype --dst-type LOCAL",
        "-m addrtype --src-type LOCAL",
        "-m addrtype ! --dst-type LOCAL",
        "-m addrtype --dst-type UNICAST",
        "-m addrtype --dst-type BROADCAST",
        "-m addrtype --src-type UNICAST,BROADCAST",
        "-m addrtype --src-type UNICAST --dst-type LOCAL",
        "-m addrtype --dst-type LOCAL --limit-iface-in",
        "-m addrtype --dst-type UNICAST --limit-iface-in",
        "-m addrtype --dst-type MULTICAST,ANYCAST",
      ].map((match) => `${chain} ${match}`),
    ),
    packets: PLACES,
  },
  {
    name: "the way back",
    table: "raw",
    rules: [
      "-m rpfilter",
      "-m rpfilter --loose",
      "-m rpfilter --invert",
      "-m rpfilter --accept-local",
      "-m rpfilter --loose --accept-local",
      "-m rpfilter --validmark",
    ].map((match) => `PREROUTING ${match}`),
    packets: PLACES,
  },
  {
    name: "TTL and TOS that rules change",
    table: "mangle",
    rules: [
      "PREROUTING -p udp -j TTL --ttl-set 20",
      "PREROUTING -p tcp -j TTL --ttl-inc 3",
      "PREROUTING -m ttl --ttl-eq 20",
      "PREROUTING -m ttl --ttl-eq 67",
      "FORWARD -m ttl --ttl-eq 19",
      "FORWARD -p udp -j TTL --ttl-dec 5",
      "POSTROUTING -m ttl --ttl-lt 15",
      "PREROUTING -p udp -j DSCP --set-dscp 46",
      "PREROUTING -m dscp --dscp 46",
      "FORWARD -p tcp -j TOS --set-tos 0x10/0x3f",
      "FORWARD -m tos --tos 0x10",
      'POSTROUTING -m u32 --u32 "8>>24=14"',
      'POSTROUTING -m u32 --u32 "0>>16&0xff=0xb8"',
      'POSTROUTING -m u32 --u32 "8&0xffff=0x2000:0x9fff"',
    ],
    packets: [...WEB, ...NAMES],
  },
  {
    name: "labels",
    table: "mangle",
    rules: [
      "PREROUTING -p udp -m connlabel --label 5",
      "PREROUTING -p udp -m udp --dport 53 -m connlabel --label 5 --set",
      "PREROUTING -p udp -m connlabel --label 5",
      "PREROUTING -m connlabel ! --label 5",
      "PREROUTING -p tcp -m connlabel ! --label 100 --set",
      "POSTROUTING -m connlabel --label 100",
    ],
    packets: [...WEB, ...NAMES],
  },
  {
    ...counting("headers of IPv6", [
      "-m hbh",
      "-m hbh --hbh-len 8",
      "-m hbh ! --hbh-len 8",
      "-m hbh --hbh-opts 5:2",
      "-m hbh --hbh-opts 5:2,1:0",
      "-m hbh --hbh-opts 1",
      "-m dst --dst-len 16",
      "-m dst --dst-opts 1:12",
      "-m dst --dst-opts 0,0,1:2",
      "-m dst",
      "-m rt",
      "-m rt --rt-type 0",
      "-m rt ! --rt-type 0",
      "-m rt --rt-segsleft 1:2",
      "-m rt --rt-len 40",
      "-m rt --rt-type 0 --rt-0-res",
      "-m rt --rt-type 0 --rt-0-addrs 2001:db8::7,2001:db8::8",
      "-m rt --rt-type 0 --rt-0-addrs 2001:db8::8 --rt-0-not-strict",
      "-m rt --rt-type 0 --rt-0-addrs 2001:db8::8",
      "-m ah",
      "-m ah --ahspi 256",
      "-m ah --ahspi 0:65535",
      "-m ah ! --ahspi 0:300",
      "-m ah --ahlen 16",
      "-m ah --ahres",
      "-m frag --fragid 77",
      "-m frag --fragfirst",
      "-m frag --fraglast",
      "-m ipv6header --header hop-by-hop",
      "-m ipv6header --header hop-by-hop --soft",
      "-m ipv6header --header route,protocol",
      "-m ipv6header --header auth --soft",
      "-m ipv6header ! --header route,protocol",
      "-m ipv6header ! --header hop-by-hop,dst --soft",
      "-m ipv6header --header none",
      "-m ipv6header --header esp",
      "-p ipv6-mh -m mh --mh-type 1",
      "-p ipv6-mh -m mh ! --mh-type 0:2",
      "-p udp -m udp --dport 3",
      "-m mac --mac-source 02:00:00:00:00:01",
    ]),
    family: 6,
    packets: EXTENSIONS,
  },
  {
    name: "IPv6 before it is routed",
    family: 6,
    table: "raw",
    rules: [
      "-m eui64",
      "-m addrtype --dst-type LOCAL",
      "-m addrtype ! --dst-type LOCAL",
      "-m addrtype --src-type UNICAST",
      "-m rpfilter",
      "-m rpfilter --loose",
      "-m frag",
      "-m hl --hl-eq 64",
    ].map((match) => `PREROUTING ${match}`),
    packets: EXTENSIONS,
  },
];

await duels("matches in the kernel", DUELS);
