// Sets of ipset in the kernel: what is in them, what packets add and remove, and their counters.
import { type PacketFields, packet } from "../../conformance/src/packets.js";
import { type Duel, duels } from "./duel.js";
import { counting } from "./rulesets.js";

type Fields = Omit<PacketFields, "src" | "dst">;
const send = (src: string, dst: string, fields: Fields): Uint8Array => packet({ src, dst, ...fields });
const udp = (sport: number, dport: number, payload = 8): Fields => ({ udp: { sport, dport, payload } });
const tcp = (sport: number, dport: number, flags = "S"): Fields => ({ tcp: { sport, dport, flags, seq: 1, ack: 0 } });
const ping: Fields = { icmp: { type: 8, id: 7, seq: 1, payload: 20 } };
const unreachable: Fields = {
  icmp: { type: 3, code: 1, quote: send("10.0.0.2", "10.0.0.1", udp(9, 9)), quoteLength: 28 },
};

/** Hosts of several networks, with and without ports. */
const MIX: readonly Uint8Array[] = [
  send("10.0.0.1", "10.0.0.2", tcp(1025, 80)),
  send("10.0.0.1", "10.0.0.2", tcp(1026, 443)),
  send("10.0.0.1", "10.0.0.2", udp(1027, 53)),
  send("10.0.0.1", "10.0.0.2", ping),
  send("10.0.0.1", "10.0.0.2", unreachable),
  send("10.0.0.1", "10.0.0.2", { protocol: 47, payload: new Uint8Array(12) }),
  send("10.0.0.9", "10.0.0.2", tcp(80, 1025)),
  send("10.0.0.200", "10.0.7.2", udp(53, 4000, 30)),
  send("10.9.0.9", "10.0.7.2", tcp(4000, 80)),
  send("10.9.8.9", "192.0.2.1", tcp(4000, 53)),
  send("192.0.2.200", "10.0.0.2", udp(4000, 80)),
  send("192.0.2.7", "10.9.0.9", udp(53, 53)),
  send("198.51.100.7", "198.51.100.8", tcp(5, 80)),
  send("10.0.0.1", "10.0.0.2", tcp(1025, 80)),
  send("10.0.0.1", "10.0.0.2", { protocol: 6, payload: new Uint8Array(6) }),
  send("10.0.0.1", "10.0.0.2", { protocol: 132, payload: Uint8Array.from([0, 9, 0, 80, ...Array(20).fill(0)]) }),
  send("10.0.0.2", "10.0.0.1", udp(53, 1027, 60)),
  send("10.0.0.77", "10.0.0.1", tcp(1, 65_000)),
];

const MIX6: readonly Uint8Array[] = [
  send("2001:db8:1::1", "2001:db8:2::1", tcp(1025, 80)),
  send("2001:db8:1::2", "2001:db8:2::1", udp(1025, 53)),
  send("2001:db8:1:2::1", "2001:db8:2::7", udp(53, 53)),
  send("2001:db8:9::1", "2001:db8:2::1", { icmpv6: { type: 128, id: 1, seq: 1, payload: 9 } }),
  send("fd00::1", "2001:db8:1::1", tcp(80, 80)),
  send("2001:db8:1::1", "2001:db8:2::1", tcp(1025, 80)),
];

const SETS = `create ip hash:ip
add ip 10.0.0.1
add ip 192.0.2.7
create masked hash:ip netmask 24
add masked 10.0.0.0
create odd hash:ip bitmask 255.0.0.255
add odd 10.7.7.9
create net hash:net
add net 10.0.0.0/8
add net 10.0.0.0/24 nomatch
add net 10.0.0.200
add net 192.0.2.128/25
create ipport hash:ip,port
add ipport 10.0.0.2,tcp:80
add ipport 10.0.0.2,udp:53
add ipport 10.0.0.2,icmp:echo-request
add ipport 10.0.0.1,icmp:host-unreachable
add ipport 10.0.0.2,gre:0
add ipport 10.0.0.2,sctp:80
create netport hash:net,port
add netport 10.0.0.0/8,tcp:80
add netport 10.0.0.0/24,tcp:80 nomatch
add netport 10.0.0.0/16,udp:53
create triple hash:ip,port,ip
add triple 10.0.0.1,tcp:80,10.0.0.2
add triple 10.0.0.2,tcp:80,10.0.0.1
add triple 10.0.7.2,4000,10.0.0.200
create ipn hash:ip,port,net
add ipn 10.0.0.1,tcp:80,10.0.0.0/24
add ipn 10.0.0.1,udp:53,0.0.0.0/1
add ipn 10.9.0.9,tcp:80,10.0.0.0/16
add ipn 10.9.0.9,tcp:80,10.0.7.0/24 nomatch
create iface hash:net,iface
add iface 10.0.0.0/24,orc-in
add iface 10.0.0.0/8,orc-out
add iface 192.0.2.0/24,eth0
add iface 192.0.0.0/8,orc-in
add iface 10.9.0.0/16,orc wildcard
add iface 198.51.100.0/24,physdev:orc-in
create zero hash:net,iface
add zero 0.0.0.0/0,orc-in
create bip bitmap:ip range 10.0.0.0-10.0.0.127
add bip 10.0.0.1
create bnet bitmap:ip range 10.0.0.0/16 netmask 24
add bnet 10.0.7.0
create bport bitmap:port range 0-1024
add bport 80
add bport 53
create bmac bitmap:ip,mac range 10.0.0.0/24
add bmac 10.0.0.1
add bmac 10.0.0.2,02:00:00:00:00:01
add bmac 10.0.0.9,02:00:00:00:00:09
create six hash:net family inet6
create all list:set
add all net
add all ip
add all six
add all bport
`;

const MATCHES = [
  "ip src",
  "ip dst",
  "ip src,dst",
  "masked src",
  "masked dst",
  "odd src",
  "net src",
  "net dst",
  "net src --return-nomatch",
  "ipport src,src",
  "ipport dst,dst",
  "ipport src,dst",
  "ipport dst,src",
  "ipport dst",
  "netport src,dst",
  "netport dst,dst",
  "netport dst,dst --return-nomatch",
  "netport src,src",
  "triple src,dst,dst",
  "triple dst,src,src",
  "triple dst,dst,src",
  "ipn src,dst,dst",
  "ipn dst,src,src",
  "ipn src,dst,dst --return-nomatch",
  "iface src,src",
  "iface src,dst",
  "iface dst,dst",
  "iface dst,src",
  "zero src,src",
  "bip src",
  "bip dst",
  "bnet dst",
  "bport src",
  "bport dst",
  "bport dst,src",
  "bmac src,src",
  "bmac dst,dst",
  "bmac src,dst",
  "all src",
  "all dst",
  "all src,dst",
  "all src --return-nomatch",
];

const SETS6 = `create ip hash:ip family inet6
add ip 2001:db8:1::1
create masked hash:ip family inet6 netmask 48
add masked 2001:db8:1::
create net hash:net family inet6
add net 2001:db8::/32
add net 2001:db8:1::/48 nomatch
add net 2001:db8:1:2::/64
create netport hash:net,port family inet6
add netport 2001:db8::/32,tcp:80
add netport 2001:db8:2::/48,icmpv6:echo-request
create ipn hash:ip,port,net family inet6
add ipn 2001:db8:1::1,80,2001:db8:2::/47
create bport bitmap:port range 0-1024
add bport 53
create all list:set
add all ip
add all bport
`;
const MATCHES6 = [
  "ip src",
  "ip dst",
  "masked src",
  "net src",
  "net dst",
  "net src --return-nomatch",
  "netport dst,dst",
  "netport src,dst",
  "ipn src,dst,dst",
  "bport dst",
  "bport src",
  "all src",
];

const COUNTED = `create ip hash:ip counters
add ip 10.0.0.1 packets 5 bytes 600
add ip 192.0.2.7
create net hash:net counters
add net 10.0.0.0/8
add net 10.0.0.0/24 nomatch
create bport bitmap:port range 0-1024 counters
add bport 80 packets 1 bytes 1
create member hash:ip counters
add member 10.0.0.1
create all list:set counters
add all member packets 2 bytes 80
add all net
`;
const COUNTINGS = [
  "ip src --packets-gt 6",
  "ip src --packets-eq 9",
  "ip src ! --packets-eq 9",
  "ip src --packets-lt 12 ! --update-counters",
  "ip src --bytes-gt 1000",
  "ip src --bytes-lt 700 ! --update-counters",
  "net src",
  "net src --packets-gt 3",
  "net src --return-nomatch --packets-gt 3",
  "bport dst --bytes-eq 61",
  "bport dst --packets-lt 3 --bytes-gt 10",
  "all src",
  "all src ! --update-counters",
  "all src ! --update-subcounters",
  "all src --packets-gt 20",
];

/** Every question, and turned round. */
const asked = (matches: readonly string[]) =>
  matches.flatMap((match) => [`-m set --match-set ${match}`, `-m set ! --match-set ${match}`]);

const CHANGED = `create seen hash:ip
create twice hash:ip counters
create busy hash:ip,port counters comment
add busy 10.0.0.2,tcp:80 comment "web"
create nets hash:net
add nets 192.0.2.0/24
add nets 172.16.0.0/12
create wide hash:net
create netport hash:net,port
create triple hash:ip,port,ip
create ipn hash:ip,port,net
add ipn 1.1.1.1,1,10.0.0.0/16
create iface hash:net,iface
create bip bitmap:ip range 10.0.0.0/24 netmask 28
create bport bitmap:port range 0-1024 counters
create bmac bitmap:ip,mac range 10.0.0.0/24
add bmac 10.0.0.1
create small hash:ip maxelem 3
create first hash:ip maxelem 2
create second hash:net
create all list:set
add all first
add all second
`;
const CHANGES = [
  "FORWARD -m set --match-set seen src",
  "FORWARD -j SET --add-set seen src",
  "FORWARD -p tcp -j SET --add-set twice src --exist",
  "FORWARD -p udp -j SET --add-set twice dst",
  "FORWARD -m set --match-set twice src",
  "FORWARD -j SET --add-set busy dst,dst",
  "FORWARD -p tcp -m tcp --dport 80 -j SET --add-set busy dst,dst --exist",
  "FORWARD -j SET --add-set nets src",
  "FORWARD -m set --match-set nets src",
  "FORWARD -s 10.9.0.0/16 -j SET --del-set nets src",
  "FORWARD -j SET --add-set wide dst --del-set seen dst",
  "FORWARD -j SET --add-set netport src,dst",
  "FORWARD -j SET --add-set triple src,dst,dst",
  "FORWARD -j SET --add-set ipn src,src,dst",
  "FORWARD -j SET --add-set iface src,src",
  "FORWARD -j SET --add-set iface dst,dst",
  "FORWARD -m set --match-set iface src,src",
  "FORWARD -j SET --add-set bip src",
  "FORWARD -j SET --add-set bport dst",
  "FORWARD -p udp -j SET --del-set bport dst",
  "FORWARD -j SET --add-set bmac src,src",
  "FORWARD -s 10.0.0.9 -j SET --del-set bmac src,src",
  "FORWARD -j SET --add-set small src",
  "FORWARD -s 10.0.0.9 -j SET --del-set small src",
  "FORWARD -j SET --add-set all src",
  "FORWARD -s 10.0.0.200 -j SET --del-set all src",
  "FORWARD -m set --match-set all src",
  "FORWARD -j SET --add-set nets src,dst,src",
];

const TIMED = `create short hash:ip timeout 1
create none hash:ip timeout 0
add none 10.0.0.9 timeout 1
add none 10.0.0.2
create long hash:net timeout 100
create bits bitmap:port range 0-1024 timeout 1
create room hash:ip timeout 1 maxelem 2
`;
const TIMES = [0, 0.2, 0.4, 1.6, 1.8, 2.2, 2.4, 3.7];
const TIMED_PACKETS = [1, 2, 1, 1, 9, 3, 2, 1].map((n) => send(`10.0.0.${n}`, "10.0.0.99", udp(1000 + n, 53)));

const DUELS: readonly Duel[] = [
  { ...counting("every type", asked(MATCHES)), sets: SETS, packets: MIX },
  { ...counting("every type, of IPv6", asked(MATCHES6)), sets: SETS6, packets: MIX6, family: 6 },
  { ...counting("counters", asked(COUNTINGS)), sets: COUNTED, packets: MIX },
  { name: "what packets add and remove", rules: CHANGES, sets: CHANGED, packets: [...MIX, ...MIX.toReversed()] },
  {
    name: "before and behind routing",
    table: "mangle",
    rules: [
      "PREROUTING -m set --match-set iface src,src",
      "PREROUTING -m set --match-set iface src,dst",
      "PREROUTING -m set ! --match-set iface src,dst",
      "FORWARD -m set --match-set iface dst,dst",
      "POSTROUTING -m set --match-set iface dst,dst",
      "POSTROUTING -m set --match-set iface src,src",
      "POSTROUTING -m set --match-set bmac src,src",
    ],
    sets: SETS,
    packets: MIX,
  },
  {
    name: "a mark that comes from a set",
    table: "mangle",
    rules: [
      "PREROUTING -p udp -j MARK --set-xmark 0xff00/0xffffffff",
      "PREROUTING -j SET --map-set marks src --map-mark",
      "FORWARD -m mark --mark 0x5",
      "FORWARD -m mark --mark 0xff05",
      "FORWARD -m mark --mark 0xff00",
      "FORWARD -j SET --map-set plain src --map-mark --map-prio",
      "FORWARD -j SET --map-set list src --map-mark",
      "POSTROUTING -m mark --mark 0x77",
      "POSTROUTING -m mark --mark 0x5",
    ],
    sets: `create marks hash:net skbinfo counters
add marks 10.0.0.0/24 skbmark 0x5/0xff
add marks 10.9.0.0/16 skbmark 0x6 skbprio 1:2 skbqueue 3
create plain hash:ip
add plain 10.0.0.1
create inner hash:ip skbinfo
add inner 192.0.2.7 skbmark 0x77
create list list:set
add list inner
`,
    packets: MIX,
  },
  {
    name: "entries that end",
    rules: [
      "FORWARD -m set --match-set short src",
      "FORWARD -m set --match-set none src",
      "FORWARD -m set --match-set bits dst",
      "FORWARD -m set --match-set room src",
      "FORWARD -s 10.0.0.1 -j SET --add-set short src",
      "FORWARD -s 10.0.0.2 -j SET --add-set short src --exist --timeout 3",
      "FORWARD -s 10.0.0.3 -j SET --add-set none src --timeout 1",
      "FORWARD -j SET --add-set long src --timeout 0",
      "FORWARD -j SET --add-set bits dst",
      "FORWARD -j SET --add-set room src",
    ],
    sets: TIMED,
    packets: TIMED_PACKETS,
    times: TIMES,
  },
];

await duels("sets of ipset, in the kernel", DUELS);
