// The firewall's own place: from declared networks to the hook a packet passes, and the interfaces it comes and goes by.
import { L3_IPV4 } from "../abi";
import { be32 } from "../bytes";
import { PROGRAM } from "../memory-map";
import { Packet } from "../packet";
import { NO, UNKNOWN, YES } from "./answer";
import { inInterface, outInterface, setInterfaces } from "./context";
import {
  ADDRESS_BROADCAST, ADDRESS_LOCAL, ADDRESS_MULTICAST, ADDRESS_UNICAST, ADDRESS_UNREACHABLE, ADDRESS_UNSPEC,
  FLAG_INTERFACES, FLAG_SEEN, HOOK_BY_PLACE, HOOK_FORWARD, HOOK_INPUT, HOOK_OUTPUT, INTERFACE_NONE, NETWORK_WORDS, PROGRAM_FLAGS, INTERFACE_UNKNOWN, PROGRAM_HOOK, PROGRAM_IN, PROGRAM_NETWORKS, PROGRAM_OUT,
  PROGRAM_PLACE, SEEN_IN,
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

function isInside(at: usize, address: usize, four: bool): bool {
  if (four) return (load<u32>(address) & load<u32>(at, 16)) == load<u32>(at);
  return (load<u64>(address) & load<u64>(at, 16)) == load<u64>(at) && (load<u64>(address, 8) & load<u64>(at, 24)) == load<u64>(at, 8);
}

function isNear(program: usize, l3num: u32, address: usize): bool {
  let at = program + load<u32>(program, PROGRAM_PLACE * 4);
  for (let n = load<u32>(program, PROGRAM_NETWORKS * 4); n > 0; --n, at += NETWORK_SIZE) {
    if (load<u32>(at, 48) == l3num && isInside(at, address, l3num == L3_IPV4)) return true;
  }
  return false;
}

/** True if packets to both go by the same neighbour: neither is in a declared network (one router leads to all the rest), or they are one. */
export function isSameWay(program: usize, l3num: u32, a: usize, b: usize): bool {
  if (load<u32>(program, PROGRAM_NETWORKS * 4) == 0) return false;
  if (memory.compare(a, b, l3num == L3_IPV4 ? 4 : 16) == 0) return true;
  return !isNear(program, l3num, a) && !isNear(program, l3num, b);
}

/**
 * The mask of the network that `p` is a broadcast to, 0: it is none of the box's own. The box sent it if it comes from one of its addresses.
 * Networks of one or two addresses have no broadcast.
 */
export function broadcastMask(program: usize, p: Packet): u32 {
  if (p.l3num != L3_IPV4) return 0;
  let mask: u32 = 0;
  let ours = false;
  let at = program + load<u32>(program, PROGRAM_PLACE * 4);
  for (let n = load<u32>(program, PROGRAM_NETWORKS * 4); n > 0; --n, at += NETWORK_SIZE) {
    if (load<u32>(at, 48) != <u32>L3_IPV4) continue;
    ours = ours || load<u32>(at, 32) == load<u32>(p.src);
    const m = load<u32>(at, 16);
    if (mask == 0 && popcnt<u32>(m) < 31 && load<u32>(p.dst) == (load<u32>(at) | ~m)) mask = m;
  }
  return ours ? mask : 0;
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
  } else {
    if (load<u32>(program, PROGRAM_NETWORKS * 4)) {
      locate(program, p, p.src, inside);
      inside = found;
      const ours = own;
      locate(program, p, p.dst, outside);
      outside = found;
      if (hook == HOOK_BY_PLACE) hook = ours ? HOOK_OUTPUT : own || toEverybody(p) ? HOOK_INPUT : HOOK_FORWARD;
    } else if (hook == HOOK_BY_PLACE) hook = HOOK_FORWARD;
    if (given && load<u32>(program, PROGRAM_FLAGS * 4) & FLAG_SEEN) {
      const seen = (given & 0xff) - 1;
      // Where the capture does not say which way, the addresses do; in doubt it came in.
      const came = hook == HOOK_INPUT || (hook == HOOK_FORWARD && (given >> 8 ? given >> 8 == SEEN_IN : inside == seen || outside != seen));
      if (came) inside = seen;
      else outside = seen;
    }
  }
  hookNow = hook;
  setInterfaces(hook == HOOK_OUTPUT ? INTERFACE_NONE : inside, hook == HOOK_INPUT ? INTERFACE_NONE : outside);
  return hook;
}

/** The hook of every packet, or 0 where that or its interfaces depend on the packet. */
export function constantPlace(program: usize): u32 {
  const told = load<u32>(program, PROGRAM_FLAGS * 4) & (FLAG_INTERFACES | FLAG_SEEN);
  if (told || load<u32>(program, PROGRAM_NETWORKS * 4)) return 0;
  return placeOf(program, changetype<Packet>(0), 0);
}

let hookNow: u32 = 0;

/** The hook of the packet at hand, its interfaces in the second and third byte. */
export function wayNow(): u32 {
  return hookNow | (inInterface << 8) | (outInterface << 16);
}

/** The box sends the packet at hand itself. */
export function isOutput(): bool {
  return hookNow == HOOK_OUTPUT;
}

// @ts-ignore: decorator
@inline
function placeKnown(): bool {
  return load<u32>(PROGRAM, PROGRAM_NETWORKS * 4) != 0;
}

// IPv4 addresses the kernel knows without being told: 0/8 and all ones, multicast, its loopback.
function fixedType(address: u32): u32 {
  if (address >> 24 == 0 || address == 0xffffffff || address == 0x7fffffff) return ADDRESS_BROADCAST;
  if (address >> 28 == 14) return ADDRESS_MULTICAST;
  return address >> 24 == 127 ? ADDRESS_LOCAL : 0;
}

// The last address of a declared network is its broadcast address, where there is room for one.
function broadcastOn(p: Packet, address: usize): u32 {
  let at = PROGRAM + load<u32>(PROGRAM, PROGRAM_PLACE * 4);
  for (let n = load<u32>(PROGRAM, PROGRAM_NETWORKS * 4); n > 0; --n, at += NETWORK_SIZE) {
    const mask = load<u32>(at, 16);
    if (load<u32>(at, 48) != <u32>p.l3num || popcnt(mask) > 30) continue;
    if (load<u32>(address) == (load<u32>(at) | ~mask)) return load<u32>(at, 52);
  }
  return INTERFACE_NONE;
}

/** Type of the source (`side` 0) or destination: one of those in `wanted`. `limit` 1: as seen by the incoming interface. */
export function addressType(p: Packet, side: u32, wanted: u32, limit: u32): u32 {
  const address: usize = side ? p.dst : p.src;
  if (p.l3num != L3_IPV4) return addressType6(p, address, wanted, limit);
  const fixed = fixedType(be32(address));
  if (fixed && (limit == 0 || be32(address) >> 24 != 127)) return <u32>((fixed & wanted) != 0);
  if (fixed) return <u32>((wanted & ADDRESS_UNICAST) != 0);
  const known = ADDRESS_UNICAST | ADDRESS_LOCAL | ADDRESS_BROADCAST;
  if ((wanted & known) == 0) return NO;
  if ((wanted & known) == known) return YES;
  if (!placeKnown()) return UNKNOWN;
  const device = limit == 1 ? inInterface : outInterface;
  locate(PROGRAM, p, address, INTERFACE_NONE);
  let type: u32 = own ? ADDRESS_LOCAL : 0;
  if (!own) {
    found = broadcastOn(p, address);
    if (found != INTERFACE_NONE) type = ADDRESS_BROADCAST;
  }
  if (type && limit) {
    if (device == INTERFACE_UNKNOWN) return UNKNOWN;
    if (device != found) type = 0;
  }
  return <u32>(((type ? type : ADDRESS_UNICAST) & wanted) != 0);
}

// All that is asked must hold, but for the types a route tells: of those, one.
function addressType6(p: Packet, address: usize, wanted: u32, limit: u32): u32 {
  const multicast = load<u8>(address) == 0xff;
  const any = load<u64>(address) == 0 && load<u64>(address, 8) == 0;
  const loopback = load<u64>(address) == 0 && load<u64>(address, 8) == 0x0100000000000000;
  if (wanted & ADDRESS_MULTICAST && !multicast) return NO;
  if (wanted & ADDRESS_UNICAST && (multicast || any)) return NO;
  if (wanted & ADDRESS_UNSPEC && !any) return NO;
  if (!(wanted & (ADDRESS_LOCAL | ADDRESS_UNREACHABLE | 16))) return YES;
  if (!placeKnown()) return UNKNOWN;
  locate(PROGRAM, p, address, INTERFACE_NONE);
  const local = (own && (limit == 0 || found == (limit == 1 ? inInterface : outInterface))) || (loopback && limit == 0);
  if (local && wanted & ADDRESS_LOCAL) return YES;
  return wanted & (ADDRESS_UNREACHABLE | 16) ? UNKNOWN : NO;
}

/** The way back to the source leads out where the packet came in. `flags`: 1 any way will do, 2 also to the box itself. */
export function reversePath(p: Packet, flags: u32): u32 {
  const four = p.l3num == L3_IPV4;
  if (four && load<u8>(p.src) == 0 && (load<u32>(p.dst) == 0xffffffff || (load<u32>(p.dst) & 0xffffff) == 0xe0)) return YES;
  if (!four && (load<u64>(p.src) | load<u64>(p.src, 8)) == 0) return YES;
  if (!four && (load<u16>(p.src) & 0xc0ff) == 0x80fe) return YES; // every interface has its link-local network
  if (!placeKnown()) return UNKNOWN;
  const fixed = four ? fixedType(be32(p.src)) : 0;
  locate(PROGRAM, p, p.src, load<u32>(PROGRAM, PROGRAM_OUT * 4));
  if (fixed == ADDRESS_LOCAL || own) {
    if (!(flags & 2)) return NO;
    if (fixed) found = INTERFACE_NONE;
  } else if (fixed || (four && broadcastOn(p, p.src) != INTERFACE_NONE)) return NO;
  if (flags & 1) return YES;
  return inInterface == INTERFACE_UNKNOWN ? UNKNOWN : <u32>(found == inInterface);
}
