/**
 * A ruleset as plain data: what iptables-save prints, read into numbers. Nothing in it is a class, and a copy by
 * `structuredClone` is as good as the original. Numbers of 64 bits (counters, quotas) are bigint.
 *
 * Fields carry what the kernel compares, not what was typed: `--dport http` is `{ first: 80, last: 80 }`, host bits of an
 * address are cut off by its mask. A field that was not given is null. `invert` is the `!` in front of an option.
 */

/** iptables or ip6tables. */
export type Family = 4 | 6;

/** In network order: 4 or 16 numbers of 0 to 255. */
export type Address = readonly number[];

export interface Ruleset {
  family: Family;
  /** Whether rules carry counters in front, as `iptables-save -c` prints them. */
  counters: boolean;
  tables: Table[];
}

export type TableName = "raw" | "mangle" | "nat" | "filter" | "security";

export interface Table {
  name: TableName;
  /** In the order of the file: built-in chains and those of the user. */
  chains: Chain[];
}

export interface Counters {
  packets: bigint;
  bytes: bigint;
}

export interface Chain {
  name: string;
  /** null for a chain of the user, printed as `-`. */
  policy: "ACCEPT" | "DROP" | null;
  counters: Counters;
  rules: Rule[];
}

/** One rule. `-s a,b` makes two of one line. */
export interface Rule {
  /** Line of the file it came from, counted from 1; 0 for a rule that was made by a program. */
  line: number;
  /** What `-c` printed in front, or null. */
  counters: Counters | null;
  source: AddressTest | null;
  destination: AddressTest | null;
  in: InterfaceTest | null;
  out: InterfaceTest | null;
  /** `-p`; 0 (all) is kept as null. */
  protocol: { number: number; invert: boolean } | null;
  /** `-f`: second and further fragments; null: all packets. Only IPv4. */
  fragment: { invert: boolean } | null;
  /** In the order they are asked. */
  matches: Match[];
  /** null: the rule only counts. */
  target: Target | null;
}

/** The address under the mask is this one (host bits are already cut off). The mask need not be contiguous. */
export interface AddressTest {
  address: Address;
  mask: Address;
  invert: boolean;
}

/** `name` without the `+`; `prefix` says that it stood there. `+` alone is name "" with prefix. */
export interface InterfaceTest {
  name: string;
  prefix: boolean;
  invert: boolean;
}

/** first <= last, both are inside. */
export interface Range {
  first: number;
  last: number;
}

export interface InvertibleRange extends Range {
  invert: boolean;
}

/** (x & mask) == value */
export interface MaskedTest {
  value: number;
  mask: number;
  invert: boolean;
}

export interface NumberTest {
  value: number;
  invert: boolean;
}

// ---- Matches --------------------------------------------------------------------------------------------------------

/** The names of the matches are those of `-m`. */
export type Match =
  | TcpMatch
  | UdpMatch
  | SctpMatch
  | DccpMatch
  | IcmpMatch
  | Icmp6Match
  | MhMatch
  | StateMatch
  | ConntrackMatch
  | MultiportMatch
  | MarkMatch
  | ConnmarkMatch
  | ConnbytesMatch
  | ConnlimitMatch
  | ConnlabelMatch
  | HelperMatch
  | LimitMatch
  | HashlimitMatch
  | RecentMatch
  | IprangeMatch
  | LengthMatch
  | TtlMatch
  | HlMatch
  | TosMatch
  | DscpMatch
  | MacMatch
  | PkttypeMatch
  | AddrtypeMatch
  | PhysdevMatch
  | OwnerMatch
  | SetMatch
  | StringMatch
  | U32Match
  | StatisticMatch
  | TimeMatch
  | CommentMatch
  | QuotaMatch
  | RpfilterMatch
  | EspMatch
  | AhMatch
  | FragMatch
  | RtMatch
  | OptionsMatch
  | SocketMatch
  | BpfMatch
  | EcnMatch
  | TcpmssMatch
  | CpuMatch
  | DevgroupMatch
  | RealmMatch
  | PolicyMatch
  | CgroupMatch
  | EuiMatch
  | Ipv6headerMatch
  | ClusterMatch
  | IpvsMatch
  | NfacctMatch
  | OsfMatch
  | RateestMatch
  | SrhMatch;

/** `(flags & mask) == compare`, bits as in the header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32. */
export interface TcpFlagsTest {
  mask: number;
  compare: number;
  invert: boolean;
}

export interface TcpMatch {
  name: "tcp";
  sport: InvertibleRange | null;
  dport: InvertibleRange | null;
  flags: TcpFlagsTest | null;
  /** An option of this number is present. */
  option: NumberTest | null;
}

/** `udplite` is no module of its own: `-p udplite -m multiport` asks for its ports. */
export interface UdpMatch {
  name: "udp";
  sport: InvertibleRange | null;
  dport: InvertibleRange | null;
}

/** One chunk type and, where it says so, bits of its flags: `(flags & flagMask) == flags`. */
export interface SctpChunk {
  type: number;
  flags: number;
  flagMask: number;
}

export interface SctpMatch {
  name: "sctp";
  sport: InvertibleRange | null;
  dport: InvertibleRange | null;
  chunks: { how: "any" | "all" | "only"; types: SctpChunk[] | "ALL" | "NONE"; invert: boolean } | null;
}

export interface DccpMatch {
  name: "dccp";
  sport: InvertibleRange | null;
  dport: InvertibleRange | null;
  /** Bit n: packet type n. */
  types: { mask: number; invert: boolean } | null;
  option: NumberTest | null;
}

/** type 255 is `any`. Codes are a range of both ends; 0 to 255 is every code. */
export interface IcmpTypeTest {
  type: number;
  code: Range;
  invert: boolean;
}

export interface IcmpMatch {
  name: "icmp";
  type: IcmpTypeTest | null;
}

export interface Icmp6Match {
  name: "icmp6";
  type: IcmpTypeTest | null;
}

/** Mobility header, IPv6. */
export interface MhMatch {
  name: "mh";
  type: InvertibleRange | null;
}

export type StateName = "INVALID" | "NEW" | "RELATED" | "ESTABLISHED" | "UNTRACKED";

export interface StateMatch {
  name: "state";
  states: StateName[];
  invert: boolean;
}

export type ConntrackState = StateName | "SNAT" | "DNAT";
export type ConntrackStatus = "EXPECTED" | "SEEN_REPLY" | "ASSURED" | "CONFIRMED";

export interface ConntrackMatch {
  name: "conntrack";
  state: { states: ConntrackState[]; invert: boolean } | null;
  protocol: NumberTest | null;
  origSrc: AddressTest | null;
  origDst: AddressTest | null;
  replSrc: AddressTest | null;
  replDst: AddressTest | null;
  origSrcPort: InvertibleRange | null;
  origDstPort: InvertibleRange | null;
  replSrcPort: InvertibleRange | null;
  replDstPort: InvertibleRange | null;
  /** An empty list is NONE. */
  status: { statuses: ConntrackStatus[]; invert: boolean } | null;
  /** Seconds that are left. */
  expire: InvertibleRange | null;
  direction: "ORIGINAL" | "REPLY" | null;
}

export interface MultiportMatch {
  name: "multiport";
  /** `ports`: the source port or the destination port is one of them. */
  which: "sports" | "dports" | "ports";
  ports: Range[];
  invert: boolean;
}

export interface MarkMatch extends MaskedTest {
  name: "mark";
}

export interface ConnmarkMatch extends MaskedTest {
  name: "connmark";
}

export interface ConnbytesMatch {
  name: "connbytes";
  first: bigint;
  /** null: no upper end. */
  last: bigint | null;
  invert: boolean;
  direction: "original" | "reply" | "both";
  mode: "packets" | "bytes" | "avgpkt";
}

export interface ConnlimitMatch {
  name: "connlimit";
  limit: number;
  /** `--connlimit-upto` matches up to the limit, `--connlimit-above` above it. */
  above: boolean;
  /** Length of the prefix that groups hosts. */
  mask: Address;
  /** Group by source or by destination. */
  by: "saddr" | "daddr";
}

export interface ConnlabelMatch {
  name: "connlabel";
  /** Bit number; names come from connlabel.conf. */
  bit: number;
  set: boolean;
  invert: boolean;
}

export interface HelperMatch {
  name: "helper";
  /** "" is any helper. */
  helper: string;
  invert: boolean;
}

/** A rate as the kernel has it: `avg` is 10000ths of a second (`XT_LIMIT_SCALE`) for one packet. */
export interface LimitMatch {
  name: "limit";
  avg: number;
  burst: number;
}

export interface HashlimitMatch {
  name: "hashlimit";
  /** Name of the table in /proc/net/ipt_hashlimit. */
  table: string;
  /** Above the rate, or up to it. */
  above: boolean;
  rate:
    | { unit: "packets" /** 1000000ths of a second for one packet. */; avg: bigint; burst: number }
    | {
        unit: "bytes" /** Bytes in a second. */;
        perSecond: bigint /** Bytes; null: none given. */;
        burst: bigint | null;
      };
  /** srcip, srcport, dstip, dstport in this order. */
  mode: ("srcip" | "srcport" | "dstip" | "dstport")[];
  srcMask: number;
  dstMask: number;
  size: number;
  max: number;
  /** ms */
  gcInterval: number;
  expire: number;
  /** `--hashlimit-rate-match`: seconds over which the rate is taken; null: without it. */
  rateInterval: number | null;
}

export interface RecentMatch {
  name: "recent";
  action: "set" | "rcheck" | "update" | "remove";
  invert: boolean;
  seconds: number | null;
  reap: boolean;
  hitcount: number | null;
  rttl: boolean;
  list: string;
  mask: Address;
  side: "rsource" | "rdest";
}

export interface IprangeMatch {
  name: "iprange";
  src: { first: Address; last: Address; invert: boolean } | null;
  dst: { first: Address; last: Address; invert: boolean } | null;
}

export interface LengthMatch extends InvertibleRange {
  name: "length";
}

export interface TtlMatch {
  name: "ttl";
  how: "eq" | "lt" | "gt";
  value: number;
  invert: boolean;
}

export interface HlMatch {
  name: "hl";
  how: "eq" | "lt" | "gt";
  value: number;
  invert: boolean;
}

export interface TosMatch extends MaskedTest {
  name: "tos";
}

export interface DscpMatch extends NumberTest {
  name: "dscp";
}

export interface MacMatch {
  name: "mac";
  address: readonly number[];
  invert: boolean;
}

export interface PkttypeMatch {
  name: "pkttype";
  type: "unicast" | "broadcast" | "multicast" | "otherhost";
  invert: boolean;
}

export type AddressType =
  | "UNSPEC"
  | "UNICAST"
  | "LOCAL"
  | "BROADCAST"
  | "ANYCAST"
  | "MULTICAST"
  | "BLACKHOLE"
  | "UNREACHABLE"
  | "PROHIBIT"
  | "THROW"
  | "NAT"
  | "XRESOLVE";

export interface AddrtypeMatch {
  name: "addrtype";
  src: { types: AddressType[]; invert: boolean } | null;
  dst: { types: AddressType[]; invert: boolean } | null;
  limitIn: boolean;
  limitOut: boolean;
}

export interface PhysdevMatch {
  name: "physdev";
  in: InterfaceTest | null;
  out: InterfaceTest | null;
  isIn: { invert: boolean } | null;
  isOut: { invert: boolean } | null;
  isBridged: { invert: boolean } | null;
}

export interface OwnerMatch {
  name: "owner";
  uid: InvertibleRange | null;
  gid: InvertibleRange | null;
  socketExists: { invert: boolean } | null;
  supplGroups: boolean;
}

/** A set of ipset, and `src` or `dst` for each part of its elements. */
export interface SetReference {
  set: string;
  dimensions: ("src" | "dst")[];
}

export interface SetMatch extends SetReference {
  name: "set";
  invert: boolean;
  returnNomatch: boolean;
  /** `! --update-counters`: false. */
  updateCounters: boolean;
  updateSubcounters: boolean;
  packets: { how: "eq" | "lt" | "gt"; value: bigint; invert: boolean } | null;
  bytes: { how: "eq" | "lt" | "gt"; value: bigint; invert: boolean } | null;
}

export interface StringMatch {
  name: "string";
  algo: "bm" | "kmp" | string;
  pattern: readonly number[];
  from: number;
  /** 65535: to the end. */
  to: number;
  icase: boolean;
  invert: boolean;
}

/** Steps of one location, then the ranges the value must be in; all tests must hold. */
export interface U32Test {
  location: { op: "load" | "&" | "<<" | ">>" | "@"; number: number }[];
  ranges: Range[];
}

export interface U32Match {
  name: "u32";
  tests: U32Test[];
  invert: boolean;
}

export type StatisticMatch =
  | { name: "statistic"; mode: "random" /** Of 2^31. */; probability: number; invert: boolean }
  | { name: "statistic"; mode: "nth"; every: number; packet: number; invert: boolean };

export interface TimeMatch {
  name: "time";
  /** Seconds since 1970; null: open. */
  dateStart: number | null;
  dateStop: number | null;
  /** Seconds of the day. */
  timeStart: number;
  timeStop: number;
  /** Bit n: day n of the month. */
  monthdays: number;
  /** Bit n: weekday n, Monday is 1. */
  weekdays: number;
  kerneltz: boolean;
  contiguous: boolean;
}

export interface CommentMatch {
  name: "comment";
  text: string;
}

export interface QuotaMatch {
  name: "quota";
  quota: bigint;
  invert: boolean;
}

export interface RpfilterMatch {
  name: "rpfilter";
  loose: boolean;
  validmark: boolean;
  acceptLocal: boolean;
  invert: boolean;
}

export interface EspMatch {
  name: "esp";
  spi: InvertibleRange | null;
}

export interface AhMatch {
  name: "ah";
  spi: InvertibleRange | null;
  /** Only IPv6. */
  length: NumberTest | null;
  reserved: boolean;
}

export interface FragMatch {
  name: "frag";
  id: InvertibleRange | null;
  length: NumberTest | null;
  reserved: boolean;
  first: boolean;
  more: boolean;
  last: boolean;
}

export interface RtMatch {
  name: "rt";
  type: NumberTest | null;
  segsleft: InvertibleRange | null;
  length: NumberTest | null;
  type0Reserved: boolean;
  type0Addresses: Address[] | null;
  type0NotStrict: boolean;
}

/** Options of a hop-by-hop or destination header. */
export interface OptionsMatch {
  name: "hbh" | "dst";
  length: NumberTest | null;
  options: { type: number /** null: any. */; length: number | null }[] | null;
}

export interface SocketMatch {
  name: "socket";
  transparent: boolean;
  nowildcard: boolean;
  restoreSkmark: boolean;
}

export interface BpfMatch {
  name: "bpf";
  program:
    | { kind: "bytecode"; code: { code: number; jt: number; jf: number; k: number }[] }
    | { kind: "pinned"; path: string };
}

export interface EcnMatch {
  name: "ecn";
  cwr: { invert: boolean } | null;
  ece: { invert: boolean } | null;
  ipEct: NumberTest | null;
}

export interface TcpmssMatch extends InvertibleRange {
  name: "tcpmss";
}

export interface CpuMatch extends NumberTest {
  name: "cpu";
}

export interface DevgroupMatch {
  name: "devgroup";
  src: MaskedTest | null;
  dst: MaskedTest | null;
}

export interface RealmMatch extends MaskedTest {
  name: "realm";
}

export interface PolicyElement {
  reqid: NumberTest | null;
  spi: NumberTest | null;
  proto: NumberTest | null;
  mode: { value: "transport" | "tunnel"; invert: boolean } | null;
  tunnelSrc: AddressTest | null;
  tunnelDst: AddressTest | null;
}

export interface PolicyMatch {
  name: "policy";
  direction: "in" | "out";
  policy: "none" | "ipsec";
  strict: boolean;
  elements: PolicyElement[];
}

export interface CgroupMatch {
  name: "cgroup";
  cgroup: number | null;
  path: string | null;
  invert: boolean;
}

export interface EuiMatch {
  name: "eui64";
}

export interface Ipv6headerMatch {
  name: "ipv6header";
  /** Bits: hop-by-hop 0x80, dst 0x40, route 0x20, frag 0x10, auth 0x08, esp 0x04, none 0x02, proto 0x01. */
  headers: number;
  soft: boolean;
  invert: boolean;
}

/** Nodes as bits: node n is bit n - 1. */
export interface ClusterMatch {
  name: "cluster";
  total: number;
  nodes: number;
  invert: boolean;
  seed: number;
}

export interface SrhNetwork {
  address: Address;
  mask: Address;
  invert: boolean;
}

export interface IpvsMatch {
  name: "ipvs";
  belongs: { invert: boolean } | null;
  protocol: NumberTest | null;
  address: SrhNetwork | null;
  port: NumberTest | null;
  direction: "ORIGINAL" | "REPLY" | null;
  method: { value: "GATE" | "IPIP" | "MASQ"; invert: boolean } | null;
  control: NumberTest | null;
}

export interface NfacctMatch {
  name: "nfacct";
  object: string;
}

export interface OsfMatch {
  name: "osf";
  genre: string;
  invert: boolean;
  ttl: number | null;
  log: number | null;
}

/** Rates of an estimator against numbers, or against those of a second one. */
export interface RateestMatch {
  name: "rateest";
  first: string;
  second: string | null;
  delta: boolean;
  how: "lt" | "gt" | "eq";
  invert: boolean;
  /** Bytes a second: what is subtracted from with `delta`, and what is compared with. */
  bytes: [number, number] | null;
  packets: [number, number] | null;
}

export interface SrhCount {
  value: number;
  eq: { invert: boolean } | null;
  gt: { invert: boolean } | null;
  lt: { invert: boolean } | null;
}

export interface SrhMatch {
  name: "srh";
  next: NumberTest | null;
  /** Length of the header, segments left, last entry. */
  counts: [SrhCount, SrhCount, SrhCount];
  tag: NumberTest | null;
  psid: SrhNetwork | null;
  nsid: SrhNetwork | null;
  lsid: SrhNetwork | null;
}

// ---- Targets --------------------------------------------------------------------------------------------------------

/** `kind` is the name behind `-j`; a chain of the user is "jump" or, with `-g`, "goto". */
export type Target =
  | { kind: "ACCEPT" }
  | { kind: "DROP" }
  | { kind: "RETURN" }
  | { kind: "QUEUE" }
  | { kind: "jump"; chain: string }
  | { kind: "goto"; chain: string }
  | RejectTarget
  | LogTarget
  | NflogTarget
  | NfqueueTarget
  | MarkTarget
  | ConnmarkTarget
  | { kind: "NOTRACK" }
  | CtTarget
  | { kind: "TRACE" }
  | TcpmssTarget
  | DscpTarget
  | TosTarget
  | TtlTarget
  | HlTarget
  | ClassifyTarget
  | AuditTarget
  | NatTarget
  | MasqueradeTarget
  | RedirectTarget
  | NetmapTarget
  | ChecksumTarget
  | SetTarget
  | TeeTarget
  | TproxyTarget
  | TcpoptstripTarget
  | EcnTarget
  | ClusteripTarget
  | SecmarkTarget
  | ConnsecmarkTarget
  | SynproxyTarget
  | NptTarget
  | HmarkTarget
  | IdletimerTarget
  | LedTarget
  | RateestTarget;

export type RejectWith =
  | "icmp-net-unreachable"
  | "icmp-host-unreachable"
  | "icmp-proto-unreachable"
  | "icmp-port-unreachable"
  | "icmp-net-prohibited"
  | "icmp-host-prohibited"
  | "icmp-admin-prohibited"
  | "icmp6-no-route"
  | "icmp6-adm-prohibited"
  | "icmp6-addr-unreachable"
  | "icmp6-port-unreachable"
  | "icmp6-policy-fail"
  | "icmp6-reject-route"
  | "tcp-reset";

export interface RejectTarget {
  kind: "REJECT";
  with: RejectWith;
}

export interface LogTarget {
  kind: "LOG";
  prefix: string;
  /** 0 emerg … 7 debug; 4 unless given. */
  level: number;
  /** Bits: tcp-sequence 1, tcp-options 2, ip-options 4, uid 8, macdecode 32. */
  flags: number;
}

export interface NflogTarget {
  kind: "NFLOG";
  group: number;
  prefix: string;
  range: number | null;
  size: number | null;
  threshold: number;
}

export interface NfqueueTarget {
  kind: "NFQUEUE";
  first: number;
  last: number;
  bypass: boolean;
  cpuFanout: boolean;
}

/** new = (old & ~clear) ^ xor */
export interface MarkTarget {
  kind: "MARK";
  clear: number;
  xor: number;
}

export type ConnmarkTarget =
  | {
      kind: "CONNMARK";
      mode: "set";
      clear: number;
      xor: number /** Bits; positive: left, negative: right. */;
      shift: number;
    }
  | { kind: "CONNMARK"; mode: "save" | "restore"; ctMask: number; nfMask: number; shift: number };

export type CtEvent =
  | "new"
  | "related"
  | "destroy"
  | "reply"
  | "assured"
  | "protoinfo"
  | "helper"
  | "mark"
  | "natseqinfo"
  | "secmark";
export type CtExpEvent = "new";

export interface CtTarget {
  kind: "CT";
  notrack: boolean;
  helper: string | null;
  timeout: string | null;
  /** null: none given. */
  events: CtEvent[] | null;
  expEvents: CtExpEvent[] | null;
  /** `mark`: the zone is the packet's mark. */
  zone: { id: number | "mark"; direction: "both" | "original" | "reply" } | null;
}

export interface TcpmssTarget {
  kind: "TCPMSS";
  /** null: clamp to the path's. */
  mss: number | null;
}

export interface DscpTarget {
  kind: "DSCP";
  dscp: number;
}

/** new = (old & ~clear) ^ xor */
export interface TosTarget {
  kind: "TOS";
  clear: number;
  xor: number;
}

export interface TtlTarget {
  kind: "TTL";
  how: "set" | "dec" | "inc";
  value: number;
}

export interface HlTarget {
  kind: "HL";
  how: "set" | "dec" | "inc";
  value: number;
}

export interface ClassifyTarget {
  kind: "CLASSIFY";
  major: number;
  minor: number;
}

export interface AuditTarget {
  kind: "AUDIT";
  type: "accept" | "drop" | "reject";
}

export interface NatTarget {
  kind: "SNAT" | "DNAT";
  /** null: only the ports change. */
  addresses: { first: Address; last: Address } | null;
  ports: Range | null;
  /** `--to-destination :80-90/8080`: ports are shifted from this base. */
  portBase: number | null;
  random: boolean;
  randomFully: boolean;
  persistent: boolean;
}

export interface MasqueradeTarget {
  kind: "MASQUERADE";
  ports: Range | null;
  random: boolean;
  randomFully: boolean;
}

export interface RedirectTarget {
  kind: "REDIRECT";
  ports: Range | null;
  random: boolean;
}

export interface NetmapTarget {
  kind: "NETMAP";
  address: Address;
  mask: Address;
}

export interface ChecksumTarget {
  kind: "CHECKSUM";
}

export interface SetTarget {
  kind: "SET";
  /** `timeout` in seconds, null: that of the set. */
  add: (SetReference & { exist: boolean; timeout: number | null }) | null;
  del: SetReference | null;
  /** What the packet is given of the entry it is found by. */
  map: (SetReference & { mark: boolean; prio: boolean; queue: boolean }) | null;
}

export interface TeeTarget {
  kind: "TEE";
  gateway: Address;
  oif: string | null;
}

export interface TproxyTarget {
  kind: "TPROXY";
  port: number;
  address: Address | null;
  value: number;
  mask: number;
}

export interface TcpoptstripTarget {
  kind: "TCPOPTSTRIP";
  options: number[];
}

/** What the bits are set to; null leaves them as they are. */
export interface EcnTarget {
  kind: "ECN";
  ece: number | null;
  cwr: number | null;
  ipEct: number | null;
}

export interface ClusteripTarget {
  kind: "CLUSTERIP";
  /** null: the cluster is there already. */
  created: {
    hashmode: "sourceip" | "sourceip-sourceport" | "sourceip-sourceport-destport";
    mac: number[];
    total: number;
    node: number;
    init: number;
  } | null;
}

export interface SecmarkTarget {
  kind: "SECMARK";
  context: string;
}

export interface ConnsecmarkTarget {
  kind: "CONNSECMARK";
  mode: "save" | "restore";
}

export interface SynproxyTarget {
  kind: "SYNPROXY";
  sack: boolean;
  timestamp: boolean;
  scale: number | null;
  mss: number | null;
  ecn: boolean;
}

export interface NptTarget {
  kind: "SNPT" | "DNPT";
  source: { address: Address; length: number };
  destination: { address: Address; length: number };
}

/** null: not part of the hash, or as it is in the packet. */
export interface HmarkTarget {
  kind: "HMARK";
  source: number | null;
  destination: number | null;
  sportMask: number | null;
  dportMask: number | null;
  spiMask: number | null;
  sport: number | null;
  dport: number | null;
  spi: number | null;
  protocolMask: number | null;
  seed: number;
  modulus: number;
  offset: number | null;
  ct: boolean;
}

export interface IdletimerTarget {
  kind: "IDLETIMER";
  /** Seconds. */
  timeout: number;
  label: string;
  alarm: boolean;
}

export interface LedTarget {
  kind: "LED";
  trigger: string;
  /** ms; -1: for ever. */
  delay: number;
  alwaysBlink: boolean;
}

export interface RateestTarget {
  kind: "RATEEST";
  estimator: string;
  /** Microseconds. */
  interval: number;
  /** The average is over 2^log intervals. */
  log: number;
}
