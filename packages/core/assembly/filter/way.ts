// The tables and chains a packet passes, by hook; and those of them that need nothing but its state to decide.
import { STATE_ESTABLISHED, STATE_INVALID, VERDICT_ACCEPT, VERDICT_DROP } from "../abi";
import { PROGRAM } from "../memory-map";
import {
  CHAIN_ENTRIES, ENTRY_KIND, ENTRY_LIST, ENTRY_RULE, ENTRY_TREE, FIELD_STATE, HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT, PROGRAM_COUNTERS, PROGRAM_STAGES,
  RULE_ARGS, RULE_NUMBER, RULE_TARGET, STAGE_FILTER_FORWARD, STAGE_FILTER_INPUT, STAGE_FILTER_OUTPUT, STAGE_MANGLE_FORWARD, STAGE_MANGLE_INPUT,
  STAGE_MANGLE_OUTPUT, STAGE_MANGLE_POSTROUTING, STAGE_MANGLE_PREROUTING, STAGE_RAW_OUTPUT, STAGE_RAW_PREROUTING, STAGE_SECURITY_FORWARD,
  STAGE_SECURITY_INPUT, STAGE_SECURITY_OUTPUT, STAGES, TARGET_ACCEPT, TARGET_DROP, TARGET_GOTO, TARGET_JUMP, TARGET_NONE, TARGET_RETURN, TREE_BOUNDS,
  TREE_FIELD, TREE_JOINS,
} from "./numbers";

const WAY_FORWARD: u32 = STAGE_MANGLE_PREROUTING | (STAGE_MANGLE_FORWARD << 4) | (STAGE_FILTER_FORWARD << 8) | (STAGE_SECURITY_FORWARD << 12) |
  (STAGE_MANGLE_POSTROUTING << 16);
const WAY_INPUT: u32 = STAGE_MANGLE_PREROUTING | (STAGE_MANGLE_INPUT << 4) | (STAGE_FILTER_INPUT << 8) | (STAGE_SECURITY_INPUT << 12);
const WAY_OUTPUT: u32 = STAGE_MANGLE_OUTPUT | (STAGE_FILTER_OUTPUT << 4) | (STAGE_SECURITY_OUTPUT << 8) | (STAGE_MANGLE_POSTROUTING << 12);

/** The stages behind connection tracking, four bits each, the first one lowest. */
// @ts-ignore: decorator
@inline
export function wayOf(hook: u32): u32 {
  return hook == HOOK_FORWARD ? WAY_FORWARD : hook == HOOK_INPUT ? WAY_INPUT : WAY_OUTPUT;
}

// @ts-ignore: decorator
@inline
export function rawStage(hook: u32): u32 {
  return hook == HOOK_OUTPUT ? STAGE_RAW_OUTPUT : STAGE_RAW_PREROUTING;
}

/** Of two stages that accept, the earlier one is said to have decided if the later one is. */
// @ts-ignore: decorator
@inline
export function isLate(stage: u32): bool {
  return stage == STAGE_MANGLE_POSTROUTING || stage > <u32>STAGE_FILTER_OUTPUT;
}

// Quick ways, one for each family and hook: │ verdict + 1, or 0 │ rule │ counters │ address of the counter ×QUICK_COUNTERS │
const QUICK_COUNTERS: u32 = 13;
const QUICK_WORDS: usize = 16;
const QUICK_HOOKS: usize = 4;
const QUICK: usize = memory.data(2 * 4 * 16 * 4, 8);
/** More entries than this no quick way has. */
const QUICK_STEPS: u32 = 64;

/** The raw table, which is asked first and not part of the way, has said which rule decides. */
export const RULE_OF_RAW: u32 = 0xffffffff;

const STACK: usize = memory.data(QUICK_COUNTERS * 4, 4);
let steps: u32 = 0;
let decided: u32 = 0;

// @ts-ignore: decorator
@inline
function quickAt(six: bool, hook: u32): usize {
  return QUICK + (((six ? QUICK_HOOKS : 0) + hook) * QUICK_WORDS << 2);
}

/** Looks for quick ways in the program at hand; through the raw table as well if that is plain. */
export function prepareQuickWays(throughRaw: bool): void {
  memory.fill(QUICK, 0, 2 * QUICK_HOOKS * QUICK_WORDS * 4);
  for (let six: u32 = 0; six < 2; ++six) for (let hook: u32 = HOOK_INPUT; hook <= <u32>HOOK_OUTPUT; ++hook) prepare(six, hook, throughRaw);
}

function prepare(six: u32, hook: u32, throughRaw: bool): void {
  const quick = quickAt(six != 0, hook);
  const stages = PROGRAM + ((PROGRAM_STAGES + six * STAGES) << 2);
  steps = 0;
  decided = 0;
  const raw = load<u32>(stages + (<usize>rawStage(hook) << 2));
  let verdict: u32 = TARGET_ACCEPT;
  if (raw && throughRaw) {
    verdict = follow(quick, raw, STATE_INVALID);
    if (verdict != TARGET_ACCEPT) return;
  } else if (raw) decided = RULE_OF_RAW;
  for (let way = wayOf(hook); way && verdict == TARGET_ACCEPT; way >>= 4) {
    const chain = load<u32>(stages + (<usize>(way & 15) << 2));
    if (chain == 0) continue;
    const before = decided;
    verdict = follow(quick, chain, STATE_ESTABLISHED);
    if (verdict == TARGET_ACCEPT && isLate(way & 15) && before) decided = before;
  }
  if (verdict == TARGET_NONE) return;
  store<u32>(quick, decided, 4);
  store<u32>(quick, 1 + (verdict == TARGET_DROP ? VERDICT_DROP : VERDICT_ACCEPT));
}

// TARGET_ACCEPT or TARGET_DROP, where nothing but the state is asked on the way there and nothing is changed; else TARGET_NONE.
function follow(quick: usize, chain: u32, state: u32): u32 {
  let depth: u32 = 0;
  let at = PROGRAM + chain + CHAIN_ENTRIES * 4;
  for (;;) {
    let entry = load<u32>(at);
    while ((entry & ENTRY_KIND) == ENTRY_TREE) {
      const tree = PROGRAM + entry - ENTRY_TREE;
      if ((load<u32>(tree, TREE_FIELD * 4) & ~TREE_JOINS) != FIELD_STATE) return TARGET_NONE;
      entry = load<u32>(tree + (<usize>(TREE_BOUNDS + state) << 2));
    }
    if (++steps > QUICK_STEPS || (entry & ENTRY_KIND) == ENTRY_RULE) return TARGET_NONE;
    if ((entry & ENTRY_KIND) == ENTRY_LIST) {
      at = PROGRAM + entry - ENTRY_LIST;
      continue;
    }
    at += 4;
    const rule = PROGRAM + (entry & ~ENTRY_KIND);
    const number = load<u32>(rule, RULE_NUMBER * 4);
    const counted = load<u32>(quick, 8);
    if (counted == QUICK_COUNTERS) return TARGET_NONE;
    store<u32>(quick, counted + 1, 8);
    store<u32>(quick + (<usize>counted << 2), <u32>PROGRAM + load<u32>(PROGRAM, PROGRAM_COUNTERS * 4) + (number << 4), 12);
    decided = number;
    const target = load<u32>(rule, RULE_TARGET * 4);
    switch (target) {
      case TARGET_ACCEPT:
      case TARGET_DROP:
        return target;
      case TARGET_NONE:
        break;
      case TARGET_JUMP:
        store<u32>(STACK + (<usize>depth << 2), <u32>at);
        ++depth;
        at = PROGRAM + load<u32>(rule, RULE_ARGS * 4) + CHAIN_ENTRIES * 4;
        break;
      case TARGET_GOTO:
        at = PROGRAM + load<u32>(rule, RULE_ARGS * 4) + CHAIN_ENTRIES * 4;
        break;
      case TARGET_RETURN:
        if (depth == 0) at = PROGRAM + load<u32>(PROGRAM + chain) - 4;
        else {
          --depth;
          at = load<u32>(STACK + (<usize>depth << 2));
        }
        break;
      default:
        return TARGET_NONE;
    }
  }
  return TARGET_NONE;
}

/** There is none, or it has its rule in `quickRule`. */
// @ts-ignore: decorator
@inline
export function quickWay(six: bool, hook: u32): usize {
  const quick = quickAt(six, hook);
  return load<u32>(quick) ? quick : 0;
}

/** Counts a packet of this length along a quick way; its verdict. */
// @ts-ignore: decorator
@inline
export function takeQuickWay(quick: usize, length: u32): u32 {
  const end = quick + 12 + (<usize>load<u32>(quick, 8) << 2);
  for (let at = quick + 12; at < end; at += 4) {
    const counter = <usize>load<u32>(at);
    store<u64>(counter, load<u64>(counter) + 1);
    store<u64>(counter, load<u64>(counter, 8) + <u64>length, 8);
  }
  return load<u32>(quick) - 1;
}

// @ts-ignore: decorator
@inline
export function quickRule(quick: usize): u32 {
  return load<u32>(quick, 4);
}
