// Lines of JSON from results and traces: what `ctrack -o json` writes for common packets. A module of its own, with a memory
// of its own: whoever runs it copies both in, and the times of the packets, and takes the lines out.
//
// The texts are the caller's: fixed pieces, the beginning of an entry by its state and status, and connections of
// protocols that are not TCP, UDP or ICMP. It puts them together with numbers. What it has no text for it asks for, and what is not
// common it leaves to the caller: apps/cli/src/lines.ts, and json.ts for the form of a line.
//
//   results │ times │ traces │ pieces │ entries │ connections │ lines
import {
  NOTE_BAD_CHECKSUM, NOTE_CUT, NOTE_TRANSPORT, RESULT_SIZE, TRACE_AFTER, TRACE_BEFORE, TRACE_DATAGRAM, TRACE_DPORT, TRACE_DST, TRACE_L3NUM, TRACE_L4PROTO,
  TRACE_MASTER, TRACE_NOTES, TRACE_SIZE, TRACE_SPORT, TRACE_SRC,
} from "../abi";
import {
  CONNECTIONS, CONNECTIONS_AT, ENTRIES, ENTRIES_AT, LINES_AT, LINES_SIZE, LONGEST, NO_TEXT, PIECES_AT, PIECE_BAD_CHECKSUM, PIECE_CODE, PIECE_CUT,
  PIECE_DPORT, PIECE_DST, PIECE_END, PIECE_FRAME, PIECE_ICMP, PIECE_ICMPV6, PIECE_ID, PIECE_NO_PORTS, PIECE_NO_REASON, PIECE_SPORT, PIECE_STATES, PIECE_TCP, PIECE_TIME, PIECE_TYPE, PIECE_UDP,
  RESULTS_AT, STOP_CONNECTION, STOP_DONE, STOP_ENTRY, STOP_FULL, STOP_UNCOMMON, TEXT_AT, TEXT_BITS, TIMES_AT, TOUCHED, TRACES_AT,
} from "./layout";

export * from "./layout";

const IPV4: u32 = 2;
const IPV6: u32 = 10;
const ICMP: u32 = 1;
const TCP: u32 = 6;
const UDP: u32 = 17;
const ICMPV6: u32 = 58;
const STATE_RELATED: u32 = 3;
const NANOSECONDS: u64 = 1_000_000_000;
// within before and after
const ENTRY_STATUS = 8;
const ENTRY_STATE = 12;
const ENTRY_PRESENT = 13;
const ENTRY_L4PROTO = 14;

/** "000\0" … "999\0" */
const DIGITS: usize = memory.data(4000, 16);
for (let i: u32 = 0; i < 1000; ++i) {
  store<u32>(DIGITS + (<usize>i << 2), (48 + i / 100) | ((48 + ((i / 10) % 10)) << 8) | ((48 + (i % 10)) << 16));
}

let stopped: u32 = STOP_DONE;
let end: usize = LINES_AT;
let key: u32 = 0;
/** Keeps the early loads alive. */
export let touched: u32 = 0;

/** Why the last call ended: STOP_*. */
export function stopReason(): u32 {
  return stopped;
}
/** Where the lines end. */
export function linesEnd(): u32 {
  return <u32>end;
}
/** Lines up to here are there; the caller has written some, or taken them all. */
export function setLinesEnd(at: u32): void {
  end = at;
}
/** With STOP_ENTRY: the entry whose text is missing. */
export function missingEntry(): u32 {
  return key;
}

/** The place of an entry's text. */
export function entryAt(wanted: u32): u32 {
  return <u32>ENTRIES_AT + (((wanted ^ (wanted >> 8) ^ (wanted >> 16)) & (ENTRIES - 1)) << TEXT_BITS);
}

/** The place of the text of a connection in a direction and state. */
// @ts-ignore: decorator
@inline
function slotOf(conn: u32, kind: u32): usize {
  return (<usize>(((conn << 1) ^ (kind >> 8)) & (CONNECTIONS - 1)) << TEXT_BITS) + CONNECTIONS_AT;
}
export function connectionAt(conn: u32, kind: u32): u32 {
  return <u32>slotOf(conn, kind);
}

// ---- writing: each returns where the text ends; up to 16 bytes behind it are overwritten

// @ts-ignore: decorator
@inline
function copy(at: usize, from: usize, size: usize): usize {
  for (let k: usize = 0; k < size; k += 16) v128.store(at + k, v128.load(from + k));
  return at + size;
}

// @ts-ignore: decorator
@inline
function piece(at: usize, n: u32): usize {
  const from = (<usize>n << TEXT_BITS) + PIECES_AT;
  return copy(at, from + TEXT_AT, load<u32>(from, 8));
}

// @ts-ignore: decorator
@inline
function byte(at: usize, c: u8): usize {
  store<u8>(at, c);
  return at + 1;
}

// @ts-ignore: decorator
@inline
function three(at: usize, value: u32): usize {
  store<u32>(at, load<u32>(DIGITS + (<usize>value << 2)));
  return at + 3;
}

// Below 1000, without zeros in front.
// @ts-ignore: decorator
@inline
function small(at: usize, value: u32): usize {
  const spare = <u32>(value < 10) + <u32>(value < 100);
  store<u32>(at, load<u32>(DIGITS + (<usize>value << 2)) >> (spare << 3));
  return at + 3 - spare;
}

function integer(at: usize, value: u32): usize {
  if (value < 1000) return small(at, value);
  const thousands = value / 1000;
  const rest = value - thousands * 1000;
  if (thousands < 1000) return three(small(at, thousands), rest);
  const millions = thousands / 1000;
  const middle = thousands - millions * 1000;
  if (millions < 1000) return three(three(small(at, millions), middle), rest);
  const billions = millions / 1000;
  return three(three(three(small(at, billions), millions - billions * 1000), middle), rest);
}

// Nanoseconds as seconds, without zeros at the end.
function seconds(at: usize, nanoseconds: u64): usize {
  const whole = nanoseconds / NANOSECONDS;
  const rest = <u32>(nanoseconds - whole * NANOSECONDS);
  at = integer(at, <u32>whole);
  if (rest == 0) return at;
  at = nine(byte(at, 46), rest);
  while (load<u8>(at - 1) == 48) --at;
  return at;
}

function nine(at: usize, rest: u32): usize {
  const micros = rest / 1000;
  const millis = micros / 1000;
  return three(three(three(at, millis), micros - millis * 1000), rest - micros * 1000);
}

function address(at: usize, from: usize, l3num: u32): usize {
  return l3num == IPV4 ? address4(at, from) : address6(at, from);
}

function address4(at: usize, from: usize): usize {
  at = byte(small(at, load<u8>(from)), 46);
  at = byte(small(at, load<u8>(from, 1)), 46);
  at = byte(small(at, load<u8>(from, 2)), 46);
  return small(at, load<u8>(from, 3));
}

// RFC 5952 §4: the longest run of two zero groups or more, the first of equals, is "::".
function address6(at: usize, from: usize): usize {
  let best: u32 = 1;
  let start: u32 = 8;
  for (let i: u32 = 0; i < 8; ++i) {
    let run: u32 = 0;
    while (i + run < 8 && load<u16>(from + ((i + run) << 1)) == 0) ++run;
    if (run > best) {
      best = run;
      start = i;
    }
    i += run;
  }
  if (start == 0 && (best == 6 || (best == 5 && load<u16>(from, 10) == 0xffff))) {
    at = colon(colon(at));
    if (best == 5) at = colon(group(at, 0xffff));
    return address4(at, from + 12);
  }
  for (let i: u32 = 0; i < 8; ++i) {
    if (i == start) {
      at = colon(at);
      if (i == 0) at = colon(at);
      i += best - 1;
      continue;
    }
    at = group(at, <u32>bswap<u16>(load<u16>(from + (i << 1))));
    if (i < 7) at = colon(at);
  }
  return at;
}

// @ts-ignore: decorator
@inline
function colon(at: usize): usize {
  return byte(at, 58);
}

// Hexadecimal, without zeros in front.
function group(at: usize, value: u32): usize {
  for (let shift = value == 0 ? 0 : (31 - clz<u32>(value)) & ~3; ; shift -= 4) {
    const digit = (value >> shift) & 15;
    at = byte(at, <u8>(digit < 10 ? 48 + digit : 87 + digit));
    if (shift == 0) return at;
  }
  return at;
}

// ---- a line

/**
 * Writes the lines of packets `i` to `count`, the first of all of which is frame `firstFrame`. Returns the first packet whose
 * line is not there; stopReason() says why.
 */
export function write(i: u32, count: u32, firstFrame: u32): u32 {
  let ahead = i;
  for (; i < count; ++i) {
    if (i == ahead) {
      ahead = min<u32>(count, i + TOUCHED);
      touch(i, ahead);
    }
    if (end > <usize>(LINES_AT + LINES_SIZE - LONGEST)) {
      stopped = STOP_FULL;
      return i;
    }
    const at = line(i, firstFrame + i);
    if (at == 0) return i;
    end = at;
  }
  stopped = STOP_DONE;
  return i;
}

// The misses of the cache overlap, as in batch.ts.
function touch(i: u32, ahead: u32): void {
  let sum: u32 = 0;
  for (; i < ahead; ++i) {
    const result = <usize>i * RESULT_SIZE + RESULTS_AT;
    const slot = slotOf(load<u32>(result, 4), load<u16>(result));
    sum += load<u32>(slot) + load<u32>(slot, 64) + load<u32>(slot, 128);
  }
  touched += sum;
}

// 0 when it cannot be written.
function line(i: u32, frame: u32): usize {
  const result = <usize>i * RESULT_SIZE + RESULTS_AT;
  const t = <usize>i * TRACE_SIZE + TRACES_AT;
  const decision = load<u32>(result);
  const conn = load<u32>(result, 4);
  const kind = decision & 0xffff;
  const l4proto = <u32>load<u8>(t, TRACE_L4PROTO);
  const isIcmp = l4proto == ICMP || l4proto == ICMPV6;
  // reason or verdict; no connection; an error, which has addresses of its own
  const uncommon =
    decision >> 16 != 0 || conn == 0 || kind >> 8 == 0 || ((kind & 255) == STATE_RELATED && isIcmp) || load<u32>(t, TRACE_MASTER) != 0 ||
    load<u32>(t, TRACE_DATAGRAM) != 0;
  if (uncommon) {
    stopped = STOP_UNCOMMON;
    return 0;
  }
  const times = (<usize>i << 3) + TIMES_AT;
  let at = integer(piece(end, PIECE_FRAME), frame);
  at = byte(integer(piece(at, PIECE_TIME), load<u32>(times)), 46);
  at = connection(nine(at, load<u32>(times, 4)), t, conn, kind, l4proto);
  if (at == 0) return 0;
  at = piece(at, PIECE_NO_REASON);
  const notes = <u32>load<u8>(t, TRACE_NOTES);
  if (isIcmp && notes & NOTE_TRANSPORT) at = icmp(at, t);
  if (load<u8>(t, TRACE_BEFORE + ENTRY_PRESENT) != 0) {
    at = entry(at, t + TRACE_BEFORE, 0);
    if (at == 0) return 0;
  }
  if (load<u8>(t, TRACE_AFTER + ENTRY_PRESENT) != 0) {
    at = entry(at, t + TRACE_AFTER, 1);
    if (at == 0) return 0;
  }
  if (notes & NOTE_CUT) at = piece(at, PIECE_CUT);
  if (notes & NOTE_BAD_CHECKSUM) at = piece(at, PIECE_BAD_CHECKSUM);
  return piece(at, PIECE_END);
}

// From "protocol" to "conn".
function connection(at: usize, t: usize, conn: u32, kind: u32, l4proto: u32): usize {
  const slot = slotOf(conn, kind);
  if (load<u32>(slot) == conn && load<u32>(slot, 4) == kind) {
    const size = load<u32>(slot, 8);
    if (size != NO_TEXT) return copy(at, slot + TEXT_AT, size);
    stopped = STOP_UNCOMMON;
    return 0;
  }
  const l3num = <u32>load<u8>(t, TRACE_L3NUM);
  const protocol = pieceOf(l4proto);
  if (protocol == PIECE_END || (l3num != IPV4 && l3num != IPV6)) {
    stopped = STOP_CONNECTION;
    return 0;
  }
  let to = piece(slot + TEXT_AT, protocol);
  to = piece(address(to, t + TRACE_SRC, l3num), PIECE_DST);
  to = address(to, t + TRACE_DST, l3num);
  if (l4proto == TCP || l4proto == UDP) {
    to = piece(integer(piece(to, PIECE_SPORT), load<u16>(t, TRACE_SPORT)), PIECE_DPORT);
    to = integer(to, load<u16>(t, TRACE_DPORT));
  } else to = piece(to, PIECE_NO_PORTS);
  to = piece(to, PIECE_STATES + (kind & 255) * 3 + (kind >> 8));
  to = integer(to, conn);
  const size = <u32>(to - slot - TEXT_AT);
  store<u32>(slot, conn);
  store<u32>(slot, kind, 4);
  store<u32>(slot, size, 8);
  return copy(at, slot + TEXT_AT, size);
}

// The protocols whose connections are common; PIECE_END: another.
function pieceOf(l4proto: u32): u32 {
  switch (l4proto) {
    case TCP:
      return PIECE_TCP;
    case UDP:
      return PIECE_UDP;
    case ICMP:
      return PIECE_ICMP;
    case ICMPV6:
      return PIECE_ICMPV6;
    default:
      return PIECE_END;
  }
}

function icmp(at: usize, t: usize): usize {
  // in the places of the ports: id, then code and type
  at = small(piece(at, PIECE_TYPE), load<u8>(t, TRACE_SPORT + 3));
  at = small(piece(at, PIECE_CODE), load<u8>(t, TRACE_SPORT + 2));
  return integer(piece(at, PIECE_ID), load<u16>(t, TRACE_SPORT));
}

function entry(at: usize, e: usize, which: u32): usize {
  const status = load<u32>(e, ENTRY_STATUS) & 0xffff;
  const wanted = (((status << 5) | (<u32>load<u8>(e, ENTRY_STATE) << 1) | which) << 8) | <u32>load<u8>(e, ENTRY_L4PROTO);
  const text = <usize>entryAt(wanted);
  const timeout = load<u64>(e);
  if (load<u32>(text) != wanted + 1) {
    key = wanted;
    stopped = STOP_ENTRY;
    return 0;
  }
  const size = load<u32>(text, 8);
  if (size == NO_TEXT || timeout >= NANOSECONDS << 32) {
    stopped = STOP_UNCOMMON;
    return 0;
  }
  return byte(seconds(copy(at, text + TEXT_AT, size), timeout), 125);
}
