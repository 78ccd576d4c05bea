// Trees of the program: from the fields of a packet to the rules of a chain that can still match it.
import { L3_IPV4 } from "../abi";
import { be16, be32 } from "../bytes";
import { PROGRAM } from "../memory-map";
import { Packet } from "../packet";
import { NEVER, there, YES } from "./answer";
import { inInterface, mark, outInterface, stateBit } from "./context";
import {
  ENTRY_KIND, ENTRY_LIST, ENTRY_TREE, FIELD_DPORT, FIELD_DST, FIELD_IN, FIELD_MARK, FIELD_OUT, FIELD_PROTOCOL, FIELD_SPORT, FIELD_SRC, FIELD_STATE,
  FIELDS_DIRECT,   PORT_NONE, PORT_UNKNOWN, TREE_BOUNDS, TREE_COUNT, TREE_FIELD,
} from "./numbers";

/** Follows the entry of a tree to the list of entries it has for this packet. */
export function descend(entry: u32, p: Packet): usize {
  do {
    const at = PROGRAM + entry - ENTRY_TREE;
    const field = load<u32>(at, TREE_FIELD * 4);
    const bounds = at + TREE_BOUNDS * 4;
    if (field < <u32>FIELDS_DIRECT) {
      const value = field == FIELD_STATE ? ctz(stateBit) : field == FIELD_IN ? inInterface : outInterface;
      entry = load<u32>(bounds + (<usize>value << 2));
    } else {
      const count = load<u32>(at, TREE_COUNT * 4) - 1;
      entry = load<u32>(bounds + (<usize>(count + cellOf(valueOf(field, p), bounds, count)) << 2));
    }
  } while ((entry & ENTRY_KIND) == ENTRY_TREE);
  return PROGRAM + entry - ENTRY_LIST;
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
