// Sets of a program, before it is accepted. Set i has table i; nobody else uses it.
import { PROGRAM } from "../memory-map";
import { FAULT_SET, wrong } from "./fault";
import { PROGRAM_SET_COUNT, PROGRAM_SETS, PROGRAM_TABLE_COUNT, SET_LIST, SET_WORDS, STORE_ENTRY, STORE_GIVEN, STORE_KEY } from "./numbers";
import { beginSet, setAt, valueSize } from "./set-entry";
import { keyWords, shapeOf } from "./set-key";
import { enterGiven, ENTRY_KEY, newerEntry, oldestEntry, tableAt } from "./store";

// @ts-ignore: decorator
@inline
function word(index: u32): u32 {
  return load<u32>(PROGRAM + (<usize>index << 2));
}

/** The tables have been looked at. Entries that came with the program are put into their buckets. */
export function checkSets(): bool {
  const count = word(PROGRAM_SET_COUNT);
  if (count > word(PROGRAM_TABLE_COUNT)) return wrong(FAULT_SET, PROGRAM_SET_COUNT * 4);
  for (let i: u32 = 0; i < count; ++i) {
    const set = setAt(i);
    const shape = shapeOf(set);
    const table = tableAt(i);
    const words = keyWords(shape);
    const least = <u32>ENTRY_KEY + ((words * 4 + 7) & ~7) + valueSize(shape);
    if (load<u32>(table, STORE_KEY * 4) != words || load<u32>(table, STORE_ENTRY * 4) < least) return wrong(FAULT_SET, word(PROGRAM_SETS) + i * SET_WORDS * 4);
    if (load<u32>(table, STORE_GIVEN * 4) == 0) continue;
    enterGiven(table);
    beginSet(set, table);
  }
  for (let i: u32 = 0; i < count; ++i) if (shapeOf(setAt(i)) & SET_LIST && !checkMembers(tableAt(i), count)) return wrong(FAULT_SET, word(PROGRAM_SETS) + i * SET_WORDS * 4);
  return true;
}

// Lists hold no lists: who asks one is done after one step.
function checkMembers(table: usize, count: u32): bool {
  for (let entry = oldestEntry(table); entry; entry = newerEntry(table, entry)) {
    const member = load<u32>(entry, ENTRY_KEY);
    if (member >= count || shapeOf(setAt(member)) & SET_LIST) return false;
  }
  return true;
}
