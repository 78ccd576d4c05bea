// The common TCP packet on the common connection: an ACK, with or without data, in window, on a connection that is
// ESTABLISHED and ASSURED. One mask test decides; the update is the one of tcp-window.ts without its branches. What
// does not fit goes the exact way, which is also the reference (core/test/fast-path.test.ts).
import {
  L3_IPV6, NOTE_CHECKSUM_SEEN, STATE_ESTABLISHED, STAT_CHECKSUM_SEEN, STATUS_ACCT, STATUS_ASSURED, STATUS_EVENTS_PENDING, STATUS_FIXED_TIMEOUT, STATUS_HELPED,
  STATUS_POLICY, STATUS_SEEN_REPLY, SYSCTL_TCP_MAX_RETRANS, TCP_ESTABLISHED, TIMEOUT_TCP, TIMEOUT_TCP_MAX_RETRANS, TIMEOUT_TCP_UNACKNOWLEDGED,
} from "../abi";
import { addr6Of, addToCounters, Conn, scaleOf } from "../conn";
import { frame, setFrame } from "../frame";
import { KIND_ACK, Packet } from "../packet";
import { setting, timeoutOf } from "../settings";
import { addTo } from "../stats";
import { sameAddresses } from "../table";
import { isEarlier, nextDue, now, setNow } from "../timer";
import { TCP_ACK } from "./tcp-table";
import { SIDE_DATA_UNACKNOWLEDGED, SIDE_MAXACK_SET } from "./tcp-window";

let usual: u64 = 0;
let retransmitting: u64 = 0;
let unacknowledged: u64 = 0;
let maxRetrans: u32 = 0;

/** Takes the settings over; once per block. False when the timeouts are not in their usual order, on which the
 * short selection below relies, or 0. */
export function prepareTcpFast(): bool {
  usual = timeoutOf(TIMEOUT_TCP + TCP_ESTABLISHED);
  retransmitting = timeoutOf(TIMEOUT_TCP_MAX_RETRANS);
  unacknowledged = timeoutOf(TIMEOUT_TCP_UNACKNOWLEDGED);
  maxRetrans = <u32>setting(SYSCTL_TCP_MAX_RETRANS);
  return usual > retransmitting && usual > unacknowledged && retransmitting != 0 && unacknowledged != 0;
}

// state ESTABLISHED in byte 0, MAXACK_SET in both flag bytes (6 and 7) of the word that begins with `state`
const STATE_MASK: u64 = 0x20200000000000ff;
const STATE_WANTED: u64 = <u64>TCP_ESTABLISHED | (<u64>SIDE_MAXACK_SET << 48) | (<u64>SIDE_MAXACK_SET << 56);
const STATUS_MASK: u32 = STATUS_ASSURED | STATUS_SEEN_REPLY | STATUS_FIXED_TIMEOUT | STATUS_POLICY | STATUS_EVENTS_PENDING |
  STATUS_HELPED;
const STATUS_WANTED: u32 = STATUS_ASSURED | STATUS_SEEN_REPLY;

// flags ACK, with or without PSH, URG and the ECN bits; and the length of the header, in the word at 12 as it lies there
const FLAGS_MASK: u32 = 0x1700;
const FLAGS_WANTED: u32 = 0x1000;
const HEADER_20: u32 = 0x50;
const HEADER_32: u32 = 0x80;
/** No-op, no-op, timestamp: what nearly every ACK with options has. No SACK among them. */
const OPTION_TIMESTAMP: u32 = 0x0a080101;

/** True if a TCP header is one trackTcpFast() takes: an ACK without options, or with the usual timestamp. 20 bytes are there. */
// @ts-ignore: decorator
@inline
export function isPlainAck(t: usize, l4Captured: u32): bool {
  const word = <u32>load<u16>(t, 12) & (FLAGS_MASK | 0xf0);
  if (word == (FLAGS_WANTED | HEADER_32)) return l4Captured >= 32 && load<u32>(t, 20) == OPTION_TIMESTAMP;
  return word == (FLAGS_WANTED | HEADER_20);
}

/** The conn trackAcks() stopped behind, whose timer has to be filed anew, with the deadline it had; 0: none. */
export let late: usize = 0;
export let lateDeadline: u64 = 0;

/** The conn of trackAcks() has been filed. */
export function clearLate(): void {
  late = 0;
}

// Bytes of the TCP header from the sequence number on, for seq, ack, window as lanes 0, 1, 2 in host order.
const SWAP: usize = memory.data<u8>([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 16, 16, 16, 16, 16, 16], 16);

/**
 * Tracks the packets from `from` to `end` up to one that is no ACK in window of a plain conn, which it does not touch. Results
 * go to `results`. Returns how many it did.
 *
 * There are no calls in here, so that what is at hand stays in registers: docs/decisions/0010-hot-path.md.
 */
export function trackAcks(from: usize, end: usize, results: usize): u32 {
  const swap = v128.load(SWAP);
  const shift = results - (from >> 4); // 128 bytes of a packet, 8 of its result
  let seen: u32 = 0;
  let packet = from;
  for (; packet < end; packet += 128) {
    const p = changetype<Packet>(packet);
    if (p.kind != KIND_ACK) break;
    const time = p.time;
    if (time >= nextDue) break;
    const at = <usize>p.candidate;
    const c = changetype<Conn>(at);
    if (((c.key0 ^ p.key0) | (c.key1 ^ p.key1)) != 0) break;
    if (p.l3num == L3_IPV6) {
      if (!isAddressed(c, p)) break;
    }
    const status = c.status;
    if ((status & STATUS_MASK) != STATUS_WANTED) break;
    if ((load<u64>(at, 24) & STATE_MASK) != STATE_WANTED) break;
    const dir = ((status >> 16) ^ p.swapped) & 1;
    const t = <usize>p.l4;
    const header = i8x16.swizzle(v128.load(t, 4), swap);
    const seq = <u32>i32x4.extract_lane(header, 0);
    const ack = <u32>i32x4.extract_lane(header, 1);
    const raw = <u32>i32x4.extract_lane(header, 2);
    const last = seq + (p.l4Length - ((<u32>load<u8>(t, 12) & 0xf0) >> 2));
    const senderAt = at + 32 + (<usize>dir << 4);
    const receiverAt = at + 48 - (<usize>dir << 4);
    const S = v128.load(senderAt); // end, maxEnd, maxWin, maxAck
    const R = v128.load(receiverAt);
    const senderMaxEnd = <u32>i32x4.extract_lane(S, 1);
    const receiverMaxWin = <u32>i32x4.extract_lane(R, 2);
    const maxAckWin = max<u32>(<u32>i32x4.extract_lane(S, 2), 66_000);
    const anew = last - <u32>i32x4.extract_lane(S, 0);
    const unacked = <u32>i32x4.extract_lane(R, 0) - ack;
    // the four bounds of §3.9 as signs: none negative is in window
    if (<i32>((senderMaxEnd - seq) | (anew + receiverMaxWin) | unacked | (maxAckWin - unacked)) < 0) break;
    // each lane of the sender becomes the later of itself and [end, maxEnd, win, ack]
    const win = raw << scaleOf(c, dir);
    const sent = i32x4.replace_lane(i32x4.replace_lane(v128.shuffle<i32>(S, header, 0, 1, 2, 5), 0, last), 2, win);
    v128.store(senderAt, i32x4.add(S, i32x4.max_s(i32x4.sub(sent, S), i32x4.splat(0))));
    const over = max<i32>(<i32>(last - senderMaxEnd), 0);
    const reach = i32x4.replace_lane(i32x4.replace_lane(R, 1, ack + win + <u32>(win == 0)), 2, receiverMaxWin + over);
    v128.store(receiverAt, i32x4.add(R, i32x4.max_s(i32x4.sub(reach, R), i32x4.splat(0))));
    // both flag bytes at once: data sent anew is unacknowledged, data acknowledged in full is not
    const sentBit = SIDE_DATA_UNACKNOWLEDGED + dir * (SIDE_DATA_UNACKNOWLEDGED * 255);
    const ackedBit = SIDE_DATA_UNACKNOWLEDGED * 257 - sentBit;
    const flags = (<u32>c.flags | (sentBit & <u32>(<i32>(0 - anew) >> 31))) & ~(ackedBit & <u32>(<i32>(unacked - 1) >> 31));
    c.flags = <u16>flags;
    // the same ACK again?
    const latest = i32x4.replace_lane(i32x4.replace_lane(header, 3, raw | (<u32>load<u16>(at, 78) << 16)), 2, last);
    const differs = <u32>v128.any_true(v128.xor(latest, v128.load(at, 64))) | (<u32>c.lastDir ^ dir);
    v128.store(at, latest, 64);
    const retrans = select<u32>(0, (<u32>c.retrans + 1) & 0xff, differs);
    store<u32>(at, (TCP_ESTABLISHED | (TCP_ACK << 8)) | (dir << 16) | (retrans << 24), 24);
    let timeout = usual;
    if (raw == 0) timeout = retransmitting;
    if (flags & (SIDE_DATA_UNACKNOWLEDGED * 257)) timeout = unacknowledged;
    if (retrans >= maxRetrans) timeout = retransmitting;
    seen += <u32>p.notes & NOTE_CHECKSUM_SEEN;
    if (status & STATUS_ACCT) addToCounters(c, dir, p.ipLength);
    store<u64>((packet >> 4) + shift, <u64>((STATE_ESTABLISHED | (1 << 8)) + (dir << 8)) | (<u64>c.serial << 32));
    const clock = max<u64>(now, time);
    setNow(clock);
    const before = c.deadline;
    c.deadline = clock + timeout;
    if (isEarlier(c, clock + timeout)) {
      late = at;
      lateDeadline = before;
      packet += 128;
      break;
    }
  }
  const done = <u32>(packet - from) >> 7;
  setFrame(frame + done);
  if (seen) addTo(STAT_CHECKSUM_SEEN, seen / NOTE_CHECKSUM_SEEN);
  return done;
}

// @ts-ignore: decorator
@inline
function isAddressed(c: Conn, p: Packet): bool {
  return sameAddresses(addr6Of(c), p.a6, p.b6);
}
