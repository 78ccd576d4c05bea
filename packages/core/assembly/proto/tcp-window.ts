// TCP's window check (spec §3.9; G. van Rooij, "Real Stateful TCP Packet Filtering in IP Filter", 2001) and the two
// option parsers (§3.4). Sender is the side the packet comes from, receiver the other.
import {
  DIR_REPLY, REASON_TCP_ACK_OVER, REASON_TCP_ACK_UNDER, REASON_TCP_LIBERAL, REASON_TCP_OVERSHOT, REASON_TCP_PICKED_UP, REASON_TCP_SEQ_OVER,
  REASON_TCP_SEQ_UNDER, TCP_SYN_RECV, TCP_SYN_SENT,
} from "../abi";
import { be32 } from "../bytes";
import { Conn, flagsOf, scaleOf, setFlags, setScale, Side, sideOf } from "../conn";
import { Packet } from "../packet";
import { after, before } from "../seq";
import { beLiberal } from "../settings";
import { becauseWindow, reason } from "../why";
import { FLAG_ACK, FLAG_RST, FLAG_SYN, TCP_ACK } from "./tcp-table";

// Flags of a side (IP_CT_TCP_FLAG_*)
export const SIDE_WINDOW_SCALE: u32 = 0x01;
export const SIDE_SACK_PERM: u32 = 0x02;
export const SIDE_CLOSE_INIT: u32 = 0x04;
export const SIDE_BE_LIBERAL: u32 = 0x08;
export const SIDE_DATA_UNACKNOWLEDGED: u32 = 0x10;
export const SIDE_MAXACK_SET: u32 = 0x20;

/** In window, and everything updated. */
export const WINDOW_ACCEPT: u32 = 0;
/** Passes, without update of state and timer. */
export const WINDOW_IGNORE: u32 = 1;
export const WINDOW_INVALID: u32 = 2;

/** How far behind an ACK may lag: the largest unscaled window and some. */
const MAXACKWINCONST: u32 = 66_000;
const MAX_SCALE: u32 = 14; // RFC 7323 §2.3

/** End of a segment in sequence space: SYN and FIN count one each. */
// @ts-ignore: decorator
@inline
export function endOf(p: Packet): u32 {
  const flags = <u32>p.flags;
  return p.seq + (p.l4Length - p.doff) + ((flags >> 1) & 1) + (flags & 1);
}

// Option bytes the capture holds.
// @ts-ignore: decorator
@inline
function optionsEnd(p: Packet): u32 {
  return min<u32>(p.doff, p.l4Captured);
}

/** Results of parseSynOptions(). */
export let optionScale: u32 = 0;
export let optionFlags: u32 = 0;

/** Window scale and SACK-permitted of a SYN; false when it has no options at all. */
export function parseSynOptions(p: Packet): bool {
  if (p.doff == 20) return false;
  optionScale = 0;
  optionFlags = 0;
  const end = optionsEnd(p);
  let i: u32 = 20;
  while (i < end) {
    const at = <usize>p.l4 + i;
    const kind = <u32>load<u8>(at);
    if (kind == 0) break;
    if (kind == 1) {
      ++i;
      continue;
    }
    if (i + 2 > end) break;
    const size = <u32>load<u8>(at, 1);
    if (size < 2 || i + size > end) break;
    if (kind == 4 && size == 2) optionFlags |= SIDE_SACK_PERM;
    else if (kind == 3 && size == 3) {
      optionScale = min<u32>(load<u8>(at, 2), MAX_SCALE);
      optionFlags |= SIDE_WINDOW_SCALE;
    }
    i += size;
  }
  return true;
}

/** Takes the options of a SYN over into a side; only being liberal outlives it. */
export function applySynOptions(c: Conn, dir: u32, p: Packet): void {
  if (!parseSynOptions(p)) return;
  setScale(c, dir, optionScale);
  setFlags(c, dir, (flagsOf(c, dir) & SIDE_BE_LIBERAL) | optionFlags);
}

/** The highest right edge of a SACK option behind `ack` (RFC 2018), or `ack`. */
function highestSack(p: Packet, ack: u32): u32 {
  const end = optionsEnd(p);
  // the usual timestamp option alone
  if (p.doff == 32 && end == 32 && load<u32>(p.l4, 20) == 0x0a080101) return ack;
  let i: u32 = 20;
  while (i < end) {
    const at = <usize>p.l4 + i;
    const kind = <u32>load<u8>(at);
    if (kind == 0) break;
    if (kind == 1) {
      ++i;
      continue;
    }
    if (i + 2 > end) break;
    const size = <u32>load<u8>(at, 1);
    if (size < 2 || i + size > end) break;
    if (kind == 5 && size >= 10 && ((size - 2) & 7) == 0) {
      for (let k: u32 = 2; k < size; k += 8) {
        const edge = be32(at + k, 4);
        if (after(edge, ack)) ack = edge;
      }
      break;
    }
    i += size;
  }
  return ack;
}

// First numbers of a side, from its SYN or SYN/ACK. The window of a SYN is not scaled; scaling needs both sides.
function initSide(c: Conn, dir: u32, p: Packet, end: u32): void {
  const sender = sideOf(c, dir);
  sender.end = end;
  sender.maxEnd = end;
  sender.maxWin = max<u32>(p.window, 1);
  applySynOptions(c, dir, p);
  if (dir == DIR_REPLY && !(flagsOf(c, 0) & flagsOf(c, 1) & SIDE_WINDOW_SCALE)) {
    setScale(c, 0, 0);
    setScale(c, 1, 0);
  }
}

function explain(code: u32, bound: u32, p: Packet, end: u32, ack: u32, win: u32, sender: Side, receiver: Side): void {
  if (code == REASON_TCP_LIBERAL && reason == REASON_TCP_PICKED_UP) return; // says it already
  becauseWindow(code, bound, p.seq, ack, end, win, sender.end, sender.maxEnd, sender.maxWin, receiver.end, receiver.maxWin);
}

/** Checks and updates both windows. `event` is what the flags amount to; the stored state is still the old one. */
export function checkWindow(c: Conn, dir: u32, event: u32, p: Packet): u32 {
  const sender = sideOf(c, dir);
  const receiver = sideOf(c, 1 - dir);
  const flags = <u32>p.flags;
  const isSyn = (flags & FLAG_SYN) != 0;
  const isAck = (flags & FLAG_ACK) != 0;
  const isRst = (flags & FLAG_RST) != 0;
  let seq = p.seq;
  let ack = p.ack;
  let end = endOf(p);
  let win = <u32>p.window;
  let sack = flagsOf(c, 1 - dir) & SIDE_SACK_PERM ? highestSack(p, ack) : ack;

  if (sender.maxWin == 0) {
    if (isSyn) {
      initSide(c, dir, p, end);
      if (!isAck) return WINDOW_ACCEPT; // both open at once
    } else {
      // picked up midstream
      sender.end = end;
      const first = win << scaleOf(c, dir);
      sender.maxWin = max<u32>(first, 1);
      sender.maxEnd = end + sender.maxWin;
      if (receiver.maxWin == 0) {
        receiver.end = sack;
        receiver.maxEnd = sack;
      } else if (sack == receiver.end + 1) receiver.end += 1; // the SYN/ACK we missed
    }
  } else if (isSyn && after(end, sender.end) && (c.state == TCP_SYN_SENT || c.state == TCP_SYN_RECV)) {
    // RFC 793: a new SYN with other numbers is taken over
    initSide(c, dir, p, end);
    if (dir == DIR_REPLY && !isAck) return WINDOW_ACCEPT;
  }
  if (!isAck || (isRst && ack == 0)) {
    ack = receiver.end;
    sack = receiver.end;
  }
  if (isRst && seq == 0 && c.state == TCP_SYN_SENT) {
    seq = sender.end;
    end = seq;
  }

  const liberal = beLiberal != 0 || (flagsOf(c, dir) & SIDE_BE_LIBERAL) != 0;
  const maxAckWin = max<u32>(sender.maxWin, MAXACKWINCONST);
  const seqInLeft = receiver.maxWin == 0 || after(end, sender.end - receiver.maxWin - 1);
  const ackInRight = before(sack, receiver.end + 1);
  const ackInLeft = after(sack, receiver.end - maxAckWin - 1);

  if (!before(seq, sender.maxEnd + 1)) {
    const over = end - sender.maxEnd + 1;
    if (receiver.maxWin != 0 && seqInLeft && ackInRight && ackInLeft && over <= receiver.maxWin) {
      explain(liberal ? REASON_TCP_LIBERAL : REASON_TCP_OVERSHOT, over, p, end, ack, win, sender, receiver);
      sender.end = end;
      setFlags(c, dir, flagsOf(c, dir) | SIDE_DATA_UNACKNOWLEDGED);
      return liberal ? WINDOW_ACCEPT : WINDOW_IGNORE;
    }
    explain(liberal ? REASON_TCP_LIBERAL : REASON_TCP_SEQ_OVER, sender.maxEnd + 1, p, end, ack, win, sender, receiver);
    return liberal ? WINDOW_ACCEPT : WINDOW_INVALID;
  }
  if (!ackInRight) {
    explain(liberal ? REASON_TCP_LIBERAL : REASON_TCP_ACK_OVER, receiver.end + 1, p, end, sack, win, sender, receiver);
    return liberal ? WINDOW_ACCEPT : WINDOW_INVALID;
  }
  if (!seqInLeft) {
    const bound = sender.end - receiver.maxWin - 1;
    explain(liberal ? REASON_TCP_LIBERAL : REASON_TCP_SEQ_UNDER, bound, p, end, ack, win, sender, receiver);
    return liberal ? WINDOW_ACCEPT : WINDOW_IGNORE;
  }
  if (!ackInLeft) {
    const bound = receiver.end - maxAckWin - 1;
    explain(liberal ? REASON_TCP_LIBERAL : REASON_TCP_ACK_UNDER, bound, p, end, sack, win, sender, receiver);
    return liberal ? WINDOW_ACCEPT : WINDOW_IGNORE;
  }

  update(c, dir, sender, receiver, isSyn, isAck, ack, sack, end, win);
  if (event == TCP_ACK) rememberAck(c, dir, p, end);
  return WINDOW_ACCEPT;
}

function update(
  c: Conn, dir: u32, sender: Side, receiver: Side, isSyn: bool, isAck: bool, ack: u32, sack: u32, end: u32, win: u32,
): void {
  if (!isSyn) win <<= scaleOf(c, dir);
  const reach = win + (sack - ack);
  if (sender.maxWin < reach) sender.maxWin = reach;
  let flags = flagsOf(c, dir);
  if (after(end, sender.end)) {
    sender.end = end;
    flags |= SIDE_DATA_UNACKNOWLEDGED;
  }
  if (isAck) {
    if (!(flags & SIDE_MAXACK_SET)) {
      sender.maxAck = ack;
      flags |= SIDE_MAXACK_SET;
    } else if (after(ack, sender.maxAck)) sender.maxAck = ack;
  }
  setFlags(c, dir, flags);
  if (receiver.maxWin != 0 && after(end, sender.maxEnd)) receiver.maxWin += end - sender.maxEnd;
  if (after(sack + win, receiver.maxEnd - 1)) {
    receiver.maxEnd = sack + win;
    if (win == 0) receiver.maxEnd += 1; // one byte for the window probe
  }
  if (ack == receiver.end) setFlags(c, 1 - dir, flagsOf(c, 1 - dir) & ~SIDE_DATA_UNACKNOWLEDGED);
}

// Counts how often the same ACK came in a row.
function rememberAck(c: Conn, dir: u32, p: Packet, end: u32): void {
  if (c.lastDir == dir && c.lastSeq == p.seq && c.lastAck == p.ack && c.lastEnd == end && c.lastWin == p.window) {
    c.retrans += 1;
    return;
  }
  c.lastDir = <u8>dir;
  c.lastSeq = p.seq;
  c.lastAck = p.ack;
  c.lastEnd = end;
  c.lastWin = p.window;
  c.retrans = 0;
}
