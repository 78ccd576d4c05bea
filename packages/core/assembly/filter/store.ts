// What rules remember of addresses: entries of fixed size found by key, in the memory that came with the program.
//
//   header 64 bytes: │ buckets │ capacity │ entry size │ key words │ seed │ count │ free │ fresh │ oldest │ newest │ given │ … │ swept u64 │
//   buckets: number of the first entry, u32 each │ entries from number 1 on
//   entry: │ next │ older │ newer │ bucket │ key … │ value … │
//
// count, free  entries in use, and the first that was given back (linked by next)
// fresh        the entries up to here have been used; a program arrives with zeros behind the first five words,
//              but for `given`: entries it brings along
// oldest …     all entries in order of their last use
// swept        for whoever empties it from time to time
import { PROGRAM } from "../memory-map";
import { mark } from "./marks";
import {
  PROGRAM_TABLES, STORE_BUCKETS, STORE_CAPACITY, STORE_ENTRY, STORE_ENTRY_KEY, STORE_GIVEN, STORE_HEADER, STORE_KEY, STORE_NEWER, STORE_OLDEST,
  STORE_SEED,
} from "./numbers";

const COUNT: usize = 20;
const FREE: usize = 24;
const FRESH: usize = 28;
const OLDEST: usize = STORE_OLDEST * 4;
const NEWEST: usize = 36;
export const SWEPT: usize = 56;

const NEXT: usize = 0;
const OLDER: usize = 4;
const NEWER: usize = STORE_NEWER * 4;
const BUCKET: usize = 12;
export const ENTRY_KEY: usize = STORE_ENTRY_KEY;

/** Where the table with this number of the program lies. */
export function tableAt(number: u32): usize {
  return PROGRAM + load<u32>(PROGRAM + load<u32>(PROGRAM, PROGRAM_TABLES * 4) + (<usize>number << 2));
}

// @ts-ignore: decorator
@inline
function entryAt(table: usize, number: u32): usize {
  return table + STORE_HEADER + (<usize>load<u32>(table, STORE_BUCKETS * 4) << 2) + <usize>(number - 1) * load<u32>(table, STORE_ENTRY * 4);
}

// @ts-ignore: decorator
@inline
function numberOf(table: usize, entry: usize): u32 {
  return <u32>(entry - entryAt(table, 1)) / load<u32>(table, STORE_ENTRY * 4) + 1;
}

// Multiply and rotate, from the seed the program came with.
function bucketOf(table: usize, key: usize): u32 {
  let sum = <u64>load<u32>(table, STORE_SEED * 4);
  for (let n = load<u32>(table, STORE_KEY * 4); n > 0; --n, key += 4) sum = rotl<u64>((sum ^ load<u32>(key)) * 0x9e3779b97f4a7c15, 29);
  return <u32>(((sum & 0xffffffff) * <u64>load<u32>(table, STORE_BUCKETS * 4)) >> 32);
}

// @ts-ignore: decorator
@inline
function headOf(table: usize, bucket: u32): usize {
  return table + STORE_HEADER + (<usize>bucket << 2);
}

function sameKey(table: usize, entry: usize, key: usize): bool {
  for (let i: usize = 0; i < load<u32>(table, STORE_KEY * 4); ++i) {
    if (load<u32>(entry + ENTRY_KEY + (i << 2)) != load<u32>(key + (i << 2))) return false;
  }
  return true;
}

/** The first entry with this key, or 0. */
export function findEntry(table: usize, key: usize): usize {
  return along(table, load<u32>(headOf(table, bucketOf(table, key))), key);
}

/** The next one with the same key. */
export function nextEntry(table: usize, entry: usize): usize {
  return along(table, load<u32>(entry, NEXT), entry + ENTRY_KEY);
}

function along(table: usize, number: u32, key: usize): usize {
  while (number) {
    const entry = entryAt(table, number);
    if (sameKey(table, entry, key)) return entry;
    number = load<u32>(entry, NEXT);
  }
  return 0;
}

export function isFull(table: usize): bool {
  return load<u32>(table, COUNT) >= load<u32>(table, STORE_CAPACITY * 4);
}

export function oldestEntry(table: usize): usize {
  const number = load<u32>(table, OLDEST);
  return number ? entryAt(table, number) : 0;
}

export function newerEntry(table: usize, entry: usize): usize {
  const number = load<u32>(entry, NEWER);
  return number ? entryAt(table, number) : 0;
}

/** A new entry, its value zeros; the caller has made room. */
export function addEntry(table: usize, key: usize): usize {
  let number = load<u32>(table, FREE);
  if (number) store<u32>(table, load<u32>(entryAt(table, number), NEXT), FREE);
  else {
    number = load<u32>(table, FRESH) + 1;
    store<u32>(table, number, FRESH);
  }
  const entry = entryAt(table, number);
  const bucket = bucketOf(table, key);
  memory.fill(entry, 0, load<u32>(table, STORE_ENTRY * 4));
  memory.copy(entry + ENTRY_KEY, key, load<u32>(table, STORE_KEY * 4) << 2);
  store<u32>(entry, load<u32>(headOf(table, bucket)), NEXT);
  store<u32>(entry, bucket, BUCKET);
  store<u32>(headOf(table, bucket), number);
  store<u32>(table, load<u32>(table, COUNT) + 1, COUNT);
  append(table, entry, number);
  return entry;
}

function append(table: usize, entry: usize, number: u32): void {
  const last = load<u32>(table, NEWEST);
  store<u32>(entry, last, OLDER);
  store<u32>(entry, 0, NEWER);
  if (last) store<u32>(entryAt(table, last), number, NEWER);
  else store<u32>(table, number, OLDEST);
  store<u32>(table, number, NEWEST);
}

function unlink(table: usize, entry: usize): void {
  const older = load<u32>(entry, OLDER);
  const newer = load<u32>(entry, NEWER);
  if (older) store<u32>(entryAt(table, older), newer, NEWER);
  else store<u32>(table, newer, OLDEST);
  if (newer) store<u32>(entryAt(table, newer), older, OLDER);
  else store<u32>(table, older, NEWEST);
}

/** It was used just now. */
export function touchEntry(table: usize, entry: usize): void {
  unlink(table, entry);
  append(table, entry, numberOf(table, entry));
}

export function removeEntry(table: usize, entry: usize): void {
  const number = numberOf(table, entry);
  let at = headOf(table, load<u32>(entry, BUCKET));
  while (load<u32>(at) != number) at = entryAt(table, load<u32>(at)) + NEXT;
  store<u32>(at, load<u32>(entry, NEXT));
  unlink(table, entry);
  store<u32>(entry, load<u32>(table, FREE), NEXT);
  store<u32>(table, number, FREE);
  store<u32>(table, load<u32>(table, COUNT) - 1, COUNT);
}

/** Puts the entries that came with the program into their buckets; the table has been looked at. */
export function enterGiven(table: usize): void {
  const given = load<u32>(table, STORE_GIVEN * 4);
  if (given == 0) return;
  store<u32>(table, 0, STORE_GIVEN * 4);
  store<u32>(table, given, FRESH);
  store<u32>(table, given, COUNT);
  for (let number: u32 = 1; number <= given; ++number) {
    const entry = entryAt(table, number);
    const bucket = bucketOf(table, entry + ENTRY_KEY);
    store<u32>(entry, load<u32>(headOf(table, bucket)), NEXT);
    store<u32>(entry, bucket, BUCKET);
    store<u32>(headOf(table, bucket), number);
    append(table, entry, number);
  }
}

// ---- before a program is accepted
//
// A table may have been in use. Every entry that is reached from a bucket must have its neighbours in the order of use, and
// there must be as many as are counted; all others are free.

/** The table at `at`, which ends before `end` at the latest; the position behind it, or 0. */
export function checkTable(at: u32, end: u32): u32 {
  if (at & 7 || at > end || end - at < <u32>STORE_HEADER) return 0;
  const table = PROGRAM + at;
  const buckets = load<u32>(table, STORE_BUCKETS * 4);
  const capacity = load<u32>(table, STORE_CAPACITY * 4);
  const size = load<u32>(table, STORE_ENTRY * 4);
  const key = load<u32>(table, STORE_KEY * 4);
  if (buckets == 0 || buckets & 1 || capacity == 0 || size & 7 || key > 64 || size < <u32>ENTRY_KEY + key * 4) return 0;
  const all = <u64>at + STORE_HEADER + ((<u64>buckets) << 2) + <u64>capacity * <u64>size;
  if (<u64>buckets << 2 > <u64>end || all > <u64>end) return 0;
  const fresh = load<u32>(table, FRESH);
  const count = load<u32>(table, COUNT);
  if (fresh > capacity || count > fresh) return 0;
  const given = load<u32>(table, STORE_GIVEN * 4);
  if (given > capacity || (given && fresh)) return 0;
  return checkUsed(table, buckets, count, fresh) && checkFree(table, fresh - count, fresh) ? <u32>all : 0;
}

// @ts-ignore: decorator
@inline
function positionOf(table: usize, number: u32): u32 {
  return <u32>(entryAt(table, number) - PROGRAM);
}

function checkUsed(table: usize, buckets: u32, count: u32, fresh: u32): bool {
  let left = count;
  for (let bucket: u32 = 0; bucket < buckets; ++bucket) {
    let number = load<u32>(headOf(table, bucket));
    while (number) {
      if (left == 0 || number > fresh || !mark(positionOf(table, number))) return false;
      const entry = entryAt(table, number);
      if (load<u32>(entry, BUCKET) != bucket || !hasNeighbours(table, entry, number, fresh)) return false;
      number = load<u32>(entry, NEXT);
      --left;
    }
  }
  return left == 0 && (count != 0 || (load<u32>(table, OLDEST) | load<u32>(table, NEWEST)) == 0);
}

function hasNeighbours(table: usize, entry: usize, number: u32, fresh: u32): bool {
  const older = load<u32>(entry, OLDER);
  const newer = load<u32>(entry, NEWER);
  if (older > fresh || newer > fresh) return false;
  const before = older ? load<u32>(entryAt(table, older), NEWER) : load<u32>(table, OLDEST);
  const after = newer ? load<u32>(entryAt(table, newer), OLDER) : load<u32>(table, NEWEST);
  return before == number && after == number;
}

function checkFree(table: usize, count: u32, fresh: u32): bool {
  let number = load<u32>(table, FREE);
  for (; count && number; --count) {
    if (number > fresh || !mark(positionOf(table, number))) return false;
    number = load<u32>(entryAt(table, number), NEXT);
  }
  return count == 0 && number == 0;
}
