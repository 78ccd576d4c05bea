// Where everything lies in the one linear memory. Regions are placed once, for the maximum; untouched pages cost
// nothing and views into the memory stay valid, because it never grows again.
//
//   static data │ input │ results │ traces │ events │ groups │ conns │ addr6 │ exts │ heads │ heap │ remap │ fragments
//   │ expectations │ expectation events │ key map │ helps │ rule program │ a bit for each of its words │ rules of the packets
//   │ places of the results among the records
import { CONN_SIZE, EXPECT_EVENT_SIZE, EXPECT_SIZE, EXT_SIZE, RECORD_EVENT_SIZE, RESULT_SIZE, TIMER_HEADS, TRACE_SIZE } from "./abi";

/** Slots of a group: 15 one-byte tags and one byte that counts the entries that found the group full. */
export const GROUP_SLOTS: u32 = 15;
/** Of 16 slots one is kept free: beyond 15/16 probing gets long (docs/decisions/0002-table.md). */
const LOAD_NUMERATOR: u64 = 16;
const LOAD_DENOMINATOR: u64 = 15;

/** Most expectations at a time, whatever nf_conntrack_expect_max says. */
export const EXPECT_CAPACITY: u32 = 16384;
export const EXPECT_BUCKETS: u32 = 1024;
export const EXPECT_EVENT_CAPACITY: u32 = 8192;
/** Most conns with a helper; their numbers have 16 bits. */
const HELP_MOST: u32 = 65535;
export const HELP_SIZE: u32 = 64;

export const WHEEL_LEVELS: u32 = 4;
export const WHEEL_SLOTS: u32 = 256;
/** Heads of the wheel's lists, then the two nodes of timer.ts that belong to none. */
export const HEAD_COUNT: u32 = WHEEL_LEVELS * WHEEL_SLOTS + 2;
if (HEAD_COUNT != TIMER_HEADS) ERROR("abi.ts: TIMER_HEADS");

export let INPUT: usize = 0;
export let INPUT_SIZE: u32 = 0;
export let RESULTS: usize = 0;
export let MAX_PACKETS: u32 = 0;
export let TRACES: usize = 0;
export let EVENT_RING: usize = 0;
export let EVENT_CAPACITY: u32 = 0;
export let GROUPS: usize = 0;
export let GROUP_COUNT: u32 = 0; // in use: a growing table begins with few
export let MOST_GROUPS: u32 = 0;
export let CONNS: usize = 0;
export let SLOTS: u32 = 0; // the pool has two more: the conn under construction, and a spare
export let ADDR6: usize = 0;
export let EXTS: usize = 0;
export let HEADS: usize = 0;
export let HEAP: usize = 0;
export let REMAP: usize = 0;
export let FRAGMENTS: usize = 0;
export let FRAGMENTS_SIZE: u32 = 0;
export let EXPECTS: usize = 0;
export let KEY_MAP: usize = 0;
export let KEY_HEADS: usize = 0;
/** Keys of PPTP calls, two a call; numbers have 16 bits. */
export const KEY_PLACES: u32 = 16384;
export const KEY_BUCKETS: u32 = 1024;
export let EXPECT_EVENTS: usize = 0;
export let HELPS: usize = 0;
export let HELP_CAPACITY: u32 = 0;
export let PROGRAM: usize = 0;
export let PROGRAM_CAPACITY: u32 = 0;
export let PROGRAM_MARKS: usize = 0;
export let RULES: usize = 0;
export let PLACES: usize = 0;
export let CAPACITY: u32 = 0; // entries that may be set as nf_conntrack_max
export let TOP: u64 = 0;

let cursor: u64 = 0;

function place(size: u64, align: u64): usize {
  cursor = (cursor + align - 1) & ~(align - 1);
  const at = cursor;
  cursor += size;
  return <usize>at;
}

// How many groups a table has.
export const SIZING_POWER_OF_TWO: u32 = 0;
export const SIZING_EXACT: u32 = 1;
/** Fitted to the capacity, but in use as far as there are entries: table.ts. */
export const SIZING_GROWING: u32 = 2;
/** Of its slots a growing table wants four times as many as a call can bring entries. */
const LEAST_ROOM: u64 = 4;

/**
 * Places all regions for `capacity` entries. False when they do not fit 4 GiB or the host refuses the memory.
 */
export function placeRegions(
  capacity: u32, sizing: u32, inputSize: u32, maxPackets: u32, eventCapacity: u32, fragmentsSize: u32, programSize: u32,
): bool {
  let groups = (<u64>capacity * LOAD_NUMERATOR) / (LOAD_DENOMINATOR * GROUP_SLOTS) + 2;
  if (sizing == SIZING_POWER_OF_TWO) groups = <u64>1 << (64 - clz<u64>(groups - 1));
  const slots = groups * GROUP_SLOTS;
  if (slots > 0x02000000) return false;
  cursor = <u64>__heap_base;
  INPUT = place(inputSize, 64);
  RESULTS = place(<u64>maxPackets * RESULT_SIZE, 64);
  TRACES = place(<u64>maxPackets * TRACE_SIZE, 4096);
  EVENT_RING = place(<u64>eventCapacity * RECORD_EVENT_SIZE, 4096);
  GROUPS = place(groups * 16, 4096);
  CONNS = place((slots + 2) * CONN_SIZE, 4096);
  ADDR6 = place((slots + 2) * 32, 4096);
  EXTS = place((slots + 2) * EXT_SIZE, 4096);
  HEADS = place(<u64>HEAD_COUNT * 8, 4096);
  HEAP = place(slots * 16, 4096);
  REMAP = place(slots * 4, 4096);
  FRAGMENTS = place(fragmentsSize, 4096);
  HELP_CAPACITY = min<u32>(capacity, HELP_MOST);
  EXPECTS = place(<u64>EXPECT_BUCKETS * 4 + <u64>EXPECT_CAPACITY * 4 + <u64>(EXPECT_CAPACITY + 1) * EXPECT_SIZE, 4096);
  EXPECT_EVENTS = place(<u64>EXPECT_EVENT_CAPACITY * EXPECT_EVENT_SIZE, 4096);
  KEY_MAP = place(<u64>KEY_PLACES * 16, 4096);
  KEY_HEADS = place(<u64>KEY_BUCKETS * 2, 64);
  HELPS = place(<u64>(HELP_CAPACITY + 1) * HELP_SIZE, 4096);
  PROGRAM = place(programSize, 4096);
  PROGRAM_MARKS = place((<u64>programSize >> 5) + 8, 64);
  RULES = place(programSize ? <u64>maxPackets * 4 : 0, 64);
  PLACES = place(<u64>maxPackets * 4, 64);
  if (cursor > 0xffff0000) return false;
  INPUT_SIZE = inputSize;
  MAX_PACKETS = maxPackets;
  EVENT_CAPACITY = eventCapacity;
  MOST_GROUPS = <u32>groups;
  useGroups(sizing == SIZING_GROWING ? <u32>min<u64>(groups, (<u64>maxPackets * LEAST_ROOM) / GROUP_SLOTS + 1) : <u32>groups);
  FRAGMENTS_SIZE = fragmentsSize;
  PROGRAM_CAPACITY = programSize;
  CAPACITY = capacity;
  TOP = cursor;
  const pages = <i32>((cursor + 0xffff) >> 16);
  const have = memory.size();
  return pages <= have || memory.grow(pages - have) >= 0;
}

/** The first `n` groups and their slots are the table from now on; what lies in it is the caller's. */
export function useGroups(n: u32): void {
  GROUP_COUNT = n;
  SLOTS = n * GROUP_SLOTS;
}
