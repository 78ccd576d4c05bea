// The rule program: tables and chains in the kernel's order, counters, and the rule that decided.
import { L3_IPV6, SYSCTL_ACCT, VERDICT_ACCEPT, VERDICT_DROP } from "../abi";
import { Conn } from "../conn";
import { PROGRAM } from "../memory-map";
import { Packet } from "../packet";
import { setSetting } from "../settings";
import { now } from "../timer";
import { addTtl, clearChanges, lengthNow, setConn, setLeaves } from "./context";
import { checkProgram } from "./check";
import { malformed, matches, undecided } from "./match";
import {
  CHAIN_ENTRIES, ENTRY_KIND, ENTRY_LIST, ENTRY_RULE, FLAG_ACCOUNTING, FLAG_RAW_PLAIN, HOOK_OUTPUT, MOST_DEPTH, PROGRAM_COUNTERS, PROGRAM_EPOCH, PROGRAM_FLAGS, PROGRAM_SET_COUNT, PROGRAM_STAGES, RULE_ARGS, RULE_MATCHES, RULE_NUMBER, RULE_TARGET, RULE_TRACE_LENGTH, RULE_UNDECIDED, STAGE_FILTER_FORWARD, STAGE_FILTER_OUTPUT,
  STAGE_MANGLE_FORWARD, STAGE_MANGLE_OUTPUT, STAGE_MANGLE_POSTROUTING, STAGE_RAW_OUTPUT, STAGE_SECURITY_FORWARD, STAGE_SECURITY_OUTPUT, STAGES, TARGET_ACCEPT,
  TARGET_DROP, TARGET_GOTO, TARGET_JUMP, TARGET_NONE, TARGET_RETURN, TARGET_SET, TRACE_RULE_MATCHED, TRACE_RULE_UNDECIDED,
} from "./numbers";
import { broadcastMask, constantPlace, isSameWay, placeOf } from "./place";
import { changeSets } from "./set-change";
import { act, clearTemplate, notrack, zoneGiven } from "./target";
import { descend } from "./tree";
import { isLate, prepareQuickWays, quickRule, quickWay, rawStage, RULE_OF_RAW, takeQuickWay, wayOf } from "./way";

/** A program is loaded. */
export let filtering: bool = false;
/** Raw chains only count: nothing in them changes how a packet is tracked. */
export let rawPlain: bool = false;
/** The deciding rule of the packet at hand: its number, and RULE_UNDECIDED. */
export let rule: u32 = 0;

let hook: u32 = 0;
/** The hook of every packet, where the place does not depend on the packet; else 0. */
let fixedHook: u32 = 0;
let stages: usize = 0;
let counters: usize = 0;
let base: usize = 0;
let doubtful: bool = false;
/** The raw table has seen the packet at hand already (filterAhead), and `admitted` is what it said. */
let ahead: bool = false;
let admitted: bool = true;
/** The clock of sets stands still until the first packet. */
let waiting: bool = false;

const STACK: usize = memory.data(MOST_DEPTH * 4, 8);
const TRACE: usize = memory.data(RULE_TRACE_LENGTH * 4, 8);
let traceLength: u32 = 0;
let traceOn: bool = false;

export function ruleTraceAt(): usize {
  return TRACE;
}
export function ruleTraceCount(): u32 {
  return traceLength;
}
export function setRuleTrace(on: bool): void {
  traceOn = on;
  traceLength = 0;
}

/** Takes over the program that lies in its region; false when something is wrong with it (fault.ts). Size 0 ends filtering. */
export function startProgram(size: u32): bool {
  filtering = false;
  if (size == 0) return true;
  if (!checkProgram(size)) return false;
  counters = PROGRAM + load<u32>(PROGRAM, PROGRAM_COUNTERS * 4);
  rawPlain = (load<u32>(PROGRAM, PROGRAM_FLAGS * 4) & FLAG_RAW_PLAIN) != 0;
  if (load<u32>(PROGRAM, PROGRAM_FLAGS * 4) & FLAG_ACCOUNTING) setSetting(SYSCTL_ACCT, 1);
  filtering = true;
  waiting = load<u32>(PROGRAM, PROGRAM_SET_COUNT * 4) != 0 && load<u64>(PROGRAM, PROGRAM_EPOCH * 4) == 0;
  if (waiting && now) startClock();
  ahead = false;
  fixedHook = constantPlace(PROGRAM);
  prepareQuickWays(rawPlain);
  return true;
}

// What is left of the entries of sets counts from the first packet.
function startClock(): void {
  waiting = false;
  store<u64>(PROGRAM, max<u64>(now, 1), PROGRAM_EPOCH * 4);
}

/** No quick way: filterQuick has done nothing. */
export const NOT_QUICK: u32 = 0xff;

/**
 * The raw table ahead of time, for a packet that looks common; if it is none after all, the next filterRaw() knows the answer.
 * False where a rule changed how the packet is tracked.
 */
export function filterAhead(p: Packet): bool {
  admitted = filterRaw(p, p.iface);
  ahead = true;
  return admitted && !notrack && !zoneGiven;
}

/** The verdict on a packet of an ESTABLISHED connection, where its state alone decides; sets `rule`. Otherwise NOT_QUICK. */
// @ts-ignore: decorator
@inline
export function filterQuick(p: Packet): u32 {
  const quick = quickWay(p.l3num == L3_IPV6, ahead ? hook : fixedHook ? fixedHook : placeOf(PROGRAM, p, p.iface));
  if (quick == 0 || traceOn) return NOT_QUICK;
  const decided = quickRule(quick);
  if (!ahead) {
    traceLength = 0;
    rule = decided;
    return takeQuickWay(quick, p.ipLength);
  }
  ahead = false;
  if (decided != RULE_OF_RAW) rule = decided;
  if (doubtful) rule |= RULE_UNDECIDED;
  return takeQuickWay(quick, lengthNow(p));
}

/** True if the box is known to send packets for both addresses to the same neighbour. */
export function goSameWay(l3num: u32, a: usize, b: usize): bool {
  return filtering && isSameWay(PROGRAM, l3num, a, b);
}

/** The mask of the network a packet of the box's own is a broadcast to; 0: it is none. */
export function ownBroadcast(p: Packet): u32 {
  return filtering && hook == HOOK_OUTPUT ? broadcastMask(PROGRAM, p) : 0;
}

/** Before each packet: a rule may never see it. */
// @ts-ignore: decorator
@inline
export function clearRule(): void {
  if (ahead) return;
  rule = 0;
  traceLength = 0;
}

/** Before connection tracking: the raw table. False when a rule of it dropped the packet. */
export function filterRaw(p: Packet, given: u32): bool {
  if (ahead) {
    ahead = false;
    return admitted;
  }
  begin(p, given);
  const stage = rawStage(hook);
  const chain = load<u32>(stages + (<usize>stage << 2));
  return chain == 0 || runStage(stage, chain, p);
}

function begin(p: Packet, given: u32): void {
  if (waiting) startClock();
  rule = 0;
  doubtful = false;
  traceLength = 0;
  clearChanges();
  clearTemplate();
  stages = PROGRAM + PROGRAM_STAGES * 4 + (p.l3num == L3_IPV6 ? <usize>STAGES * 4 : 0);
  setConn(changetype<Conn>(0), 0, 4);
  hook = fixedHook ? fixedHook : placeOf(PROGRAM, p, given);
}

/** Behind connection tracking: everything else, with what it found. */
export function filterPacket(p: Packet, c: Conn, dir: u32, state: u32): u32 {
  setConn(c, dir, state);
  let way = wayOf(hook);
  for (; way; way >>= 4) {
    const stage = way & 15;
    if (stage == STAGE_MANGLE_FORWARD) addTtl(p, -1);
    const chain = load<u32>(stages + (<usize>stage << 2));
    if (chain && !runStage(stage, chain, p)) return VERDICT_DROP;
  }
  return VERDICT_ACCEPT;
}

const LEAVING: u32 = (1 << STAGE_RAW_OUTPUT) | (1 << STAGE_MANGLE_FORWARD) | (1 << STAGE_MANGLE_OUTPUT) | (1 << STAGE_MANGLE_POSTROUTING) |
  (1 << STAGE_FILTER_FORWARD) | (1 << STAGE_FILTER_OUTPUT) | (1 << STAGE_SECURITY_FORWARD) | (1 << STAGE_SECURITY_OUTPUT);

// The rule that dropped the packet decides; of those that accept, the filter table's, or the last before it.
function runStage(stage: u32, chain: u32, p: Packet): bool {
  setLeaves(((LEAVING >> stage) & 1) != 0);
  const verdict = runChain(chain, p);
  const number = load<u32>(base, RULE_NUMBER * 4);
  if (verdict == TARGET_DROP || !isLate(stage) || rule == 0) rule = number;
  if (doubtful) rule |= RULE_UNDECIDED;
  return verdict != TARGET_DROP;
}

// Runs the entries of the chain to a verdict; `base` is then the rule that gave it.
function runChain(chain: u32, p: Packet): u32 {
  let depth: u32 = 0;
  let at = PROGRAM + chain + CHAIN_ENTRIES * 4;
  for (;;) {
    const entry = load<u32>(at);
    const kind = entry & ENTRY_KIND;
    if (kind & 1) {
      if (kind == ENTRY_LIST) at = PROGRAM + entry - ENTRY_LIST;
      else {
        const list: usize = traceOn ? 0 : descend(entry, p, depth);
        at = list ? list : at + 4;
      }
      continue;
    }
    at += 4;
    base = PROGRAM + entry - kind;
    // a trace also names policies and ends of chains, which ask nothing
    if ((kind == ENTRY_RULE || traceOn) && !asked(p)) {
      if (malformed) return TARGET_DROP;
      continue;
    }
    const counter = counters + (<usize>load<u32>(base, RULE_NUMBER * 4) << 4);
    store<u64>(counter, load<u64>(counter) + 1);
    store<u64>(counter, load<u64>(counter, 8) + <u64>lengthNow(p), 8);
    const target = load<u32>(base, RULE_TARGET * 4);
    switch (target) {
      case TARGET_ACCEPT:
      case TARGET_DROP:
        return target;
      case TARGET_JUMP:
        store<u32>(STACK + (<usize>depth << 2), <u32>at);
        ++depth;
        at = PROGRAM + load<u32>(base, RULE_ARGS * 4) + CHAIN_ENTRIES * 4;
        break;
      case TARGET_GOTO:
        at = PROGRAM + load<u32>(base, RULE_ARGS * 4) + CHAIN_ENTRIES * 4;
        break;
      case TARGET_RETURN:
        // out of a built-in chain: its policy is the last word of the program there
        if (depth == 0) at = PROGRAM + load<u32>(PROGRAM + chain) - 4;
        else {
          --depth;
          at = load<u32>(STACK + (<usize>depth << 2));
        }
        break;
      case TARGET_NONE:
        break;
      case TARGET_SET:
        if (!changeSets(base + RULE_ARGS * 4, p)) doubtful = true;
        break;
      default:
        act(target, base + RULE_ARGS * 4, p);
    }
  }
  return TARGET_ACCEPT;
}

// True when the rule at `base` matches; notes what it leaves open, and that it was asked.
function asked(p: Packet): bool {
  const hit = matches(base + RULE_MATCHES * 4, p);
  if (undecided) doubtful = true;
  if (traceOn && traceLength < <u32>RULE_TRACE_LENGTH) {
    store<u32>(
      TRACE + (<usize>traceLength << 2),
      load<u32>(base, RULE_NUMBER * 4) | (hit ? TRACE_RULE_MATCHED : 0) | (undecided ? TRACE_RULE_UNDECIDED : 0),
    );
    ++traceLength;
  }
  return hit;
}
