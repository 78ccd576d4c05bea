// Numbers both languages read: codes, sizes and offsets of everything that crosses the border.
// Plain constants only, so that AssemblyScript and TypeScript compile the same file.

/** Raised with every change of a layout below; a snapshot of another version is refused. */
export const ABI_VERSION = 4;

// ---- state of a packet (result column)
export const STATE_NONE = 0; // connection tracking never sees the packet, or cannot know: the reason says why
export const STATE_NEW = 1;
export const STATE_ESTABLISHED = 2;
export const STATE_RELATED = 3;
export const STATE_INVALID = 4;
export const STATE_UNTRACKED = 5;

export const DIR_ORIGINAL = 0;
export const DIR_REPLY = 1;

export const VERDICT_ACCEPT = 0;
export const VERDICT_DROP = 1;

// ---- status bits of a conn (IPS_*); the upper half is ours and never leaves the engine
export const STATUS_EXPECTED = 1 << 0;
export const STATUS_SEEN_REPLY = 1 << 1;
export const STATUS_ASSURED = 1 << 2;
export const STATUS_CONFIRMED = 1 << 3;
export const STATUS_SRC_NAT = 1 << 4;
export const STATUS_DST_NAT = 1 << 5;
export const STATUS_SEQ_ADJUST = 1 << 6;
export const STATUS_SRC_NAT_DONE = 1 << 7;
export const STATUS_DST_NAT_DONE = 1 << 8;
export const STATUS_DYING = 1 << 9;
export const STATUS_FIXED_TIMEOUT = 1 << 10;
export const STATUS_NAT_CLASH = 1 << 12;
export const STATUS_HELPER = 1 << 13;
export const STATUS_PUBLIC = 0xffff;
export const STATUS_SWAPPED = 1 << 16; // the original tuple is the swapped form of the key
export const STATUS_EVENTS = 1 << 17; // born while somebody listened
export const STATUS_ACCT = 1 << 18; // counters attached
export const STATUS_EXT = 1 << 19; // its record in the extension pool is valid
export const STATUS_POLICY = 1 << 20; // takes its timeouts from a policy
export const STATUS_EVENTS_PENDING = 1 << 21; // event bits wait in its extension record
export const STATUS_HELPED = 1 << 22; // a helper reads its packets
export const STATUS_COPY = 1 << 23; // of another shard: followed, not counted
export const STATUS_ONE_WAY = 1 << 24; // its zone, not 0, holds for one direction: filed without it

// ---- event bits (IPCT_*)
export const EVENT_NEW = 1 << 0;
export const EVENT_RELATED = 1 << 1;
export const EVENT_DESTROY = 1 << 2;
export const EVENT_REPLY = 1 << 3;
export const EVENT_ASSURED = 1 << 4;
export const EVENT_PROTOINFO = 1 << 5;
export const EVENT_HELPER = 1 << 6;
export const EVENT_MARK = 1 << 7;
export const EVENT_LABEL = 1 << 10;

// ---- protocols
export const L3_IPV4 = 2;
export const L3_IPV6 = 10;
export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_GRE = 47;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_SCTP = 132;
export const IPPROTO_UDPLITE = 136;

// ---- TCP states (TCP_CONNTRACK_*)
export const TCP_NONE = 0;
export const TCP_SYN_SENT = 1;
export const TCP_SYN_RECV = 2;
export const TCP_ESTABLISHED = 3;
export const TCP_FIN_WAIT = 4;
export const TCP_CLOSE_WAIT = 5;
export const TCP_LAST_ACK = 6;
export const TCP_TIME_WAIT = 7;
export const TCP_CLOSE = 8;
export const TCP_SYN_SENT2 = 9;

// ---- settings: sysctls by number (names: conntrack/src/sysctl.ts). Timeouts are in seconds.
export const SYSCTL_MAX = 0;
export const SYSCTL_CHECKSUM = 1;
export const SYSCTL_ACCT = 2;
export const SYSCTL_EVENTS = 3;
export const SYSCTL_TIMESTAMP = 4;
export const SYSCTL_TCP_LOOSE = 5;
export const SYSCTL_TCP_BE_LIBERAL = 6;
export const SYSCTL_TCP_IGNORE_INVALID_RST = 7;
export const SYSCTL_TCP_MAX_RETRANS = 8;
export const SYSCTL_EXPECT_MAX = 9;
export const SYSCTL_LOG_INVALID = 10;
export const SYSCTL_FRAG6_HIGH_THRESH = 11;
export const SYSCTL_FRAG6_LOW_THRESH = 12;
export const SYSCTL_IPFRAG_HIGH_THRESH = 13;
export const SYSCTL_IPFRAG_LOW_THRESH = 14;
export const SYSCTL_IPFRAG_MAX_DIST = 15;
/** First timeout; TCP's stand in the order of its states. */
export const TIMEOUT_TCP = 16; // + state: NONE … SYN_SENT2 (10)
export const TIMEOUT_TCP_MAX_RETRANS = 26;
export const TIMEOUT_TCP_UNACKNOWLEDGED = 27;
export const TIMEOUT_UDP = 28;
export const TIMEOUT_UDP_STREAM = 29;
export const TIMEOUT_ICMP = 30;
export const TIMEOUT_ICMPV6 = 31;
export const TIMEOUT_GENERIC = 32;
export const TIMEOUT_GRE = 33;
export const TIMEOUT_GRE_STREAM = 34;
export const TIMEOUT_SCTP = 35; // + state: NONE … HEARTBEAT_SENT (9)
export const TIMEOUT_FRAG4 = 44;
export const TIMEOUT_FRAG6 = 45;
/** Helpers by port, as before Linux 6.0. */
export const SYSCTL_AUTO_HELPER = 46;
// module parameters of the helpers
export const HELPER_FTP_LOOSE = 47;
export const HELPER_IRC_MAX_DCC = 48;
export const HELPER_IRC_DCC_TIMEOUT = 49;
export const HELPER_SIP_TIMEOUT = 50;
export const HELPER_SIP_DIRECT_SIGNALLING = 51;
export const HELPER_SIP_DIRECT_MEDIA = 52;
export const HELPER_AMANDA_MASTER_TIMEOUT = 53;
export const HELPER_H323_DEFAULT_RRQ_TTL = 54;
export const HELPER_H323_GKROUTED_ONLY = 55;
export const HELPER_H323_CALLFORWARD_FILTER = 56;
export const HELPER_NETBIOS_TIMEOUT = 57;
export const HELPER_SNMP_TIMEOUT = 58;
/** 1: IP headers are taken as a sender left them to its network card. */
export const CAPTURE_OFFLOAD = 59;
export const SETTINGS = 60;

// ---- helpers by number (names: conntrack/src/helper.ts)
export const HELPER_NONE = 0;
export const HELPER_FTP = 1;
export const HELPER_IRC = 2;
export const HELPER_TFTP = 3;
export const HELPER_SIP = 4;
export const HELPER_PPTP = 5;
export const HELPER_AMANDA = 6;
export const HELPER_SANE = 7;
export const HELPER_NETBIOS = 8;
export const HELPER_SNMP = 9;
export const HELPER_RAS = 10;
export const HELPER_Q931 = 11;
export const HELPER_H245 = 12;
export const HELPERS = 13;

// ---- profiles
export const PROFILE_LINUX_6 = 0;
export const PROFILE_LINUX_24 = 1;

// ---- counters, f64 each: those of /proc/net/stat/nf_conntrack, then our own
export const STAT_CLASHRES = 0;
export const STAT_FOUND = 1;
export const STAT_NEW = 2;
export const STAT_INVALID = 3;
export const STAT_IGNORE = 4;
export const STAT_DELETE = 5;
export const STAT_CHAINLENGTH = 6;
export const STAT_INSERT = 7;
export const STAT_INSERT_FAILED = 8;
export const STAT_DROP = 9;
export const STAT_EARLY_DROP = 10;
export const STAT_ICMP_ERROR = 11;
export const STAT_EXPECT_NEW = 12;
export const STAT_EXPECT_CREATE = 13;
export const STAT_EXPECT_DELETE = 14;
export const STAT_SEARCH_RESTART = 15;
export const STAT_CONNS_CREATED = 17; // 16 is free
export const STAT_EXPIRED = 18;
export const STAT_BAD_CHECKSUM = 19; // packets whose transport checksum is wrong
export const STAT_CHECKSUM_SEEN = 20; // packets whose transport checksum was verified
export const STAT_REKEY = 21;
export const STATS = 22;

// ---- framings of the input region
export const FRAMING_RECORDS = 0; // RECORD_* below
export const FRAMING_PCAP = 1; // pcap records as they lie in the file
export const FRAMING_SWAPPED = 2; // flag: big-endian file
export const FRAMING_NANOSECONDS = 4; // flag

// Record of FRAMING_RECORDS, 8-aligned:
//
//   0        8        12         16     18          20      24
//   │ time   │ length │ captured │ link │ interface │ flags │ bytes, zero padded to a multiple of 8
//     ns u64   u32      u32        u16    u16         u32
//
// flags: bits 0-1 in or out, as in pcapng; RECORD_* below; bits 4-7 helper for a new conn; bits 8-15 timeout policy;
// bits 16-31 zone
export const RECORD_HEADER = 24;
/** Not to be tracked, as after `CT --notrack`. */
export const RECORD_NOTRACK = 4;
/** A rule will drop it after tracking: a new connection is not confirmed, events wait for the next packet. */
export const RECORD_DROP = 8;
export const RECORD_HELPER_SHIFT = 4;

// Timeout policies: number 1 … POLICIES, one value in seconds for each setting from TIMEOUT_TCP on
export const POLICIES = 31;

// Result of a packet, one u64: state u8 | direction u8 (0 none, 1 original, 2 reply) | reason u8 | verdict u8 | conn u32
export const RESULT_SIZE = 8;
/** State code of a packet that another shard tracks. */
export const RESULT_FOREIGN = 255;
/** With shards, in the direction of a packet that opens a connection, as far as the table is concerned. */
export const RESULT_OPENED = 128;

// Trace of a packet, when tracing:
//
//   0       1         2       3       4       6       8        12         16    32    48    52    56       60
//   │ l3num │ l4proto │ flags │ notes │ sport │ dport │ length │ payload  │ src │ dst │ seq │ ack │ window │ helper │ … │ data │
//   64       80      96                 136     140      144         148
//   │ before │ after │ numbers (10×u32) │ cause │ master │ datagram  │ announced │ …
//
// before, after: timeout u64 ns | status u32 | protocol state u8 | present u8 | l4proto of the entry u8
// helper: the one that was asked (58); data (60): bytes from the frame's first one to the transport payload; 0 when
// the packet was put together from fragments
export const TRACE_L3NUM = 0;
export const TRACE_L4PROTO = 1;
export const TRACE_TCP_FLAGS = 2;
export const TRACE_NOTES = 3;
export const TRACE_SPORT = 4;
export const TRACE_DPORT = 6;
export const TRACE_LENGTH = 8;
export const TRACE_PAYLOAD = 12;
export const TRACE_SRC = 16;
export const TRACE_DST = 32;
export const TRACE_SEQ = 48;
export const TRACE_ACK = 52;
export const TRACE_WINDOW = 56;
export const TRACE_HELPER = 58;
export const TRACE_DATA = 60;
export const TRACE_BEFORE = 64;
export const TRACE_AFTER = 80;
export const TRACE_NUMBERS = 96;
export const TRACE_CAUSE = 136;
export const TRACE_MASTER = 140;
export const TRACE_DATAGRAM = 144;
export const TRACE_ANNOUNCED = 148; // packet that announced the connection
export const TRACE_SIZE = 160;
export const NOTE_CUT = 1; // the capture does not hold the whole packet
export const NOTE_TRANSPORT = 2; // ports, ids and, for TCP, seq/ack/window are set
export const NOTE_BAD_CHECKSUM = 4;
export const NOTE_CHECKSUM_SEEN = 8; // all its bytes were there and verification is on

// Conn, two cache lines; drawn in conn.ts
export const CONN_SIZE = 128;
export const CONN_STATUS = 16;
export const CONN_SERIAL = 20;
export const CONN_STATE = 24;
export const CONN_DEADLINE = 80;
export const CONN_MARK = 100;
export const CONN_COUNTERS = 104; // per direction 12 bytes: bytes u64 (its top 16 bits extend packets), packets u32

// Heads of timer lists, 8 bytes each: 4 levels of 256, and two nodes more (timer.ts)
export const TIMER_HEADS = 1026;

// Extension record of a conn; drawn in conn.ts
export const EXT_SIZE = 64;

// Event record: header, then copies of the conn, its IPv6 addresses and its extension record
//
//   0      2      4       8      16         24     32     160     192
//   │ type │ bits │ frame │ time │ timeout  │ …    │ conn │ addr6 │ ext   │ 256
export const RECORD_EVENT_SIZE = 256;
export const EVENT_RECORD_BITS = 2;
export const EVENT_RECORD_FRAME = 4;
export const EVENT_RECORD_TIME = 8;
export const EVENT_RECORD_TIMEOUT = 16;
export const EVENT_RECORD_CONN = 32;
export const EVENT_TYPE_NEW = 1;
export const EVENT_TYPE_UPDATE = 2;
export const EVENT_TYPE_DESTROY = 3;

// Expectation, 128 bytes; drawn in expect.ts
export const EXPECT_SIZE = 128;
export const EXPECT_MASK = 32;
export const EXPECT_PORTS = 48; // sport, dport, mask of sport; network order
export const EXPECT_L4PROTO = 54;
export const EXPECT_L3NUM = 55;
export const EXPECT_ZONE = 56;
export const EXPECT_CLASS = 58;
export const EXPECT_FLAGS = 59;
export const EXPECT_MASTER_HELPER = 61;
export const EXPECT_MASTER = 62;
export const EXPECT_DEADLINE = 64;
export const EXPECT_SERIAL = 72;
export const EXPECT_FRAME = 76;
export const EXPECT_PERMANENT = 1;
export const EXPECT_INACTIVE = 2;

// Expectation event: header as above, then copies of the expectation, its master and the master's IPv6 addresses
//
//   0      2      4       8      16     32            160      288     320
//   │ type │ …    │ frame │ time │ …    │ expectation │ master │ addr6 │
export const EXPECT_EVENT_SIZE = 320;
export const EXPECT_EVENT_EXPECTATION = 32;
export const EXPECT_EVENT_MASTER = 160;
export const EXPECT_EVENT_ADDR6 = 288;

// ---- reasons: why a packet has no state, is INVALID, was dropped, or was accepted without effect.
// Texts, numbers and remedies: conntrack/src/reason.ts, row by row in this order.
export const REASON_NONE = 0;
export const REASON_NOT_IP = 1;
export const REASON_LINK_UNKNOWN = 2;
export const REASON_LINK_SHORT = 3;
export const REASON_CUT = 4;
export const REASON_IP_VERSION = 5;
export const REASON_IP_SHORT = 6;
export const REASON_IP_HEADER_LENGTH = 7;
export const REASON_IP_CHECKSUM = 8;
export const REASON_IP_TOTAL_LENGTH = 9;
export const REASON_FRAGMENT_WAITING = 10;
export const REASON_FRAGMENT_DUPLICATE = 11;
export const REASON_FRAGMENT_OVERLAP = 12;
export const REASON_FRAGMENT_LENGTH = 13;
export const REASON_FRAGMENT_TOO_LARGE = 14;
export const REASON_FRAGMENT_MEMORY = 15;
export const REASON_TABLE_FULL = 16;
export const REASON_FRAGMENT_ECN = 17;
export const REASON_FRAGMENT_HEADER = 18;
export const REASON_IP6_HOP_BY_HOP = 19;
// INVALID from here
export const REASON_IP6_EXT = 20;
export const REASON_WRONG_ICMP = 21;
export const REASON_SHORT = 22;
export const REASON_CHECKSUM = 23;
export const REASON_ICMP_TYPE = 24;
export const REASON_ICMP_QUOTE_SHORT = 25;
export const REASON_ICMP_QUOTE_FRAGMENT = 26;
export const REASON_ICMP_QUOTE_NO_TUPLE = 27;
export const REASON_ICMP_QUOTE_UNKNOWN = 28;
export const REASON_ICMP_OUTER_ADDRESS = 29;
export const REASON_ICMP_NOT_QUERY = 30;
export const REASON_ICMP_REDIRECT = 31;
export const REASON_UDP_LENGTH = 32;
export const REASON_UDPLITE_COVERAGE = 33;
export const REASON_UDPLITE_NO_CHECKSUM = 34;
export const REASON_GRE_PROTOCOL = 35;
export const REASON_FRAGMENT_ALONE = 36;
export const REASON_TCP_OFFSET = 40;
export const REASON_TCP_FLAGS = 41;
export const REASON_TCP_NEW = 42;
export const REASON_TCP_NOT_LOOSE = 43;
export const REASON_TCP_STATE = 44;
export const REASON_TCP_RST_BELOW_ACK = 45;
export const REASON_TCP_SEQ_OVER = 46;
export const REASON_TCP_ACK_OVER = 47;
export const REASON_SCTP_CHUNK = 50;
export const REASON_SCTP_NEW = 51;
export const REASON_SCTP_VTAG = 52;
export const REASON_SCTP_STATE = 53;
// accepted, but nothing was updated and the timer not renewed
export const REASON_TCP_IGNORED = 60;
export const REASON_TCP_SYN_AGAIN = 61;
export const REASON_TCP_CHALLENGE_ACK = 62;
export const REASON_TCP_OVERSHOT = 63;
export const REASON_TCP_SEQ_UNDER = 64;
export const REASON_TCP_ACK_UNDER = 65;
export const REASON_SCTP_IGNORED = 66;
// accepted and counted, yet worth a word
export const REASON_TCP_LIBERAL = 70;
export const REASON_TCP_RST_NOT_EXACT = 71;
export const REASON_TCP_RESYNC = 72;
export const REASON_TCP_PICKED_UP = 73;
// untracked
export const REASON_ICMPV6_ND = 80;
export const REASON_NOTRACK = 81;
// expectations and their helpers: nothing comes of an announcement, or it costs the packet
export const REASON_EXPECT_MADE = 90;
export const REASON_EXPECTED = 91;
export const REASON_EXPECT_BUSY = 92;
export const REASON_EXPECT_CLASS = 93;
export const REASON_EXPECT_LIMIT = 94;
export const REASON_EXPECT_FULL = 95;
export const REASON_HELPER_CUT = 96;
export const REASON_HELPER_ADDRESS = 97;
export const REASON_HELPER_PORT = 98;
export const REASON_HELPER_PARTIAL = 99;
export const REASON_HELPER_SYNTAX = 100;
export const REASON_FTP_LINE_START = 101;
export const REASON_HELPER_NOT_ESTABLISHED = 102;
export const REASON_SIP_CSEQ = 110;
export const REASON_SIP_SDP = 111;
export const REASON_SIP_FOREIGN = 112;
export const REASON_SIP_CONTACT = 113;
export const REASON_SIP_FRAMING = 114;
export const REASON_PPTP_STATE = 115;
export const REASON_PPTP_KEY_MAP = 116;
export const REASON_PPTP_REFUSED = 117;
export const REASON_H323_UNREADABLE = 118;
export const REASON_H323_FRAMING = 119;
// no state: a rule was faster
export const REASON_RAW_DROP = 120;
// its state was told, but its entry could not be made
export const REASON_CLASH = 121;
// more of helpers
export const REASON_H323_FAMILY = 130;
export const REASON_H323_ANSWER = 131;
export const REASON_H323_GATEKEEPER = 132;
export const REASON_H323_FORWARD = 133;
export const REASON_BROADCAST = 134;
