// What the namespace looks like: devices, the chains that watch, the rules under test. Text for ip, nft and iptables.
//
//   bridge   orc-in ─ orc-br ─ orc-out      every valid IP packet passes, whatever its addresses
//   route    orc-in ─ router ─ orc-out      all packets enter at orc-in and leave by the default route at orc-out
//   input    orc-in ─ local delivery        every address is local; packets end behind confirm
//
// The watching chains only log. Their groups are the ones of kernel/oracle.c:
//
//   prerouting -450         1   before defragmentation and conntrack: the packet arrived
//   prerouting -199         2   right behind conntrack: state and direction by prefix, id and status of the conn written
//                               into the source MAC, which the log message carries (and restored behind it)
//   postrouting, input last 3   behind confirm: the packet got through
//   output     -450         4   the kernel sends something itself

import type { TimeoutPolicy } from "./timeout-policy.js";

export type Mode = "bridge" | "route" | "input";

export interface Rules {
  /** `ftp:21,sip:5060/tcp`: helpers and the ports they listen on. */
  readonly helpers?: string;
  /** How helpers are assigned: nft objects behind conntrack, or `-j CT --helper` in the raw table. */
  readonly helperMethod?: "nft" | "ct";
  /** An `ipset save` text, loaded before the rules that name its sets. */
  readonly ipset?: string;
  /** `iptables-save` texts. */
  readonly iptables?: string;
  readonly ip6tables?: string;
  /** Load them with iptables-legacy. */
  readonly legacy?: boolean;
  /** An nft ruleset. */
  readonly nft?: string;
  /** What `-j CT --timeout` of the rules may name. */
  readonly timeoutPolicies?: readonly TimeoutPolicy[];
}

export const INPUT_DEVICE = "orc-in";
export const OUTPUT_DEVICE = "orc-out";

const MAC_SENDER = "02:00:00:00:00:01"; // kernel/oracle.c: ETHERNET
const MAC_ROUTER = "02:00:00:00:00:02";
// Longest frame a TAP device takes; IP packets up to this pass in one piece.
const MTU = 65_521;

/** Sysctls below /proc/sys/net that must hold before the devices exist. */
export function earlySysctls(mode: Mode): [path: string, value: string][] {
  const ipv6 = mode === "bridge" ? "1" : "0";
  return [
    ["ipv6/conf/all/disable_ipv6", ipv6],
    ["ipv6/conf/default/disable_ipv6", ipv6],
    ["ipv6/conf/default/accept_dad", "0"],
    ["ipv6/conf/default/accept_ra", "0"],
    ["ipv6/conf/default/autoconf", "0"],
    ["ipv6/conf/default/router_solicitations", "0"],
    ["ipv4/conf/all/rp_filter", "0"],
    ["ipv4/conf/default/rp_filter", "0"],
    ["ipv4/conf/all/accept_local", "1"],
    ["ipv4/conf/all/send_redirects", "0"],
    ["ipv4/conf/default/send_redirects", "0"],
    // INVALID in the kernel's own words, through log group 0
    ["netfilter/nf_log/2", "nfnetlink_log"],
    ["netfilter/nf_log/10", "nfnetlink_log"],
    ...(mode === "route"
      ? ([
          ["ipv4/ip_forward", "1"],
          ["ipv6/conf/all/forwarding", "1"],
          ["ipv6/conf/default/forwarding", "1"],
        ] as [string, string][])
      : []),
    ...(mode === "route"
      ? ([
          ["ipv4/icmp_ratelimit", "0"],
          ["ipv6/icmp/ratelimit", "0"],
          ["ipv4/icmp_msgs_per_sec", "1000000"],
        ] as [string, string][])
      : []),
  ];
}

export function deviceScript(mode: Mode): string {
  const lines: string[] = ["link set lo up"];
  for (const device of [INPUT_DEVICE, OUTPUT_DEVICE])
    lines.push(`link set ${device} addrgenmode none`, `link set ${device} mtu ${MTU}`);
  if (mode === "bridge") {
    lines.push(
      "link add orc-br type bridge mcast_snooping 0 ageing_time 0 stp_state 0 forward_delay 0 nf_call_iptables 1 nf_call_ip6tables 1",
    );
    lines.push("link set orc-br addrgenmode none");
    for (const device of [INPUT_DEVICE, OUTPUT_DEVICE])
      lines.push(
        `link set ${device} master orc-br`,
        `link set ${device} type bridge_slave learning off`,
        `link set ${device} up`,
      );
    lines.push(`link set orc-br mtu ${MTU} up`);
  } else {
    // without neighbour discovery every address is there
    lines.push(`link set ${INPUT_DEVICE} address ${MAC_ROUTER}`);
    for (const device of [INPUT_DEVICE, OUTPUT_DEVICE]) lines.push(`link set ${device} arp off up`);
    lines.push(`address add 198.19.255.1/32 dev ${INPUT_DEVICE}`, `address add 198.19.255.2/32 dev ${OUTPUT_DEVICE}`);
    lines.push(
      `address add fd6f:7263::1/128 dev ${INPUT_DEVICE} nodad`,
      `address add fd6f:7263::2/128 dev ${OUTPUT_DEVICE} nodad`,
    );
    if (mode === "route") {
      lines.push(`route add 0.0.0.0/0 dev ${OUTPUT_DEVICE} src 198.19.255.1`);
      lines.push(`route add ::/0 dev ${OUTPUT_DEVICE} src fd6f:7263::1`);
    } else {
      lines.push("route add local 0.0.0.0/0 dev lo", "route add local ::/0 dev lo");
    }
  }
  return `ip -batch - <<'END'\n${lines.join("\n")}\nEND\n`;
}

const LAST = 2_147_483_647;

/**
 * The watching chains. Those at the last priority come first: of two hooks with the same priority the later one goes
 * before the earlier, so confirm, which registers with the first `ct` rule, is put before ours.
 */
export function watchScript(mode: Mode, ttlFix: boolean): string {
  const log = (group: number, prefix?: string) =>
    `log ${prefix ? `prefix "${prefix}" ` : ""}group ${group} queue-threshold 1`;
  const statusBits = Array.from(
    { length: 16 },
    (_, bit) => `    ct status & ${1 << bit} == ${1 << bit} @ll,${95 - bit},1 set 1`,
  );
  return `nft -f - <<'END'
table inet orc-watch {
  chain leave { type filter hook postrouting priority ${LAST}; ${log(3)}; }
  chain local { type filter hook input priority ${LAST}; ${log(3)}${mode === "input" ? " drop" : ""}; }
  chain quiet {
    type filter hook output priority -451
    icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } drop
    icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } drop
    meta l4proto igmp drop
  }
  chain own { type filter hook output priority -450; ${log(4)}; }
  chain arrive { type filter hook prerouting priority -450; iifname != "lo" ${log(1)}; }
  chain label {
    type filter hook prerouting priority -199
    iifname "lo" accept
    ct state untracked ${log(2, "U")} accept
    ct state invalid ${log(2, "I")} accept
    @ll,48,32 set ct id
    @ll,80,16 set 0
${statusBits.join("\n")}
    ct state established ct direction original ${log(2, "E")}
    ct state established ct direction reply ${log(2, "e")}
    ct state new ct direction original ${log(2, "N")}
    ct state new ct direction reply ${log(2, "n")}
    ct state related ct direction original ${log(2, "R")}
    ct state related ct direction reply ${log(2, "r")}
    ether saddr set ${MAC_SENDER}
  }
${
  mode === "route" && ttlFix
    ? `  chain ttl {
    type filter hook prerouting priority -149
    ip ttl < 2 ip ttl set 64
    ip6 hoplimit < 2 ip6 hoplimit set 64
  }
`
    : ""
}}
END
`;
}

// biome-ignore format: a table
const HELPER_PROTOCOL: Record<string, string> = {
  amanda: "udp", ftp: "tcp", irc: "tcp", "netbios-ns": "udp", pptp: "tcp", "Q.931": "tcp", RAS: "udp", sane: "tcp", sip: "udp", snmp: "udp", tftp: "udp",
};

interface HelperPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

function parseHelpers(text: string): HelperPort[] {
  return text
    .split(",")
    .filter((item) => item !== "")
    .map((item) => {
      const [, name, port, protocol] = /^([\w.-]+):(\d+)(?:\/(tcp|udp))?$/.exec(item.trim()) ?? [];
      if (name === undefined || port === undefined) throw new Error(`not a helper: ${item}`);
      return { name, port: Number(port), protocol: protocol ?? HELPER_PROTOCOL[name] ?? "tcp" };
    });
}

/** Loads the rules under test; empty when there are none. */
export function ruleScript(rules: Rules): string {
  const parts: string[] = [];
  const helpers = parseHelpers(rules.helpers ?? "");
  const loader = (family: string) => `${family}${rules.legacy ? "-legacy" : "-nft"}-restore`;
  if (helpers.length > 0 && rules.helperMethod === "ct") {
    const lines = helpers.map(
      ({ name, port, protocol }) => `-A PREROUTING -p ${protocol} --dport ${port} -j CT --helper ${name}`,
    );
    const text = `*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${lines.join("\n")}\nCOMMIT\n`;
    for (const family of ["iptables", "ip6tables"]) parts.push(`${loader(family)} --noflush <<'END'\n${text}END\n`);
  } else if (helpers.length > 0) {
    const objects = helpers.map(
      ({ name, protocol }, i) => `  ct helper h${i} { type "${name}" protocol ${protocol}; }`,
    );
    const lines = helpers.map(({ port, protocol }, i) => `    ${protocol} dport ${port} ct helper set "h${i}"`);
    parts.push(
      `nft -f - <<'END'\ntable inet orc-helpers {\n${objects.join("\n")}\n  chain assign {\n    type filter hook prerouting priority -150\n${lines.join("\n")}\n  }\n}\nEND\n`,
    );
  }
  const heredoc = (text: string) => (text.endsWith("\n") ? text : `${text}\n`);
  if (rules.ipset) parts.push(`ipset restore <<'END'\n${heredoc(rules.ipset)}END\n`);
  if (rules.iptables) parts.push(`${loader("iptables")} --noflush <<'END'\n${heredoc(rules.iptables)}END\n`);
  if (rules.ip6tables) parts.push(`${loader("ip6tables")} --noflush <<'END'\n${heredoc(rules.ip6tables)}END\n`);
  if (rules.nft) parts.push(`nft -f - <<'END'\n${heredoc(rules.nft)}END\n`);
  return parts.join("");
}
