// What the module exports: creation, the hot call, settings, where the regions are, and reading the table.
import { EVENT_LABEL, EVENT_MARK } from "./abi";
import { advance as advanceClock, consumed, ownResults as own, placed, stopped, track as trackBlock } from "./batch";
import { connAt, extOf, slotOf } from "./conn";
import { CONNTRACK_STATE_SIZE, loadConntrack, resetConntrack, saveConntrack } from "./conntrack";
import { loadQueues, placeQueues, queueBytes, QUEUES_STATE_SIZE, saveQueues } from "./defrag/queue";
import { copies as copiedConns, destroy } from "./destroy";
import { collectorState, loadCollector } from "./early-drop";
import { clearEvents, emitNow, hasRoomFor, pendingEvents } from "./event";
import { clearExpectEvents, pendingExpectEvents } from "./expect-event";
import { frame } from "./frame";
import {
  clearExpectations, expectBytes, expectRecords as records, expectRecordsAt, EXPECT_STATE_SIZE, loadExpectations, saveExpectations,
} from "./expect";
import { wayNow } from "./filter/place";
import { fault, faultAt } from "./filter/fault";
import { ruleTraceAt, ruleTraceCount, setRuleTrace, startProgram } from "./filter/program";
import { HASH_STATE_SIZE, idOf as idOfSerial, loadHash, saveHash, seedHash, seedIds } from "./hash";
import { clearHelps, connOfHelp, helpBytes, HELP_STATE_SIZE, loadHelps, saveHelps } from "./help";
import { assignPort as assignHelperToPort, ASSIGN_STATE_SIZE, loadAssignments, saveAssignments } from "./helper/assign";
import { restoreHelpers } from "./helper/index";
import { clearKeyMap } from "./helper/key-map";
import * as map from "./memory-map";
import {
  getSetting as readSetting, loadSettings, policyRegionAt, saveSettings, setPolicy, setSetting as writeSetting, setSwitches as writeSwitches,
  SETTINGS_STATE_SIZE,
} from "./settings";
import { enableFastPath } from "./common";
import { setShard as placeShard } from "./shard";
import { STATS_REGION } from "./stats";
import { clearTable, entries as tableEntries, setEntries, slotOfSerial } from "./table";
import { clearTimers, loadTimers, now, saveTimers, TIMER_STATE_SIZE } from "./timer";

/** Prepares an engine; once. `sizing`: memory-map.ts. False when the memory is not to be had. */
export function create(
  capacity: u32, sizing: u32, inputSize: u32, maxPackets: u32, eventCapacity: u32, fragmentsSize: u32, programSize: u32, seedLow: u32, seedHigh: u32,
): bool {
  if (!map.placeRegions(capacity, sizing, inputSize, maxPackets, eventCapacity, fragmentsSize, programSize)) return false;
  seedHash(<u64>seedLow | (<u64>seedHigh << 32));
  seedIds();
  placeQueues();
  clearTable();
  clearTimers();
  clearHelps();
  clearKeyMap();
  clearExpectations();
  loadCollector(0);
  resetConntrack();
  return true;
}

/** See batch.ts. A caller that leaves out `start` gives 0. */
export function track(framing: u32, link: u32, length: u32, start: u32): u32 {
  return trackBlock(framing, link, length, start);
}
export function consumedBytes(): u32 {
  return consumed;
}
export function stopReason(): u32 {
  return stopped;
}
/** Lets time pass; milliseconds and nanoseconds of a time since the epoch. 0 when there is more to do. */
export function advance(seconds: f64, nanoseconds: u32): bool {
  return advanceClock(<u64>seconds * 1_000_000_000 + <u64>nanoseconds);
}

export function setSetting(index: u32, value: f64): void {
  writeSetting(index, value);
}
export function getSetting(index: u32): f64 {
  return readSetting(index);
}
export function setSwitches(trace: bool, listen: bool, profile: u32): void {
  writeSwitches(trace, listen, profile);
}

/** This engine tracks shard `index` of `count` and says RESULT_FOREIGN of the others' packets. */
export function setShard(index: u32, count: u32): void {
  placeShard(index, count);
}
/**
 * Results of the last call when they are those of this shard's packets alone, one behind the other; placeRegion() then has
 * the record of each, counted from the first of the call. Otherwise every packet has one: 0xffffffff.
 */
export function ownResults(): u32 {
  return placed ? own : 0xffffffff;
}
export function placeRegion(): usize {
  return map.PLACES;
}
/** Conns of other shards in the table. */
export function copies(): u32 {
  return copiedConns;
}

/** Off for tests: every packet goes the exact way. */
export function setFastPath(on: bool): void {
  enableFastPath(on);
}

// ---- regions
export function inputRegion(): usize {
  return map.INPUT;
}
export function resultRegion(): usize {
  return map.RESULTS;
}
export function traceRegion(): usize {
  return map.TRACES;
}
export function eventRegion(): usize {
  return map.EVENT_RING;
}
export function statsRegion(): usize {
  return STATS_REGION;
}
export function groupRegion(): usize {
  return map.GROUPS;
}
export function groupCount(): u32 {
  return map.GROUP_COUNT;
}
/** Of an empty growing table that is to take what another held in as many. False when they are too many. */
export function setGroupCount(n: u32): bool {
  if (n > map.MOST_GROUPS) return false;
  map.useGroups(n);
  return true;
}
export function connRegion(): usize {
  return map.CONNS;
}
export function slotCount(): u32 {
  return map.SLOTS;
}
export function addr6Region(): usize {
  return map.ADDR6;
}
export function extRegion(): usize {
  return map.EXTS;
}
export function headRegion(): usize {
  return map.HEADS;
}
export function heapRegion(): usize {
  return map.HEAP;
}
export function fragmentRegion(): usize {
  return map.FRAGMENTS;
}
/** Bytes of it that hold anything, after saveState(). */
export function fragmentUsed(): u32 {
  return queueBytes();
}
export function fragmentSize(): u32 {
  return map.FRAGMENTS_SIZE;
}
export function memoryTop(): f64 {
  return <f64>map.TOP;
}

// ---- the rule program: written into its region, then loaded. Size 0 takes it out again.
export function programRegion(): usize {
  return map.PROGRAM;
}
export function loadProgram(size: u32): bool {
  return startProgram(size);
}
/** What is wrong with the program that was not accepted, FAULT_*, and where in it. */
export function programFault(): u32 {
  return fault;
}
export function programFaultAt(): u32 {
  return faultAt;
}
/** Deciding rule of each packet of the last call: filter/numbers.ts. */
export function ruleRegion(): usize {
  return map.RULES;
}
/** From now on each packet leaves the rules it was asked by behind, until the next one. */
export function traceRules(on: bool): void {
  setRuleTrace(on);
}
export function ruleTraceRegion(): usize {
  return ruleTraceAt();
}
export function ruleTraceLength(): u32 {
  return ruleTraceCount();
}
export function ruleWay(): u32 {
  return wayNow();
}

// ---- the table
export function entries(): u32 {
  return tableEntries;
}
export function idOf(serial: u32): u32 {
  return idOfSerial(serial);
}
/** The packet clock: whole seconds, and the nanoseconds behind them. */
export function nowSeconds(): f64 {
  return <f64>(now / 1_000_000_000);
}
export function nowNanoseconds(): u32 {
  return <u32>(now % 1_000_000_000);
}
export function frames(): u32 {
  return frame;
}
/** Sets the mark of the conn in a slot (`conntrack -U --mark`); a change is an event. */
export function setMark(slot: u32, mark: u32): void {
  if (slot >= map.SLOTS) return;
  const c = connAt(slot);
  if (c.serial == 0 || c.mark == mark) return;
  c.mark = mark;
  emitNow(c, EVENT_MARK, frame);
}
/** Sets the 128 label bits of the conn in a slot, four words; a change is an event. */
export function setLabels(slot: u32, w0: u32, w1: u32, w2: u32, w3: u32): void {
  if (slot >= map.SLOTS) return;
  const c = connAt(slot);
  if (c.serial == 0) return;
  const ext = extOf(c);
  const low = <u64>w0 | (<u64>w1 << 32);
  const high = <u64>w2 | (<u64>w3 << 32);
  if (ext.labels0 == low && ext.labels1 == high) return;
  ext.labels0 = low;
  ext.labels1 = high;
  emitNow(c, EVENT_LABEL, frame);
}
/** A timeout of a policy (1 … POLICIES) in seconds, by the number of its setting. */
export function setPolicyTimeout(policy: u32, index: u32, seconds: f64): void {
  setPolicy(policy, index, seconds);
}
export function policyRegion(): usize {
  return policyRegionAt();
}
/** The slot of the conn with a number; 0xffffffff when it is gone. */
export function slotOfConn(serial: u32): u32 {
  return slotOfSerial(serial);
}
/** Removes the conn in a slot on request; its DESTROY event is recorded. False when the ring is full or the slot empty. */
export function removeSlot(slot: u32): bool {
  if (slot >= map.SLOTS || !hasRoomFor(1)) return false;
  const c = connAt(slot);
  if (c.serial == 0) return false;
  destroy(c, now, c.deadline - now, frame);
  return true;
}

// ---- expectations and helpers
/** New conns of the protocol to the port get the helper. False when it does not speak the protocol, or after 64. */
export function assignPort(l4proto: u32, port: u32, helper: u32): bool {
  return assignHelperToPort(l4proto, port, helper);
}
/** The records of expectations; one with serial 0 is free. */
export function expectRecordRegion(): usize {
  return expectRecordsAt();
}
export function expectRecords(): u32 {
  return records();
}
/** The slot of the conn with this Help record, as an expectation names its master. */
export function slotOfHelp(n: u32): u32 {
  return slotOf(connOfHelp(n));
}
export function expectRegion(): usize {
  return map.EXPECTS;
}
export function expectUsed(): u32 {
  return expectBytes();
}
export function helpRegion(): usize {
  return map.HELPS;
}
export function helpUsed(): u32 {
  return helpBytes();
}
export function expectEventRegion(): usize {
  return map.EXPECT_EVENTS;
}
export function expectEventCount(): u32 {
  return pendingExpectEvents();
}

// ---- events
export function eventCount(): u32 {
  return pendingEvents();
}
export function dropEvents(): void {
  clearEvents();
  clearExpectEvents();
}

// ---- what is not in a region, for snapshots
const STATE: usize = memory.data(2048, 8);

export function stateRegion(): usize {
  return STATE;
}
export function stateSize(): u32 {
  return HASH_STATE_SIZE + SETTINGS_STATE_SIZE + TIMER_STATE_SIZE + CONNTRACK_STATE_SIZE + QUEUES_STATE_SIZE + HELP_STATE_SIZE + EXPECT_STATE_SIZE +
    ASSIGN_STATE_SIZE + 8;
}
export function saveState(): void {
  let at = STATE;
  saveHash(at);
  at += HASH_STATE_SIZE;
  saveSettings(at);
  at += SETTINGS_STATE_SIZE;
  saveTimers(at);
  at += TIMER_STATE_SIZE;
  saveConntrack(at);
  at += CONNTRACK_STATE_SIZE;
  saveQueues(at);
  at += QUEUES_STATE_SIZE;
  saveHelps(at);
  at += HELP_STATE_SIZE;
  saveExpectations(at);
  at += EXPECT_STATE_SIZE;
  saveAssignments(at);
  at += ASSIGN_STATE_SIZE;
  store<u32>(at, tableEntries);
  store<u32>(at, collectorState(), 4);
}
export function loadState(): void {
  let at = STATE;
  loadHash(at);
  at += HASH_STATE_SIZE;
  loadSettings(at);
  at += SETTINGS_STATE_SIZE;
  loadTimers(at);
  at += TIMER_STATE_SIZE;
  loadConntrack(at);
  at += CONNTRACK_STATE_SIZE;
  loadQueues(at);
  at += QUEUES_STATE_SIZE;
  loadHelps(at);
  at += HELP_STATE_SIZE;
  loadExpectations(at);
  at += EXPECT_STATE_SIZE;
  loadAssignments(at);
  at += ASSIGN_STATE_SIZE;
  restoreHelpers();
  setEntries(load<u32>(at));
  loadCollector(load<u32>(at, 4));
}
