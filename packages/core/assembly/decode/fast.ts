// The common frame at full speed: Ethernet II, IPv4 without options and not a fragment, or IPv6 without extension
// headers; TCP or UDP; everything in place.
//
// Two wide loads recognise it (docs/decisions/0003-batches.md has what that is worth). Of TCP only the tuple is taken; its
// header is read by proto/tcp-fast.ts, or by completeTcp() when the packet turns out not to be common after all. Of UDP
// nothing is left to be read.
import { IPPROTO_TCP, IPPROTO_UDP, L3_IPV4, L3_IPV6, NOTE_CUT, NOTE_TRANSPORT } from "../abi";
import { shortHeaderSumOk } from "../checksum";
import { KIND_ACK, KIND_TCP, KIND_TRACK, Packet, SELF } from "../packet";
import { GATHERED_SIZE } from "../gather";
import { foldPair, hashKey } from "../hash";
import { offloaded } from "../settings";
import { isPlainAck } from "../proto/tcp-fast";
import { compare6 } from "./key";

/** As it lies in Packet.link. */
const LINK_ETHERNET: u64 = 1 << 48;

/** True when the frame was one of these; p.time, p.frame and what comes with the record are the caller's. */
export function decodeFast(p: Packet, frame: usize, captured: u32, length: u32, zone: u32): bool {
  if (captured < 42) return false;
  const head = load<u64>(frame, 12); // ethertype, version and header length, TOS, total length, id
  const next = load<u32>(frame, 20); // fragment word, TTL, protocol
  if ((<u32>head & 0xf0ffff) == 0x60dd86) return decodeFast6(p, frame, captured, length);
  if ((<u32>head & 0xffffff) != 0x450008 || next & 0xff3f) return false;
  const total = <u32>bswap<u16>(<u16>(head >> 32));
  const proto = next >> 24;
  if (proto == IPPROTO_TCP) return decode4(p, frame, captured, length, total, zone, IPPROTO_TCP, 40, offloaded);
  return proto == IPPROTO_UDP && decodeUdp4(p, frame, captured, length, total);
}

function decodeUdp4(p: Packet, frame: usize, captured: u32, length: u32, total: u32): bool {
  return decode4(p, frame, captured, length, total, <u32>p.zone, IPPROTO_UDP, 28, offloaded);
}

/** Where decodeRun() stopped. */
export let runEnd: usize = 0;

/**
 * Decodes pcap records with TCP over IPv4 in a row, from `at` on, into the packets from `first` to `last`. Returns their number.
 * There are no calls in here, so that what is at hand stays in registers (docs/decisions/0010-hot-path.md).
 */
export function decodeRun(first: usize, last: usize, at: usize, end: usize): u32 {
  const sound = offloaded;
  let to = first;
  for (; to < last && at + 70 <= end; to += 128) {
    const p = changetype<Packet>(to);
    const captured = load<u32>(at, 8);
    if (captured > <u32>(end - at) - 16) break;
    const head = load<u64>(at, 28);
    if ((<u32>head & 0xffffff) != 0x450008 || (load<u32>(at, 36) & 0xff00ff3f) != 0x6000000) break;
    const frame = at + 16;
    p.time = <u64>load<u32>(at) * 1_000_000_000 + <u64>load<u32>(at, 4) * 1000;
    p.frame = <u32>frame;
    store<u64>(changetype<usize>(p), 0, offsetof<Packet>("zone")); // and interface, record, policy
    const total = <u32>bswap<u16>(<u16>(head >> 32));
    if (!decode4(p, frame, captured, load<u32>(at, 12), total, 0, IPPROTO_TCP, 40, sound)) break;
    at = frame + captured;
  }
  runEnd = at;
  return <u32>(to - first) >> 7;
}

/**
 * As decodeRun(), of the records gathered from `list` to `end` (gather.ts). Their places go to `places`. Returns the number, up to the
 * first that is no TCP over IPv4.
 */
export function decodeGathered(first: usize, list: usize, end: usize, places: usize): u32 {
  const sound = offloaded;
  let to = first;
  for (; list < end; list += GATHERED_SIZE) {
    const p = changetype<Packet>(to);
    const at = <usize>load<u32>(list);
    const head = load<u64>(at, 28);
    if ((<u32>head & 0xffffff) != 0x450008 || (load<u32>(at, 36) & 0xff00ff3f) != 0x6000000) break;
    const frame = at + 16;
    p.time = load<u64>(list, 8);
    p.frame = <u32>frame;
    p.foreign = 0;
    store<u64>(changetype<usize>(p), 0, offsetof<Packet>("zone")); // and interface, record, policy
    const total = <u32>bswap<u16>(<u16>(head >> 32));
    if (!decode4(p, frame, load<u32>(at, 8), load<u32>(at, 12), total, 0, IPPROTO_TCP, 40, sound)) break;
    store<u32>(places, load<u32>(list, 4));
    places += 4;
    to += 128;
  }
  return <u32>(to - first) >> 7;
}

// `proto` and `least` (bytes of the headers) are constants where it is called. Lengths are held against each other by the
// sign of their differences; what is 2^31 or more fails.
// @ts-ignore: decorator
@inline
function decode4(p: Packet, frame: usize, captured: u32, length: u32, total: u32, zone: u32, proto: u32, least: u32, sound: bool): bool {
  if (<i32>((total - least) | (length - 14 - total) | (captured - 14 - least)) < 0) return false;
  const ip = <u32>frame + 14;
  if (!sound) {
    if (!shortHeaderSumOk(ip)) return false;
  }
  const l4Length = total - 20;
  if (proto == IPPROTO_UDP && !udpLengthHolds(ip + 20, l4Length)) return false;
  p.ip = ip;
  p.l4 = ip + 20;
  p.src = ip + 12;
  p.dst = ip + 16;
  p.ipLength = total;
  p.l4Length = l4Length;
  const l4Captured = min<u32>(captured - 34, l4Length);
  p.l4Captured = l4Captured;
  const notes: u32 = (captured - length) >> 31; // NOTE_CUT
  const addresses = load<u64>(frame, 26);
  const ports = load<u32>(frame, 34);
  const other = rotl<u64>(addresses, 32);
  let swapped = <u32>(<u32>addresses > <u32>other);
  let kind: u32 = proto == IPPROTO_UDP ? KIND_TRACK : isPlainAck(ip + 20, l4Captured) ? KIND_ACK : KIND_TCP;
  if (addresses == other) {
    swapped = <u32>((ports & 0xffff) > ports >> 16);
    if (ports == rotl<u32>(ports, 16)) {
      swapped = SELF;
      if (proto == IPPROTO_TCP) kind = KIND_TCP;
    }
  }
  storeKind(p, kind, swapped, L3_IPV4, proto, notes);
  const k0 = select(other, addresses, swapped);
  const k1 = <u64>select(rotl<u32>(ports, 16), ports, swapped) | (<u64>(proto | (L3_IPV4 << 8)) << 32) | (<u64>zone << 48);
  p.key0 = k0;
  p.key1 = k1;
  p.hash = hashKey(k0, k1);
  return true;
}

// kind, swapped, l3num, l4proto, reason, notes, link in one store
// @ts-ignore: decorator
@inline
function storeKind(p: Packet, kind: u32, swapped: u32, l3num: u32, proto: u32, notes: u32): void {
  const all = notes | (proto == IPPROTO_UDP ? NOTE_TRANSPORT : 0);
  const bytes = <u64>(kind | (swapped << 8) | (l3num << 16) | (proto << 24)) | (<u64>all << 40) | LINK_ETHERNET;
  store<u64>(changetype<usize>(p), bytes, offsetof<Packet>("kind"));
}

// @ts-ignore: decorator
@inline
function udpLengthHolds(l4: usize, l4Length: u32): bool {
  const length = <u32>bswap<u16>(load<u16>(l4, 4));
  return length >= 8 && length <= l4Length;
}

function decodeFast6(p: Packet, frame: usize, captured: u32, length: u32): bool {
  const proto = <u32>load<u8>(frame, 20);
  if (proto != IPPROTO_TCP && proto != IPPROTO_UDP) return false;
  return decode6(p, frame, captured, length, <u32>p.zone, proto, proto == IPPROTO_TCP ? 20 : 8);
}

/** As decodeRun(), with TCP over IPv6. */
export function decodeRun6(first: usize, last: usize, at: usize, end: usize): u32 {
  let to = first;
  for (; to < last && at + 90 <= end; to += 128) {
    const p = changetype<Packet>(to);
    const captured = load<u32>(at, 8);
    if (captured > <u32>(end - at) - 16) break;
    if ((load<u32>(at, 28) & 0xf0ffff) != 0x60dd86 || load<u8>(at, 36) != <u8>IPPROTO_TCP) break;
    const frame = at + 16;
    p.time = <u64>load<u32>(at) * 1_000_000_000 + <u64>load<u32>(at, 4) * 1000;
    p.frame = <u32>frame;
    store<u64>(changetype<usize>(p), 0, offsetof<Packet>("zone")); // and interface, record, policy
    if (!decode6(p, frame, captured, load<u32>(at, 12), 0, IPPROTO_TCP, 20)) break;
    at = frame + captured;
  }
  runEnd = at;
  return <u32>(to - first) >> 7;
}

// As decode4().
// @ts-ignore: decorator
@inline
function decode6(p: Packet, frame: usize, captured: u32, length: u32, zone: u32, proto: u32, least: u32): bool {
  const l4Length = <u32>bswap<u16>(load<u16>(frame, 18));
  if (<i32>((captured - 54 - least) | (l4Length - least) | (length - 54 - l4Length)) < 0) return false;
  const ip = <u32>frame + 14;
  const l4 = ip + 40;
  if (proto == IPPROTO_UDP && !udpLengthHolds(l4, l4Length)) return false;
  p.ip = ip;
  p.l4 = l4;
  p.ipLength = l4Length + 40;
  p.l4Length = l4Length;
  const l4Captured = min<u32>(captured - 54, l4Length);
  p.l4Captured = l4Captured;
  const src = ip + 8;
  const dst = ip + 24;
  p.src = src;
  p.dst = dst;
  const notes: u32 = (captured - length) >> 31; // NOTE_CUT
  const ports = load<u32>(frame, 54);
  const order = compare6(src, dst);
  const sport = ports & 0xffff;
  const dport = ports >> 16;
  const swapped = <u32>(order != 0 ? order > 0 : sport > dport);
  const self = order == 0 && sport == dport;
  const kind: u32 = proto == IPPROTO_UDP ? KIND_TRACK : !self && isPlainAck(l4, l4Captured) ? KIND_ACK : KIND_TCP;
  storeKind(p, kind, self ? SELF : swapped, L3_IPV6, proto, notes);
  const a6 = select(dst, src, swapped);
  const b6 = select(src, dst, swapped);
  p.a6 = a6;
  p.b6 = b6;
  const k0 = foldPair(a6, b6);
  const k1 = <u64>select(rotl<u32>(ports, 16), ports, swapped) | (<u64>(proto | (L3_IPV6 << 8)) << 32) | (<u64>zone << 48);
  p.key0 = k0;
  p.key1 = k1;
  p.hash = hashKey(k0, k1);
  return true;
}
