// Where everything lies in the memory of the module that writes lines, for it and for those who run it.
import { RESULT_SIZE, TRACE_SIZE } from "../abi";

/** Packets at a time. */
export const PACKETS = 4096;
/** Packets whose texts are touched at a time. */
export const TOUCHED = 64;

// A text: what it is of in two words, its size, and from TEXT_AT on its bytes.
export const TEXT_BITS = 8;
export const TEXT_SIZE = 1 << TEXT_BITS;
export const TEXT_AT = 16;
/** Its size when there is none: lines that want it are the caller's. So is every text of more than MOST_TEXT bytes. */
export const NO_TEXT = 0xffffffff;
export const MOST_TEXT = TEXT_SIZE - TEXT_AT - 16; // copies run over by up to 16 bytes

/** Texts of connections, and of entries: powers of two. */
export const CONNECTIONS = 1 << 16;
export const ENTRIES = 256;

/** No line is longer. */
export const LONGEST = 1024;
export const LINES_SIZE = 1 << 20;

export const RESULTS_AT = 65536;
/** Seconds and nanoseconds of each packet, two words. */
export const TIMES_AT = RESULTS_AT + PACKETS * RESULT_SIZE;
export const TRACES_AT = TIMES_AT + PACKETS * 8;
export const PIECES_AT = TRACES_AT + PACKETS * TRACE_SIZE;
export const ENTRIES_AT = PIECES_AT + 64 * TEXT_SIZE;
export const CONNECTIONS_AT = ENTRIES_AT + ENTRIES * TEXT_SIZE;
export const LINES_AT = CONNECTIONS_AT + CONNECTIONS * TEXT_SIZE;
export const MEMORY_SIZE = LINES_AT + LINES_SIZE + 4096;

// The pieces.
export const PIECE_FRAME = 0;
export const PIECE_TIME = 1;
export const PIECE_NO_REASON = 2;
export const PIECE_CUT = 3;
export const PIECE_BAD_CHECKSUM = 4;
export const PIECE_TCP = 5;
export const PIECE_UDP = 6;
export const PIECE_DST = 7;
export const PIECE_SPORT = 8;
export const PIECE_DPORT = 9;
export const PIECE_TYPE = 10;
export const PIECE_CODE = 11;
export const PIECE_ID = 12;
export const PIECE_END = 13;
export const PIECE_ICMP = 14;
export const PIECE_ICMPV6 = 15;
export const PIECE_NO_PORTS = 16;
/** By state and direction, three directions a state. */
export const PIECE_STATES = 17;

// Why a call ended.
export const STOP_DONE = 0;
/** The next line is the caller's to write. */
export const STOP_UNCOMMON = 1;
/** The text of its connection is missing. */
export const STOP_CONNECTION = 2;
/** The text of an entry is missing. */
export const STOP_ENTRY = 3;
/** The lines have to be taken out first. */
export const STOP_FULL = 4;
