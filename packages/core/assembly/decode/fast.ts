// The common frame at full speed: Ethernet II, IPv4 without options and not a fragment, or IPv6 without extension
// headers; TCP or UDP; everything in place.
//
// Two wide loads recognise it (docs/decisions/0003-batches.md has what that is worth). Of TCP only the tuple is taken; its
// header is read by proto/tcp-fast.ts, or by completeTcp() when the packet turns out not to be common after all. Of UDP
// nothing is left to be read.
import { IPPROTO_TCP, IPPROTO_UDP, L3_IPV4, L3_IPV6, NOTE_CHECKSUM_SEEN, NOTE_CUT, NOTE_TRANSPORT } from "../abi";
import { foldSum, pseudoSum, shortHeaderSumOk, sumBytes } from "../checksum";
import { KIND_TCP, KIND_TRACK, Packet, SELF } from "../packet";
import { foldAddresses, hashKey } from "../hash";
import { offloaded, verifyChecksums } from "../settings";
import { compare6 } from "./key";

/** As it lies in Packet.link. */
const LINK_ETHERNET: u64 = 1 << 48;

/** True when the frame was one of these; p.time, p.frame and what comes with the record are the caller's. */
// @ts-ignore: decorator
@inline
export function decodeFast(p: Packet, frame: usize, captured: u32, length: u32, zone: u32): bool {
  if (captured < 42) return false;
  const head = load<u64>(frame, 12); // ethertype, version and header length, TOS, total length, id
  const next = load<u32>(frame, 20); // fragment word, TTL, protocol
  if ((<u32>head & 0xf0ffff) == 0x60dd86) return decodeFast6(p, frame, captured, length);
  if ((<u32>head & 0xffffff) != 0x450008 || next & 0xff3f) return false;
  const total = <u32>bswap<u16>(<u16>(head >> 32));
  const proto = next >> 24;
  if (proto == IPPROTO_TCP) return decode4(p, frame, captured, length, total, zone, IPPROTO_TCP, 40);
  return proto == IPPROTO_UDP && decodeUdp4(p, frame, captured, length, total);
}

function decodeUdp4(p: Packet, frame: usize, captured: u32, length: u32, total: u32): bool {
  return decode4(p, frame, captured, length, total, <u32>p.zone, IPPROTO_UDP, 28);
}

// `proto` and `least` (bytes of the headers) are constants where it is called.
// @ts-ignore: decorator
@inline
function decode4(p: Packet, frame: usize, captured: u32, length: u32, total: u32, zone: u32, proto: u32, least: u32): bool {
  if (total < least || total + 14 > length || captured < least + 14) return false;
  const ip = <u32>frame + 14;
  const l4Length = total - 20;
  const l4Captured = min<u32>(captured - 34, l4Length);
  if (proto == IPPROTO_UDP && !udpLengthHolds(ip + 20, l4Length)) return false;
  let notes: u32 = captured < length ? NOTE_CUT : 0;
  if (!offloaded && !shortHeaderSumOk(ip)) return false;
  if (verifyChecksums && l4Captured == l4Length && (proto == IPPROTO_TCP || load<u16>(frame, 40) != 0)) {
    if (foldSum(sumBytes(ip + 20, l4Length) + pseudoSum(ip + 12, ip + 16, 4, proto, l4Length)) != 0xffff) return false;
    notes |= NOTE_CHECKSUM_SEEN;
  }
  const addresses = load<u64>(frame, 26);
  const ports = load<u32>(frame, 34);
  const s = (<u64><u32>addresses << 16) | <u64>(ports & 0xffff);
  const d = ((addresses >> 32) << 16) | <u64>(ports >> 16);
  const swapped = <u32>(s > d);
  const k0 = rotl<u64>(addresses, swapped << 5);
  const k1 = <u64>rotl<u32>(ports, swapped << 4) | (<u64>(proto | (L3_IPV4 << 8)) << 32) | (<u64>zone << 48);
  p.key0 = k0;
  p.key1 = k1;
  p.hash = hashKey(k0, k1);
  store<u64>(changetype<usize>(p), <u64>ip | (<u64>(ip + 20) << 32), offsetof<Packet>("ip")); // and l4
  store<u64>(changetype<usize>(p), <u64>l4Length | (<u64>l4Captured << 32), offsetof<Packet>("l4Length")); // and l4Captured
  p.ipLength = total;
  storeKind(p, s == d ? SELF : swapped, L3_IPV4, proto, notes);
  store<u64>(changetype<usize>(p), <u64>(ip + 12) | (<u64>(ip + 16) << 32), offsetof<Packet>("src"));
  return true;
}

// kind, swapped, l3num, l4proto, reason, notes, link in one store
// @ts-ignore: decorator
@inline
function storeKind(p: Packet, swapped: u32, l3num: u32, proto: u32, notes: u32): void {
  const isUdp = <u32>(proto == IPPROTO_UDP);
  const kind: u32 = isUdp ? KIND_TRACK : KIND_TCP;
  const all = notes | (isUdp ? NOTE_TRANSPORT : 0);
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
  const least: u32 = proto == IPPROTO_TCP ? 20 : 8;
  const l4Length = <u32>bswap<u16>(load<u16>(frame, 18));
  if (captured < 54 + least || l4Length < least || l4Length + 54 > length) return false;
  const ip = frame + 14;
  const src = ip + 8;
  const dst = ip + 24;
  const l4Captured = min<u32>(captured - 54, l4Length);
  if (proto == IPPROTO_UDP && !udpLengthHolds(ip + 40, l4Length)) return false;
  let notes: u32 = captured < length ? NOTE_CUT : 0;
  if (verifyChecksums && l4Captured == l4Length && (proto == IPPROTO_TCP || load<u16>(frame, 60) != 0)) {
    if (foldSum(sumBytes(ip + 40, l4Length) + pseudoSum(src, dst, 16, proto, l4Length)) != 0xffff) return false;
    notes |= NOTE_CHECKSUM_SEEN;
  }
  const ports = load<u32>(frame, 54);
  const order = compare6(src, dst);
  const sport = ports & 0xffff;
  const dport = ports >> 16;
  const swapped = <u32>(order != 0 ? order > 0 : sport > dport);
  const a6 = swapped ? dst : src;
  const b6 = swapped ? src : dst;
  const k0 = foldAddresses(a6, b6);
  const k1 = <u64>rotl<u32>(ports, swapped << 4) | (<u64>(proto | (L3_IPV6 << 8)) << 32) | (<u64>p.zone << 48);
  p.key0 = k0;
  p.key1 = k1;
  p.hash = hashKey(k0, k1);
  p.ip = <u32>ip;
  p.l4 = <u32>ip + 40;
  p.l4Length = l4Length;
  p.l4Captured = l4Captured;
  p.ipLength = l4Length + 40;
  p.a6 = <u32>a6;
  p.b6 = <u32>b6;
  storeKind(p, order == 0 && sport == dport ? SELF : swapped, L3_IPV6, proto, notes);
  store<u64>(changetype<usize>(p), <u64>src | (<u64>dst << 32), offsetof<Packet>("src"));
  return true;
}
