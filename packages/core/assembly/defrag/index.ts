// Defragmentation, which the kernel does before connection tracking (spec §2.8, §2.9; nf_defrag_ipv4, nf_defrag_ipv6):
// fragments wait here, and the one that completes a datagram becomes that datagram.
//
// A packet's bytes are gone with the next call, so they are copied. Lengths are those of the headers; bytes the capture
// did not keep are zeros, and nothing behind the first gap is read or summed.
import {
  L3_IPV4, NOTE_CUT, REASON_FRAGMENT_DUPLICATE, REASON_FRAGMENT_ECN, REASON_FRAGMENT_HEADER, REASON_FRAGMENT_LENGTH,
  REASON_FRAGMENT_MEMORY, REASON_FRAGMENT_OVERLAP, REASON_FRAGMENT_TOO_LARGE, REASON_FRAGMENT_WAITING, SYSCTL_FRAG6_HIGH_THRESH,
  SYSCTL_IPFRAG_HIGH_THRESH,
} from "../abi";
import { foldSum, sumBytes } from "../checksum";
import { decodeDefragmented6, decodeIp } from "../decode/index";
import { ip6Protocol, ip6Transport, ip6Walk, IP6_FOUND } from "../decode/ip6";
import { Packet } from "../packet";
import { setting } from "../settings";
import { datagramBuffer, DATA_SIZE, freeBlocks } from "./blocks";
import {
  charge, close, copyHeader, expireQueues, familyOf, find, FIRST_IN, keepHeader, LAST_IN, open, Queue, queueAt, restart, setKey, tooFar,
} from "./queue";
import { DUPLICATE, OVERLAP, place, read } from "./runs";

const MAX_LENGTH: u32 = 65535;

let datagram: u32 = 0;
let datagramFrame: u32 = 0;

/** The packet that brought the first fragment of the datagram of packet `frame`; 0 when that is no fragment of one. */
export function datagramOf(frame: u32): u32 {
  return frame == datagramFrame ? datagram : 0;
}

/**
 * Takes a fragment. 0: `p` is now the datagram it completes, decoded (or the fragment itself, which IPv6 passes on
 * alone), and goes on to be tracked. Otherwise the reason why it goes no further.
 */
export function defragment(p: Packet, frame: u32): u32 {
  datagramFrame = frame;
  datagram = 0;
  expireQueues();
  p.datum = p.fragmentId;
  return p.l3num == L3_IPV4 ? defragment4(p, frame) : defragment6(p, frame);
}

function defragment4(p: Packet, frame: u32): u32 {
  const header = p.l4 - p.ip;
  const length = p.l4Length;
  const more = (p.fragmentOffset & 1) != 0;
  const offset = p.fragmentOffset & ~7;
  let end = offset + length;
  if (length > MAX_LENGTH) return REASON_FRAGMENT_TOO_LARGE; // no IP header says so: left to the card
  if (!hasRoom(p, setting(SYSCTL_IPFRAG_HIGH_THRESH), header, length)) return REASON_FRAGMENT_MEMORY;
  const n = getQueue(p, frame);
  const q = queueAt(n);
  if (tooFar(q)) {
    restart(n, frame);
    datagram = frame;
  }
  if (more) end &= ~7;
  if (!agreeOnEnd(q, end, more) || end == offset) return discard(n, REASON_FRAGMENT_LENGTH);
  return take(n, p, offset, end, p.l4, p.l4Captured, header);
}

function defragment6(p: Packet, frame: u32): u32 {
  if (lacksTransport(p)) return passAlone(p);
  if (p.l4Length < 8) return REASON_FRAGMENT_HEADER;
  const header = p.l4 - p.ip;
  const length = p.l4Length - 8;
  const more = (p.fragmentOffset & 1) != 0;
  const offset = p.fragmentOffset & ~7;
  const end = offset + length;
  if (length > MAX_LENGTH) return REASON_FRAGMENT_TOO_LARGE;
  if (!hasRoom(p, setting(SYSCTL_FRAG6_HIGH_THRESH), header, length)) return REASON_FRAGMENT_MEMORY;
  const n = getQueue(p, frame);
  const q = queueAt(n);
  if (end > MAX_LENGTH) return REASON_FRAGMENT_TOO_LARGE;
  if (more && end & 7) {
    close(n);
    datagram = 0;
    return passAlone(p);
  }
  // the queue stays, with an end this fragment may have told
  if (!agreeOnEnd(q, end, more) || end == offset) return REASON_FRAGMENT_LENGTH;
  return take(n, p, offset, end, p.l4 + 8, p.l4Captured - 8, header);
}

// ---- steps of both families

// The kernel takes no fragment, of an old datagram or a new one, while more is in use than the threshold; the low one has
// no effect any more. Blocks are counted for the worst case: queue, peers, table, a header of its own, pages at both ends.
function hasRoom(p: Packet, threshold: u64, header: u32, length: u32): bool {
  const blocks: u32 = header / DATA_SIZE + 1 + length / DATA_SIZE + 2 + 3;
  return threshold != 0 && <u64>familyOf(p.l3num).memory <= threshold && blocks <= freeBlocks;
}

function getQueue(p: Packet, frame: u32): u32 {
  setKey(p);
  const n = find();
  datagram = n ? queueAt(n).frame : frame;
  return n ? n : open(p, frame);
}

// Rule 1: a last fragment tells the length, and nothing may lie behind it. False when it contradicts what is known.
function agreeOnEnd(q: Queue, end: u32, more: bool): bool {
  if (!more) {
    if (end < q.length || (q.flags & LAST_IN && end != q.length)) return false;
    q.flags |= LAST_IN;
    q.length = end;
  } else if (end > q.length) {
    if (q.flags & LAST_IN) return false;
    q.length = end;
  }
  return true;
}

function discard(n: u32, reason: u32): u32 {
  close(n);
  return reason;
}

// Puts the bytes [offset, end) at `data` into the queue.
function take(n: u32, p: Packet, offset: u32, end: u32, data: usize, captured: u32, header: u32): u32 {
  const q = queueAt(n);
  const placed = place(q, offset, end, data, captured);
  if (placed == DUPLICATE) return REASON_FRAGMENT_DUPLICATE;
  if (placed == OVERLAP) return discard(n, REASON_FRAGMENT_OVERLAP);
  charge(q, truesize(p.ipLength));
  q.ecn |= 1 << ecnOf(p);
  if (captured < end - offset) q.intact = min(q.intact, offset + captured);
  if (offset == 0) {
    keepHeader(q, p.ip, header);
    if (p.l3num != L3_IPV4) q.nextHeader = load<u8>(data - 8);
    q.flags |= FIRST_IN;
  }
  if (q.flags != (FIRST_IN | LAST_IN) || q.filled != q.length) return REASON_FRAGMENT_WAITING;
  return complete(n, p);
}

/**
 * What the kernel accounts for a fragment depends on where it was received. This is what it is for one that comes from
 * a TAP device (Linux 6.18, x86-64, seen): sk_buff, data with some headroom in lines of 64, skb_shared_info; whole pages
 * when that does not fit into one.
 */
function truesize(length: u32): u32 {
  const data = length + 14 + 64;
  return data + 320 <= 4096 ? 256 + 320 + ((data + 63) & ~63) : 256 + ((data + 320 + 4095) & ~4095);
}

// ---- the datagram

function complete(n: u32, p: Packet): u32 {
  const q = queueAt(n);
  const v4 = p.l3num == L3_IPV4;
  const header = q.header;
  const length = q.length;
  if (ecnMixed(q.ecn)) return discard(n, REASON_FRAGMENT_ECN);
  if (header + length > (v4 ? MAX_LENGTH : MAX_LENGTH + 40)) return discard(n, REASON_FRAGMENT_TOO_LARGE);
  const ip = datagramBuffer();
  copyHeader(q, ip);
  read(q, length, ip + header);
  if (v4) fixHeader4(ip, header, header + length, q.ecn);
  else fixHeader6(ip, header, header + length - 40, q.nextHeader, q.ecn);
  const captured = header + min(q.intact, length);
  close(n);
  p.reason = 0;
  p.hash = 0;
  p.notes &= <u8>NOTE_CUT;
  if (captured < header + length) p.notes |= <u8>NOTE_CUT;
  if (v4) decodeIp(p, ip, captured, header + length, 4);
  else decodeDefragmented6(p, ip, captured, header + length);
  return 0;
}

function fixHeader4(ip: usize, header: u32, length: u32, ecn: u32): void {
  store<u16>(ip, bswap<u16>(<u16>length), 2);
  store<u16>(ip, 0, 6);
  if (ecn & ECN_CE) store<u8>(ip, load<u8>(ip, 1) | 3, 1);
  store<u16>(ip, 0, 10);
  store<u16>(ip, <u16>~foldSum(sumBytes(ip, header)), 10);
}

function fixHeader6(ip: usize, header: u32, payload: u32, next: u32, ecn: u32): void {
  // the kernel keeps the place of this field in 8 bits: behind 256 bytes of headers it spoils another one (6.18, seen)
  store<u8>(ip + (nextHeaderField(ip, header) & 0xff), <u8>next);
  store<u16>(ip, bswap<u16>(<u16>payload), 4);
  if (ecn & ECN_CE) store<u8>(ip, load<u8>(ip, 1) | 0x30, 1);
}

// Offset of the field that announces the fragment header, which would follow `header` bytes.
function nextHeaderField(ip: usize, header: u32): u32 {
  let field: u32 = 6;
  let at: u32 = 40;
  while (at < header) {
    const units = <u32>load<u8>(ip + at, 1);
    const size: u32 = load<u8>(ip + field) == 51 ? (units + 2) << 2 : (units + 1) << 3;
    field = at;
    at += size;
  }
  return field;
}

// ---- ECN (RFC 3168 §5.3): one that does not know it cannot be among others

const ECN_NONE: u32 = 1 << 0;
const ECN_CE: u32 = 1 << 3;

function ecnOf(p: Packet): u8 {
  const second = load<u8>(p.ip, 1);
  return p.l3num == L3_IPV4 ? second & 3 : (second >> 4) & 3;
}

function ecnMixed(seen: u32): bool {
  return (seen & ECN_NONE) != 0 && seen != ECN_NONE;
}

// ---- IPv6 fragments that are not reassembled

// True for a first fragment that ends within its headers (RFC 8200 §4.5). One whose chain of headers is broken, or not
// all captured, counts as complete.
function lacksTransport(p: Packet): bool {
  if (ip6Walk(44, p.l4, p.l4Captured, p.l4Length, true) != IP6_FOUND) return false;
  const least: u32 = ip6Protocol == 6 ? 20 : ip6Protocol == 17 || ip6Protocol == 58 ? 8 : 1;
  return ip6Transport + least > p.l4Length;
}

function passAlone(p: Packet): u32 {
  const header = p.l4 - p.ip;
  decodeDefragmented6(p, p.ip, header + p.l4Captured, header + p.l4Length);
  return 0;
}
