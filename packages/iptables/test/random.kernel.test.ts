// Random rulesets and random traffic, through the kernel and through ours. RANDOM_RULESETS=200 runs so many, RANDOM_SEED others.
import { type PacketFields, packet } from "../../conformance/src/packets.js";
import { type Duel, duels, reasonWithoutSets } from "./duel.js";

const COUNT = Number(process.env.RANDOM_RULESETS ?? 8);
const SEED = Number(process.env.RANDOM_SEED ?? 1);
const PACKETS = 60;

/** mulberry32 */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}
type Random = ReturnType<typeof randomFrom>;
const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)] as T;

/** Each is a test of its own; `{}` is an address, `#` a port. */
const MATCHES = [
  "-s {}",
  "! -s {}",
  "-d {}/31",
  "-i orc-in",
  "! -o orc+",
  "-p tcp",
  "-p udp",
  "! -p icmp",
  "-p tcp -m tcp --dport #",
  "-p tcp -m tcp ! --sport #:1030",
  "-p udp -m udp --dport #",
  "-p tcp -m tcp --tcp-flags SYN,ACK,RST SYN",
  "-p tcp -m multiport --ports #,#,1024:1026",
  "-p icmp -m icmp --icmp-type 8",
  "-m state --state NEW",
  "-m conntrack --ctstate RELATED,ESTABLISHED",
  "-m conntrack ! --ctstate INVALID,NEW",
  "-m conntrack --ctdir REPLY",
  "-m conntrack --ctstatus ASSURED,SEEN_REPLY",
  "-m conntrack --ctorigdstport #",
  "-m length --length 0:60",
  "-m ttl --ttl-lt 60",
  "-m mark --mark 0x1/0x3",
  "-m connmark ! --mark 0x0",
  "-m statistic --mode nth --every 3 --packet 1",
  "-m iprange --src-range 10.0.0.1-10.0.0.2",
  "-m string --string abc --algo kmp",
  '-m u32 --u32 "6&0xff=6,17&&0>>22&0x3c@0>>16=1024:1027"',
  "-m addrtype --dst-type UNICAST",
  "-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 4 --hashlimit-mode srcip --hashlimit-name h",
  "-m recent --rcheck --name r",
  "-m recent --set --name r",
  "-m quota --quota 400",
  "-m tos --tos 0x10/0xff",
];
/** Those of rulesets with sets. */
const SET_MATCHES = [
  "-m set --match-set ip src",
  "-m set ! --match-set ip dst",
  "-m set --match-set net src",
  "-m set --match-set net dst --return-nomatch",
  "-m set --match-set net src --packets-gt 3",
  "-m set --match-set ipport dst,dst",
  "-m set ! --match-set ipport src,src",
  "-m set --match-set netport src,dst",
  "-m set --match-set triple src,dst,dst",
  "-m set --match-set iface src,src",
  "-m set --match-set bits dst",
  "-m set --match-set seen src,src",
  "-m set --match-set all src",
  "-m set --match-set all src,dst ! --update-subcounters",
  "-m set --match-set few src",
];
const SET_TARGETS = [
  "-j SET --add-set ip src",
  "-j SET --add-set net dst --exist",
  "-j SET --del-set net src",
  "-j SET --add-set ipport dst,dst --exist",
  "-j SET --del-set ipport src,src",
  "-j SET --add-set netport src,dst",
  "-j SET --add-set triple src,dst,dst --del-set ip dst",
  "-j SET --add-set iface dst,dst",
  "-j SET --add-set bits dst",
  "-j SET --del-set bits dst",
  "-j SET --add-set seen src,src --exist",
  "-j SET --add-set all dst",
  "-j SET --del-set all src",
  "-j SET --add-set few src",
  "-j SET --del-set few dst",
  "-j SET --map-set marks src,dst --map-mark",
];
const SETS = `create ip hash:ip counters
create net hash:net counters
add net 10.0.0.0/8
add net 10.0.0.2/31 nomatch
create ipport hash:ip,port counters
add ipport 10.0.0.1,tcp:80
create netport hash:net,port
add netport 10.0.0.0/30,udp:53
add netport 10.0.0.0/31,tcp:80 nomatch
create triple hash:ip,port,net
add triple 10.0.0.1,tcp:80,10.0.0.2/31
create iface hash:net,iface
add iface 10.0.0.0/31,orc-in
add iface 10.0.0.0/24,orc wildcard
create bits bitmap:port range 0-1024 counters
create seen bitmap:ip,mac range 10.0.0.0/30 counters
add seen 10.0.0.1
create few hash:ip maxelem 1
create marks hash:net,port skbinfo
add marks 10.0.0.2/31,tcp:80 skbmark 0x1/0x3
create all list:set counters
add all few
add all bits
add all net
`;
const TARGETS = [
  "",
  "",
  "-j ACCEPT",
  "-j DROP",
  "-j RETURN",
  "-j MARK --set-xmark 0x1/0x3",
  "-j MARK --set-xmark 0x2/0x2",
  "-j CONNMARK --save-mark --nfmask 0x3 --ctmask 0x3",
  "-j TTL --ttl-set 50",
];
const ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const PORTS = [80, 53, 1024, 1025];
const CHAINS = ["FORWARD", "a", "b"];

/** A chain jumps to later ones only. */
function ruleset(random: Random, known: readonly string[], targets: readonly string[]): string[] {
  return CHAINS.flatMap((chain, level) =>
    Array.from({ length: 4 + random(9) }, () => {
      const words = Array.from({ length: 1 + random(2) }, () => pick(random, known));
      // one protocol a rule, and each module once
      const second = words[1] ?? "";
      const clash = /^!? ?-[psdio]|-p /.test(second) || words[0] === second || moduleOf(words[0]) === moduleOf(second);
      const match = (clash ? words.slice(0, 1) : words)
        .join(" ")
        .replaceAll("{}", () => pick(random, ADDRESSES))
        .replaceAll("#:1030", "1020:1030")
        .replaceAll("#", () => String(pick(random, PORTS)));
      const later = CHAINS.slice(level + 1);
      const target =
        later.length > 0 && random(3) === 0
          ? `-${pick(random, ["j", "g"])} ${pick(random, later)}`
          : pick(random, targets);
      return `${chain} ${match} ${target}`.trim();
    }),
  );
}
const moduleOf = (match = "") => /-m (\S+)(?!.*-m )/.exec(match)?.[1];

function traffic(random: Random): Uint8Array[] {
  return Array.from({ length: PACKETS }, () => {
    const [src, dst] = [pick(random, ADDRESSES), pick(random, ADDRESSES)];
    const base: Omit<PacketFields, "src"> = { dst, ttl: pick(random, [64, 55, 3]), tos: pick(random, [0, 0, 0x10]) };
    const [sport, dport] = [pick(random, PORTS), pick(random, PORTS)];
    const payload = pick(random, [0, 20, "xxabcxx"]);
    const kind = random(4);
    if (kind === 0) return packet({ src, ...base, udp: { sport, dport, payload } });
    if (kind === 1)
      return packet({ src, ...base, icmp: { type: pick(random, [8, 0, 13]), id: 1 + random(2), seq: 1 } });
    const flags = pick(random, ["S", "SA", "A", "PA", "FA", "R", ""]);
    return packet({
      src,
      ...base,
      tcp: { sport, dport, flags, seq: 1 + random(3), ack: flags.includes("A") ? 1 + random(3) : 0, payload },
    });
  });
}

const reason = reasonWithoutSets();

/** Every other one has sets, where ipset can be asked. */
const DUELS: readonly Duel[] = Array.from({ length: COUNT }, (_, i) => {
  const random = randomFrom(SEED * 1000 + i);
  const withSets = i % 2 === 1 && reason === null;
  const [matches, targets] = withSets
    ? [
        [...MATCHES.slice(0, 16), ...SET_MATCHES],
        [...TARGETS, ...SET_TARGETS],
      ]
    : [MATCHES, TARGETS];
  return {
    name: `seed ${SEED}, ruleset ${i}${withSets ? " with sets" : ""}`,
    ...(withSets && { sets: SETS }),
    table: "mangle",
    chains: ["a", "b"],
    policy: pick(random, ["ACCEPT", "DROP"] as const),
    rules: ruleset(random, matches, targets),
    packets: traffic(random),
  };
});

await duels("random rulesets in the kernel", DUELS);
