// The kernel's sysctls by name: number in the core, default of Linux 6.18, of profile linux-2.4 where it differs.
import * as abi from "@conntrack-wasm/core/abi";

export interface SysctlRow {
  readonly name: string;
  readonly indices: readonly number[];
  readonly value: number;
  readonly legacy?: number;
  /** Smallest accepted value. */
  readonly min: number;
  /** Largest accepted value. */
  readonly max: number;
}

const SECONDS = Math.floor(0x7fffffff / 250); // as the kernel: an int of ticks at HZ 250
const row = (name: string, index: number | number[], value: number, max = 0x7fffffff, legacy?: number): SysctlRow => ({
  name: name.includes(".") ? name : `net.netfilter.${name}`,
  indices: typeof index === "number" ? [index] : index,
  value,
  min: 0,
  max,
  ...(legacy === undefined ? {} : { legacy }),
});
const seconds = (name: string, index: number | number[], value: number, legacy?: number) =>
  row(name, index, value, SECONDS, legacy);
/** `0` is not among the values. */
const positive = (name: string, index: number, value: number, max?: number): SysctlRow => ({
  ...row(name, index, value, max),
  min: 1,
});
const tcp = (state: number) => abi.TIMEOUT_TCP + state;
const sctp = (state: number) => abi.TIMEOUT_SCTP + state;

/** In the order `sysctl -a` prints them. `nf_conntrack_max` defaults to the engine's capacity. */
export const SYSCTLS: readonly SysctlRow[] = [
  row("nf_conntrack_acct", abi.SYSCTL_ACCT, 0, 1),
  row("nf_conntrack_checksum", abi.SYSCTL_CHECKSUM, 1, 1),
  row("nf_conntrack_events", abi.SYSCTL_EVENTS, 2, 2),
  positive("nf_conntrack_expect_max", abi.SYSCTL_EXPECT_MAX, 4096, 16384), // as many as there is room for; the kernel takes any int
  row("nf_conntrack_frag6_high_thresh", abi.SYSCTL_FRAG6_HIGH_THRESH, 4194304),
  row("nf_conntrack_frag6_low_thresh", abi.SYSCTL_FRAG6_LOW_THRESH, 3145728),
  seconds("nf_conntrack_frag6_timeout", abi.TIMEOUT_FRAG6, 60),
  seconds("nf_conntrack_generic_timeout", abi.TIMEOUT_GENERIC, 600),
  seconds("nf_conntrack_gre_timeout", abi.TIMEOUT_GRE, 30),
  seconds("nf_conntrack_gre_timeout_stream", abi.TIMEOUT_GRE_STREAM, 180),
  seconds("nf_conntrack_icmp_timeout", abi.TIMEOUT_ICMP, 30),
  seconds("nf_conntrack_icmpv6_timeout", abi.TIMEOUT_ICMPV6, 30),
  row("nf_conntrack_log_invalid", abi.SYSCTL_LOG_INVALID, 0, 255),
  positive("nf_conntrack_max", abi.SYSCTL_MAX, 262144), // the kernel's 0 is no limit; this table always has one
  seconds("nf_conntrack_sctp_timeout_closed", sctp(1), 10),
  seconds("nf_conntrack_sctp_timeout_cookie_echoed", sctp(3), 3),
  seconds("nf_conntrack_sctp_timeout_cookie_wait", sctp(2), 3),
  seconds("nf_conntrack_sctp_timeout_established", sctp(4), 210),
  seconds("nf_conntrack_sctp_timeout_heartbeat_sent", sctp(8), 30),
  seconds("nf_conntrack_sctp_timeout_shutdown_ack_sent", sctp(7), 3),
  seconds("nf_conntrack_sctp_timeout_shutdown_recd", sctp(6), 3),
  seconds("nf_conntrack_sctp_timeout_shutdown_sent", sctp(5), 3),
  row("nf_conntrack_tcp_be_liberal", abi.SYSCTL_TCP_BE_LIBERAL, 0, 1),
  row("nf_conntrack_tcp_ignore_invalid_rst", abi.SYSCTL_TCP_IGNORE_INVALID_RST, 0, 1),
  row("nf_conntrack_tcp_loose", abi.SYSCTL_TCP_LOOSE, 1, 1),
  row("nf_conntrack_tcp_max_retrans", abi.SYSCTL_TCP_MAX_RETRANS, 3, 255),
  seconds("nf_conntrack_tcp_timeout_close", tcp(abi.TCP_CLOSE), 10),
  seconds("nf_conntrack_tcp_timeout_close_wait", tcp(abi.TCP_CLOSE_WAIT), 60),
  seconds("nf_conntrack_tcp_timeout_established", tcp(abi.TCP_ESTABLISHED), 432000),
  seconds("nf_conntrack_tcp_timeout_fin_wait", tcp(abi.TCP_FIN_WAIT), 120),
  seconds("nf_conntrack_tcp_timeout_last_ack", tcp(abi.TCP_LAST_ACK), 30),
  seconds("nf_conntrack_tcp_timeout_max_retrans", abi.TIMEOUT_TCP_MAX_RETRANS, 300),
  seconds("nf_conntrack_tcp_timeout_syn_recv", tcp(abi.TCP_SYN_RECV), 60),
  seconds("nf_conntrack_tcp_timeout_syn_sent", tcp(abi.TCP_SYN_SENT), 120),
  seconds("nf_conntrack_tcp_timeout_time_wait", tcp(abi.TCP_TIME_WAIT), 120),
  seconds("nf_conntrack_tcp_timeout_unacknowledged", abi.TIMEOUT_TCP_UNACKNOWLEDGED, 300),
  row("nf_conntrack_timestamp", abi.SYSCTL_TIMESTAMP, 0, 1),
  seconds("nf_conntrack_udp_timeout", abi.TIMEOUT_UDP, 30),
  seconds("nf_conntrack_udp_timeout_stream", abi.TIMEOUT_UDP_STREAM, 120, 180),
  row("net.ipv4.ipfrag_high_thresh", abi.SYSCTL_IPFRAG_HIGH_THRESH, 4194304),
  row("net.ipv4.ipfrag_low_thresh", abi.SYSCTL_IPFRAG_LOW_THRESH, 3145728),
  row("net.ipv4.ipfrag_max_dist", abi.SYSCTL_IPFRAG_MAX_DIST, 64),
  seconds("net.ipv4.ipfrag_time", abi.TIMEOUT_FRAG4, 30),
];

/**
 * Parameters of the helper modules, the switch Linux 6.0 removed, the timeout of SYN_SENT2, which in the kernel only a timeout
 * policy changes, and what only a capture needs: `capture.offload` 1 takes
 * IP headers as the sender left them to its network card, checksums unverified and a length of 0 standing for the frame's.
 * `sysctl -a` does not show them.
 */
export const MODULE_PARAMETERS: readonly SysctlRow[] = [
  row("nf_conntrack_helper", abi.SYSCTL_AUTO_HELPER, 0, 1, 1),
  seconds("nf_conntrack_tcp_timeout_syn_sent2", tcp(abi.TCP_SYN_SENT2), 120),
  row("capture.offload", abi.CAPTURE_OFFLOAD, 0, 1),
  row("nf_conntrack_amanda.master_timeout", abi.HELPER_AMANDA_MASTER_TIMEOUT, 300, SECONDS),
  row("nf_conntrack_ftp.loose", abi.HELPER_FTP_LOOSE, 0, 1),
  row("nf_conntrack_h323.callforward_filter", abi.HELPER_H323_CALLFORWARD_FILTER, 1, 1),
  row("nf_conntrack_h323.default_rrq_ttl", abi.HELPER_H323_DEFAULT_RRQ_TTL, 300, 4294967295),
  row("nf_conntrack_h323.gkrouted_only", abi.HELPER_H323_GKROUTED_ONLY, 1, 1),
  row("nf_conntrack_irc.dcc_timeout", abi.HELPER_IRC_DCC_TIMEOUT, 300, SECONDS),
  row("nf_conntrack_irc.max_dcc_channels", abi.HELPER_IRC_MAX_DCC, 8, 255),
  row("nf_conntrack_netbios_ns.timeout", abi.HELPER_NETBIOS_TIMEOUT, 3, SECONDS),
  row("nf_conntrack_sip.sip_direct_media", abi.HELPER_SIP_DIRECT_MEDIA, 1, 1),
  row("nf_conntrack_sip.sip_direct_signalling", abi.HELPER_SIP_DIRECT_SIGNALLING, 1, 1),
  row("nf_conntrack_sip.sip_timeout", abi.HELPER_SIP_TIMEOUT, 3600, SECONDS),
  row("nf_conntrack_snmp.timeout", abi.HELPER_SNMP_TIMEOUT, 30, SECONDS),
];

const byName = new Map<string, SysctlRow>();
for (const sysctl of [...SYSCTLS, ...MODULE_PARAMETERS]) {
  byName.set(sysctl.name, sysctl);
  byName.set(sysctl.name.slice(sysctl.name.lastIndexOf(".") + 1), sysctl);
}
byName.set("net.nf_conntrack_max", byName.get("nf_conntrack_max") as SysctlRow);

/** The row of a sysctl, with or without `net.netfilter.`, also with slashes; undefined if there is none. */
export function findSysctl(name: string): SysctlRow | undefined {
  return byName.get(name.replaceAll("/", "."));
}

/** Pairs of neighbouring letters of a name, without what all of them begin with. */
function letterPairs(name: string): Set<string> {
  const letters = ` ${name.slice(name.lastIndexOf(".") + 1).replace(/^nf_conntrack_/, "")} `;
  return new Set(Array.from({ length: letters.length - 1 }, (_, i) => letters.slice(i, i + 2)));
}

/** Names close to a misspelt one (by Dice's coefficient of their letter pairs), for an error that helps. */
export function similarSysctls(name: string): string[] {
  const wanted = letterPairs(name);
  const scored = SYSCTLS.map(({ name: candidate }) => {
    const pairs = letterPairs(candidate);
    const shared = [...wanted].filter((pair) => pairs.has(pair)).length;
    return { candidate, score: (2 * shared) / (wanted.size + pairs.size) };
  }).sort((a, b) => b.score - a.score);
  const best = scored[0]?.score ?? 0;
  return scored
    .filter(({ score }) => score >= 0.4 && score >= best - 0.1)
    .map(({ candidate }) => candidate)
    .slice(0, 4);
}
