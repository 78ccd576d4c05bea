// Rulesets as people and programs write them, for one table of a router; the lines go into iptables-save files.
export interface Sample {
  readonly name: string;
  readonly table?: "raw" | "mangle" | "filter";
  /** Chains of the user. */
  readonly chains?: readonly string[];
  readonly policy?: "ACCEPT" | "DROP";
  readonly rules: readonly string[];
  /** The whole file, instead of what follows from the rest. */
  readonly text?: string;
  /** Rules of the raw table before them. */
  readonly raw?: readonly string[];
}

const FORWARD_POLICY = ["FORWARD"];
const BUILT_IN = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
} as const;

/** The file of iptables-save. */
export function saveText({ table = "filter", chains = [], policy = "ACCEPT", rules, raw, text }: Sample): string {
  if (text !== undefined) return text;
  const before = raw ? [saveText({ name: "raw", table: "raw", rules: raw }).trimEnd()] : [];
  return [
    ...before,
    `*${table}`,
    ...BUILT_IN[table].map((chain) => `:${chain} ${FORWARD_POLICY.includes(chain) ? policy : "ACCEPT"} [0:0]`),
    ...chains.map((chain) => `:${chain} - [0:0]`),
    ...rules.map((rule) => `-A ${rule}`),
    "COMMIT",
    "",
  ].join("\n");
}

/** One rule after the other that only counts: each says how often its match held. */
export const counting = (name: string, matches: readonly string[]): Sample => ({
  name,
  rules: matches.map((match) => `FORWARD ${match}`),
});

export const SAMPLES: readonly Sample[] = [
  { name: "example: replies of TCP", rules: ["FORWARD -p tcp -m state --state RELATED,ESTABLISHED -j ACCEPT"] },
  {
    name: "example: mail and web",
    policy: "DROP",
    rules: ["FORWARD -i orc-in -p tcp -m multiport --dports 25,80,110,443,1863 -j ACCEPT"],
  },
  { name: "example: names", policy: "DROP", rules: ["FORWARD -i orc-in -p udp -m udp --dport 53 -j ACCEPT"] },
  {
    name: "example: all of them",
    policy: "DROP",
    rules: [
      "FORWARD -p tcp -m state --state RELATED,ESTABLISHED -j ACCEPT",
      "FORWARD -i orc-in -p tcp -m multiport --dports 25,80,110,443,1863 -j ACCEPT",
      "FORWARD -i orc-in -p udp -m udp --dport 53 -j ACCEPT",
    ],
  },
  counting("IP header", [
    "-s 10.0.0.1",
    "-s 10.0.0.0/24",
    "! -s 10.0.0.1",
    "-d 10.0.0.2",
    "-d 10.0.0.0/255.255.0.255",
    "-i orc-in",
    "-i orc+",
    "! -i orc-in",
    "-i eth0",
    "-o orc-out",
    "! -o orc-out",
    "-p tcp",
    "! -p tcp",
    "-p udp",
    "-p icmp",
    "-p 47",
    "-f",
    "! -f",
  ]),
  counting("ports", [
    "-p tcp -m tcp --dport 80",
    "-p tcp -m tcp --sport 1024:65535",
    "-p tcp -m tcp ! --dport 80",
    "-p udp -m udp --dport 53",
    "-p udp -m udp ! --sport 53",
    "-p tcp -m multiport --dports 25,80,110",
    "-p tcp -m multiport --sports 1:1023",
    "-p tcp -m multiport --ports 80,8000:9000",
    "-p tcp -m multiport ! --dports 80,443",
    "-p udp -m multiport --ports 53",
  ]),
  counting("TCP", [
    "-p tcp -m tcp --syn",
    "-p tcp -m tcp ! --syn",
    "-p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK",
    "-p tcp -m tcp --tcp-flags ALL NONE",
    "-p tcp -m tcp --tcp-flags FIN,RST FIN",
    "-p tcp -m tcp --tcp-option 2",
    "-p tcp -m tcp ! --tcp-option 8",
  ]),
  counting("ICMP", [
    "-p icmp -m icmp --icmp-type echo-request",
    "-p icmp -m icmp --icmp-type 0",
    "-p icmp -m icmp --icmp-type port-unreachable",
    "-p icmp -m icmp --icmp-type destination-unreachable",
    "-p icmp -m icmp ! --icmp-type 8",
    "-p icmp -m icmp --icmp-type any",
  ]),
  counting("state", [
    "-m state --state NEW",
    "-m state --state ESTABLISHED",
    "-m state --state RELATED",
    "-m state --state INVALID",
    "-m state --state UNTRACKED",
    "-m state ! --state NEW,ESTABLISHED",
    "-m conntrack ! --ctstate INVALID",
    "-m conntrack --ctstate RELATED,ESTABLISHED",
  ]),
  counting("conntrack", [
    "-m conntrack --ctproto tcp",
    "-m conntrack ! --ctproto 17",
    "-m conntrack --ctorigsrc 10.0.0.1",
    "-m conntrack --ctreplsrc 10.0.0.2",
    "-m conntrack ! --ctorigdst 10.0.0.2",
    "-m conntrack --ctorigdstport 80",
    "-m conntrack --ctreplsrcport 53",
    "-m conntrack --ctorigsrcport 1024:1030",
    "-m conntrack --ctdir ORIGINAL",
    "-m conntrack --ctdir REPLY",
    "-m conntrack --ctstatus ASSURED",
    "-m conntrack --ctstatus SEEN_REPLY",
    "-m conntrack ! --ctstatus CONFIRMED",
    "-m conntrack --ctstatus NONE",
    "-m conntrack --ctstate NEW --ctproto 6 --ctdir ORIGINAL",
  ]),
  counting("sizes and marks of the header", [
    "-m length --length 0:60",
    "-m length ! --length 40",
    "-m length --length 100:65535",
    "-m ttl --ttl-eq 64",
    "-m ttl --ttl-lt 64",
    "-m ttl --ttl-gt 63",
    "-m tos --tos 0x10/0xff",
    "-m tos ! --tos 0x00/0xfc",
    "-m dscp --dscp 0x2e",
    "-m dscp ! --dscp 0",
    "-m iprange --src-range 10.0.0.1-10.0.0.9",
    "-m iprange ! --dst-range 10.0.0.2-10.0.0.2",
  ]),
  {
    name: "nth, quota, limit",
    rules: [
      "FORWARD -m statistic --mode nth --every 3 --packet 0",
      "FORWARD -m statistic --mode nth --every 4 --packet 2",
      "FORWARD -m quota --quota 300",
      "FORWARD -m limit --limit 1/hour --limit-burst 5",
    ],
  },
  {
    name: "marks",
    table: "mangle",
    rules: [
      "FORWARD -p tcp -j MARK --set-xmark 0x12/0xff",
      "FORWARD -m mark --mark 0x12",
      "FORWARD -m mark ! --mark 0x10/0xf0",
      "FORWARD -p tcp -j MARK --set-xmark 0x100/0x0",
      "FORWARD -m mark --mark 0x112",
      "FORWARD -p udp -j CONNMARK --set-xmark 0x5/0xffffffff",
      "FORWARD -m connmark --mark 0x5",
      "FORWARD -p tcp -m tcp --syn -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff",
      "POSTROUTING -m connmark --mark 0x112",
      "POSTROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff",
      "POSTROUTING -m mark --mark 0x5",
    ],
  },
  {
    name: "untracked",
    table: "raw",
    rules: [
      "PREROUTING -p udp -m udp --dport 53 -j CT --notrack",
      "PREROUTING -p udp -m udp --sport 53 -j CT --notrack",
      "PREROUTING -p tcp",
    ],
  },
  {
    name: "dropped before tracking",
    table: "raw",
    rules: ["PREROUTING -p tcp -m tcp --syn -j DROP", "PREROUTING -p icmp"],
  },
  {
    name: "zones",
    table: "raw",
    rules: ["PREROUTING -p udp -j CT --zone 7", "PREROUTING -p tcp -m tcp --dport 80 -j CT --zone 9"],
  },
  {
    name: "dropped replies are tracked all the same",
    rules: ["FORWARD -p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK -j DROP", "FORWARD -m conntrack --ctstatus ASSURED"],
  },
  {
    name: "jump, goto, return",
    chains: ["one", "two", "three"],
    policy: "DROP",
    rules: [
      "FORWARD -p tcp -j one",
      "FORWARD -p udp -g two",
      "FORWARD -p icmp -j three",
      "FORWARD -p tcp -j ACCEPT",
      "one -p tcp -m tcp --dport 80 -j RETURN",
      "one -g two",
      "two -m state --state NEW -j RETURN",
      "two -j ACCEPT",
      "three -j two",
      "three -p icmp -j DROP",
    ],
  },
  { name: "return from a built-in chain", policy: "DROP", rules: ["FORWARD -p tcp -j RETURN", "FORWARD -j ACCEPT"] },
  {
    name: "ufw",
    chains: ["ufw-before-forward", "ufw-user-forward", "ufw-skip-to-policy-forward", "ufw-logging-deny"],
    policy: "DROP",
    rules: [
      "FORWARD -j ufw-before-forward",
      "ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
      "ufw-before-forward -p icmp -m icmp --icmp-type 3 -j ACCEPT",
      "ufw-before-forward -p icmp -m icmp --icmp-type 8 -j ACCEPT",
      "ufw-before-forward -m conntrack --ctstate INVALID -j ufw-logging-deny",
      "ufw-before-forward -m conntrack --ctstate INVALID -j DROP",
      "ufw-before-forward -j ufw-user-forward",
      "ufw-logging-deny -m conntrack --ctstate INVALID -m limit --limit 3/min --limit-burst 10 -j RETURN",
      "ufw-user-forward -p tcp -m tcp --dport 80 -j ACCEPT",
      'ufw-user-forward -p tcp -m multiport --dports 443,8080 -m comment --comment "dapp_web" -j ACCEPT',
      "ufw-skip-to-policy-forward -j DROP",
    ],
  },
  {
    name: "firewalld, direct",
    chains: ["FWD_direct", "FWDI_public", "FWDI_public_deny", "FWDI_public_allow", "FWDO_public"],
    rules: [
      "FORWARD -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT",
      "FORWARD -i lo -j ACCEPT",
      "FORWARD -j FWD_direct",
      "FORWARD -i orc-in -g FWDI_public",
      "FORWARD -o orc-out -g FWDO_public",
      "FORWARD -m conntrack --ctstate INVALID -j DROP",
      "FORWARD -j REJECT --reject-with icmp-host-prohibited",
      "FWDI_public -j FWDI_public_deny",
      "FWDI_public -j FWDI_public_allow",
      "FWDI_public -p icmp -j ACCEPT",
      "FWDI_public_allow -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT",
    ],
  },
  {
    name: "Shorewall",
    chains: ["net-loc", "net_frwd", "dynamic", "tcpflags", "smurfs"],
    policy: "DROP",
    rules: [
      "FORWARD -i orc-in -j net_frwd",
      "FORWARD -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic",
      "net_frwd -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic",
      "net_frwd -p tcp -j tcpflags",
      "net_frwd -m conntrack --ctstate INVALID,NEW,UNTRACKED -j smurfs",
      "net_frwd -o orc-out -j net-loc",
      "net-loc -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
      "net-loc -p udp -m udp --dport 53 -j ACCEPT",
      "tcpflags -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG -g smurfs",
      "tcpflags -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -g smurfs",
      "tcpflags -p tcp -m tcp --tcp-flags SYN,RST SYN,RST -g smurfs",
      "smurfs -s 0.0.0.0/32 -j RETURN",
    ],
  },
  {
    name: "Docker",
    chains: ["DOCKER", "DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2", "DOCKER-USER"],
    policy: "DROP",
    rules: [
      "FORWARD -j DOCKER-USER",
      "FORWARD -j DOCKER-ISOLATION-STAGE-1",
      "FORWARD -o orc-out -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
      "FORWARD -o orc-out -j DOCKER",
      "FORWARD -i orc-out ! -o orc-out -j ACCEPT",
      "DOCKER -d 10.0.0.2/32 ! -i orc-out -o orc-out -p tcp -m tcp --dport 80 -j ACCEPT",
      "DOCKER-ISOLATION-STAGE-1 -i orc-in ! -o orc-in -j DOCKER-ISOLATION-STAGE-2",
      "DOCKER-ISOLATION-STAGE-1 -j RETURN",
      "DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP",
      "DOCKER-ISOLATION-STAGE-2 -j RETURN",
      "DOCKER-USER -j RETURN",
    ],
  },
  {
    name: "kube-proxy",
    chains: ["KUBE-FORWARD", "KUBE-FIREWALL", "KUBE-SERVICES"],
    rules: [
      'FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
      'FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      "FORWARD -j KUBE-FIREWALL",
      "KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP",
      "KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
      "KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT",
      "KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
      "KUBE-SERVICES -d 10.0.0.2/32 -p tcp -m tcp --dport 443 -j REJECT --reject-with icmp-port-unreachable",
    ],
  },
  {
    name: "FTP with its helper: the announced connection, and no other",
    policy: "DROP",
    raw: ["PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp"],
    rules: [
      "FORWARD -m helper --helper irc",
      "FORWARD -m helper ! --helper ftp",
      'FORWARD -m helper --helper ""',
      "FORWARD -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT",
      "FORWARD -m helper --helper ftp",
      "FORWARD -m conntrack --ctstate RELATED",
      "FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
      "FORWARD -p tcp -m tcp --dport 21 -m conntrack --ctstate NEW -j ACCEPT",
    ],
  },
  {
    name: "FTP with its helper: the announced connection has the mark of the one that announced it",
    raw: ["PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp"],
    rules: [
      "FORWARD -m connmark --mark 0x2a",
      "FORWARD -m conntrack --ctstate RELATED -m connmark --mark 0x2a",
      "FORWARD -m conntrack --ctstate RELATED -m connmark ! --mark 0x2a",
      "FORWARD -p tcp -m tcp --dport 21 -j CONNMARK --set-xmark 0x2a/0xffffffff",
      "FORWARD -m conntrack --ctstate RELATED -j CONNMARK --set-xmark 0x7/0xffffffff",
      "FORWARD -m connmark --mark 0x7",
    ],
  },
];
