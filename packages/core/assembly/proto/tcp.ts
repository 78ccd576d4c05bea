// TCP (spec §3.5–§3.10; RFC 9293, RFC 5961): the order of the kernel's decisions, from the flags to the timeout.
import {
  DIR_ORIGINAL, DIR_REPLY, EVENT_PROTOINFO, REASON_TCP_CHALLENGE_ACK, REASON_TCP_IGNORED, REASON_TCP_NEW, REASON_TCP_NOT_LOOSE,
  REASON_TCP_PICKED_UP, REASON_TCP_RESYNC, REASON_TCP_RST_BELOW_ACK, REASON_TCP_RST_NOT_EXACT, REASON_TCP_STATE,
  REASON_TCP_SYN_AGAIN, STATUS_ASSURED, STATUS_FIXED_TIMEOUT, STATUS_SEEN_REPLY, SYSCTL_TCP_IGNORE_INVALID_RST, SYSCTL_TCP_LOOSE,
  SYSCTL_TCP_MAX_RETRANS, TCP_CLOSE, TCP_ESTABLISHED, TCP_FIN_WAIT, TCP_LAST_ACK, TCP_NONE, TCP_SYN_RECV, TCP_SYN_SENT,
  TCP_SYN_SENT2, TCP_TIME_WAIT, TIMEOUT_TCP, TIMEOUT_TCP_MAX_RETRANS, TIMEOUT_TCP_UNACKNOWLEDGED,
} from "../abi";
import { Conn, count, flagsOf, setFlags, setScale, sideOf } from "../conn";
import { Packet } from "../packet";
import { before } from "../seq";
import { setting, timeoutFor } from "../settings";
import { now, renew } from "../timer";
import { because } from "../why";
import {
  eventOf, nextState, sIG, sIV, TCP_ACK, TCP_FIN, TCP_NO_EVENT, TCP_RST, TCP_SYN, TCP_SYNACK,
} from "./tcp-table";
import {
  applySynOptions, checkWindow, endOf, optionFlags, optionScale, parseSynOptions, SIDE_BE_LIBERAL, SIDE_CLOSE_INIT,
  SIDE_DATA_UNACKNOWLEDGED, SIDE_MAXACK_SET, SIDE_SACK_PERM, SIDE_WINDOW_SCALE, WINDOW_ACCEPT, WINDOW_IGNORE,
} from "./tcp-window";
import { ACCEPT, assure, INVALID, KILL, raise, refresh, REPEAT } from "./tracker";

// Flags of the whole connection, beside the options of an ignored SYN in `lastFlags`
const CHALLENGE_ACK: u32 = 0x40;
const SIMULTANEOUS_OPEN: u32 = 0x80;

export function trackTcp(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  if (isNew) {
    if (!openTcp(c, p)) return INVALID;
  }
  const event = eventOf(p.flags);
  const old = <u32>c.state;
  let next = nextState(dir, event, old);
  let windowMatters = true;

  if (next == TCP_SYN_SENT && old >= <u32>TCP_TIME_WAIT && old != TCP_SYN_SENT2) {
    if (mayReopen(c, dir)) return REPEAT;
    next = sIG;
  }
  if (next == sIG) {
    if (!(event == TCP_SYNACK && answersIgnoredSyn(c, dir, p))) return ignore(c, dir, event, p);
    resynchronise(c, dir);
    next = TCP_SYN_RECV;
    because(REASON_TCP_RESYNC, p.seq, p.ack);
    return commit(c, dir, event, TCP_SYN_SENT, next, p, true, isNew);
  }
  if (next == sIV) {
    because(REASON_TCP_STATE, event, dir, old);
    return INVALID;
  }
  switch (next) {
    case TCP_TIME_WAIT:
      if (old == TCP_LAST_ACK && event == TCP_ACK && c.lastDir != dir && c.lastIndex == TCP_SYN && c.lastFlags & CHALLENGE_ACK) {
        c.lastFlags &= ~(<u8>CHALLENGE_ACK);
        because(REASON_TCP_CHALLENGE_ACK);
        return ACCEPT;
      }
      break;
    case TCP_SYN_SENT2:
      c.lastFlags |= <u8>SIMULTANEOUS_OPEN;
      break;
    case TCP_SYN_RECV:
      if (dir == DIR_REPLY && event == TCP_ACK && c.lastFlags & SIMULTANEOUS_OPEN) next = TCP_ESTABLISHED;
      break;
    case TCP_CLOSE:
      if (event == TCP_RST) {
        const verdict = judgeRst(c, dir, p, old);
        if (verdict == RST_INVALID) return INVALID;
        if (verdict & RST_KEEP_STATE) next = old;
        windowMatters = (verdict & RST_IN_ANY_WINDOW) == 0;
      }
      break;
  }
  return commit(c, dir, event, old, next, p, windowMatters, isNew);
}

// ---- a new connection

function openTcp(c: Conn, p: Packet): bool {
  const event = eventOf(p.flags);
  const next = nextState(DIR_ORIGINAL, event, TCP_NONE);
  if (next >= sIV) {
    because(REASON_TCP_NEW, event);
    return false;
  }
  const end = endOf(p);
  const sender = sideOf(c, DIR_ORIGINAL);
  sender.end = end;
  sender.maxWin = max<u32>(p.window, 1);
  if (next == TCP_SYN_SENT) {
    sender.maxEnd = end;
    applySynOptions(c, DIR_ORIGINAL, p);
  } else {
    if (setting(SYSCTL_TCP_LOOSE) == 0) {
      because(REASON_TCP_NOT_LOOSE);
      return false;
    }
    // nothing is known of either window: trust both sides from here on
    sender.maxEnd = end + sender.maxWin;
    setFlags(c, DIR_ORIGINAL, SIDE_SACK_PERM | SIDE_BE_LIBERAL);
    setFlags(c, DIR_REPLY, SIDE_SACK_PERM | SIDE_BE_LIBERAL);
    because(REASON_TCP_PICKED_UP);
  }
  c.lastIndex = <u8>TCP_NO_EVENT;
  return true;
}

// A SYN on a closed connection opens a new one when a FIN closed it, or when the sender itself reset it.
function mayReopen(c: Conn, dir: u32): bool {
  return ((flagsOf(c, 0) | flagsOf(c, 1)) & SIDE_CLOSE_INIT) != 0 || (c.lastDir == dir && c.lastIndex == TCP_RST);
}

// ---- packets that pass without effect, and what they are remembered for

function answersIgnoredSyn(c: Conn, dir: u32, p: Packet): bool {
  return c.lastIndex == TCP_SYN && c.lastDir != dir && p.ack == c.lastEnd;
}

// The ignored SYN was real: its sender's side starts from what was remembered of it, the answering side from nothing.
function resynchronise(c: Conn, dir: u32): void {
  const asking = sideOf(c, 1 - dir);
  asking.end = c.lastEnd;
  asking.maxEnd = c.lastEnd;
  asking.maxWin = max<u32>(c.lastWin, 1);
  setScale(c, 1 - dir, c.lastScale);
  c.lastFlags &= ~(<u8>CHALLENGE_ACK);
  setFlags(c, 1 - dir, c.lastFlags);
  v128.store(changetype<usize>(sideOf(c, dir)), i64x2.splat(0));
  setScale(c, dir, 0);
  setFlags(c, dir, flagsOf(c, dir) & SIDE_BE_LIBERAL);
}

function ignore(c: Conn, dir: u32, event: u32, p: Packet): u32 {
  because(REASON_TCP_IGNORED, event, dir, c.state);
  c.lastIndex = <u8>event;
  c.lastDir = <u8>dir;
  c.lastSeq = p.seq;
  c.lastEnd = endOf(p);
  c.lastWin = p.window;
  if (event == TCP_SYN && dir == DIR_ORIGINAL) {
    c.lastFlags = 0;
    c.lastScale = 0;
    if (parseSynOptions(p)) {
      if (optionFlags & SIDE_WINDOW_SCALE) {
        c.lastFlags |= <u8>SIDE_WINDOW_SCALE;
        c.lastScale = <u8>optionScale;
      }
      c.lastFlags |= <u8>(optionFlags & SIDE_SACK_PERM);
    }
    if (c.state == TCP_LAST_ACK) c.lastFlags |= <u8>CHALLENGE_ACK; // RFC 5961 §4.2: its answer must not close
  } else if (c.state == TCP_SYN_SENT && event == TCP_ACK && dir == DIR_REPLY) c.lastAck = p.ack;
  return ACCEPT;
}

// ---- RST (spec §3.7)

const RST_BY_WINDOW: u32 = 0;
const RST_INVALID: u32 = 1;
const RST_KEEP_STATE: u32 = 2;
const RST_IN_ANY_WINDOW: u32 = 4;

// Firm: only an exact RST may close such a connection.
function isFirm(c: Conn): bool {
  return c.state == TCP_ESTABLISHED && c.has(STATUS_ASSURED);
}

function judgeRst(c: Conn, dir: u32, p: Packet, old: u32): u32 {
  let verdict: u32 = RST_BY_WINDOW;
  if (old >= <u32>TCP_FIN_WAIT && old <= <u32>TCP_CLOSE) return RST_IN_ANY_WINDOW;
  if (flagsOf(c, 1 - dir) & SIDE_MAXACK_SET && c.lastIndex != TCP_SYN) {
    const maxAck = sideOf(c, 1 - dir).maxAck;
    if (p.seq == 0 && !isFirm(c)) return RST_BY_WINDOW;
    if (before(p.seq, maxAck) && setting(SYSCTL_TCP_IGNORE_INVALID_RST) == 0) {
      because(REASON_TCP_RST_BELOW_ACK, p.seq, maxAck);
      return RST_INVALID;
    }
    if (!isFirm(c) || p.seq == maxAck) return RST_BY_WINDOW;
    // the tail of a segment train: nobody had time to acknowledge it
    if (c.lastIndex == TCP_ACK && c.lastDir == dir && p.seq == c.lastEnd) return RST_BY_WINDOW;
    because(REASON_TCP_RST_NOT_EXACT, p.seq, maxAck);
    verdict = RST_KEEP_STATE;
  }
  const answersSyn = c.has(STATUS_SEEN_REPLY) && c.lastIndex == TCP_SYN && c.lastDir != dir;
  const answersAck = !c.has(STATUS_ASSURED) && c.lastIndex == TCP_ACK;
  if ((answersSyn || answersAck) && p.ack == c.lastEnd) return verdict | RST_IN_ANY_WINDOW;
  // answer to a challenge ACK
  if (old == TCP_SYN_SENT && c.lastIndex == TCP_ACK && c.lastDir == DIR_REPLY && p.seq == c.lastAck) return verdict | RST_IN_ANY_WINDOW;
  return verdict;
}

// ---- the window, the new state, the timeout

function commit(c: Conn, dir: u32, event: u32, old: u32, next: u32, p: Packet, windowMatters: bool, isNew: bool): u32 {
  if (windowMatters) {
    const window = checkWindow(c, dir, event, p);
    if (window == WINDOW_IGNORE) return ACCEPT;
    if (window != WINDOW_ACCEPT) {
      outOfWindowClose(c, dir, event);
      return INVALID;
    }
  }
  c.lastIndex = <u8>event;
  c.lastDir = <u8>dir;
  if (old != next) {
    raise(EVENT_PROTOINFO); // also when a SYN/ACK resynchronised in SYN_RECV: what it was taken for began in SYN_SENT
    if (next == TCP_FIN_WAIT) setFlags(c, dir, flagsOf(c, dir) | SIDE_CLOSE_INIT);
    c.state = <u8>next;
  }
  let timeout = selectTimeout(c, event, next);
  if (!c.has(STATUS_SEEN_REPLY)) {
    if (event == TCP_RST) {
      count(c, dir, p.ipLength); // the timer stays as it was: DESTROY shows what was left
      return KILL;
    }
    if (event == TCP_SYN && old == TCP_SYN_SENT && !isNew) {
      because(REASON_TCP_SYN_AGAIN);
      return ACCEPT;
    }
    const unacknowledged = timeoutFor(c, TIMEOUT_TCP_UNACKNOWLEDGED);
    if (next == TCP_ESTABLISHED && timeout > unacknowledged) timeout = unacknowledged;
  } else if ((old == TCP_SYN_RECV || old == TCP_ESTABLISHED) && next == TCP_ESTABLISHED) assure(c);
  refresh(c, dir, p, timeout, isNew);
  return ACCEPT;
}

function selectTimeout(c: Conn, event: u32, state: u32): u64 {
  const usual = timeoutFor(c, TIMEOUT_TCP + state);
  const retransmitting = timeoutFor(c, TIMEOUT_TCP_MAX_RETRANS);
  if (<u64>c.retrans >= setting(SYSCTL_TCP_MAX_RETRANS) && usual > retransmitting) return retransmitting;
  if (event == TCP_RST) return timeoutFor(c, TIMEOUT_TCP + TCP_CLOSE);
  const unacknowledged = timeoutFor(c, TIMEOUT_TCP_UNACKNOWLEDGED);
  if ((flagsOf(c, 0) | flagsOf(c, 1)) & SIDE_DATA_UNACKNOWLEDGED && usual > unacknowledged) return unacknowledged;
  if (c.lastWin == 0 && usual > retransmitting) return retransmitting;
  return usual;
}

// Both ends closing out of window: nobody will ever close the entry properly (spec §3.10).
function outOfWindowClose(c: Conn, dir: u32, event: u32): void {
  if (!c.has(STATUS_ASSURED) || (event != TCP_RST && event != TCP_FIN)) return;
  if ((c.lastIndex == TCP_FIN || c.lastIndex == TCP_RST) && c.lastDir != dir) {
    const left = c.deadline - now;
    const cut = timeoutFor(c, TIMEOUT_TCP_UNACKNOWLEDGED);
    if (left >= 120_000_000_000 && left > cut && !c.has(STATUS_FIXED_TIMEOUT)) renew(c, now + cut);
    return;
  }
  c.lastIndex = <u8>event;
  c.lastDir = <u8>dir;
}
