// A program that comes from outside is looked at before it is accepted: every position, count and operation in it. What passes
// here cannot lead a packet out of the program, nor keep it there for ever. One walk over each part; what begins where is marked.
import { PROGRAM, PROGRAM_CAPACITY } from "../memory-map";
import { checkMatches, checkTarget } from "./check-match";
import { checkSets } from "./check-set";
import { clearFault, FAULT_CHAIN, FAULT_ENTRY, FAULT_HEADER, FAULT_PLACE, FAULT_RULE, FAULT_TABLE, FAULT_TREE, FAULT_WORK, wrong } from "./fault";
import { clearMarks, isMarked, mark } from "./marks";
import {
  CHAIN_DEPTH, CHAIN_END, CHAIN_ENTRIES, CHAIN_POLICY, CHAIN_STEPS, ENTRY_KIND, ENTRY_LIST, ENTRY_SURE, ENTRY_TREE, FIELD_JOIN, FIELD_STATE, FIELDS, FIELDS_DIRECT,
  HOOK_OUTPUT, INTERFACE_VALUES, MOST_DEPTH, MOST_JOINED, MOST_STEPS, NETWORK_WORDS, PROGRAM_CHAINS, PROGRAM_COUNTERS, PROGRAM_HEADER, PROGRAM_HOOK, PROGRAM_IN,
  PROGRAM_MAGIC, PROGRAM_NETWORKS, PROGRAM_NUMBERS, PROGRAM_OUT, PROGRAM_PLACE, PROGRAM_RULES, PROGRAM_SET_COUNT, PROGRAM_SETS, PROGRAM_SIZE, PROGRAM_STAGES, PROGRAM_TABLE_COUNT,
  PROGRAM_TABLES, PROGRAM_TREES, RULE_ARGS, RULE_MATCHES, RULE_NUMBER, RULE_TARGET, SET_WORDS, STAGES, STATE_VALUES, TARGET_ACCEPT, TARGET_DROP, TARGET_GOTO,
  TARGET_JUMP, TARGET_RETURN, TREE_BOUNDS, TREE_CHAIN, TREE_COUNT, TREE_FIELD, TREE_FROM, TREE_JOINS,
} from "./numbers";
import { checkTable } from "./store";

// @ts-ignore: decorator
@inline
function word(index: u32): u32 {
  return load<u32>(PROGRAM + (<usize>index << 2));
}

// @ts-ignore: decorator
@inline
function at(position: u32, index: u32): u32 {
  return load<u32>(PROGRAM + position + (<usize>index << 2));
}

/** True if the program of `size` bytes in its region may run; otherwise `fault` says why not. */
export function checkProgram(size: u32): bool {
  clearFault();
  if (!checkHeader(size)) return false;
  clearMarks(size);
  return checkTables(size) && checkSets() && checkPlace() && checkRules() && markTrees() && checkChains() && checkTrees() && checkStages();
}

function checkHeader(size: u32): bool {
  if (size > PROGRAM_CAPACITY || size & 3 || size < <u32>(PROGRAM_HEADER * 4)) return wrong(FAULT_HEADER, 0);
  if (word(0) != PROGRAM_MAGIC || word(PROGRAM_SIZE) != size) return wrong(FAULT_HEADER, 0);
  let before: u32 = PROGRAM_HEADER * 4;
  // parts in their order: place, rules, chains, trees, tables, sets, counters
  for (let i: u32 = 0; i < 7; ++i) {
    const index: u32 = i == 0 ? PROGRAM_PLACE : i < 4 ? PROGRAM_RULES + i - 1 : i == 4 ? PROGRAM_TABLES : i == 5 ? PROGRAM_SETS : PROGRAM_COUNTERS;
    const position = word(index);
    if (position & 3 || position < before || position > size) return wrong(FAULT_HEADER, index * 4);
    before = position;
  }
  const counters = word(PROGRAM_COUNTERS);
  const numbers = word(PROGRAM_NUMBERS);
  if (counters & 7 || numbers == 0 || numbers > (size - counters) >> 4) return wrong(FAULT_HEADER, PROGRAM_NUMBERS * 4);
  const sets = word(PROGRAM_SETS);
  if (sets & 7 || word(PROGRAM_SET_COUNT) > (counters - sets) / (SET_WORDS * 4)) return wrong(FAULT_HEADER, PROGRAM_SET_COUNT * 4);
  if (word(PROGRAM_TABLE_COUNT) > (sets - word(PROGRAM_TABLES)) >> 2) return wrong(FAULT_HEADER, PROGRAM_TABLE_COUNT * 4);
  return true;
}

function checkTables(size: u32): bool {
  const positions = word(PROGRAM_TABLES);
  let before = word(PROGRAM_COUNTERS) + (word(PROGRAM_NUMBERS) << 4);
  for (let i: u32 = 0; i < word(PROGRAM_TABLE_COUNT); ++i) {
    const position = at(positions, i);
    if (position < before) return wrong(FAULT_TABLE, positions + i * 4);
    before = checkTable(position, size);
    if (before == 0) return wrong(FAULT_TABLE, position);
  }
  return true;
}

function checkPlace(): bool {
  if (word(PROGRAM_HOOK) > <u32>HOOK_OUTPUT) return wrong(FAULT_PLACE, PROGRAM_HOOK * 4);
  if (word(PROGRAM_IN) >= <u32>INTERFACE_VALUES) return wrong(FAULT_PLACE, PROGRAM_IN * 4);
  if (word(PROGRAM_OUT) >= <u32>INTERFACE_VALUES) return wrong(FAULT_PLACE, PROGRAM_OUT * 4);
  const room = word(PROGRAM_RULES) - word(PROGRAM_PLACE);
  if (word(PROGRAM_NETWORKS) > room / (NETWORK_WORDS * 4)) return wrong(FAULT_PLACE, PROGRAM_NETWORKS * 4);
  for (let i: u32 = 0; i < word(PROGRAM_NETWORKS); ++i) {
    const network = word(PROGRAM_PLACE) + i * NETWORK_WORDS * 4;
    if (at(network, NETWORK_WORDS - 1) >= <u32>INTERFACE_VALUES) return wrong(FAULT_PLACE, network);
  }
  return true;
}

function checkRules(): bool {
  const end = word(PROGRAM_CHAINS);
  let rule = word(PROGRAM_RULES);
  while (rule < end) {
    if (end - rule < <u32>(RULE_MATCHES * 4)) return wrong(FAULT_RULE, rule);
    if (at(rule, RULE_NUMBER) >= word(PROGRAM_NUMBERS)) return wrong(FAULT_RULE, rule);
    if (!checkTarget(at(rule, RULE_TARGET), rule + RULE_ARGS * 4)) return false;
    mark(rule);
    rule = checkMatches(rule + RULE_MATCHES * 4, end);
    if (rule == 0) return false;
  }
  return true;
}

// ---- chains

// @ts-ignore: decorator
@inline
function isIn(position: u32, from: u32, to: u32): bool {
  return position >= from && position < to && (position & 3) == 0;
}

function isRule(position: u32): bool {
  return isIn(position, word(PROGRAM_RULES), word(PROGRAM_CHAINS)) && isMarked(position);
}

function isChain(position: u32): bool {
  return isIn(position, word(PROGRAM_CHAINS), word(PROGRAM_TREES)) && isMarked(position);
}

function isTree(position: u32): bool {
  return isIn(position, word(PROGRAM_TREES), word(PROGRAM_TABLES)) && isMarked(position);
}

function checkChains(): bool {
  const end = word(PROGRAM_TREES);
  let chain = word(PROGRAM_CHAINS);
  while (chain < end) {
    if (end - chain < <u32>(CHAIN_ENTRIES * 4 + 4)) return wrong(FAULT_CHAIN, chain);
    const last = at(chain, CHAIN_END);
    if (!isIn(last - 4, chain + CHAIN_ENTRIES * 4, end)) return wrong(FAULT_CHAIN, chain);
    const policy = at(chain, CHAIN_POLICY);
    if (!isRule(policy) || at(policy, RULE_MATCHES) != 0 || at(last - 4, 0) != (policy | ENTRY_SURE)) return wrong(FAULT_CHAIN, chain);
    const target = at(policy, RULE_TARGET);
    if (target != TARGET_ACCEPT && target != TARGET_DROP && target != TARGET_RETURN) return wrong(FAULT_CHAIN, chain);
    if (!checkEntries(chain, last)) return false;
    mark(chain);
    chain = last;
  }
  return true;
}

// Only chains in front of this one can be called: their steps and depth are known. Every entry is passed at most once, and a rule may be
// asked once more by each join.
function checkEntries(chain: u32, end: u32): bool {
  let steps: u32 = 0;
  let depth: u32 = 0;
  let times: u32 = 1;
  for (let q = chain + CHAIN_ENTRIES * 4; q < end; q += 4) {
    const entry = at(q, 0);
    const kind = entry & ENTRY_KIND;
    const position = entry - kind;
    ++steps;
    if (kind == ENTRY_LIST) {
      if (!isIn(position, q + 4, end)) return wrong(FAULT_ENTRY, q);
    } else if (kind == ENTRY_TREE) {
      if (!isTree(position) || at(position, TREE_CHAIN) != chain || at(position, TREE_FROM) < q) return wrong(FAULT_ENTRY, q);
      if (at(position, TREE_FIELD) & TREE_JOINS) ++times;
    } else {
      if (!isRule(position)) return wrong(FAULT_ENTRY, q);
      const target = at(position, RULE_TARGET);
      if (target != TARGET_JUMP && target != TARGET_GOTO) continue;
      const called = at(position, RULE_ARGS);
      if (!isChain(called)) return wrong(FAULT_ENTRY, q);
      steps += at(called, CHAIN_STEPS);
      depth = max<u32>(depth, at(called, CHAIN_DEPTH) + (target == TARGET_JUMP ? 1 : 0));
    }
    if (<u64>steps * times > <u64>MOST_STEPS || depth >= <u32>MOST_DEPTH) return wrong(FAULT_WORK, q);
  }
  store<u32>(PROGRAM + chain, steps * times, CHAIN_STEPS * 4);
  store<u32>(PROGRAM + chain, depth, CHAIN_DEPTH * 4);
  return true;
}

function checkStages(): bool {
  for (let i: u32 = 0; i < <u32>(2 * STAGES); ++i) {
    const chain = word(PROGRAM_STAGES + i);
    if (chain == 0) continue;
    if (!isChain(chain) || at(at(chain, CHAIN_POLICY), RULE_TARGET) == TARGET_RETURN) return wrong(FAULT_CHAIN, (PROGRAM_STAGES + i) * 4);
  }
  return true;
}

// ---- trees: first where they begin, then, when chains are known, where they lead

// @ts-ignore: decorator
@inline
function fieldOf(tree: u32): u32 {
  return at(tree, TREE_FIELD) & ~TREE_JOINS;
}

function hasBounds(field: u32): bool {
  return field >= <u32>FIELDS_DIRECT && field != FIELD_JOIN;
}

function markTrees(): bool {
  const end = word(PROGRAM_TABLES);
  let tree = word(PROGRAM_TREES);
  while (tree < end) {
    if (end - tree < <u32>(TREE_BOUNDS * 4 + 4)) return wrong(FAULT_TREE, tree);
    const field = fieldOf(tree);
    const count = at(tree, TREE_COUNT);
    const values: u32 = field == FIELD_STATE ? STATE_VALUES : INTERFACE_VALUES;
    const room = (end - tree - TREE_BOUNDS * 4) >> 2;
    const isJoin = field == FIELD_JOIN;
    if (field >= <u32>FIELDS && !isJoin || count == 0 || count > room) return wrong(FAULT_TREE, tree);
    if (isJoin ? count > <u32>MOST_JOINED : hasBounds(field) ? count - 1 > room - count : count != values) return wrong(FAULT_TREE, tree);
    if (isJoin && !(at(tree, TREE_FIELD) & TREE_JOINS)) return wrong(FAULT_TREE, tree);
    mark(tree);
    tree += (TREE_BOUNDS + (hasBounds(field) ? 2 * count - 1 : count)) << 2;
  }
  return true;
}

function checkTrees(): bool {
  const end = word(PROGRAM_TABLES);
  let tree = word(PROGRAM_TREES);
  while (tree < end) {
    const chain = at(tree, TREE_CHAIN);
    const from = at(tree, TREE_FROM);
    const count = at(tree, TREE_COUNT);
    if (!isChain(chain) || !isIn(from, chain + CHAIN_ENTRIES * 4, at(chain, CHAIN_END))) return wrong(FAULT_TREE, tree);
    let q = tree + ((TREE_BOUNDS + (hasBounds(fieldOf(tree)) ? count - 1 : 0)) << 2);
    for (let i: u32 = 0; i < count; ++i, q += 4) {
      const entry = at(q, 0);
      const kind = entry & ENTRY_KIND;
      const position = entry - kind;
      if (kind == ENTRY_LIST) {
        if (!isIn(position, from + 4, at(chain, CHAIN_END))) return wrong(FAULT_TREE, q);
      } else if (kind != ENTRY_TREE || position >= tree || !isTree(position) || at(position, TREE_CHAIN) != chain || at(position, TREE_FROM) < from) {
        return wrong(FAULT_TREE, q);
      } else if (at(position, TREE_FIELD) & ~at(tree, TREE_FIELD) & TREE_JOINS) return wrong(FAULT_TREE, q);
    }
    tree = q;
  }
  return true;
}
