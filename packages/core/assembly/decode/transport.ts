// The transport header: the tuple and the checks a tracker makes of
// the header alone. What fails here is remembered in `reason`; the tracker decides when it counts, because the
// kernel allocates a new entry before it looks (spec, trap 14).
import {
  IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, L3_IPV4, NOTE_BAD_CHECKSUM,
  NOTE_CHECKSUM_SEEN, NOTE_TRANSPORT, REASON_CHECKSUM, REASON_CUT, REASON_GRE_PROTOCOL, REASON_SHORT, REASON_TCP_FLAGS, REASON_TCP_OFFSET,
  REASON_UDPLITE_COVERAGE, REASON_UDPLITE_NO_CHECKSUM, REASON_UDP_LENGTH,
} from "../abi";
import { be16, be32 } from "../bytes";
import { foldSum, pseudoSum, sctpChecksumOk, sumBytes } from "../checksum";
import { KIND_ACK, KIND_INVALID, KIND_NONE, KIND_TRACK, Packet, SELF } from "../packet";
import { isPlainAck } from "../proto/tcp-fast";
import { verifyChecksums } from "../settings";
import { decodeIcmp, decodeIcmpV6 } from "./icmp";
import { setKey } from "./key";

export function decodeTransport(p: Packet): void {
  p.kind = KIND_TRACK;
  const proto = <u32>p.l4proto;
  switch (proto) {
    case IPPROTO_TCP:
      if (has(p, 4)) tcp(p);
      return;
    case IPPROTO_UDP:
      if (has(p, 4)) udp(p);
      return;
    case IPPROTO_ICMP:
      decodeIcmp(p);
      return;
    case IPPROTO_ICMPV6:
      decodeIcmpV6(p);
      return;
    case IPPROTO_UDPLITE:
      if (has(p, 4)) udpLite(p);
      return;
    case IPPROTO_SCTP:
      if (has(p, 4)) sctp(p);
      return;
    case IPPROTO_GRE:
      gre(p);
      return;
    default:
      setKey(p, 0, 0, proto);
  }
}

/** True when `n` transport bytes can be read; otherwise says whether the packet or only the capture is too short. */
export function has(p: Packet, n: u32): bool {
  if (p.l4Captured >= n) return true;
  if (p.l4Length < n) {
    p.kind = KIND_INVALID;
    p.reason = <u8>REASON_SHORT;
    p.datum = p.l4Length;
  } else {
    p.kind = KIND_NONE;
    p.reason = <u8>REASON_CUT;
  }
  return false;
}

/** Records the first failed check of the transport header. */
// @ts-ignore: decorator
@inline
function bad(p: Packet, reason: u32, datum: u32): void {
  p.reason = <u8>reason;
  p.datum = datum;
}

// The sum over the transport bytes and the pseudo header, if all are there; counted so that offloading shows.
function sumFails(p: Packet, protocol: u32, covered: u32, length: u32 = p.l4Length): bool {
  if (!verifyChecksums || p.l4Captured < p.l4Length) return false;
  p.notes |= <u8>NOTE_CHECKSUM_SEEN;
  const sum = sumBytes(p.l4, covered) + pseudoSum(p.src, p.dst, p.l3num == L3_IPV4 ? 4 : 16, protocol, length);
  if (foldSum(sum) == 0xffff) return false;
  p.notes |= <u8>NOTE_BAD_CHECKSUM;
  return true;
}

/** The nine flag combinations TCP may have, PSH, ECE, CWR and reserved bits aside; index: FIN SYN RST – ACK URG. */
function flagsAllowed(flags: u32): bool {
  switch (flags & 0x37) {
    case 0x02: // SYN
    case 0x22: // SYN URG
    case 0x12: // SYN ACK
    case 0x04: // RST
    case 0x14: // RST ACK
    case 0x11: // FIN ACK
    case 0x31: // FIN ACK URG
    case 0x10: // ACK
    case 0x30: // ACK URG
      return true;
    default:
      return false;
  }
}

function tcp(p: Packet): void {
  const t = <usize>p.l4;
  setKey(p, load<u16>(t), load<u16>(t, 2), IPPROTO_TCP);
  completeTcp(p, false);
  if (p.kind == KIND_TRACK && p.reason == 0 && p.swapped != SELF && isPlainAck(t, p.l4Captured)) p.kind = KIND_ACK;
}

/** Reads the TCP header. `summed`: its checksum was found right already. */
export function completeTcp(p: Packet, summed: bool): void {
  const t = <usize>p.l4;
  p.kind = KIND_TRACK;
  if (p.l4Captured < 20) {
    if (p.l4Length < 20) bad(p, REASON_SHORT, p.l4Length);
    else {
      p.kind = KIND_NONE;
      p.reason = <u8>REASON_CUT;
    }
    return;
  }
  p.notes |= <u8>NOTE_TRANSPORT;
  p.seq = be32(t, 4);
  p.ack = be32(t, 8);
  p.window = <u16>be16(t, 14);
  const flags = <u32>load<u8>(t, 13);
  p.flags = <u8>flags;
  const doff = (<u32>load<u8>(t, 12) >> 4) << 2;
  p.doff = <u8>doff;
  if (doff < 20 || doff > p.l4Length) bad(p, REASON_TCP_OFFSET, doff);
  else if (!summed && sumFails(p, IPPROTO_TCP, p.l4Length)) bad(p, REASON_CHECKSUM, be16(t, 16));
  else if (!flagsAllowed(flags)) bad(p, REASON_TCP_FLAGS, flags);
}

// Like the kernel, the sum is taken over the whole IP payload, not over the UDP length (spec §2.5).
function udp(p: Packet): void {
  const t = <usize>p.l4;
  setKey(p, load<u16>(t), load<u16>(t, 2), IPPROTO_UDP);
  if (!hasHeader(p, 8)) return;
  p.notes |= <u8>NOTE_TRANSPORT;
  const length = be16(t, 4);
  if (length < 8 || length > p.l4Length) bad(p, REASON_UDP_LENGTH, length);
  else if (load<u16>(t, 6) != 0 && sumFails(p, IPPROTO_UDP, p.l4Length)) bad(p, REASON_CHECKSUM, be16(t, 6));
}

// The kernel verifies UDP-Lite with protocol 17 in the pseudo header, so packets built by RFC 3828 fail (spec §2.5). With
// IPv4 it also takes the length there modulo 256 (6.18 on x86-64, seen).
function udpLite(p: Packet): void {
  const t = <usize>p.l4;
  setKey(p, load<u16>(t), load<u16>(t, 2), IPPROTO_UDPLITE);
  if (!hasHeader(p, 8)) return;
  p.notes |= <u8>NOTE_TRANSPORT;
  let coverage = be16(t, 4);
  if (coverage == 0) coverage = p.l4Length;
  if (coverage < 8 || coverage > p.l4Length) bad(p, REASON_UDPLITE_COVERAGE, be16(t, 4));
  else if (load<u16>(t, 6) == 0) bad(p, REASON_UDPLITE_NO_CHECKSUM, 0);
  else if (sumFails(p, IPPROTO_UDP, coverage, p.l3num == L3_IPV4 ? p.l4Length & 0xff : p.l4Length)) bad(p, REASON_CHECKSUM, be16(t, 6));
}

function sctp(p: Packet): void {
  const t = <usize>p.l4;
  setKey(p, load<u16>(t), load<u16>(t, 2), IPPROTO_SCTP);
  if (!hasHeader(p, 12)) return;
  // what the first chunk is, and what its initiate tag would be
  if (!hasHeader(p, min<u32>(p.l4Length, 20))) return;
  p.notes |= <u8>NOTE_TRANSPORT;
  if (!verifyChecksums || p.l4Captured < p.l4Length) return;
  p.notes |= <u8>NOTE_CHECKSUM_SEEN;
  if (sctpChecksumOk(t, p.l4Length)) return;
  p.notes |= <u8>NOTE_BAD_CHECKSUM;
  bad(p, REASON_CHECKSUM, be32(t, 8));
}

// A header too short for the tracker: INVALID, but only once the entry was asked for. Cut by the capture: unknown.
function hasHeader(p: Packet, n: u32): bool {
  if (p.l4Captured >= n) return true;
  if (p.l4Length < n) bad(p, REASON_SHORT, p.l4Length);
  else {
    p.kind = KIND_NONE;
    p.reason = <u8>REASON_CUT;
  }
  return false;
}

// RFC 2784, RFC 2637: version 1 (PPTP) has the call id in the low half of its key. Its other half, the source part,
// is known only to the PPTP helper.
function gre(p: Packet): void {
  const t = <usize>p.l4;
  let call: u32 = 0;
  if (p.l4Captured < 4 && p.l4Captured < p.l4Length) {
    p.kind = KIND_NONE;
    p.reason = <u8>REASON_CUT;
    return;
  }
  if (p.l4Captured >= 4 && (load<u8>(t, 1) & 7) == 1 && p.l4Length >= 8) {
    if (p.l4Captured < 8) {
      p.kind = KIND_NONE;
      p.reason = <u8>REASON_CUT;
      return;
    }
    if (be16(t, 2) != 0x880b) {
      p.kind = KIND_INVALID;
      bad(p, REASON_GRE_PROTOCOL, be16(t, 2));
      return;
    }
    call = load<u16>(t, 6);
  }
  setKey(p, 0, call, IPPROTO_GRE);
  p.notes |= <u8>NOTE_TRANSPORT;
}
