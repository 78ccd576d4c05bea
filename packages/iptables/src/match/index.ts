// Every `-m`, by name. A new match is a file (or a place in one) and a line here.
import type { MatchExtension } from "../extension.js";
import type { Family } from "../ruleset.js";
import { addrtype, devgroup, iprange, mac, physdev, pkttype, realm, rpfilter } from "./address.js";
import { connbytes, connlabel, connlimit, connmark, conntrack, helper, mark, state } from "./conntrack.js";
import { ah4, ah6, dscp, ecn, esp, hl, length, tcpmss, tos, ttl } from "./header.js";
import { icmp, icmp6, mh } from "./icmp.js";
import { dst, eui64, frag, hbh, ipv6header, rt } from "./ipv6.js";
import { cgroup, comment, cpu, owner, policy, quota, socket, statistic } from "./misc.js";
import { bpf, string, u32 } from "./payload.js";
import { dccp, multiport, sctp, tcp, udp } from "./ports.js";
import { cluster, ipvs, nfacct, osf, rateest, srh } from "./rare.js";
import { hashlimit, limit } from "./rate.js";
import { recent } from "./recent.js";
import { set } from "./set.js";
import { time } from "./time.js";

export const MATCHES: readonly MatchExtension[] = [
  addrtype,
  ah4,
  ah6,
  bpf,
  cgroup,
  cluster,
  comment,
  connbytes,
  connlabel,
  connlimit,
  connmark,
  conntrack,
  cpu,
  dccp,
  devgroup,
  dscp,
  dst,
  ecn,
  esp,
  eui64,
  frag,
  hashlimit,
  hbh,
  helper,
  hl,
  icmp,
  icmp6,
  iprange,
  ipv6header,
  ipvs,
  length,
  limit,
  mac,
  mark,
  mh,
  multiport,
  nfacct,
  osf,
  owner,
  physdev,
  pkttype,
  policy,
  quota,
  rateest,
  realm,
  recent,
  rpfilter,
  rt,
  sctp,
  set,
  socket,
  srh,
  state,
  statistic,
  string,
  tcp,
  tcpmss,
  time,
  tos,
  ttl,
  u32,
  udp,
];

/** Names that `-p` uses for the module of a protocol. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["ipv6-icmp", "icmp6"],
  ["icmpv6", "icmp6"],
]);

const byName = {
  4: new Map(MATCHES.filter(({ family = 4 }) => family === 4).map((match) => [match.name, match])),
  6: new Map(MATCHES.filter(({ family = 6 }) => family === 6).map((match) => [match.name, match])),
};

export const findMatch = (name: string, family: Family): MatchExtension | undefined =>
  byName[family].get(ALIASES.get(name) ?? name);
