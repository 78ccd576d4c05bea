// Reasons: why a packet has no state, is INVALID, was dropped, or was accepted without effect. One row per code of
// core/assembly/abi.ts: a stable name for programs, the kernel's wording where it has one, what the numbers are, and
// what would change the outcome.
import * as abi from "@conntrack-wasm/core/abi";
import { protocolName, stateName } from "./protocol.js";

export interface ReasonRow {
  readonly name: string;
  /** The sentence, from the numbers and the protocol. */
  readonly text: (numbers: readonly number[], l4proto: number) => string;
  /** Names of the numbers, in order. */
  readonly numbers?: readonly string[];
  /** A setting that would change the outcome, as `name=value`, and a word on it. */
  readonly hint?: string;
}

const fixed = (text: string) => () => text;
const EVENTS = ["SYN", "SYN/ACK", "FIN", "ACK", "RST", "no flag that matters"];
const WAYS = ["original", "reply"];
const WINDOW = [
  "bound",
  "seq",
  "ack",
  "end",
  "window",
  "senderEnd",
  "senderMaxEnd",
  "senderMaxWin",
  "receiverEnd",
  "receiverMaxWin",
] as const;
const LIBERAL = "net.netfilter.nf_conntrack_tcp_be_liberal=1";
const CHECKSUM = "net.netfilter.nf_conntrack_checksum=0";

const tcpState = (n: number) => stateName(abi.IPPROTO_TCP, n) ?? String(n);
const sctpState = (n: number) => stateName(abi.IPPROTO_SCTP, n) ?? String(n);
const at = (numbers: readonly number[], i: number) => numbers[i] ?? 0;

const FLAG_NAMES = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
/** "SYN,ACK" from the flag byte; "none" for 0. */
export function flagNames(flags: number): string {
  return FLAG_NAMES.filter((_, bit) => (flags >> bit) & 1).join(",") || "none";
}

const rows: [number, ReasonRow][] = [
  [abi.REASON_NONE, { name: "none", text: fixed("") }],
  // never seen by connection tracking
  [abi.REASON_NOT_IP, { name: "not-ip", text: fixed("not an IP packet") }],
  [
    abi.REASON_LINK_UNKNOWN,
    { name: "link-type-unknown", text: fixed("the link type of this interface is not read; name one with --link") },
  ],
  [abi.REASON_LINK_SHORT, { name: "link-header-short", text: fixed("the frame ends within its link-layer header") }],
  [
    abi.REASON_CUT,
    { name: "cut-by-snaplen", text: fixed("the capture kept too little of this packet to tell (snaplen)") },
  ],
  [abi.REASON_IP_VERSION, { name: "ip-version", text: fixed("wrong IP version: dropped by the IP layer") }],
  [abi.REASON_IP_SHORT, { name: "ip-header-short", text: fixed("shorter than an IP header: dropped by the IP layer") }],
  [
    abi.REASON_IP_HEADER_LENGTH,
    { name: "ip-header-length", text: fixed("impossible IP header length: dropped by the IP layer") },
  ],
  [
    abi.REASON_IP_CHECKSUM,
    {
      name: "ip-checksum",
      text: fixed("wrong IP header checksum: dropped by the IP layer"),
      hint: "--checksum ignore (offloaded checksums)",
    },
  ],
  [
    abi.REASON_IP_TOTAL_LENGTH,
    { name: "ip-total-length", text: fixed("the IP header claims more bytes than there are: dropped by the IP layer") },
  ],
  [
    abi.REASON_FRAGMENT_WAITING,
    {
      name: "fragment-waiting",
      numbers: ["id"],
      text: (n) => `fragment of datagram ${at(n, 0)}: waits for the others`,
    },
  ],
  [
    abi.REASON_FRAGMENT_DUPLICATE,
    {
      name: "fragment-duplicate",
      numbers: ["id"],
      text: (n) => `fragment of datagram ${at(n, 0)}: already there, discarded`,
    },
  ],
  [
    abi.REASON_FRAGMENT_OVERLAP,
    {
      name: "fragment-overlap",
      numbers: ["id"],
      text: (n) => `fragment of datagram ${at(n, 0)}: overlaps another, the whole datagram is discarded`,
    },
  ],
  [
    abi.REASON_FRAGMENT_LENGTH,
    {
      name: "fragment-length",
      numbers: ["id"],
      text: (n) => `fragment of datagram ${at(n, 0)}: its end contradicts the others, discarded`,
    },
  ],
  [
    abi.REASON_FRAGMENT_TOO_LARGE,
    {
      name: "fragment-too-large",
      numbers: ["id"],
      text: (n) => `datagram ${at(n, 0)} would exceed 65535 bytes: discarded`,
    },
  ],
  [
    abi.REASON_FRAGMENT_MEMORY,
    {
      name: "fragment-memory",
      numbers: ["id"],
      text: (n) => `fragment of datagram ${at(n, 0)}: no memory left for reassembly, discarded`,
      hint: "a larger ipfrag_high_thresh",
    },
  ],
  [
    abi.REASON_TABLE_FULL,
    {
      name: "table-full",
      numbers: ["entries"],
      text: (n) => `nf_conntrack: table full, dropping packet (${at(n, 0)} entries)`,
      hint: "a larger net.netfilter.nf_conntrack_max",
    },
  ],
  [
    abi.REASON_FRAGMENT_ECN,
    {
      name: "fragment-ecn",
      numbers: ["id"],
      text: (n) => `datagram ${at(n, 0)}: some fragments say ECN, others that their sender does not know it: discarded`,
    },
  ],
  [
    abi.REASON_FRAGMENT_HEADER,
    { name: "fragment-header", numbers: ["id"], text: fixed("IPv6 fragment header that is not all there: discarded") },
  ],
  [
    abi.REASON_IP6_HOP_BY_HOP,
    { name: "ip6-hop-by-hop", text: fixed("hop-by-hop options that do not add up: dropped by the IP layer") },
  ],
  // INVALID
  [
    abi.REASON_IP6_EXT,
    {
      name: "ip6-extension-header",
      text: fixed("no transport header: truncated IPv6 extension headers, or none follows"),
    },
  ],
  [abi.REASON_WRONG_ICMP, { name: "wrong-icmp-family", text: fixed("ICMP of the other IP version") }],
  [
    abi.REASON_SHORT,
    {
      name: "header-short",
      numbers: ["length"],
      text: (n, proto) =>
        `${proto === abi.IPPROTO_TCP ? "truncated packet" : "short packet"}: ${at(n, 0)} bytes of transport header`,
    },
  ],
  [
    abi.REASON_CHECKSUM,
    {
      name: "bad-checksum",
      numbers: ["checksum"],
      text: fixed("bad checksum"),
      hint: `${CHECKSUM} (offloaded checksums: --checksum ignore)`,
    },
  ],
  [abi.REASON_ICMP_TYPE, { name: "icmp-type", numbers: ["type"], text: (n) => `invalid ICMP type ${at(n, 0)}` }],
  [
    abi.REASON_ICMP_QUOTE_SHORT,
    {
      name: "icmp-quote-short",
      numbers: ["length"],
      text: (n) => `ICMP error that quotes too little (${at(n, 0)} bytes) to tell the connection`,
    },
  ],
  [
    abi.REASON_ICMP_QUOTE_FRAGMENT,
    { name: "icmp-quote-fragment", text: fixed("ICMP error that quotes a fragment without ports") },
  ],
  [
    abi.REASON_ICMP_QUOTE_NO_TUPLE,
    {
      name: "icmp-quote-no-tuple",
      text: fixed("ICMP error about a packet that belongs to no connection (an ICMP error, for one)"),
    },
  ],
  [
    abi.REASON_ICMP_QUOTE_UNKNOWN,
    { name: "icmp-quote-unknown", text: fixed("ICMP error about a connection that is not in the table") },
  ],
  [
    abi.REASON_ICMP_OUTER_ADDRESS,
    {
      name: "icmp-outer-address",
      text: fixed("ICMP error not addressed to the sender of the packet it quotes (outer daddr != inner)"),
    },
  ],
  [
    abi.REASON_ICMP_NOT_QUERY,
    {
      name: "icmp-not-a-query",
      numbers: ["type"],
      text: (n) => `ICMP type ${at(n, 0)} opens no connection, and none is there that it could answer`,
    },
  ],
  [
    abi.REASON_ICMP_REDIRECT,
    { name: "icmpv6-redirect", text: fixed("ICMPv6 redirect with wrong hop limit, source or options") },
  ],
  [
    abi.REASON_UDP_LENGTH,
    { name: "udp-length", numbers: ["length"], text: (n) => `truncated/malformed packet: UDP length ${at(n, 0)}` },
  ],
  [
    abi.REASON_UDPLITE_COVERAGE,
    { name: "udplite-coverage", numbers: ["coverage"], text: (n) => `invalid checksum coverage ${at(n, 0)}` },
  ],
  [abi.REASON_UDPLITE_NO_CHECKSUM, { name: "udplite-checksum-missing", text: fixed("checksum missing") }],
  [
    abi.REASON_GRE_PROTOCOL,
    {
      name: "gre-protocol",
      numbers: ["protocol"],
      text: (n) => `GRE version 1 with protocol 0x${at(n, 0).toString(16)} instead of 0x880b`,
    },
  ],
  [
    abi.REASON_FRAGMENT_ALONE,
    {
      name: "fragment-alone",
      numbers: ["id"],
      text: (n) =>
        `fragment of datagram ${at(n, 0)}: its length is no multiple of 8, so it is not reassembled, and has no transport header of its own`,
    },
  ],
  [
    abi.REASON_TCP_OFFSET,
    {
      name: "tcp-data-offset",
      numbers: ["offset"],
      text: (n) => `truncated/malformed packet: TCP data offset ${at(n, 0)}`,
    },
  ],
  [
    abi.REASON_TCP_FLAGS,
    { name: "tcp-flags", numbers: ["flags"], text: (n) => `invalid tcp flag combination (${flagNames(at(n, 0))})` },
  ],
  [
    abi.REASON_TCP_NEW,
    {
      name: "tcp-invalid-new",
      numbers: ["event"],
      text: (n) => `invalid new: a ${EVENTS[at(n, 0)]} opens no connection, and there is none it belongs to`,
    },
  ],
  [
    abi.REASON_TCP_NOT_LOOSE,
    {
      name: "tcp-not-loose",
      text: fixed("invalid new: no connection, and picking up midstream is off"),
      hint: "net.netfilter.nf_conntrack_tcp_loose=1",
    },
  ],
  [
    abi.REASON_TCP_STATE,
    {
      name: "tcp-invalid-state",
      numbers: ["event", "direction", "state"],
      text: (n) =>
        `packet (index ${at(n, 0)}) in dir ${at(n, 1)} invalid, state ${tcpState(at(n, 2))}: a ${EVENTS[at(n, 0)]} in the ${WAYS[at(n, 1)]} direction does not fit`,
    },
  ],
  [
    abi.REASON_TCP_RST_BELOW_ACK,
    {
      name: "tcp-rst-below-ack",
      numbers: ["seq", "maxAck"],
      text: (n) => `invalid rst: SEQ ${at(n, 0)} lies before ${at(n, 1)}, which the other side has acknowledged`,
      hint: "net.netfilter.nf_conntrack_tcp_ignore_invalid_rst=1",
    },
  ],
  [
    abi.REASON_TCP_SEQ_OVER,
    {
      name: "tcp-seq-over-upper-bound",
      numbers: WINDOW,
      text: (n) => `SEQ is over upper bound ${at(n, 0)} (over the window of the receiver): SEQ ${at(n, 1)}`,
      hint: LIBERAL,
    },
  ],
  [
    abi.REASON_TCP_ACK_OVER,
    {
      name: "tcp-ack-over-upper-bound",
      numbers: WINDOW,
      text: (n) => `ACK is over upper bound ${at(n, 0)} (ACKed data not seen yet): ACK ${at(n, 2)}`,
      hint: LIBERAL,
    },
  ],
  [abi.REASON_SCTP_CHUNK, { name: "sctp-chunks", text: fixed("malformed or misplaced SCTP chunks") }],
  [
    abi.REASON_SCTP_NEW,
    { name: "sctp-invalid-new", text: fixed("invalid new: these SCTP chunks open no association") },
  ],
  [
    abi.REASON_SCTP_VTAG,
    {
      name: "sctp-verification-tag",
      numbers: ["tag", "expected", "direction"],
      text: (n) =>
        `verification tag check failed ${at(n, 0).toString(16)} vs ${at(n, 1).toString(16)} for dir ${at(n, 2)}`,
    },
  ],
  [
    abi.REASON_SCTP_STATE,
    {
      name: "sctp-invalid-state",
      numbers: ["chunk", "direction", "state"],
      text: (n) =>
        `SCTP chunk ${at(n, 0)} in the ${WAYS[at(n, 1)]} direction is invalid in state ${sctpState(at(n, 2))}`,
    },
  ],
  // accepted without effect
  [
    abi.REASON_TCP_IGNORED,
    {
      name: "tcp-ignored",
      numbers: ["event", "direction", "state"],
      text: (n) =>
        `packet (index ${at(n, 0)}) in dir ${at(n, 1)} ignored, state ${tcpState(at(n, 2))}: passes, nothing changes`,
    },
  ],
  [
    abi.REASON_TCP_SYN_AGAIN,
    { name: "tcp-syn-again", text: fixed("SYN repeated before any reply: passes, the timer is not renewed") },
  ],
  [
    abi.REASON_TCP_CHALLENGE_ACK,
    { name: "tcp-challenge-ack", text: fixed("challenge-ack ignored: it answers the SYN before, it does not close") },
  ],
  [
    abi.REASON_TCP_OVERSHOT,
    {
      name: "tcp-overshot",
      numbers: WINDOW,
      text: (n) => `${at(n, 0)} bytes more than expected: passes, the timer is not renewed`,
    },
  ],
  [
    abi.REASON_TCP_SEQ_UNDER,
    {
      name: "tcp-seq-under-lower-bound",
      numbers: WINDOW,
      text: (n) =>
        `SEQ is under lower bound ${at(n, 0)} (already ACKed data retransmitted): passes, the timer is not renewed`,
    },
  ],
  [
    abi.REASON_TCP_ACK_UNDER,
    {
      name: "tcp-ack-under-lower-bound",
      numbers: WINDOW,
      text: (n) =>
        `ignored ACK under lower bound ${at(n, 0)} (possible overly delayed): passes, the timer is not renewed`,
    },
  ],
  [
    abi.REASON_SCTP_IGNORED,
    { name: "sctp-ignored", numbers: ["state"], text: (n) => `passes, nothing changes, state ${sctpState(at(n, 0))}` },
  ],
  // accepted, worth a word
  [
    abi.REASON_TCP_LIBERAL,
    {
      name: "tcp-liberal",
      numbers: WINDOW,
      text: fixed("out of window, tolerated: the connection was picked up midstream, or tcp_be_liberal is set"),
    },
  ],
  [
    abi.REASON_TCP_RST_NOT_EXACT,
    {
      name: "tcp-rst-not-exact",
      numbers: ["seq", "expected"],
      text: (n) =>
        `RST in window but SEQ ${at(n, 0)} is not the expected ${at(n, 1)}: the state stays, the timer falls to that of CLOSE`,
    },
  ],
  [abi.REASON_TCP_RESYNC, { name: "tcp-resync", text: fixed("answers a SYN that was ignored: both sides start anew") }],
  [
    abi.REASON_TCP_PICKED_UP,
    {
      name: "tcp-picked-up",
      text: fixed("picked up midstream: windows are not checked from here on"),
      hint: "net.netfilter.nf_conntrack_tcp_loose=0",
    },
  ],
  [
    abi.REASON_ICMPV6_ND,
    {
      name: "icmpv6-untracked",
      numbers: ["type"],
      text: (n) => `ICMPv6 type ${at(n, 0)} (neighbour or multicast listener discovery) is not tracked`,
    },
  ],
  [abi.REASON_NOTRACK, { name: "notrack", text: fixed("exempted from tracking") }],
  // expectations and helpers
  [
    abi.REASON_EXPECT_MADE,
    {
      name: "expectation-made",
      numbers: ["l4proto", "port"],
      text: (n) => `announces a connection: ${protocolName(at(n, 0))} port ${at(n, 1)} is expected from here on`,
    },
  ],
  [
    abi.REASON_EXPECTED,
    {
      name: "expected",
      numbers: ["announcedFrame", "master"],
      text: (n) => `announced by packet ${at(n, 0)} of connection ${at(n, 1)}`,
    },
  ],
  [
    abi.REASON_EXPECT_BUSY,
    {
      name: "expectation-overlaps",
      numbers: ["port", "frame"],
      text: (n) =>
        `announces port ${at(n, 0)}, which another connection announced with packet ${at(n, 1)}: dropped by the helper`,
    },
  ],
  [
    abi.REASON_EXPECT_CLASS,
    {
      name: "expectation-exists",
      numbers: ["port"],
      text: (n) => `announces port ${at(n, 0)}, which is expected already in another way: dropped by the helper`,
    },
  ],
  [
    abi.REASON_EXPECT_LIMIT,
    {
      name: "expectation-limit",
      numbers: ["port"],
      text: (n) => `announces port ${at(n, 0)}, but its helper allows no more expectations: dropped by the helper`,
    },
  ],
  [
    abi.REASON_EXPECT_FULL,
    {
      name: "expectation-table-full",
      numbers: ["port"],
      text: (n) => `announces port ${at(n, 0)}, but nf_conntrack_expect_max is reached: dropped by the helper`,
      hint: "net.netfilter.nf_conntrack_expect_max=16384",
    },
  ],
  [
    abi.REASON_HELPER_CUT,
    {
      name: "helper-cut-by-snaplen",
      numbers: ["length", "captured"],
      text: (n) =>
        `the helper would read ${at(n, 0)} bytes here, the capture kept ${at(n, 1)} (snaplen): what it announced is unknown`,
    },
  ],
  [
    abi.REASON_HELPER_ADDRESS,
    {
      name: "helper-other-address",
      numbers: ["port"],
      text: (n) => `announces port ${at(n, 0)} of an address that is not its sender's: no expectation`,
    },
  ],
  [
    abi.REASON_HELPER_PORT,
    {
      name: "helper-bad-port",
      numbers: ["port"],
      text: (n) => `announces port ${at(n, 0)}, which the helper does not accept: no expectation`,
    },
  ],
  [
    abi.REASON_HELPER_PARTIAL,
    {
      name: "helper-partial",
      text: fixed("begins like an announcement but is not a whole one: dropped by the helper"),
    },
  ],
  [
    abi.REASON_HELPER_SYNTAX,
    { name: "helper-syntax", text: fixed("looks like an announcement, but not one the helper understands") },
  ],
  [
    abi.REASON_FTP_LINE_START,
    {
      name: "helper-out-of-sequence",
      numbers: ["seq"],
      text: fixed("looks like an announcement, but the helper did not see a line end before it: not examined"),
    },
  ],
  [
    abi.REASON_HELPER_NOT_ESTABLISHED,
    {
      name: "helper-not-established",
      text: fixed("the helper looks at packets of an ESTABLISHED connection only: not examined"),
    },
  ],
  // SIP and PPTP: nothing comes of a message, or it costs the packet
  [
    abi.REASON_SIP_CSEQ,
    {
      name: "sip-unreadable",
      text: fixed("SIP message without a readable CSeq or status code: dropped by the helper"),
    },
  ],
  [
    abi.REASON_SIP_SDP,
    {
      name: "sip-bad-media",
      numbers: ["port"],
      text: (n) =>
        `SIP session description with port ${at(n, 0)} below 1024 or above 65535, or without an address: dropped by the helper`,
    },
  ],
  [
    abi.REASON_SIP_FOREIGN,
    {
      name: "sip-other-address",
      numbers: ["port"],
      text: (n) =>
        `SIP media at port ${at(n, 0)} of an address that is not its sender's (sip_direct_media): no expectation`,
    },
  ],
  [
    abi.REASON_SIP_CONTACT,
    {
      name: "sip-contact",
      text: fixed(
        "SIP registration without a Contact at the sender's own address and transport, or with a bad expiry: no expectation",
      ),
    },
  ],
  [
    abi.REASON_SIP_FRAMING,
    {
      name: "sip-framing",
      numbers: ["length"],
      text: (n) => `${at(n, 0)} bytes of SIP over TCP that are no whole message with a Content-Length: not read`,
    },
  ],
  [
    abi.REASON_PPTP_STATE,
    {
      name: "pptp-out-of-order",
      numbers: ["message", "session", "call"],
      text: (n) =>
        `PPTP message ${at(n, 0)} does not fit the session (${at(n, 1)}), the call (${at(n, 2)}) or its id: nothing follows from it`,
    },
  ],
  [
    abi.REASON_PPTP_KEY_MAP,
    {
      name: "pptp-second-call",
      numbers: ["pnsId", "pacId"],
      text: (n) =>
        `PPTP call ${at(n, 0)}/${at(n, 1)} while another call of this control connection lasts: no expectation`,
    },
  ],
  [
    abi.REASON_PPTP_REFUSED,
    {
      name: "pptp-refused",
      numbers: ["id"],
      text: (n) => `PPTP call with id ${at(n, 0)} is expected already, or there is no room: no expectation`,
    },
  ],
  // H.323, and the helpers of broadcasts
  [
    abi.REASON_H323_UNREADABLE,
    {
      name: "h323-unreadable",
      numbers: ["offset"],
      text: (n) => `no H.323 message the helper can read (it gave up at byte ${at(n, 0)}): no expectation`,
    },
  ],
  [
    abi.REASON_H323_FRAMING,
    {
      name: "h323-framing",
      numbers: ["length"],
      text: (n) => `${at(n, 0)} bytes that do not begin with a TPKT header, and none was sent before: not read`,
    },
  ],
  [
    abi.REASON_H323_FAMILY,
    {
      name: "h323-other-family",
      text: fixed("announces an address that is not a unicast one of this connection's family: no expectation"),
    },
  ],
  [
    abi.REASON_H323_ANSWER,
    {
      name: "h323-answering-party",
      text: fixed("admits the called party, whose address is known from its registration: no expectation"),
    },
  ],
  [
    abi.REASON_H323_GATEKEEPER,
    {
      name: "h323-same-gatekeeper",
      numbers: ["port"],
      text: (n) =>
        `the gatekeeper at port ${at(n, 0)} is the one that answers here, or the second in a row: no expectation`,
    },
  ],
  [
    abi.REASON_H323_FORWARD,
    {
      name: "h323-forwarded-same-side",
      numbers: ["port"],
      text: (n) =>
        `forwards the call to port ${at(n, 0)} on the caller's own side (callforward_filter): no expectation`,
    },
  ],
  [
    abi.REASON_BROADCAST,
    {
      name: "helper-not-own-broadcast",
      text: fixed("the helper expects answers to broadcasts of the firewall's own only: no expectation"),
    },
  ],
  [abi.REASON_RAW_DROP, { name: "raw-drop", text: fixed("dropped by a rule of the raw table, before tracking") }],
  [
    abi.REASON_CLASH,
    {
      name: "clash",
      numbers: ["connection"],
      text: (n) =>
        `the connection this packet opens would have the reply tuple of connection ${at(n, 0)} in the same zone: dropped, no entry is made (insert_failed)`,
      hint: "CT --zone in place of --zone-orig or --zone-reply",
    },
  ],
];

const table: ReasonRow[] = [];
for (const [code, row] of rows) table[code] = row;

/** The row of a reason code. */
export function reasonRow(code: number): ReasonRow {
  return table[code] ?? { name: `reason-${code}`, text: fixed("") };
}

/** All reasons, for documents and tests. */
export const REASONS: readonly (ReasonRow & { readonly code: number })[] = rows.map(([code, row]) => ({
  code,
  ...row,
}));
