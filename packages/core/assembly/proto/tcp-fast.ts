// The common TCP packet on the common connection: an ACK, with or without data, in window, on a connection that is
// ESTABLISHED and ASSURED. One mask test decides; the update is the one of tcp-window.ts without its branches. What
// does not fit goes the exact way, which is also the reference (core/test/fast-path.test.ts).
import {
  STATUS_ASSURED, STATUS_EVENTS_PENDING, STATUS_FIXED_TIMEOUT, STATUS_HELPED, STATUS_POLICY, STATUS_SEEN_REPLY, SYSCTL_TCP_MAX_RETRANS, TCP_ESTABLISHED, TIMEOUT_TCP,
  TIMEOUT_TCP_MAX_RETRANS, TIMEOUT_TCP_UNACKNOWLEDGED,
} from "../abi";
import { Conn, count, scaleOf } from "../conn";
import { Packet } from "../packet";
import { setting, timeoutOf } from "../settings";
import { now, renew } from "../timer";
import { TCP_ACK } from "./tcp-table";
import { SIDE_DATA_UNACKNOWLEDGED, SIDE_MAXACK_SET } from "./tcp-window";

let usual: u64 = 0;
let retransmitting: u64 = 0;
let unacknowledged: u64 = 0;
let maxRetrans: u32 = 0;

/** Takes the settings over; once per block. False when the timeouts are not in their usual order, on which the short selection below relies. */
export function prepareTcpFast(): bool {
  usual = timeoutOf(TIMEOUT_TCP + TCP_ESTABLISHED);
  retransmitting = timeoutOf(TIMEOUT_TCP_MAX_RETRANS);
  unacknowledged = timeoutOf(TIMEOUT_TCP_UNACKNOWLEDGED);
  maxRetrans = <u32>setting(SYSCTL_TCP_MAX_RETRANS);
  return usual > retransmitting && usual > unacknowledged;
}

// state ESTABLISHED in byte 0, MAXACK_SET in both flag bytes (6 and 7) of the word that begins with `state`
const STATE_MASK: u64 = 0x20200000000000ff;
const STATE_WANTED: u64 = <u64>TCP_ESTABLISHED | (<u64>SIDE_MAXACK_SET << 48) | (<u64>SIDE_MAXACK_SET << 56);
const STATUS_MASK: u32 = STATUS_ASSURED | STATUS_SEEN_REPLY | STATUS_FIXED_TIMEOUT | STATUS_POLICY | STATUS_EVENTS_PENDING |
  STATUS_HELPED;
const STATUS_WANTED: u32 = STATUS_ASSURED | STATUS_SEEN_REPLY;

/** True when the flags are ACK, with or without PSH, URG and the ECN bits. */
// @ts-ignore: decorator
@inline
export function isPlainAck(p: Packet): bool {
  return (<u32>load<u16>(<usize>p.l4, 12) & 0x1700) == 0x1000;
}

/** Tracks a plain ACK and returns true, or touches nothing and returns false. */
// @ts-ignore: decorator
@inline
export function trackTcpFast(c: Conn, dir: u32, p: Packet): bool {
  const at = changetype<usize>(c);
  const t = <usize>p.l4;
  const doff = (<u32>load<u8>(t, 12) & 0xf0) >> 2;
  // no options, or the usual timestamp (so no SACK)
  const plain = <u32>(doff == 20) | (<u32>(doff == 32) & <u32>(p.l4Captured >= 32) & <u32>(load<u32>(t, 20) == 0x0a080101));
  if (
    (<u32>((load<u64>(at, 24) & STATE_MASK) != STATE_WANTED) |
      ((c.status & STATUS_MASK) ^ STATUS_WANTED) | (plain ^ 1) | <u32>(doff > p.l4Length)) != 0
  ) return false;
  // seq, ack, window as lanes 0, 1, 2 in host order
  const header = i8x16.shuffle(v128.load(t, 4), i64x2.splat(0), 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 16, 16, 16, 16, 16, 16);
  const seq = <u32>i32x4.extract_lane(header, 0);
  const ack = <u32>i32x4.extract_lane(header, 1);
  const raw = <u32>i32x4.extract_lane(header, 2);
  const end = seq + (p.l4Length - doff);
  const win = raw << scaleOf(c, dir);
  const senderAt = at + 32 + (<usize>dir << 4);
  const receiverAt = at + 48 - (<usize>dir << 4);
  const S = v128.load(senderAt); // end, maxEnd, maxWin, maxAck
  const R = v128.load(receiverAt);
  const senderEnd = <u32>i32x4.extract_lane(S, 0);
  const senderMaxEnd = <u32>i32x4.extract_lane(S, 1);
  const receiverEnd = <u32>i32x4.extract_lane(R, 0);
  const receiverMaxWin = <u32>i32x4.extract_lane(R, 2);
  const maxAckWin = max<u32>(<u32>i32x4.extract_lane(S, 2), 66_000);
  // the four bounds of §3.9 as signs: all negative is in window
  if (
    <i32>((seq - senderMaxEnd - 1) & (senderEnd - receiverMaxWin - 1 - end) & (ack - receiverEnd - 1) &
      (receiverEnd - maxAckWin - 1 - ack)) >= 0
  ) return false;
  // each lane of the sender becomes the later of itself and [end, maxEnd, win, ack]
  const candidate = i32x4.replace_lane(i32x4.replace_lane(v128.shuffle<i32>(S, header, 0, 1, 2, 5), 0, end), 2, win);
  v128.store(senderAt, i32x4.add(S, i32x4.max_s(i32x4.sub(candidate, S), i32x4.splat(0))));
  const over = max<i32>(<i32>(end - senderMaxEnd), 0);
  let reach = i32x4.replace_lane(R, 1, ack + win + <u32>(win == 0));
  reach = i32x4.replace_lane(reach, 2, receiverMaxWin + over);
  v128.store(receiverAt, i32x4.add(R, i32x4.max_s(i32x4.sub(reach, R), i32x4.splat(0))));
  // both flag bytes at once: data sent anew is unacknowledged, data acknowledged in full is not
  const shift = dir << 3;
  let flags = <u32>c.flags;
  flags |= <u32>(<i32>(senderEnd - end) < 0) << (4 + shift);
  flags &= ~(<u32>(ack == receiverEnd) << (12 - shift));
  c.flags = <u16>flags;
  // the same ACK again?
  const last = i32x4.replace_lane(i32x4.replace_lane(header, 3, raw | (<u32>load<u16>(at, 78) << 16)), 2, end);
  const same = <u32>!v128.any_true(v128.xor(last, v128.load(at, 64))) & <u32>(c.lastDir == <u8>dir);
  v128.store(at, last, 64);
  const retrans = (<u32>c.retrans + 1) & (0 - same) & 0xff;
  store<u32>(at, TCP_ESTABLISHED | (TCP_ACK << 8) | (dir << 16) | (retrans << 24), 24);
  const unanswered = flags & (SIDE_DATA_UNACKNOWLEDGED | (SIDE_DATA_UNACKNOWLEDGED << 8));
  let timeout = usual;
  if (retrans >= maxRetrans) timeout = retransmitting;
  else if (unanswered) timeout = unacknowledged;
  else if (raw == 0) timeout = retransmitting;
  renew(c, now + timeout);
  count(c, dir, p.ipLength);
  return true;
}
