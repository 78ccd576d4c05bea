// ICMP and ICMPv6: the checks made before any lookup, queries with their tuple, and errors with the tuple of the
// packet they quote (spec §2.6, §5).
import {
  IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, L3_IPV4, NOTE_BAD_CHECKSUM, NOTE_CHECKSUM_SEEN,
  NOTE_TRANSPORT, REASON_CHECKSUM, REASON_CUT, REASON_ICMPV6_ND, REASON_ICMP_NOT_QUERY,
  REASON_ICMP_QUOTE_FRAGMENT, REASON_ICMP_QUOTE_NO_TUPLE, REASON_ICMP_QUOTE_SHORT, REASON_ICMP_REDIRECT, REASON_ICMP_TYPE,
  REASON_SHORT,
} from "../abi";
import { be16 } from "../bytes";
import { foldSum, pseudoSum, sumBytes } from "../checksum";
import { KIND_ERROR, KIND_ICMP_INVALID, KIND_INVALID, KIND_NONE, KIND_UNTRACKED, Packet, SELF } from "../packet";
import { verifyChecksums } from "../settings";
import { ip6Protocol, ip6Transport, ip6Walk, IP6_BAD, IP6_CUT, IP6_FRAGMENT } from "./ip6";
import { setKey, setQueryKey } from "./key";

function invalid(p: Packet, reason: u32, datum: u32 = 0): void {
  p.kind = KIND_ICMP_INVALID;
  p.reason = <u8>reason;
  p.datum = datum;
}

function cut(p: Packet): void {
  p.kind = KIND_NONE;
  p.reason = <u8>REASON_CUT;
}

function headerThere(p: Packet): bool {
  if (p.l4Captured >= 8) {
    p.notes |= <u8>NOTE_TRANSPORT;
    return true;
  }
  if (p.l4Length < 8) invalid(p, REASON_SHORT, p.l4Length);
  else cut(p);
  return false;
}

function sumFails(p: Packet, pseudo: u64): bool {
  if (!verifyChecksums || p.l4Captured < p.l4Length) return false;
  p.notes |= <u8>NOTE_CHECKSUM_SEEN;
  // nothing but zeros sums to 0: the kernel adds the header of IPv4 (nf_ip_checksum), whose sum is 0xffff, and takes it
  const sum = foldSum(sumBytes(p.l4, p.l4Length) + pseudo);
  if (sum == 0xffff || sum == 0) return false;
  p.notes |= <u8>NOTE_BAD_CHECKSUM;
  invalid(p, REASON_CHECKSUM, be16(p.l4, 2));
  return true;
}

/** The request type of a query, its own type if it is one, or 0xff. Echo, timestamp, information, address mask. */
function request4(type: u32): u32 {
  switch (type) {
    case 0:
    case 8:
      return 8;
    case 13:
    case 14:
      return 13;
    case 15:
    case 16:
      return 15;
    case 17:
    case 18:
      return 17;
    default:
      return 0xff;
  }
}

/** The same for ICMPv6: echo, node information. */
function request6(type: u32): u32 {
  switch (type) {
    case 128:
    case 129:
      return 128;
    case 139:
    case 140:
      return 139;
    default:
      return 0xff;
  }
}

export function decodeIcmp(p: Packet): void {
  if (!headerThere(p) || sumFails(p, 0)) return;
  const type = <u32>load<u8>(p.l4);
  if (type > 18) invalid(p, REASON_ICMP_TYPE, type);
  else if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12) quoted(p, p.l4 + 8, p.l4Length - 8, p.l4Captured - 8);
  else query(p, request4(type), type, IPPROTO_ICMP);
}

export function decodeIcmpV6(p: Packet): void {
  if (!headerThere(p) || sumFails(p, pseudoSum(p.src, p.dst, 16, IPPROTO_ICMPV6, p.l4Length))) return;
  const type = <u32>load<u8>(p.l4);
  if ((type >= 130 && type <= 136) || type == 143 || type == 151 || type == 152) {
    // multicast listener and neighbour discovery take no part in connections
    p.kind = KIND_UNTRACKED;
    p.reason = <u8>REASON_ICMPV6_ND;
    p.datum = type;
  } else if (type == 137) redirect6(p);
  else if (type < 128) quoted(p, p.l4 + 8, p.l4Length - 8, p.l4Captured - 8);
  else query(p, request6(type), type, IPPROTO_ICMPV6);
}

function query(p: Packet, request: u32, type: u32, l4proto: u32): void {
  if (request == 0xff) {
    p.kind = KIND_INVALID;
    p.reason = <u8>REASON_ICMP_NOT_QUERY;
    p.datum = type;
    return;
  }
  const code = <u32>load<u8>(p.l4, 1);
  setQueryKey(p, load<u16>(p.l4, 4), request | (code << 8), type != request, l4proto);
}

// RFC 4861 §8.1, in the kernel's order: 40 bytes, code 0 (others are no errors), hop limit 255, link-local source;
// behind the 40 bytes the first option must be the redirected header.
function redirect6(p: Packet): void {
  if (p.l4Captured < 40) {
    if (p.l4Length < 40) invalid(p, REASON_ICMP_REDIRECT);
    else cut(p);
    return;
  }
  if (load<u8>(p.l4, 1) != 0) {
    query(p, 0xff, 137, IPPROTO_ICMPV6);
    return;
  }
  const source = be16(p.src);
  if (load<u8>(p.ip, 7) != 255 || (source & 0xffc0) != 0xfe80) {
    invalid(p, REASON_ICMP_REDIRECT);
    return;
  }
  if (p.l4Captured < 48) {
    if (p.l4Length < 48) invalid(p, REASON_ICMP_REDIRECT);
    else cut(p);
    return;
  }
  if (load<u8>(p.l4, 40) != 4 || load<u8>(p.l4, 41) == 0) {
    invalid(p, REASON_ICMP_REDIRECT);
    return;
  }
  quoted(p, p.l4 + 48, p.l4Length - 48, p.l4Captured - 48);
}

// The packet an error quotes: its tuple becomes the key. `swapped` is that of the inverted tuple, the one looked up.
function quoted(p: Packet, at: u32, length: u32, captured: u32): void {
  let l4: u32;
  let l4proto: u32;
  if (p.l3num == L3_IPV4) {
    if (captured < 20) return short(p, length, 20);
    if (load<u16>(at, 6) & 0xff1f) return invalid(p, REASON_ICMP_QUOTE_FRAGMENT);
    l4 = (<u32>load<u8>(at) & 15) << 2;
    l4proto = load<u8>(at, 9);
    if (l4 > length) return invalid(p, REASON_ICMP_QUOTE_SHORT, length);
    if (l4proto == IPPROTO_ICMPV6) return invalid(p, REASON_ICMP_QUOTE_NO_TUPLE, l4proto);
  } else {
    if (captured < 40) return short(p, length, 40);
    const end = ip6Walk(load<u8>(at, 6), at + 40, captured - 40, length - 40, true);
    if (end == IP6_CUT) return cut(p);
    if (end == IP6_BAD) return invalid(p, REASON_ICMP_QUOTE_SHORT, length);
    if (end == IP6_FRAGMENT) return invalid(p, REASON_ICMP_QUOTE_FRAGMENT);
    l4 = 40 + ip6Transport;
    l4proto = ip6Protocol;
    if (l4proto == IPPROTO_ICMP) return invalid(p, REASON_ICMP_QUOTE_NO_TUPLE, l4proto);
  }
  quotedTuple(p, at, l4, l4proto, length, captured);
}

function short(p: Packet, length: u32, needed: u32): void {
  if (length < needed) invalid(p, REASON_ICMP_QUOTE_SHORT, length);
  else cut(p);
}

function quotedTuple(p: Packet, at: u32, l4: u32, l4proto: u32, length: u32, captured: u32): void {
  const outerDst = p.dst;
  const outerSrc = p.src;
  const v4 = p.l3num == L3_IPV4;
  p.src = at + (v4 ? 12 : 8);
  p.dst = at + (v4 ? 16 : 24);
  const t = at + l4;
  const needed: u32 = neededBytes(l4proto);
  if (captured < l4 + needed) {
    restore(p, outerSrc, outerDst);
    return short(p, length, l4 + needed);
  }
  if (l4proto == IPPROTO_ICMP || l4proto == IPPROTO_ICMPV6) {
    const type = <u32>load<u8>(t);
    const request = l4proto == IPPROTO_ICMP ? request4(type) : request6(type);
    if (request == 0xff) {
      restore(p, outerSrc, outerDst);
      return invalid(p, REASON_ICMP_QUOTE_NO_TUPLE, type);
    }
    setQueryKey(p, load<u16>(t, 4), request | (<u32>load<u8>(t, 1) << 8), type != request, l4proto);
  } else if (l4proto == IPPROTO_GRE) {
    let call: u32 = 0;
    if (captured >= l4 + 8 && (load<u8>(t, 1) & 7) == 1) {
      if (be16(t, 2) != 0x880b) {
        restore(p, outerSrc, outerDst);
        return invalid(p, REASON_ICMP_QUOTE_NO_TUPLE, be16(t, 2));
      }
      call = load<u16>(t, 6);
    }
    setKey(p, 0, call, l4proto);
  } else if (needed == 4) setKey(p, load<u16>(t), load<u16>(t, 2), l4proto);
  else setKey(p, 0, 0, l4proto);
  if (p.swapped != SELF) p.swapped ^= 1;
  // the error must be addressed to the host that sent the quoted packet; decided after the lookup
  const wanted = p.src;
  restore(p, outerSrc, outerDst);
  p.kind = KIND_ERROR;
  p.datum = wanted;
}

function restore(p: Packet, src: u32, dst: u32): void {
  p.src = src;
  p.dst = dst;
}

function neededBytes(l4proto: u32): u32 {
  switch (l4proto) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_SCTP:
      return 4;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return 8;
    default:
      return 0;
  }
}

/** True when an error's outer destination is the source of the packet it quotes. */
export function addressedToSender(p: Packet): bool {
  const wanted = <usize>p.datum;
  const outer = <usize>p.dst;
  if (p.l3num == L3_IPV4) return load<u32>(wanted) == load<u32>(outer);
  return load<u64>(wanted) == load<u64>(outer) && load<u64>(wanted, 8) == load<u64>(outer, 8);
}
