// Sets of ipset: what `-j SET` does to them.
import { Packet } from "../packet";
import { UNKNOWN, YES } from "./answer";
import { mark, setPacketMark } from "./context";
import {
  SET_EXIST, SET_FILLED, SET_FORCE, SET_IFACE, SET_LIST, SET_MAP_MARK, SET_NET, SET_NO_TIMEOUT, SET_SECOND_NET, SET_TIMEOUT, SET_VALUE_FILLED,
} from "./numbers";
import { foundSkb, lookUp, maskKey } from "./set";
import { countLengths, dropEntry, fillMac, isExpired, lengthBelow, renew, setAt, sweepSet, valueOf } from "./set-entry";
import { addressWords, fits, keyInterface, KEY_ADDRESS, readKey, SET_KEY, shapeOf } from "./set-key";
import { addEntry, ENTRY_KEY, findEntry, isFull, newerEntry, nextEntry, oldestEntry, tableAt } from "./store";

/** Something about the packet that decides what is added or removed is not known. */
let unsure: bool = false;

/** `-j SET` with its arguments at `at`: adds, removes, maps. False when it is not known what. */
export function changeSets(at: usize, p: Packet): bool {
  unsure = false;
  const added = load<u32>(at);
  if (added & 0xffff) add(p, numberIn(added), directionsIn(added), load<u32>(at, 12), (added & SET_EXIST) != 0);
  const removed = load<u32>(at, 4);
  if (removed & 0xffff) remove(p, numberIn(removed), directionsIn(removed));
  const mapped = load<u32>(at, 8);
  if (mapped & 0xffff) map(p, mapped);
  return !unsure;
}

function numberIn(word: u32): u32 {
  return (word & 0xffff) - 1;
}

function directionsIn(word: u32): u32 {
  return (word >> 16) & 0x7fff;
}

function map(p: Packet, word: u32): void {
  const answer = lookUp(p, numberIn(word), directionsIn(word));
  if (answer == UNKNOWN) unsure = true;
  else if (answer == YES && foundSkb && word & SET_MAP_MARK) setPacketMark((mark & ~load<u32>(foundSkb, 4)) ^ load<u32>(foundSkb));
}

// The key of an element to add or remove; networks have the length of the longest there is.
function elementKey(p: Packet, set: usize, directions: u32): bool {
  const answer = readKey(p, set, directions);
  if (answer == UNKNOWN) unsure = true;
  if (answer != YES) return false;
  const shape = shapeOf(set);
  const words = addressWords(shape);
  const bytes = <usize>words << 2;
  for (let part: u32 = 0; part < 2; ++part) {
    if (!(shape & (part ? SET_SECOND_NET : SET_NET))) continue;
    const longest = lengthBelow(set, part, 129);
    const length = longest < 0 ? <i32>(words << 5) : longest;
    const address = SET_KEY + KEY_ADDRESS + <usize>part * bytes;
    store<u8>(SET_KEY + part, <u8>length);
    maskKey(address, address, words, length);
  }
  return true;
}

// The entry of the key at hand, 0: none.
function findElement(shape: u32, table: usize): usize {
  let entry = findEntry(table, SET_KEY);
  if (shape & SET_IFACE) while (entry && !(load<u32>(valueOf(table, entry), 4) & keyInterface)) entry = nextEntry(table, entry);
  return entry;
}

/** True: it was not there before, or could be renewed. A list adds to the first of its sets that takes it. */
function add(p: Packet, number: u32, directions: u32, seconds: u32, exist: bool): bool {
  const set = setAt(number);
  const shape = shapeOf(set);
  if (!fits(p, shape, directions)) return false;
  const table = tableAt(number);
  if (shape & SET_LIST) {
    for (let entry = oldestEntry(table); entry; entry = newerEntry(table, entry)) {
      if (!isExpired(shape, valueOf(table, entry)) && add(p, load<u32>(entry, ENTRY_KEY), directions, seconds, exist)) return true;
    }
    return false;
  }
  if (shape & (SET_NET | SET_SECOND_NET)) sweepSet(set, table);
  if (!elementKey(p, set, directions)) return false;
  const given = seconds == <u32>SET_NO_TIMEOUT ? load<u32>(set, SET_TIMEOUT * 4) : seconds;
  let entry = findElement(shape, table);
  if (entry) {
    const value = valueOf(table, entry);
    if (shape & SET_FILLED && !(load<u32>(value) & SET_VALUE_FILLED)) {
      if (seconds == <u32>SET_NO_TIMEOUT) fillMac(p, set, value);
      else renew(p, set, value, seconds);
      return true;
    }
    if (!exist && !isExpired(shape, value)) return false;
  } else {
    entry = newElement(set, table);
    if (entry == 0) return false;
    countLengths(set, SET_KEY, 1);
    if (shape & SET_IFACE) store<u32>(valueOf(table, entry), keyInterface, 4);
  }
  renew(p, set, valueOf(table, entry), given);
  return true;
}

function newElement(set: usize, table: usize): usize {
  if (isFull(table)) {
    sweepSet(set, table);
    if (isFull(table)) {
      if (!(shapeOf(set) & SET_FORCE)) return 0;
      dropEntry(set, table, oldestEntry(table));
    }
  }
  return addEntry(table, SET_KEY);
}

function remove(p: Packet, number: u32, directions: u32): bool {
  const set = setAt(number);
  const shape = shapeOf(set);
  if (!fits(p, shape, directions)) return false;
  const table = tableAt(number);
  if (shape & SET_LIST) {
    for (let entry = oldestEntry(table); entry; entry = newerEntry(table, entry)) {
      if (!isExpired(shape, valueOf(table, entry)) && remove(p, load<u32>(entry, ENTRY_KEY), directions)) return true;
    }
    return false;
  }
  if (shape & (SET_NET | SET_SECOND_NET)) sweepSet(set, table);
  if (!elementKey(p, set, directions)) return false;
  const entry = findElement(shape, table);
  if (entry == 0) return false;
  const ended = isExpired(shape, valueOf(table, entry));
  dropEntry(set, table, entry);
  return !ended;
}
