// Sets of ipset: is the packet in one? Asked by `-m set`; set-change.ts has `-j SET`.
import { Packet } from "../packet";
import { NO, UNKNOWN, YES } from "./answer";
import { lengthNow } from "./context";
import {
  COUNTER_ANY, COUNTER_EQUAL, COUNTER_LESS, COUNTER_OTHER, SET_COUNTERS, SET_FILLED, SET_IFACE, SET_LIST, SET_NET, SET_SECOND_NET,
  SET_SKB, SET_TEST_KEEP_COUNTERS, SET_TEST_KEEP_MEMBERS, SET_TEST_RETURN_NOMATCH, SET_VALUE_BYTES, SET_VALUE_FILLED, SET_VALUE_NOMATCH,
  SET_VALUE_PACKETS, SET_VALUE_SKB,
} from "./numbers";
import { fillMac, isExpired, lengthBelow, setAt, valueOf } from "./set-entry";
import { addressWords, fits, keyInterface, KEY_ADDRESS, macHigh, macLow, readKey, SET_KEY, shapeOf } from "./set-key";
import { ENTRY_KEY, findEntry, newerEntry, nextEntry, oldestEntry, tableAt } from "./store";

// What a search comes to.
const ABSENT: u32 = 0;
const PRESENT: u32 = 1;
/** An entry that says it is none. */
const EXCEPTED: u32 = 2;
/** The network is there, for other interfaces: wider ones are not looked at. */
const ELSEWHERE: u32 = 3;

/** Marks of the entry that was found last, or 0. */
export let foundSkb: usize = 0;

/** Arguments of the match at hand, 0: none, as for a target; what is counted and compared. */
let asked: usize = 0;
let counting: bool = true;
let comparing: bool = false;
let excepting: bool = false;

/** `-m set` with its arguments at `at`. */
export function askSet(p: Packet, at: usize): u32 {
  const flags = load<u32>(at, 12);
  asked = at;
  counting = (flags & SET_TEST_KEEP_COUNTERS) == 0;
  comparing = load<u32>(at, 8) != 0;
  excepting = (flags & SET_TEST_RETURN_NOMATCH) != 0;
  return test(p, load<u32>(at), load<u32>(at, 4), (flags & SET_TEST_KEEP_MEMBERS) != 0);
}

/** As a target asks: its marks are then in `foundSkb`. */
export function lookUp(p: Packet, number: u32, directions: u32): u32 {
  counting = true;
  comparing = false;
  excepting = false;
  foundSkb = 0;
  return test(p, number, directions, false);
}

function test(p: Packet, number: u32, directions: u32, keepMembers: bool): u32 {
  const set = setAt(number);
  const shape = shapeOf(set);
  if (!fits(p, shape, directions)) return NO;
  const table = tableAt(number);
  if (shape & SET_LIST) return testList(p, shape, table, directions, keepMembers);
  const key = readKey(p, set, directions);
  if (key != YES) return key;
  const found = shape & SET_FILLED ? findFilled(p, set, table) : shape & (SET_NET | SET_SECOND_NET) ? findNet(p, set, table) : findKey(p, shape, table);
  if (excepting && shape & (SET_NET | SET_SECOND_NET)) return <u32>(found == EXCEPTED);
  return <u32>(found == PRESENT);
}

// A set counts in the list if the list's own entry holds as well. What is compared are the counters of the list.
function testList(p: Packet, shape: u32, table: usize, directions: u32, keepMembers: bool): u32 {
  const own = counting;
  const compare = comparing;
  let answer: u32 = NO;
  comparing = false;
  if (keepMembers) counting = false;
  for (let entry = oldestEntry(table); entry && answer != YES; entry = newerEntry(table, entry)) {
    const member = test(p, load<u32>(entry, ENTRY_KEY), directions, false);
    if (member == UNKNOWN) answer = UNKNOWN;
    if (member != YES) continue;
    const members = counting;
    counting = own;
    comparing = compare;
    if (holds(p, shape, valueOf(table, entry)) != ABSENT) answer = YES;
    counting = members;
    comparing = false;
  }
  return answer;
}

// Counted first, compared then.
function holds(p: Packet, shape: u32, value: usize): u32 {
  if (isExpired(shape, value)) return ABSENT;
  if (shape & SET_COUNTERS) {
    if (counting) {
      store<u64>(value, load<u64>(value, SET_VALUE_PACKETS) + 1, SET_VALUE_PACKETS);
      store<u64>(value, load<u64>(value, SET_VALUE_BYTES) + <u64>lengthNow(p), SET_VALUE_BYTES);
    }
    if (comparing && !agree(value)) return ABSENT;
  }
  if (shape & SET_SKB) foundSkb = value + SET_VALUE_SKB;
  return load<u32>(value) & SET_VALUE_NOMATCH ? EXCEPTED : PRESENT;
}

function agree(value: usize): bool {
  const how = load<u32>(asked, 8);
  return (
    compares(load<u64>(value, SET_VALUE_PACKETS), how & 0xff, load<u64>(asked, 16)) &&
    compares(load<u64>(value, SET_VALUE_BYTES), how >> 8, load<u64>(asked, 24))
  );
}

function compares(counter: u64, how: u32, wanted: u64): bool {
  switch (how) {
    case COUNTER_ANY:
      return true;
    case COUNTER_EQUAL:
      return counter == wanted;
    case COUNTER_OTHER:
      return counter != wanted;
    case COUNTER_LESS:
      return counter < wanted;
    default:
      return counter > wanted;
  }
}

function findKey(p: Packet, shape: u32, table: usize): u32 {
  let entry = findEntry(table, SET_KEY);
  if (!(shape & SET_IFACE)) return entry ? holds(p, shape, valueOf(table, entry)) : ABSENT;
  let elsewhere = false;
  for (; entry; entry = nextEntry(table, entry)) {
    const value = valueOf(table, entry);
    elsewhere = true;
    if (!(load<u32>(value, 4) & keyInterface)) continue;
    const found = holds(p, shape, value);
    if (found != ABSENT) return found;
    elsewhere = false;
  }
  return elsewhere ? ELSEWHERE : ABSENT;
}

// The longest network first, of the second part within those of the first.
function findNet(p: Packet, set: usize, table: usize): u32 {
  const shape = shapeOf(set);
  const words = addressWords(shape);
  memory.copy(WHOLE, SET_KEY + KEY_ADDRESS, 32);
  let first: i32 = MOST_LENGTH;
  do {
    if (shape & SET_NET) {
      first = lengthBelow(set, 0, first);
      if (first < 0) break;
      narrow(0, words, first);
    }
    let second: i32 = MOST_LENGTH;
    do {
      if (shape & SET_SECOND_NET) {
        second = lengthBelow(set, 1, second);
        if (second < 0) break;
        narrow(1, words, second);
      }
      const found = findKey(p, shape, table);
      if (found != ABSENT) return found;
    } while (shape & SET_SECOND_NET);
  } while (shape & SET_NET);
  return ABSENT;
}

const WHOLE: usize = memory.data(32, 8);
const MOST_LENGTH: i32 = 129;

/** Makes the address of this part in the key a network of `length`, from what `WHOLE` has. */
function narrow(part: usize, words: u32, length: i32): void {
  store<u8>(SET_KEY + part, <u8>length);
  maskKey(SET_KEY + KEY_ADDRESS + part * (<usize>words << 2), WHOLE + part * (<usize>words << 2), words, length);
}

/** Copies the first `length` bits of an address, the rest is zeros. */
export function maskKey(to: usize, from: usize, words: u32, length: i32): void {
  for (let i: u32 = 0; i < words; ++i, length -= 32) {
    const mask: u32 = length <= 0 ? 0 : length >= 32 ? 0xffffffff : bswap<u32>(<u32>0xffffffff << (32 - length));
    store<u32>(to + (<usize>i << 2), load<u32>(from + (<usize>i << 2)) & mask);
  }
}

// bitmap:ip,mac: who is in it without a link address takes that of the packet.
function findFilled(p: Packet, set: usize, table: usize): u32 {
  const entry = findEntry(table, SET_KEY);
  if (entry == 0) return ABSENT;
  const value = valueOf(table, entry);
  const flags = load<u32>(value);
  if (!(flags & SET_VALUE_FILLED)) {
    fillMac(p, set, value);
    return PRESENT;
  }
  return load<u32>(value, 4) == macLow && flags >> 16 == macHigh ? holds(p, shapeOf(set), value) : ABSENT;
}
