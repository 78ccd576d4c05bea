// Packed encoding rules, aligned (X.691), as Linux reads them: a walk over a message along the rows of grammar.ts that notes where
// the parts lie a helper wants to know. No byte outside of the message is read; what does not fit is an error.
//
// Where Linux differs from the rules, so does this: a part nobody reads (`stop`) ends its type there, and what encloses it goes on
// from the same bit; an addition newer than the grammar has a length even when its bit is not set; a kept number counts twice; see also takeBitmap().
import { be32 } from "../../bytes";
import { GRAMMAR, GRAMMAR_ROWS } from "./grammar";

// types
const NULL: u8 = 0;
const BOOL: u8 = 1;
const OID: u8 = 2;
const INT: u8 = 3;
const BITS: u8 = 4;
const DIGITS: u8 = 5;
const OCTETS: u8 = 6;
const BMP: u8 = 7;
const SEQ: u8 = 8;
const LIST: u8 = 9;

// attributes
const KEPT: u32 = 1;
const OPTIONAL: u32 = 2;
const EXTENSIBLE: u32 = 4;
const OPEN: u32 = 8;
const STOP: u32 = 16;

// how a number or a length is written; 1 to 8: in so many bits
const FIXED: u8 = 0;
const BYTE: u8 = 9;
const WORD: u8 = 10;
const LONG: u8 = 11;
const ANY: u8 = 12;
const FREE: u8 = 13;

@unmanaged
class Row {
  type: u8;
  size: u8;
  lower: u8;
  upper: u8;
  attributes: u8;
  slot: u8;
  fields: u16;

  // @ts-ignore: decorator
  @inline
  has(attribute: u32): bool {
    return (this.attributes & attribute) != 0;
  }
}

// @ts-ignore: decorator
@inline
function rowAt(i: u32): Row {
  assert(i < GRAMMAR_ROWS);
  return changetype<Row>(GRAMMAR + (<usize>i << 3));
}

// Where the walk is: byte and bit in it. `at` may lie behind the end only on the way to an error.
let start: usize = 0;
let end: usize = 0;
let at: usize = 0;
let bit: u32 = 0;

/** Bytes read when the last message turned out to be none. */
export let readable: u32 = 0;

/** The items of a list are noted here when they are passed; again, one by one, with decodeItem(). */
const ITEM: usize = memory.data(128, 8);

/** Reads a message of the type in `row`; what is kept of it lies at `into`, zero where there is nothing. */
export function decode(row: u32, from: usize, size: u32, into: usize, words: u32): bool {
  start = from;
  end = from + size;
  return decodeAt(row, from, 0, into, words);
}

/** Reads item `i` of a list kept at `list`, in the message read last. */
export function decodeItem(row: u32, list: usize, i: u32, into: usize, words: u32): bool {
  assert(i < itemsOf(list));
  const place = load<u32>(list + (<usize>i << 2), 4);
  return decodeAt(row, start + (place >> 3), place & 7, into, words);
}

// @ts-ignore: decorator
@inline
export function itemsOf(list: usize): u32 {
  return load<u32>(list);
}

function decodeAt(row: u32, byte: usize, bits: u32, into: usize, words: u32): bool {
  at = byte;
  bit = bits;
  memory.fill(into, 0, <usize>words << 2);
  const fine = read(rowAt(row), into);
  if (!fine) readable = <u32>(min(at, end) - start);
  return fine;
}

// ---- bits and lengths

/** True if fewer bytes and bits are left. */
function lacks(bytes: u32, bits: u32): bool {
  return at + bytes + ((bits + bit + 7) >> 3) > end;
}

// @ts-ignore: decorator
@inline
function inside(): bool {
  return !lacks(0, 0);
}

function skipBits(n: u32): void {
  bit += n;
  at += bit >> 3;
  bit &= 7;
}

function align(): void {
  if (bit == 0) return;
  ++at;
  bit = 0;
}

/** The next bits, at most 32, which are there. */
function takeBits(n: u32): u32 {
  assert(n <= 32 && !lacks(0, n));
  let value: u64 = 0;
  const last = bit + n;
  const bytes = (last + 7) >> 3;
  for (let i: u32 = 0; i < bytes; ++i) value = (value << 8) | load<u8>(at + i);
  value >>= (bytes << 3) - last;
  skipBits(n);
  return <u32>(value & ((<u64>1 << n) - 1));
}

/** Which additions there are. One that ends with the fourth byte is taken from the start of the first one, not from where it begins. */
function takeBitmap(count: u32): u32 {
  if (bit + count != 32) return takeBits(count);
  const value = be32(at) >> (32 - count);
  skipBits(count);
  return value;
}

let taken: u32 = 0;

function takeByte(): bool {
  if (lacks(1, 0)) return false;
  taken = load<u8>(at++);
  return true;
}

/** A length of one or two bytes into `taken`; two have to be left in any case. */
function takeLength(): bool {
  if (lacks(2, 0)) return false;
  taken = load<u8>(at++);
  if (taken & 0x80) taken = ((taken & 0x3f) << 8) | load<u8>(at++);
  return true;
}

/** A number or length as its row says, into `taken`. */
function takeSized(row: Row): bool {
  switch (row.size) {
    case FIXED:
      taken = row.lower;
      return true;
    case BYTE:
      align();
      if (!takeByte()) return false;
      break;
    case WORD:
      align();
      if (lacks(2, 0)) return false;
      taken = (<u32>load<u8>(at) << 8) | load<u8>(at, 1);
      at += 2;
      break;
    case ANY:
      align();
      if (!takeLength()) return false;
      break;
    default:
      if (lacks(0, row.size)) return false;
      taken = takeBits(row.size);
      align();
  }
  taken += row.lower;
  return true;
}

// ---- types. `base` is where a type notes what is kept of it, 0: nowhere.

// @ts-ignore: decorator
@inline
function baseOf(row: Row, base: usize): usize {
  return base && row.has(KEPT) ? base + (<usize>row.slot << 2) : 0;
}

function read(row: Row, base: usize): bool {
  switch (row.type) {
    case NULL:
      return true;
    case BOOL:
      skipBits(1);
      return inside();
    case OID:
      align();
      if (!takeByte()) return false;
      at += taken;
      return inside();
    case INT:
      return readNumber(row, base);
    case BITS:
      align();
      if (!takeSized(row)) return false;
      skipBits(taken);
      return inside();
    case DIGITS:
      if (!takeSized(row)) return false;
      skipBits(taken << 2);
      return inside();
    case OCTETS:
      return readOctets(row, base);
    case BMP:
      if (!takeSized(row)) return false;
      at += taken << 1;
      return inside();
    case SEQ:
      return readSequence(row, base);
    case LIST:
      return readList(row, base);
    default:
      return readChoice(row, base);
  }
}

function readNumber(row: Row, base: usize): bool {
  switch (row.size) {
    case BYTE:
      align();
      ++at;
      break;
    case WORD:
      align();
      at += 2;
      break;
    case LONG: {
      if (lacks(0, 2)) return false;
      const bytes = takeBits(2) + 1;
      align();
      if (base && row.has(KEPT)) {
        if (lacks(bytes, 0)) return false;
        keepNumber(base + (<usize>row.slot << 2), takeBits(bytes << 3) + row.lower);
      }
      at += bytes;
      break;
    }
    case FREE:
      align();
      if (!takeLength()) return false;
      at += taken;
      break;
    default:
      skipBits(row.size);
  }
  return inside();
}

function keepNumber(place: usize, value: u32): void {
  store<u32>(place, value);
  store<u32>(place, 1, 4);
}

function readOctets(row: Row, base: usize): bool {
  // two octets or fewer need not begin with a byte
  if (row.size == FIXED && row.lower > 2) {
    align();
    if (base && row.has(KEPT)) store<u32>(base + (<usize>row.slot << 2), <u32>at);
  }
  if (!takeSized(row)) return false;
  at += taken;
  return inside();
}

/** What a length goes before: read if it is kept, then left behind in any case. */
function readOpen(row: Row, base: usize): bool {
  return readOpenInto(row, base, base != 0 && row.has(KEPT));
}

function readOpenInto(row: Row, base: usize, wanted: bool): bool {
  const size = taken;
  if (lacks(size, 0)) return false;
  if (!wanted) {
    at += size;
    return true;
  }
  const from = at;
  if (!read(row, base)) return false;
  at = from + size;
  bit = 0;
  return true;
}

function readSequence(row: Row, base: usize): bool {
  base = baseOf(row, base);
  if (lacks(0, 1)) return false;
  const extended = row.has(EXTENSIBLE) && takeBits(1) != 0;
  if (lacks(0, row.size)) return false;
  let present: u32 = row.size ? takeBits(row.size) << (32 - <u32>row.size) : 0;
  let i: u32 = 0;
  for (; i < row.lower; ++i) {
    const field = rowAt(row.fields + i);
    if (field.has(STOP)) return true;
    if (field.has(OPTIONAL)) {
      const here = present >> 31;
      present <<= 1;
      if (!here) continue;
    }
    if (field.has(OPEN)) {
      if (!takeLength() || !readOpen(field, base)) return false;
    } else if (!read(field, base)) return false;
  }
  return !extended || readAdditions(row, base);
}

function readAdditions(row: Row, base: usize): bool {
  if (lacks(0, 7)) return false;
  const count = takeBits(7) + 1;
  if (count > 32 || lacks(0, count)) return false;
  const present = takeBitmap(count);
  align();
  let i = <u32>row.lower;
  for (let left = count; left > 0; ++i) {
    --left;
    if (i >= row.upper) {
      if (!takeLength() || lacks(taken, 0)) return false;
      at += taken;
      continue;
    }
    const field = rowAt(row.fields + i);
    if (field.has(STOP)) return true;
    if (((present >> left) & 1) == 0) continue;
    if (!takeLength() || !readOpen(field, base)) return false;
  }
  return true;
}

function readList(row: Row, base: usize): bool {
  base = baseOf(row, base);
  if (!takeSized(row)) return false;
  const count = taken;
  const kept = base ? min<u32>(count, row.upper) : 0;
  if (base) store<u32>(base, kept);
  const item = rowAt(row.fields);
  for (let i: u32 = 0; i < count; ++i) {
    if (item.has(OPEN)) {
      align();
      if (!takeLength()) return false;
    }
    if (i < kept) store<u32>(base + (<usize>i << 2), (<u32>(at - start) << 3) | bit, 4);
    const into: usize = i < kept ? ITEM : 0;
    if (item.has(OPEN)) {
      // those beyond the kept ones have to be readable too
      if (!readOpenInto(item, into, base != 0 && item.has(KEPT))) return false;
    } else if (!read(item, into)) return false;
  }
  return true;
}

function readChoice(row: Row, base: usize): bool {
  base = baseOf(row, base);
  if (lacks(0, 1)) return false;
  const extended = row.has(EXTENSIBLE) && takeBits(1) != 0;
  const bits = extended ? 7 : <u32>row.size;
  if (lacks(0, bits)) return false;
  let chosen = takeBits(bits);
  if (extended) chosen += row.lower;
  else if (chosen >= row.lower) return false;
  if (base) store<u32>(base, chosen);
  if (chosen >= row.upper) {
    align();
    if (!takeLength() || lacks(taken, 0)) return false;
    at += taken;
    return true;
  }
  const field = rowAt(row.fields + chosen);
  if (field.has(STOP)) return true;
  if (!extended) return read(field, base);
  align();
  return takeLength() && readOpen(field, base);
}
