// Trees of the program: from the fields of a packet to the rules of a chain that can still match it.
import { L3_IPV4 } from "../abi";
import { be16, be32 } from "../bytes";
import { PROGRAM } from "../memory-map";
import { Packet } from "../packet";
import { NEVER, there, YES } from "./answer";
import { inInterface, mark, outInterface, stateBit } from "./context";
import {
  CHAIN_POLICY, ENTRY_KIND, ENTRY_LIST, ENTRY_SURE, ENTRY_TREE, FIELD_DPORT, FIELD_DST, FIELD_IN, FIELD_JOIN, FIELD_MARK, FIELD_OUT, FIELD_PROTOCOL,
  FIELD_SPORT, FIELD_SRC, FIELD_STATE, FIELDS_DIRECT, MOST_JOIN_DEPTH, MOST_JOINED, MOST_JOINED_RULES, PORT_NONE, PORT_UNKNOWN, TREE_BOUNDS, TREE_CHAIN,
  TREE_COUNT, TREE_FIELD, TREE_JOINS,
} from "./numbers";

// Lists at hand in a join: the next entry of each.
const HEADS: usize = memory.data(MOST_JOINED * 4, 4);
// Lists that were joined, one for each chain the packet is in: entries, and the way on behind them.
const JOINED: usize = memory.data(MOST_JOIN_DEPTH * (MOST_JOINED_RULES + 1) * 4, 4);

/** Follows the entry of a tree to the list of entries it has for this packet, `depth` chains deep; 0: it has none. */
export function descend(entry: u32, p: Packet, depth: u32): usize {
  const end = leaf(entry, p);
  return (end & ENTRY_KIND) == ENTRY_LIST ? PROGRAM + end - ENTRY_LIST : join(PROGRAM + end - ENTRY_TREE, p, depth);
}

// The entry of the list, or of the tree that joins several.
function leaf(entry: u32, p: Packet): u32 {
  do {
    const at = PROGRAM + entry - ENTRY_TREE;
    const field = load<u32>(at, TREE_FIELD * 4) & ~TREE_JOINS;
    if (field == FIELD_JOIN) return entry;
    const bounds = at + TREE_BOUNDS * 4;
    if (field < <u32>FIELDS_DIRECT) {
      const value = field == FIELD_STATE ? ctz(stateBit) : field == FIELD_IN ? inInterface : outInterface;
      entry = load<u32>(bounds + (<usize>value << 2));
    } else {
      const count = load<u32>(at, TREE_COUNT * 4) - 1;
      entry = load<u32>(bounds + (<usize>(count + cellOf(valueOf(field, p), bounds, count)) << 2));
    }
  } while ((entry & ENTRY_KIND) == ENTRY_TREE);
  return entry;
}

// Rules lie in the program in the order of the chain: the lowest position is asked first. A rule in several lists is asked once.
// Nothing here trusts the lists to be in order or to end; what is found then is not used.
function join(tree: usize, p: Packet, depth: u32): usize {
  if (depth >= <u32>MOST_JOIN_DEPTH) return 0;
  const policy = load<u32>(PROGRAM + load<u32>(tree, TREE_CHAIN * 4), CHAIN_POLICY * 4) | ENTRY_SURE;
  const trees = tree + TREE_BOUNDS * 4;
  const count = load<u32>(tree, TREE_COUNT * 4);
  let way: usize = 0;
  let heads: usize = HEADS;
  for (let i: u32 = 0; i < count; ++i) {
    let entry = load<u32>(trees + (<usize>i << 2));
    if ((entry & ENTRY_KIND) == ENTRY_TREE) entry = leaf(entry, p);
    if ((entry & ENTRY_KIND) != ENTRY_LIST) return 0; // a join in a join
    const list = PROGRAM + entry - ENTRY_LIST;
    if (isEnd(load<u32>(list), policy)) way = list;
    else {
      store<u32>(heads, <u32>list);
      heads += 4;
    }
  }
  if (heads == HEADS) return way;
  const start = JOINED + <usize>depth * ((MOST_JOINED_RULES + 1) * 4);
  const full = start + MOST_JOINED_RULES * 4;
  let last: u32 = 0;
  let at = start;
  while (heads > HEADS + 4) {
    let best: usize = HEADS;
    let position: u32 = positionAt(HEADS);
    for (let head: usize = HEADS + 4; head < heads; head += 4) {
      const other = positionAt(head);
      if (other < position) {
        position = other;
        best = head;
      }
    }
    const next = <usize>load<u32>(best);
    if (position < last || at == full) return 0;
    if (position != last) {
      store<u32>(at, load<u32>(next));
      at += 4;
      last = position;
    }
    if (isEnd(load<u32>(next, 4), policy)) {
      heads -= 4;
      store<u32>(best, load<u32>(heads));
    } else store<u32>(best, <u32>next + 4);
  }
  // what is left of the last list, and the way on behind it, is where it is
  const rest = <usize>load<u32>(HEADS);
  if (at == start) return rest;
  store<u32>(at, <u32>(rest - PROGRAM) + ENTRY_LIST);
  return start;
}

// @ts-ignore: decorator
@inline
function isEnd(entry: u32, policy: u32): bool {
  return (entry & 1) != 0 || entry == policy;
}

// @ts-ignore: decorator
@inline
function positionAt(head: usize): u32 {
  return load<u32>(<usize>load<u32>(head)) & ~ENTRY_KIND;
}

// How many of the ascending bounds are not above the value.
// @ts-ignore: decorator
@inline
function cellOf(value: u32, bounds: usize, count: u32): u32 {
  let low: u32 = 0;
  while (count) {
    const half = count >> 1;
    const above = load<u32>(bounds + (<usize>(low + half) << 2)) > value;
    low = above ? low : low + half + 1;
    count = above ? half : count - half - 1;
  }
  return low;
}

function valueOf(field: u32, p: Packet): u32 {
  switch (field) {
    case FIELD_PROTOCOL:
      return p.l4proto;
    case FIELD_SPORT:
      return port(p, 0);
    case FIELD_DPORT:
      return port(p, 2);
    case FIELD_MARK:
      return mark;
    default:
      return field < <u32>FIELD_DST ? word(p, p.src, field - FIELD_SRC) : word(p, p.dst, field - FIELD_DST);
  }
}

// @ts-ignore: decorator
@inline
function port(p: Packet, offset: u32): u32 {
  const answer = there(p, 4);
  return answer == YES ? be16(p.l4 + offset) : answer == NEVER ? PORT_NONE : PORT_UNKNOWN;
}

// @ts-ignore: decorator
@inline
function word(p: Packet, address: usize, index: u32): u32 {
  return p.l3num == L3_IPV4 ? (index ? 0 : be32(address)) : be32(address + (<usize>index << 2));
}
