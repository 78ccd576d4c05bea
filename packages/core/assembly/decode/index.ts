// From a captured frame to a Packet: link → network → transport, every step bounds-checked, nothing of the table.
//
// Three lengths matter: what the IP header claims, what was on the wire, what the capture kept. Claimed > wire is
// corrupt (the IP layer drops it); wire > kept is cut by the snapshot length, and then we say so instead of guessing.
import {
  L3_IPV4, L3_IPV6, NOTE_CUT, REASON_CUT, REASON_FRAGMENT_ALONE, REASON_IP6_EXT, REASON_IP6_HOP_BY_HOP, REASON_IP_CHECKSUM, REASON_IP_HEADER_LENGTH, REASON_IP_SHORT,
  REASON_IP_TOTAL_LENGTH, REASON_IP_VERSION, REASON_LINK_SHORT, REASON_WRONG_ICMP,
} from "../abi";
import { be16, be32 } from "../bytes";
import { headerSumOk } from "../checksum";
import { KIND_FRAGMENT, KIND_INVALID, KIND_NONE, Packet } from "../packet";
import { offloaded } from "../settings";
import { hopByHopSound, ip6Protocol, ip6Transport, ip6Walk, IP6_BAD, IP6_CUT, IP6_FRAGMENT } from "./ip6";
import { findIp, ipFamily, ipOffset } from "./link";
import { decodeTransport } from "./transport";

export function fail(p: Packet, kind: u8, reason: u32): void {
  p.kind = kind;
  p.reason = <u8>reason;
}

/** Decodes a frame of `captured` bytes at `frame`, `length` on the wire. `p.time`, `p.zone` are the caller's. */
export function decode(p: Packet, link: u32, frame: usize, captured: u32, length: u32): void {
  p.notes = 0;
  p.reason = 0;
  p.l3num = 0;
  p.l4proto = 0;
  p.ipLength = 0;
  p.l4Length = 0;
  p.l4Captured = 0;
  p.ip = 0;
  p.src = 0;
  p.hash = 0;
  if (length < captured) length = captured;
  if (captured < length) p.notes = <u8>NOTE_CUT;
  const reason = findIp(link, frame, captured);
  if (reason) {
    fail(p, KIND_NONE, reason == REASON_LINK_SHORT && captured < length ? REASON_CUT : reason);
    return;
  }
  decodeIp(p, frame + ipOffset, captured - min(ipOffset, captured), length - ipOffset, ipFamily);
}

/** The same from the IP header on. `family` is 4, 6, or 0 when the version field decides. */
export function decodeIp(p: Packet, ip: usize, captured: u32, length: u32, family: u32): void {
  p.ip = <u32>ip;
  if (captured == 0) {
    fail(p, KIND_NONE, length ? REASON_CUT : REASON_IP_SHORT);
    return;
  }
  const version = <u32>load<u8>(ip) >> 4;
  if (family == 0 ? version != 4 && version != 6 : version != family) {
    fail(p, KIND_NONE, REASON_IP_VERSION);
    return;
  }
  if (version == 4) decodeIp4(p, ip, captured, length);
  else decodeIp6(p, ip, captured, length);
}

function decodeIp4(p: Packet, ip: usize, captured: u32, length: u32): void {
  p.l3num = <u8>L3_IPV4;
  if (captured < 20) {
    fail(p, KIND_NONE, length < 20 ? REASON_IP_SHORT : REASON_CUT);
    return;
  }
  p.src = <u32>ip + 12;
  p.dst = <u32>ip + 16;
  p.l4proto = load<u8>(ip, 9);
  const header = <u32>(load<u8>(ip) & 15) << 2;
  let total = be16(ip, 2);
  p.ipLength = total;
  if (header < 20 || header > length) {
    fail(p, KIND_NONE, REASON_IP_HEADER_LENGTH);
    return;
  }
  if (header > captured) {
    fail(p, KIND_NONE, REASON_CUT);
    return;
  }
  if (!offloaded && !headerSumOk(ip, header)) {
    fail(p, KIND_NONE, REASON_IP_CHECKSUM);
    return;
  }
  if (total == 0 && offloaded) {
    // a segment captured before the card cut it up: the length did not fit or was left to the card
    total = min<u32>(length, 0xffffffff);
    p.ipLength = total;
  }
  if (total < header || total > length) {
    fail(p, KIND_NONE, REASON_IP_TOTAL_LENGTH);
    return;
  }
  p.l4 = <u32>ip + header;
  p.l4Length = total - header;
  p.l4Captured = min(captured - header, p.l4Length);
  p.l4proto = load<u8>(ip, 9);
  if (load<u16>(ip, 6) & 0xff3f) {
    // more fragments, or an offset
    p.fragmentId = be16(ip, 4);
    const word = be16(ip, 6);
    p.fragmentOffset = ((word & 0x1fff) << 3) | (word >> 13 & 1); // bit 0: more to come
    p.kind = KIND_FRAGMENT;
    return;
  }
  if (p.l4proto == 58) {
    fail(p, KIND_INVALID, REASON_WRONG_ICMP);
    return;
  }
  decodeTransport(p);
}

function decodeIp6(p: Packet, ip: usize, captured: u32, length: u32): void {
  p.l3num = <u8>L3_IPV6;
  if (captured < 40) {
    fail(p, KIND_NONE, length < 40 ? REASON_IP_SHORT : REASON_CUT);
    return;
  }
  p.src = <u32>ip + 8;
  p.dst = <u32>ip + 24;
  p.l4proto = load<u8>(ip, 6);
  let payload = be16(ip, 4);
  if (payload == 0 && offloaded && p.l4proto == 6) payload = length - 40; // left to the card
  p.ipLength = payload + 40;
  if (payload + 40 > length) {
    fail(p, KIND_NONE, REASON_IP_TOTAL_LENGTH);
    return;
  }
  const available = min(captured - 40, payload);
  if (p.l4proto == 0 && !hopByHopSound(ip + 40, available, payload)) {
    fail(p, KIND_NONE, REASON_IP6_HOP_BY_HOP);
    return;
  }
  walked6(p, ip6Walk(p.l4proto, ip + 40, available, payload), available, payload);
}

// Where the chain of headers led; p.l4proto and p.l4 were those of the first one until now.
function walked6(p: Packet, end: u32, available: u32, payload: u32): void {
  p.l4proto = <u8>ip6Protocol;
  p.l4 = p.ip + 40 + ip6Transport;
  p.l4Length = payload - ip6Transport;
  p.l4Captured = available - min(ip6Transport, available);
  switch (end) {
    case IP6_CUT:
      fail(p, KIND_NONE, REASON_CUT);
      return;
    case IP6_BAD:
      p.l4Length = 0;
      p.l4Captured = 0;
      fail(p, KIND_INVALID, REASON_IP6_EXT);
      return;
    case IP6_FRAGMENT:
      if (p.l4Captured >= 8) {
        p.fragmentId = be32(p.l4, 4);
        p.fragmentOffset = be16(p.l4, 2) & 0xfff9;
      }
      p.kind = KIND_FRAGMENT;
      return;
    default:
      break;
  }
  if (p.l4proto == 1) fail(p, KIND_INVALID, REASON_WRONG_ICMP);
  else decodeTransport(p);
}

/**
 * An IPv6 packet that has been through defragmentation, with a payload of `length` - 40 bytes. Fragment headers that
 * are left in it do not matter, unless they say that it begins in the middle of a datagram. The version is not looked at.
 */
export function decodeDefragmented6(p: Packet, ip: usize, captured: u32, length: u32): void {
  p.ip = <u32>ip;
  p.src = <u32>ip + 8;
  p.dst = <u32>ip + 24;
  p.ipLength = length;
  const payload = length - 40;
  const available = min(captured - 40, payload);
  const end = ip6Walk(load<u8>(ip, 6), ip + 40, available, payload, true);
  if (end == IP6_FRAGMENT) fail(p, KIND_INVALID, REASON_FRAGMENT_ALONE);
  else walked6(p, end, available, payload);
}
