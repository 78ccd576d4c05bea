// FTP (RFC 959, RFC 2428; spec §6.4): PORT and EPRT of the client, 227 and 229 of the server announce a TCP connection.
//
// Only text behind a line end the helper has seen is examined. What begins like an announcement and is not a whole one
// costs the packet its life, so that the peer sends it again in one piece.
//
//   memory: │ seq u32 × 2 │ seq u32 × 2 │ count u8 × 2 │    per direction: what follows the last line ends
import {
  HELPER_FTP_LOOSE, IPPROTO_TCP, L3_IPV4, REASON_FTP_LINE_START, REASON_HELPER_ADDRESS, REASON_HELPER_NOT_ESTABLISHED,
  REASON_HELPER_PARTIAL, VERDICT_ACCEPT, VERDICT_DROP,
} from "../abi";
import { Conn, destinationOf, sourceOf } from "../conn";
import { announce, expectation } from "../expect";
import { helperData } from "../help";
import { Packet } from "../packet";
import { before } from "../seq";
import { setting } from "../settings";
import { because } from "../why";
import { parseIp6 } from "./ip6-text";
import { byteAt, data, hasPayload, isDigit, length, lowerCase } from "./payload";

const LF: u32 = 10;
const COUNTS: usize = 16;

// ---- patterns

const FORM_SIX: u32 = 0; // 10,0,1,2,200,10
const FORM_EPRT: u32 = 1; // |1|10.0.1.2|51210|
const FORM_EPSV: u32 = 2; // |||51210|

/** Skip to the first digit. */
const DIGIT: u8 = 0;
/** Any terminator that is neither digit nor comma. */
const ANY: u8 = 0;

/** Row: direction, length, text, what to skip to, form, terminator of its last number. */
const PATTERNS: usize = memory.data<u8>([
  /* PORT  */ 0, 4, 112, 111, 114, 116, 32,    0, 13,
  /* EPRT  */ 0, 4, 101, 112, 114, 116, 32,    1, ANY,
  /* 227   */ 1, 4, 50,  50,  55,  32,  DIGIT, 0, ANY,
  /* 229   */ 1, 4, 50,  50,  57,  32,  40,    2, ANY,
]);
const PATTERN_SIZE: u32 = 9;
const PATTERN_COUNT: u32 = 4;

const NO_MATCH: u32 = 0;
const PARTIAL: u32 = 1;
const MATCH: u32 = 2;

/** What was announced: an address (4 or 16 bytes; the sender's own unless given) and a port. */
const ADDRESS: usize = memory.data(16, 8);
let port: u32 = 0;

export function helpFtp(c: Conn, dir: u32, p: Packet, established: bool): u32 {
  if (!hasPayload(p)) return VERDICT_ACCEPT;
  if (!established) {
    if (seeksAttention(dir)) because(REASON_HELPER_NOT_ESTABLISHED);
    return VERDICT_ACCEPT;
  }
  const lines = helperData(c);
  let verdict: u32 = VERDICT_ACCEPT;
  if (followsLineEnd(lines, dir, p.seq)) {
    memory.copy(ADDRESS, sourceOf(c, dir), c.l3num == L3_IPV4 ? 4 : 16);
    const found = findPattern(dir, c.l3num);
    if (found == PARTIAL) {
      because(REASON_HELPER_PARTIAL);
      return VERDICT_DROP;
    }
    if (found == MATCH) verdict = expect(c, dir);
  } else if (seeksAttention(dir)) because(REASON_FTP_LINE_START, p.seq);
  if (byteAt(length - 1) == LF) rememberLineEnd(lines, dir, p.seq + length);
  return verdict;
}

// ---- where lines begin

function followsLineEnd(lines: usize, dir: u32, seq: u32): bool {
  const count = <u32>load<u8>(lines + dir, COUNTS);
  const at = lines + (<usize>dir << 3);
  return (count > 0 && load<u32>(at) == seq) || (count > 1 && load<u32>(at, 4) == seq);
}

function rememberLineEnd(lines: usize, dir: u32, seq: u32): void {
  if (followsLineEnd(lines, dir, seq)) return;
  const count = <u32>load<u8>(lines + dir, COUNTS);
  const at = lines + (<usize>dir << 3);
  if (count < 2) {
    store<u32>(at + (<usize>count << 2), seq);
    store<u8>(lines + dir, <u8>(count + 1), COUNTS);
  } else if (before(load<u32>(at), load<u32>(at, 4))) store<u32>(at, seq);
  else store<u32>(at, seq, 4);
}

// ---- patterns

/** True if the text begins with a whole keyword of the direction, for the reason only. */
function seeksAttention(dir: u32): bool {
  for (let i: u32 = 0; i < PATTERN_COUNT; ++i) {
    const row = PATTERNS + <usize>(i * PATTERN_SIZE);
    if (<u32>load<u8>(row) == dir && length > <u32>load<u8>(row, 1) && agrees(row, load<u8>(row, 1))) return true;
  }
  return false;
}

function findPattern(dir: u32, l3num: u32): u32 {
  for (let i: u32 = 0; i < PATTERN_COUNT; ++i) {
    const row = PATTERNS + <usize>(i * PATTERN_SIZE);
    if (<u32>load<u8>(row) != dir) continue;
    const found = tryPattern(row, l3num);
    if (found != NO_MATCH) return found;
  }
  return NO_MATCH;
}

function agrees(row: usize, n: u32): bool {
  for (let i: u32 = 0; i < n; ++i) if (lowerCase(byteAt(i)) != <u32>load<u8>(row + i, 2)) return false;
  return true;
}

function tryPattern(row: usize, l3num: u32): u32 {
  const size = <u32>load<u8>(row, 1);
  if (length <= size) return agrees(row, length) ? PARTIAL : NO_MATCH;
  if (!agrees(row, size)) return NO_MATCH;
  const skip = <u32>load<u8>(row, 6);
  // the character is looked for before the last byte: something has to follow
  let i = size;
  for (; ; ++i) {
    if (i == length - 1) return PARTIAL;
    const byte = byteAt(i);
    if (skip == DIGIT ? isDigit(byte) : byte == skip) break;
  }
  if (skip != DIGIT) ++i;
  return parseForm(load<u8>(row, 7), i, load<u8>(row, 8), l3num) ? MATCH : PARTIAL;
}

function parseForm(form: u32, from: u32, terminator: u32, l3num: u32): bool {
  switch (form) {
    case FORM_SIX:
      return parseSix(from, terminator);
    case FORM_EPRT:
      return parseEprt(from, l3num);
    default:
      return parseEpsv(from);
  }
}

// ---- numbers: 32-bit arithmetic without range checks, fields may be empty

const NUMBERS: usize = memory.data(24, 4);

/** Reads `count` numbers with `separator` between them; index behind the terminator, or 0. */
function parseNumbers(i: u32, count: u32, separator: u32, terminator: u32): u32 {
  let k: u32 = 0;
  let value: u32 = 0;
  for (; i < length; ++i) {
    const byte = byteAt(i);
    if (isDigit(byte)) value = value * 10 + (byte - 48);
    else if (byte == separator) {
      if (k == count - 1) return 0;
      store<u32>(NUMBERS + (<usize>k << 2), value);
      ++k;
      value = 0;
    } else if (k == count - 1 && (terminator == ANY || byte == terminator)) {
      store<u32>(NUMBERS + (<usize>k << 2), value);
      return i + 1;
    } else return 0;
  }
  return 0;
}

function setAddress4(): void {
  const value =
    (load<u32>(NUMBERS) << 24) | (load<u32>(NUMBERS, 4) << 16) | (load<u32>(NUMBERS, 8) << 8) | load<u32>(NUMBERS, 12);
  store<u32>(ADDRESS, bswap<u32>(value));
}

function parseSix(i: u32, terminator: u32): bool {
  if (parseNumbers(i, 6, 44, terminator) == 0) return false;
  setAddress4();
  port = ((load<u32>(NUMBERS, 16) << 8) | load<u32>(NUMBERS, 20)) & 0xffff;
  return true;
}

// A delimiter is printable and not a digit.
function isDelimiter(byte: u32): bool {
  return byte >= 33 && byte <= 126 && !isDigit(byte);
}

function parseEprt(i: u32, l3num: u32): bool {
  if (length - i <= 3) return false;
  const delimiter = byteAt(i);
  if (!isDelimiter(delimiter) || byteAt(i + 2) != delimiter) return false;
  if (byteAt(i + 1) != (l3num == L3_IPV4 ? 49 : 50)) return false;
  i += 3;
  if (l3num == L3_IPV4) {
    i = parseNumbers(i, 4, 46, delimiter);
    if (i == 0) return false;
    setAddress4();
  } else {
    const used = parseIp6(data + i, length - i, delimiter, ADDRESS);
    if (used == 0) return false;
    i += used + 1;
  }
  return parsePort(i, delimiter);
}

function parseEpsv(i: u32): bool {
  if (length - i <= 3) return false;
  const delimiter = byteAt(i);
  if (!isDelimiter(delimiter) || byteAt(i + 1) != delimiter || byteAt(i + 2) != delimiter) return false;
  return parsePort(i + 3, delimiter);
}

// Digits modulo 2^16, ended by the delimiter; not zero.
function parsePort(i: u32, delimiter: u32): bool {
  let value: u32 = 0;
  for (; i < length; ++i) {
    const byte = byteAt(i);
    if (byte == delimiter) {
      port = value;
      return value != 0;
    }
    if (!isDigit(byte)) return false;
    value = (value * 10 + (byte - 48)) & 0xffff;
  }
  return false;
}

// ---- the expectation

function isOwn(own: usize, l3num: u32): bool {
  if (l3num == L3_IPV4) return load<u32>(own) == load<u32>(ADDRESS);
  return ((load<u64>(own) ^ load<u64>(ADDRESS)) | (load<u64>(own, 8) ^ load<u64>(ADDRESS, 8))) == 0;
}

function expect(c: Conn, dir: u32): u32 {
  let to = destinationOf(c, 1 - dir);
  if (!isOwn(sourceOf(c, dir), c.l3num)) {
    if (setting(HELPER_FTP_LOOSE) == 0) {
      because(REASON_HELPER_ADDRESS, port);
      return VERDICT_ACCEPT;
    }
    to = ADDRESS;
  }
  expectation(c, 0, IPPROTO_TCP, sourceOf(c, 1 - dir), -1, to, port);
  return announce();
}
