// IRC (spec §6.5): a client's DCC offer, `PRIVMSG nick :\1DCC SEND file address port`, announces a TCP connection to it.
// It never costs a packet for what it says, and there is one offer a packet.
import {
  DIR_ORIGINAL, DIR_REPLY, IPPROTO_TCP, REASON_HELPER_ADDRESS, REASON_HELPER_PORT, REASON_HELPER_SYNTAX,
  VERDICT_ACCEPT,
} from "../abi";
import { Conn, destinationOf, sourceOf } from "../conn";
import { announce, expectation } from "../expect";
import { Packet } from "../packet";
import { because } from "../why";
import { byteAt, hasPayload, isDigit, length, lowerCase } from "./payload";

const SPACE: u32 = 32;
const CR: u32 = 13;
const LF: u32 = 10;
const COLON: u32 = 58;

/** An offer needs more than this from its ` :` on: ` :\1DCC SEND t AAAAAAAA P\1\n`. */
const SHORTEST: u32 = 26;
/** What has to be left behind the argument: `AAAAAAAA P\1\n`. */
const SHORTEST_ARGUMENTS: u32 = 12;
/** The helper reads no further. */
const MOST: u32 = 4095;

const PRIVMSG: usize = memory.data<u8>([112, 114, 105, 118, 109, 115, 103, 32]);
const DCC: usize = memory.data<u8>([1, 68, 67, 67, 32]);

/** Row: length, text. */
const COMMANDS: usize = memory.data<u8>([
  /* SEND  */ 5, 83, 69, 78, 68, 32, 0,
  /* CHAT  */ 5, 67, 72, 65, 84, 32, 0,
  /* MOVE  */ 5, 77, 79, 86, 69, 32, 0,
  /* TSEND */ 6, 84, 83, 69, 78, 68, 32,
  /* SCHAT */ 6, 83, 67, 72, 65, 84, 32,
]);
const COMMAND_SIZE: u32 = 7;
const COMMAND_COUNT: u32 = 5;

function textAt(i: u32, text: usize, n: u32): bool {
  if (i + n > length) return false;
  for (let k: u32 = 0; k < n; ++k) if (byteAt(i + k) != <u32>load<u8>(text + k)) return false;
  return true;
}

let address: u32 = 0; // as it lies in a packet
let port: u32 = 0;

export function helpIrc(c: Conn, dir: u32, p: Packet, established: bool): u32 {
  if (dir != DIR_ORIGINAL || !established || !hasPayload(p)) return VERDICT_ACCEPT;
  const end = min(length, MOST);
  for (let i = findMessage(end); i + SHORTEST < end; ) {
    if (byteAt(i) != SPACE || byteAt(i + 1) != COLON) {
      ++i;
      continue;
    }
    i += 2;
    if (!textAt(i, DCC, 5)) return VERDICT_ACCEPT;
    i += 5;
    const argument = i + commandAt(i);
    if (argument == i) continue;
    // nothing behind an offer is read, whatever came of it
    if (!parseOffer(argument, end) || !isOwn(c)) return VERDICT_ACCEPT;
    expectation(c, 0, IPPROTO_TCP, 0, -1, destinationOf(c, DIR_REPLY), port);
    return announce();
  }
  return VERDICT_ACCEPT;
}

/** The index behind `PRIVMSG `, or the end. */
function findMessage(end: u32): u32 {
  let i: u32 = 0;
  while (i + 10 < end && (byteAt(i) == SPACE || byteAt(i) == CR || byteAt(i) == LF)) ++i;
  if (i + 10 >= end) return end;
  for (let k: u32 = 0; k < 8; ++k) if (lowerCase(byteAt(i + k)) != <u32>load<u8>(PRIVMSG + k)) return end;
  return i + 8;
}

/** Length of the DCC command at `i`; 0 none. */
function commandAt(i: u32): u32 {
  for (let k: u32 = 0; k < COMMAND_COUNT; ++k) {
    const row = COMMANDS + <usize>(k * COMMAND_SIZE);
    const size = <u32>load<u8>(row);
    if (textAt(i, row + 1, size)) return size;
  }
  return 0;
}

// One argument, one space, a decimal address, spaces, a decimal port; the line has to end within the packet.
function parseOffer(i: u32, end: u32): bool {
  while (byteAt(i++) != SPACE) {
    if (i + SHORTEST_ARGUMENTS > end) return refuse();
  }
  let newline = i;
  while (newline < end && byteAt(newline) != LF) ++newline;
  if (newline == end) return refuse();
  let value: u32 = 0;
  for (; isDigit(byteAt(i)); ++i) value = value * 10 + (byteAt(i) - 48);
  address = bswap<u32>(value);
  while (byteAt(i) == SPACE) ++i;
  port = 0;
  for (; isDigit(byteAt(i)); ++i) port = (port * 10 + (byteAt(i) - 48)) & 0xffff;
  return true;
}

function refuse(): bool {
  because(REASON_HELPER_SYNTAX);
  return false;
}

// The client's address, or the one its peer sees; and a port.
function isOwn(c: Conn): bool {
  if (address != load<u32>(sourceOf(c, DIR_ORIGINAL)) && address != load<u32>(destinationOf(c, DIR_REPLY))) {
    because(REASON_HELPER_ADDRESS, port);
    return false;
  }
  if (port == 0) because(REASON_HELPER_PORT, port);
  return port != 0;
}
