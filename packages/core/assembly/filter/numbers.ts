// Numbers of the rule program, read by the core and by whoever compiles a ruleset (conntrack-wasm hands them out as `program`).
//
// A program is one piece of u32 words, positions are bytes from its start:
//
//   header │ place │ rules │ chains │ trees │ positions of tables │ sets │ counters: packets u64, bytes u64 per number │ tables
//
// Rule:   number │ target │ args ×4 │ matches … │ 0
// Match:  op u8, flags u8, words u16 (this one included) │ arguments
// Chain:  end │ policy │ steps │ depth │ entries …
// Tree:   field │ count │ chain │ from │ bounds ×(count - 1) │ entries ×count
//
// An entry is a position whose lowest bits say of what (ENTRY_*). A chain's entries are asked one after the other, from the
// first behind its header on. An entry of a tree stands before the rules it stands for: it leads on to a list of those that can
// still match, which lies behind it in the same chain and ends with the way back. What only reads the rules in order passes over
// it. The last entry of a chain, and its policy, is a rule that always matches and ends it: the policy of a built-in chain, which
// has a number and so a counter, or the RETURN of a user's. Number 0 counts nothing that is shown. Chains are called from behind
// only, lists are entered from before only, trees lead to earlier trees only: no program runs for ever.
//
// end     position behind the last entry
// A tree of the field FIELD_JOIN asks for no value: it has no bounds, all its entries are followed, and the lists they lead to are
// merged into one, in the order of the rules. Each of these lists ends with the way back.
//
// steps   most rules a packet may be asked, depth: most chains it may be in at once; both are filled in when it is loaded
// bounds  first values of all cells but the first, ascending; entry i is for the values of cell i. Fields with few values
//         (below FIELDS_DIRECT) have an entry for each, and no bounds
// from    position of the first entry that leads to the tree
export const PROGRAM_MAGIC = 0x32465443; // "CTF2"

// ---- header, index of the word
export const PROGRAM_SIZE = 1; // bytes
export const PROGRAM_COUNTERS = 2; // position, 8-aligned
export const PROGRAM_NUMBERS = 3; // how many, 0 included
export const PROGRAM_HOOK = 4; // HOOK_* that holds for every packet, or HOOK_BY_PLACE
export const PROGRAM_IN = 5; // interface of packets that come from no declared network
export const PROGRAM_OUT = 6; // and of those that go to none
export const PROGRAM_PLACE = 7; // position of the networks
export const PROGRAM_NETWORKS = 8; // how many
export const PROGRAM_FLAGS = 9;
/** Position of the chain of a table in a hook, 0 none: STAGE_* for IPv4, then for IPv6. */
export const PROGRAM_STAGES = 10;
/** Position of the positions of the tables that rules keep, and how many. */
export const PROGRAM_TABLES = 36;
export const PROGRAM_TABLE_COUNT = 37;
/** Where the rules, the chains and the trees begin; the trees end where the positions of tables are. */
export const PROGRAM_RULES = 38;
export const PROGRAM_CHAINS = 39;
export const PROGRAM_TREES = 40;
/** Position of the sets of ipset, 8-aligned, and how many. */
export const PROGRAM_SETS = 41;
export const PROGRAM_SET_COUNT = 42;
/** The clock of sets begins with the first packet: its time in ns, u64; 0: there was none yet. */
export const PROGRAM_EPOCH = 44;
export const PROGRAM_HEADER = 46; // words

/** Raw PREROUTING and OUTPUT change nothing: the fast path need not ask them before it tracks a packet. */
export const FLAG_RAW_PLAIN = 1;
/** The interface of a record is its way: in + 1 | (out + 1) << 8, 0 for neither. Otherwise it is ignored. */
export const FLAG_INTERFACES = 2;

/** A rule asks for counters of connections, which the kernel then keeps. */
export const FLAG_ACCOUNTING = 4;
// The number of a packet's interface is the one it was seen on, plus 1; SEEN_IN or SEEN_OUT in its high byte, where the capture knows.
export const FLAG_SEEN = 0x100;
export const SEEN_IN = 1;
export const SEEN_OUT = 2;

export const HOOK_BY_PLACE = 0;
export const HOOK_INPUT = 1;
export const HOOK_FORWARD = 2;
export const HOOK_OUTPUT = 3;

// A table in a hook
export const STAGE_RAW_PREROUTING = 0;
export const STAGE_RAW_OUTPUT = 1;
export const STAGE_MANGLE_PREROUTING = 2;
export const STAGE_MANGLE_INPUT = 3;
export const STAGE_MANGLE_FORWARD = 4;
export const STAGE_MANGLE_OUTPUT = 5;
export const STAGE_MANGLE_POSTROUTING = 6;
export const STAGE_FILTER_INPUT = 7;
export const STAGE_FILTER_FORWARD = 8;
export const STAGE_FILTER_OUTPUT = 9;
export const STAGE_SECURITY_INPUT = 10;
export const STAGE_SECURITY_FORWARD = 11;
export const STAGE_SECURITY_OUTPUT = 12;
export const STAGES = 13;

// Network of the place: address 16 bytes (IPv4: the first four), mask 16 bytes, own address 16 bytes, l3num, interface
export const NETWORK_WORDS = 14;

/** Interfaces are numbers below 30; a test for them is a set of bits. */
export const INTERFACE_UNKNOWN = 30;
export const INTERFACE_NONE = 31;

// ---- rule, words
export const RULE_NUMBER = 0;
export const RULE_TARGET = 1;
export const RULE_ARGS = 2;
export const RULE_MATCHES = 6;

// ---- chain, words
export const CHAIN_END = 0;
export const CHAIN_POLICY = 1;
export const CHAIN_STEPS = 2;
export const CHAIN_DEPTH = 3;
export const CHAIN_ENTRIES = 4;
/** The most of both that a program may have. */
export const MOST_STEPS = 0x10000000;
export const MOST_DEPTH = 1024;

// ---- entries
export const ENTRY_KIND = 3; // mask
export const ENTRY_RULE = 0;
export const ENTRY_TREE = 1;
/** A rule whose matches all hold, as is known on the way to it. */
export const ENTRY_SURE = 2;
/** Goes on at another entry. */
export const ENTRY_LIST = 3;

// ---- tree, words
export const TREE_FIELD = 0;
export const TREE_COUNT = 1;
export const TREE_CHAIN = 2;
export const TREE_FROM = 3;
export const TREE_BOUNDS = 4;

// ---- fields of a packet that trees look at
export const FIELD_STATE = 0; // STATE_* as a number
export const FIELD_IN = 1; // number of the interface
export const FIELD_OUT = 2;
export const FIELDS_DIRECT = 3;
export const FIELD_PROTOCOL = 3;
export const FIELD_SPORT = 4;
export const FIELD_DPORT = 5;
export const FIELD_MARK = 6;
export const FIELD_SRC = 8; // four words in host order; IPv4 has the first
export const FIELD_DST = 12;
export const FIELDS = 16;
/** No field: lists are joined. */
export const FIELD_JOIN = 16;
/** Beside the field: lists are joined by this tree, or by one it leads to. */
export const TREE_JOINS = 0x100;
/** Lists a join may have, rules it may find, and chains a packet may be in when it does; beyond them rules are asked in their order. */
export const MOST_JOINED = 12;
export const MOST_JOINED_RULES = 63;
export const MOST_JOIN_DEPTH = 8;

/** How many values they have. */
export const STATE_VALUES = 6;
export const INTERFACE_VALUES = 32;

/** Instead of a port: the packet has none, or the capture does not have it. */
export const PORT_NONE = 0x10000;
export const PORT_UNKNOWN = 0x10001;

// ---- table of what rules remember (store.ts): words of its header
export const STORE_BUCKETS = 0;
export const STORE_CAPACITY = 1;
export const STORE_ENTRY = 2; // bytes, a multiple of 8
export const STORE_KEY = 3; // words
export const STORE_SEED = 4;
/** Number of the entry that has not been used for longest; its word STORE_NEWER is the next one's, 0 behind the last. */
export const STORE_OLDEST = 8;
export const STORE_NEWER = 2;
export const STORE_ENTRY_KEY = 16; // bytes: where the key of an entry begins
/** Entries that came with the program, from number 1 on: key and value, still in no bucket. */
export const STORE_GIVEN = 10;
export const STORE_HEADER = 64; // bytes

// ---- set of ipset (set.ts), words: what its elements are; its entries are in the table of the same number
export const SET_SHAPE = 0; // SET_*
export const SET_TIMEOUT = 1; // seconds of an entry that says nothing else, 0 for ever
export const SET_MARK_MASK = 2;
export const SET_FIRST = 3; // of a bitmap: first and last address in host order, or port
export const SET_LAST = 4;
export const SET_EARLIEST = 6; // u64: before this moment no entry expires
export const SET_MASK = 8; // ×4: what is kept of addresses
export const SET_LENGTHS = 12; // lengths of the networks there are: 160 bits for the first part, 160 for the second
export const SET_COUNTS = 22; // entries by length, 129 of each part
export const SET_LENGTH_WORDS = 5;
export const SET_LENGTH_COUNT = 129;
export const SET_WORDS = 280;

// Shape: the parts of an element, in the order of its key
export const SET_ADDRESS = 1;
export const SET_SECOND = 2; // another address
export const SET_PORT = 4; // protocol and port
export const SET_BARE_PORT = 8; // of TCP and UDP alike
export const SET_MAC = 16;
export const SET_MARK = 32;
export const SET_IFACE = 64;
/** The first, the second address is a network. */
export const SET_NET = 128;
export const SET_SECOND_NET = 256;
/** Its entries are sets. */
export const SET_LIST = 512;
export const SET_SIX = 1024;
/** No address: for packets of both families. */
export const SET_ANY_FAMILY = 2048;
export const SET_RANGE = 4096;
/** The link address is no part of the key: an entry without one takes that of the first packet. */
export const SET_FILLED = 8192;
/** No address is all zeros. */
export const SET_NOT_ZERO = 16384;
export const SET_TIMEOUTS = 0x10000;
export const SET_COUNTERS = 0x20000;
export const SET_SKB = 0x40000;
/** When it is full, the oldest entry makes room. */
export const SET_FORCE = 0x80000;
/** Parts a rule has to give directions for. */
export const SET_DIMENSIONS_SHIFT = 24;

// Value of an entry, behind its key at a multiple of 8: flags │ interfaces, bits │ expires u64 │ packets u64, bytes u64 │ mark,
// mask, priority, queue. What its set does not have is left out from behind. Time is ns of the clock of sets, 0 for ever.
// Filled sets have a link address in the second word and the upper half of the flags; while there is none, expires is a span.
export const SET_VALUE_EXPIRES = 8;
export const SET_VALUE_PACKETS = 16;
export const SET_VALUE_BYTES = 24;
export const SET_VALUE_SKB = 32;
export const SET_VALUE_SIZES = 0x30201008; // bytes: plain, with timeouts, with counters, with marks
export const SET_VALUE_NOMATCH = 1;
export const SET_VALUE_FILLED = 2;
/** The program brought it: a comment on it holds. */
export const SET_VALUE_ORIGINAL = 4;
/** In the flags of the entry of an interface: a number of its name, which the core does not look at. */
export const SET_VALUE_NAME_SHIFT = 16;

// ---- match flags
export const MATCH_INVERT = 1;
/** What an undecided match answers. */
export const MATCH_ASSUME = 2;

// ---- matches and their arguments
export const MATCH_END = 0;
export const MATCH_SRC4 = 1; // address, mask
export const MATCH_DST4 = 2;
export const MATCH_SRC6 = 3; // address ×4, mask ×4
export const MATCH_DST6 = 4;
export const MATCH_IN = 5; // bits
export const MATCH_OUT = 6;
export const MATCH_PROTOCOL = 7; // number
export const MATCH_SPORT = 8; // first | last << 16
export const MATCH_DPORT = 9;
export const MATCH_PORTS = 10; // 1 source, 2 destination, 3 one of both; ranges as above …
export const MATCH_TCP_FLAGS = 11; // mask | compare << 8
export const MATCH_TCP_OPTION = 12; // number
export const MATCH_ICMP = 13; // type | first code << 8 | last code << 16; type 255: any
export const MATCH_STATE = 14; // bit STATE_*; SNAT and DNAT: bits 30 and 31
export const MATCH_CT_DIRECTION = 15; // DIR_*
export const MATCH_CT_PROTOCOL = 16; // number
export const MATCH_CT_ADDRESS4 = 17; // CT_*, address, mask
export const MATCH_CT_ADDRESS6 = 18; // CT_*, address ×4, mask ×4
export const MATCH_CT_PORT = 19; // CT_*, first | last << 16
export const MATCH_CT_STATUS = 20; // mask
export const MATCH_CT_EXPIRE = 21; // first, last in seconds
export const MATCH_MARK = 22; // value, mask
export const MATCH_CONNMARK = 23;
export const MATCH_LENGTH = 24; // first, last
export const MATCH_TTL = 25; // first, last
export const MATCH_TOS = 26; // value, mask
export const MATCH_SRC_RANGE = 27; // first ×4, last ×4, big-endian words
export const MATCH_DST_RANGE = 28;
export const MATCH_LIMIT = 29; // cost, cap, credit, then the time of the last packet: u64 ns each
export const MATCH_NTH = 30; // every - 1, count
export const MATCH_RANDOM = 31; // probability of 2^31, state
export const MATCH_QUOTA = 32; // bytes left, u64
export const MATCH_CONNBYTES = 33; // direction 0, 1, 2 both; mode 0 packets, 1 bytes, 2 average; first u64, last u64
export const MATCH_SPI = 34; // protocol, first, last
export const MATCH_CONNLABEL = 35; // bit
export const MATCH_UNDECIDED = 36;
export const MATCH_FRAGMENT = 37; // none is left behind defragmentation
export const MATCH_HELPER = 38; // number of the helper of the conn that announced it, 0 any

export const MATCH_STRING = 39; // from, to, 1 without case, length, the pattern (lower case then)
export const MATCH_U32 = 40; // how many tests; each: steps, (U32_*, number) …, ranges, (first, last) …
export const MATCH_TIME = 41; // first and last second of all, of the day; days of the month, of the week; 1 contiguous
export const MATCH_MAC = 42; // six bytes
export const MATCH_PKTTYPE = 43; // PACKET_*
export const MATCH_ADDRTYPE = 44; // 0 source, 1 destination; ADDRESS_* bits; 0, or 1 of the interface it came by, 2 goes by
export const MATCH_RPFILTER = 45; // 1 loose, 2 own addresses as well
export const MATCH_SCTP_CHUNKS = 46; // CHUNKS_*, 256 bits, (type | flags << 8 | mask << 16) …
export const MATCH_TCPMSS = 47; // first, last
export const MATCH_SET_CONNLABEL = 48; // bit, which is set
export const MATCH_AH6 = 49; // first, last, 1 inverted; length or 0, 1 inverted; 1 reserved is 0
export const MATCH_RT = 50; // RT_* bits; type; first and last of the segments left; length; addresses ×4 …
export const MATCH_IP6_OPTIONS = 51; // header; 1 length, 2 inverted, 4 options; length; (type | length << 8) …, length 255 any
export const MATCH_FRAG6 = 52; // FRAG_* bits; first, last, 1 inverted; length
export const MATCH_IP6_HEADERS = 53; // bits of the headers; 1 soft; 1 inverted
export const MATCH_EUI64 = 54;
export const MATCH_MH = 55; // first, last
export const MATCH_DCCP_TYPES = 56; // bits
export const MATCH_HASHLIMIT = 57; // remember.ts draws the arguments of these
export const MATCH_RECENT = 58;
export const MATCH_CONNLIMIT = 59;
export const MATCH_SET = 60; // set, directions, COUNTER_* of packets and of bytes << 8, SET_TEST_* bits; packets, bytes: u64
export const MATCH_SET_COUNT = 61; // the same, and it changes counters or fills in link addresses
export const MATCHES = 62; // how many

/**
 * Matches that only look: asking them changes nothing and drops no packet, so it does not matter whether they are asked. Bits by
 * operation, from 0 and from 32 on.
 */
export const MATCHES_PURE_LOW = 0x1ffffffe;
export const MATCHES_PURE_HIGH = 0x10603ffe;

export const HASHLIMIT_ABOVE = 1;
export const HASHLIMIT_BYTES = 2;
export const HASHLIMIT_SRC = 4;
export const HASHLIMIT_DST = 8;
export const HASHLIMIT_SRC_PORT = 16;
export const HASHLIMIT_DST_PORT = 32;
/** A packet that finds the table full is dropped; otherwise the entry used longest ago makes room. */
export const HASHLIMIT_DROP = 64;
export const HASHLIMIT_KEY_WORDS = 10;
export const HASHLIMIT_ENTRY = 88;

export const RECENT_SET = 1;
export const RECENT_REMOVE = 2;
export const RECENT_UPDATE = 4;
export const RECENT_TTL = 8;
export const RECENT_REAP = 16;
export const RECENT_DEST = 32;
export const RECENT_INVERT = 64;
export const RECENT_KEY_WORDS = 6;
export const RECENT_ENTRY = 48; // and 8 a stamp

export const CONNLIMIT_KEY_WORDS = 6;
export const CONNLIMIT_ENTRY = 88;

// Directions: bit i set if part i of the element is of the source; how many are given in the second byte.
export const SET_TEST_RETURN_NOMATCH = 1;
export const SET_TEST_KEEP_COUNTERS = 2;
export const SET_TEST_KEEP_MEMBERS = 4; // those of the sets of a list
export const COUNTER_ANY = 0;
export const COUNTER_EQUAL = 1;
export const COUNTER_OTHER = 2;
export const COUNTER_LESS = 3;
export const COUNTER_MORE = 4;

export const U32_AND = 0;
export const U32_LEFT = 1;
export const U32_RIGHT = 2;
/** The value so far is the offset from which the next is read. */
export const U32_AT = 3;

export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;

export const ADDRESS_UNSPEC = 1;
export const ADDRESS_UNICAST = 2;
export const ADDRESS_LOCAL = 4;
export const ADDRESS_BROADCAST = 8;
export const ADDRESS_ANYCAST = 16;
export const ADDRESS_MULTICAST = 32;
export const ADDRESS_UNREACHABLE = 128;

export const CHUNKS_ANY = 0;
export const CHUNKS_ALL = 1;
export const CHUNKS_ONLY = 2;

export const RT_TYPE = 1;
export const RT_TYPE_NOT = 2;
export const RT_SEGMENTS_NOT = 4;
export const RT_LENGTH = 8;
export const RT_LENGTH_NOT = 16;
export const RT_RESERVED = 32;
export const RT_ADDRESSES = 64;
export const RT_NOT_STRICT = 128;

export const FRAG_LENGTH = 1;
export const FRAG_LENGTH_NOT = 2;
export const FRAG_RESERVED = 4;
export const FRAG_FIRST = 8;
export const FRAG_MORE = 16;
export const FRAG_LAST = 32;

export const CT_ORIG_SRC = 0;
export const CT_ORIG_DST = 1;
export const CT_REPL_SRC = 2;
export const CT_REPL_DST = 3;

export const STATE_SNAT_BIT = 30;
export const STATE_DNAT_BIT = 31;

// ---- targets and their arguments
export const TARGET_NONE = 0; // counts, or does what is not ours to do: LOG, TTL, …
export const TARGET_ACCEPT = 1;
export const TARGET_DROP = 2; // also REJECT, and QUEUE with nobody behind it
export const TARGET_RETURN = 3;
export const TARGET_JUMP = 4; // chain
export const TARGET_GOTO = 5; // chain
export const TARGET_MARK = 6; // clear, xor
export const TARGET_CONNMARK_SET = 7; // clear, xor, shift (positive: left)
export const TARGET_CONNMARK_SAVE = 8; // ctmask, nfmask, shift
export const TARGET_CONNMARK_RESTORE = 9;
export const TARGET_CT = 10; // CT_*, zone, timeout policy, helper
export const TARGET_TTL = 11; // TTL_*, number
export const TARGET_TOS = 12; // clear, xor
export const TARGET_TCPMSS = 13; // what matters here: a SYN without the option grows by it
/** For each of add, del and map: set + 1, 0 none │ directions << 16, and with map SET_MAP_MARK. Then the timeout. */
export const TARGET_SET = 14;
export const TARGETS = 15; // how many

export const SET_EXIST = 0x80000000; // with add
export const SET_MAP_MARK = 0x80000000; // with map
/** No timeout is given: the set's own. */
export const SET_NO_TIMEOUT = 0xffffffff;

export const TTL_SET = 0;
export const TTL_INCREASE = 1;
export const TTL_DECREASE = 2;

export const CT_NOTRACK = 1;
export const CT_ZONE = 2;
export const CT_ZONE_FROM_MARK = 4;
export const CT_ZONE_ORIGINAL = 8; // for that direction alone
export const CT_ZONE_REPLY = 16;
/** From here on the mask of events a new conn has: EVENT_* of the core's abi, and the two below; 0: all. */
export const CT_EVENTS_SHIFT = 16;
/** Those of its expectations that are made. */
export const EVENTS_EXPECT = 0x4000;
/** Somebody chose, be it none. */
export const EVENTS_CHOSEN = 0x8000;

// ---- the rule of a packet, in its column: the number, and
export const RULE_UNDECIDED = 0x80000000; // a match on its way could not be decided

// ---- the trace of one packet: one word a rule that was asked
export const TRACE_RULE_MATCHED = 0x80000000;
export const TRACE_RULE_UNDECIDED = 0x40000000;
export const RULE_TRACE_LENGTH = 4096;
