// The firewall's own place: from declared networks to the hook a packet passes, and the interfaces it comes and goes by.
import { L3_IPV4 } from "../abi";
import { Packet } from "../packet";
import { setInterfaces } from "./context";
import {
  FLAG_INTERFACES, HOOK_BY_PLACE, HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT, INTERFACE_NONE, NETWORK_WORDS, PROGRAM_FLAGS, PROGRAM_HOOK, PROGRAM_IN, PROGRAM_NETWORKS, PROGRAM_OUT,
  PROGRAM_PLACE,
} from "./numbers";

const NETWORK_SIZE: usize = NETWORK_WORDS * 4;

let found: u32 = 0;
let own: bool = false;

// The interface of the network with the longest mask around `address` into `found`; `own`: it is one of the box's addresses.
function locate(program: usize, p: Packet, address: usize, fallback: u32): void {
  found = fallback;
  own = false;
  let longest: i64 = -1;
  let at = program + load<u32>(program, PROGRAM_PLACE * 4);
  for (let n = load<u32>(program, PROGRAM_NETWORKS * 4); n > 0; --n, at += NETWORK_SIZE) {
    if (load<u32>(at, 48) != <u32>p.l3num) continue;
    const four = p.l3num == L3_IPV4;
    const a = four ? <u64>load<u32>(address) : load<u64>(address);
    const b = four ? 0 : load<u64>(address, 8);
    if (a == load<u64>(at, 32) && b == load<u64>(at, 40)) {
      found = load<u32>(at, 52);
      own = true;
      return;
    }
    const size = popcnt<u64>(load<u64>(at, 16)) + popcnt<u64>(load<u64>(at, 24));
    if ((a & load<u64>(at, 16)) == load<u64>(at) && (b & load<u64>(at, 24)) == load<u64>(at, 8) && <i64>size > longest) {
      longest = <i64>size;
      found = load<u32>(at, 52);
    }
  }
}

// Multicast and limited broadcast are for everybody, and so for us.
function toEverybody(p: Packet): bool {
  return p.l3num == L3_IPV4 ? load<u8>(p.dst) >= 224 && (load<u8>(p.dst) < 240 || load<u32>(p.dst) == 0xffffffff) : load<u8>(p.dst) == 0xff;
}

/**
 * The hook of a packet; sets its interfaces. `given`: 0, or the interface it came by plus 1 in the low byte, and that it goes
 * by plus 1 in the high byte: one that only comes in is for us, one that only goes out is ours.
 */
export function placeOf(program: usize, p: Packet, given: u32): u32 {
  let hook = load<u32>(program, PROGRAM_HOOK * 4);
  let inside = load<u32>(program, PROGRAM_IN * 4);
  let outside = load<u32>(program, PROGRAM_OUT * 4);
  if (given && load<u32>(program, PROGRAM_FLAGS * 4) & FLAG_INTERFACES) {
    inside = given & 0xff ? (given & 0xff) - 1 : INTERFACE_NONE;
    outside = given >> 8 ? (given >> 8) - 1 : INTERFACE_NONE;
    if (hook == HOOK_BY_PLACE) hook = given & 0xff ? (given >> 8 ? HOOK_FORWARD : HOOK_INPUT) : HOOK_OUTPUT;
  } else if (load<u32>(program, PROGRAM_NETWORKS * 4)) {
    locate(program, p, p.src, inside);
    inside = found;
    const ours = own;
    locate(program, p, p.dst, outside);
    outside = found;
    if (hook == HOOK_BY_PLACE) hook = ours ? HOOK_OUTPUT : own || toEverybody(p) ? HOOK_INPUT : HOOK_FORWARD;
  } else if (hook == HOOK_BY_PLACE) hook = HOOK_FORWARD;
  setInterfaces(hook == HOOK_OUTPUT ? INTERFACE_NONE : inside, hook == HOOK_INPUT ? INTERFACE_NONE : outside);
  return hook;
}
