// Entries of sets: their values, their end, and the lengths of networks a set has. numbers.ts draws them.
import { PROGRAM } from "../memory-map";
import { Packet } from "../packet";
import { now } from "../timer";
import { lengthNow } from "./context";
import {
  PROGRAM_EPOCH, PROGRAM_SETS, SET_COUNTERS, SET_COUNTS, SET_EARLIEST, SET_FILLED, SET_LENGTH_COUNT, SET_LENGTH_WORDS, SET_LENGTHS, SET_LIST, SET_NET, SET_RANGE,
  SET_SECOND_NET, SET_SKB, SET_TIMEOUTS, SET_VALUE_BYTES, SET_VALUE_EXPIRES, SET_VALUE_FILLED, SET_VALUE_NOMATCH, SET_VALUE_ORIGINAL, SET_VALUE_PACKETS, SET_VALUE_SIZES,
  SET_VALUE_SKB, SET_WORDS, STORE_KEY,
} from "./numbers";
import { macHigh, macLow, shapeOf } from "./set-key";
import { ENTRY_KEY, newerEntry, oldestEntry, removeEntry } from "./store";

const SECOND: u64 = 1_000_000_000;

export function setAt(number: u32): usize {
  return PROGRAM + load<u32>(PROGRAM, PROGRAM_SETS * 4) + <usize>number * (SET_WORDS * 4);
}

export function valueOf(table: usize, entry: usize): usize {
  return entry + ENTRY_KEY + (((<usize>load<u32>(table, STORE_KEY * 4) << 2) + 7) & ~7);
}

/** Bytes of the values of a set. */
export function valueSize(shape: u32): u32 {
  const kind: u32 = shape & SET_SKB ? 3 : shape & SET_COUNTERS ? 2 : shape & SET_TIMEOUTS ? 1 : 0;
  return (<u32>SET_VALUE_SIZES >> (kind << 3)) & 0xff;
}

// ---- time

/** Nanoseconds since the first packet. */
export function setClock(): u64 {
  const epoch = load<u64>(PROGRAM, PROGRAM_EPOCH * 4);
  return now > epoch ? now - epoch : 0;
}

export function isExpired(shape: u32, value: usize): bool {
  if (!(shape & SET_TIMEOUTS)) return false;
  // the time of one that waits for a link address does not run
  if (shape & SET_FILLED && !(load<u32>(value) & SET_VALUE_FILLED)) return false;
  const expires = load<u64>(value, SET_VALUE_EXPIRES);
  return expires != 0 && setClock() > expires;
}

/** The entry ends after so many seconds, 0: never. */
export function setExpiry(set: usize, value: usize, seconds: u32): void {
  if (!(shapeOf(set) & SET_TIMEOUTS)) return;
  const expires = seconds ? setClock() + <u64>seconds * SECOND : 0;
  store<u64>(value, expires, SET_VALUE_EXPIRES);
  noteExpiry(set, expires);
}

// @ts-ignore: decorator
@inline
function noteExpiry(set: usize, expires: u64): void {
  if (expires && expires < load<u64>(set, SET_EARLIEST * 4)) store<u64>(set, expires, SET_EARLIEST * 4);
}

// What an entry is when a packet has just put it there.
export function renew(p: Packet, set: usize, value: usize, seconds: u32): void {
  const shape = shapeOf(set);
  // bitmaps forget the comment
  const forgotten: u32 = SET_VALUE_NOMATCH | (shape & SET_RANGE ? SET_VALUE_ORIGINAL : 0);
  store<u32>(value, load<u32>(value) & ~forgotten);
  if (shape & SET_FILLED) {
    store<u32>(value, macLow, 4);
    store<u32>(value, SET_VALUE_FILLED | (macHigh << 16));
  }
  if (shape & SET_COUNTERS) {
    store<u64>(value, 1, SET_VALUE_PACKETS);
    store<u64>(value, <u64>lengthNow(p), SET_VALUE_BYTES);
  }
  if (shape & SET_SKB) memory.fill(value + SET_VALUE_SKB, 0, 16);
  setExpiry(set, value, seconds);
}

/** The entry takes the link address of the packet; from now on its time runs. */
export function fillMac(p: Packet, set: usize, value: usize): void {
  const timed = (shapeOf(set) & SET_TIMEOUTS) != 0;
  renew(p, set, value, timed ? <u32>(load<u64>(value, SET_VALUE_EXPIRES) / SECOND) : 0);
}

/** Removes what has ended, if anything can have. */
export function sweepSet(set: usize, table: usize): void {
  if (setClock() <= load<u64>(set, SET_EARLIEST * 4)) return;
  const shape = shapeOf(set);
  store<u64>(set, u64.MAX_VALUE, SET_EARLIEST * 4);
  for (let entry = oldestEntry(table); entry; ) {
    const next = newerEntry(table, entry);
    const value = valueOf(table, entry);
    if (isExpired(shape, value)) dropEntry(set, table, entry);
    else if (shape & SET_TIMEOUTS) noteExpiry(set, load<u64>(value, SET_VALUE_EXPIRES));
    entry = next;
  }
}

export function dropEntry(set: usize, table: usize, entry: usize): void {
  countLengths(set, entry + ENTRY_KEY, -1);
  removeEntry(table, entry);
}

// ---- lengths of networks

/** A network of these lengths came (1) or went (-1). */
export function countLengths(set: usize, key: usize, by: i32): void {
  const shape = shapeOf(set);
  if (shape & SET_LIST) return;
  if (shape & SET_NET) countLength(set, 0, load<u8>(key), by);
  if (shape & SET_SECOND_NET) countLength(set, 1, load<u8>(key, 1), by);
}

function countLength(set: usize, part: u32, length: u32, by: i32): void {
  if (length >= <u32>SET_LENGTH_COUNT) return;
  const count = set + (<usize>(SET_COUNTS + part * SET_LENGTH_COUNT + length) << 2);
  const left = load<u32>(count) + by;
  store<u32>(count, left);
  const word = lengthsAt(set, part) + ((length >> 5) << 2);
  const bit = <u32>1 << (length & 31);
  store<u32>(word, left ? load<u32>(word) | bit : load<u32>(word) & ~bit);
}

// @ts-ignore: decorator
@inline
function lengthsAt(set: usize, part: u32): usize {
  return set + (<usize>(SET_LENGTHS + part * SET_LENGTH_WORDS) << 2);
}

/** The largest length below `below` of which there are networks in this part, or -1. */
export function lengthBelow(set: usize, part: u32, below: i32): i32 {
  const words = lengthsAt(set, part);
  for (let i = below - 1; i >= 0; ) {
    const word = i >> 5;
    const bits = load<u32>(words + (<usize>word << 2)) & (<u32>0xffffffff >> (31 - (i & 31)));
    if (bits) return (word << 5) + 31 - <i32>clz<u32>(bits);
    i = (word << 5) - 1;
  }
  return -1;
}

/** Counts the entries of a table that have just been put into their buckets. */
export function beginSet(set: usize, table: usize): void {
  store<u64>(set, u64.MAX_VALUE, SET_EARLIEST * 4);
  memory.fill(set + SET_LENGTHS * 4, 0, (SET_WORDS - SET_LENGTHS) * 4);
  const timed = (shapeOf(set) & SET_TIMEOUTS) != 0;
  for (let entry = oldestEntry(table); entry; entry = newerEntry(table, entry)) {
    countLengths(set, entry + ENTRY_KEY, 1);
    if (timed) noteExpiry(set, load<u64>(valueOf(table, entry), SET_VALUE_EXPIRES));
  }
}
