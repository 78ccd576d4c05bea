// SCTP (RFC 9260; spec §4.5): chunks, verification tags, states.
//
// In the conn: side[0] holds vtag[original] and vtag[reply], u32 each; flags[dir] bit 0: INIT seen in that direction;
// lastFlags bit 0: a heartbeat's tag failed, lastDir: in which direction.
import {
  EVENT_PROTOINFO, REASON_SCTP_CHUNK, REASON_SCTP_IGNORED, REASON_SCTP_NEW, REASON_SCTP_STATE, REASON_SCTP_VTAG,
  STATUS_CONFIRMED, TIMEOUT_SCTP,
} from "../abi";
import { be16, be32 } from "../bytes";
import { Conn, flagsOf, setFlags } from "../conn";
import { Packet } from "../packet";
import { timeoutFor } from "../settings";
import { because } from "../why";
import { ACCEPT, assure, INVALID, raise, refresh } from "./tracker";

const NO: u8 = 0;
const CL: u8 = 1;
const CW: u8 = 2;
const CE: u8 = 3;
const ES: u8 = 4;
const SS: u8 = 5;
const SR: u8 = 6;
const SA: u8 = 7;
const HS: u8 = 8;
const IV: u8 = 9;

const DATA: u32 = 0;
const INIT: u32 = 1;
const INIT_ACK: u32 = 2;
const HEARTBEAT: u32 = 4;
const HEARTBEAT_ACK: u32 = 5;
const ABORT: u32 = 6;
const SHUTDOWN_ACK: u32 = 8;
const COOKIE_ECHO: u32 = 10;
const COOKIE_ACK: u32 = 11;
const SHUTDOWN_COMPLETE: u32 = 14;

const STATES: u32 = 9;
const ROWS: u32 = 11;

/** Row of a chunk type in the table; 0xff for types that change nothing. */
const ROW_OF: usize = memory.data<u8>([
  // DATA INIT INIT_ACK SACK HB HB_ACK ABORT SHUTDOWN SHUTDOWN_ACK ERROR COOKIE_ECHO COOKIE_ACK ECNE CWR SHUTDOWN_COMPLETE
  255, 0, 1, 255, 9, 10, 2, 3, 4, 5, 6, 7, 255, 255, 8, 255,
]);

/** next = TRANSITIONS[dir][row][state] */
const TRANSITIONS: usize = memory.data<u8>([
  // ORIGINAL          no, CL, CW, CE, ES, SS, SR, SA, HS
  /* INIT           */ CL, CL, CW, CE, ES, CL, CL, SA, CW,
  /* INIT_ACK       */ CL, CL, CW, CE, ES, SS, SR, SA, CL,
  /* ABORT          */ CL, CL, CL, CL, CL, CL, CL, CL, CL,
  /* SHUTDOWN       */ CL, CL, CW, CE, SS, SS, SR, SA, CL,
  /* SHUTDOWN_ACK   */ SA, CL, CW, CE, ES, SA, SA, SA, SA,
  /* ERROR          */ CL, CL, CW, CE, ES, SS, SR, SA, CL,
  /* COOKIE_ECHO    */ CL, CL, CE, CE, ES, SS, SR, SA, CL,
  /* COOKIE_ACK     */ CL, CL, CW, ES, ES, SS, SR, SA, CL,
  /* SHUTDOWN_COMPL */ CL, CL, CW, CE, ES, SS, SR, CL, CL,
  /* HEARTBEAT      */ HS, CL, CW, CE, ES, SS, SR, SA, HS,
  /* HEARTBEAT_ACK  */ CL, CL, CW, CE, ES, SS, SR, SA, HS,
  // REPLY             no, CL, CW, CE, ES, SS, SR, SA, HS
  /* INIT           */ IV, CL, CW, CE, ES, SS, SR, SA, IV,
  /* INIT_ACK       */ IV, CW, CW, CE, ES, SS, SR, SA, IV,
  /* ABORT          */ IV, CL, CL, CL, CL, CL, CL, CL, IV,
  /* SHUTDOWN       */ IV, CL, CW, CE, SR, SS, SR, SA, IV,
  /* SHUTDOWN_ACK   */ IV, CL, CW, CE, ES, SA, SA, SA, IV,
  /* ERROR          */ IV, CL, CW, CL, ES, SS, SR, SA, IV,
  /* COOKIE_ECHO    */ IV, CL, CE, CE, ES, SS, SR, SA, IV,
  /* COOKIE_ACK     */ IV, CL, CW, ES, ES, SS, SR, SA, IV,
  /* SHUTDOWN_COMPL */ IV, CL, CW, CE, ES, SS, SR, CL, IV,
  /* HEARTBEAT      */ IV, CL, CW, CE, ES, SS, SR, SA, HS,
  /* HEARTBEAT_ACK  */ IV, CL, CW, CE, ES, SS, SR, SA, ES,
]);

// @ts-ignore: decorator
@inline
function rowOf(type: u32): u32 {
  return type < 16 ? load<u8>(ROW_OF + type) : 255;
}

function nextState(dir: u32, type: u32, state: u32): u32 {
  const row = rowOf(type);
  return row == 255 ? state : load<u8>(TRANSITIONS + (dir * ROWS + row) * STATES + state);
}

// @ts-ignore: decorator
@inline
function vtagAt(c: Conn, dir: u32): usize {
  return changetype<usize>(c) + 32 + (<usize>dir << 2);
}

/** Set of chunk types below 32, as bits; set by walk(). */
let chunkSet: u32 = 0;

/** Walks all chunks once: lengths, and who may stand where. False when the packet is malformed. */
function walk(p: Packet): bool {
  chunkSet = 0;
  let count: u32 = 0;
  let cookieFirst = false;
  let alone = false;
  let at: u32 = 12;
  while (at + 4 <= p.l4Length) {
    if (at + 4 > p.l4Captured) break; // the rest was not captured
    const type = <u32>load<u8>(p.l4 + at);
    const length = be16(p.l4 + at, 2);
    if (length == 0) return false;
    if (type == INIT || type == INIT_ACK || type == SHUTDOWN_COMPLETE) alone = true;
    if ((type == COOKIE_ECHO || type == COOKIE_ACK) && count != 0) cookieFirst = true;
    if (type < 32) chunkSet |= 1 << type;
    ++count;
    at += (length + 3) & ~3;
  }
  if (count == 0) return false;
  return !(alone && count > 1) && !cookieFirst;
}

// @ts-ignore: decorator
@inline
function contains(type: u32): bool {
  return (chunkSet & (1 << type)) != 0;
}

function invalid(reason: u32, n0: u32 = 0, n1: u32 = 0, n2: u32 = 0): u32 {
  because(reason, n0, n1, n2);
  return INVALID;
}

/** The INIT header behind a chunk header: 16 bytes, of which the initiate tag, the first four, has to be captured. */
function initTagThere(p: Packet, at: u32): bool {
  return at + 20 <= p.l4Length && at + 8 <= p.l4Captured;
}

export function trackSctp(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  if (!walk(p)) return invalid(REASON_SCTP_CHUNK, chunkSet);
  const vtag = be32(p.l4, 4);
  if (isNew && !openSctp(c, p, vtag)) return INVALID;
  const exempt: u32 = (1 << INIT) | (1 << SHUTDOWN_COMPLETE) | (1 << COOKIE_ECHO) | (1 << ABORT) | (1 << SHUTDOWN_ACK) |
    (1 << HEARTBEAT) | (1 << HEARTBEAT_ACK);
  if ((chunkSet & exempt) == 0 && vtag != load<u32>(vtagAt(c, dir))) {
    return invalid(REASON_SCTP_VTAG, vtag, load<u32>(vtagAt(c, dir)), dir);
  }
  let ignored = false;
  let state = <u32>c.state;
  const old = state;
  let at: u32 = 12;
  while (at + 4 <= p.l4Captured) {
    const chunk = <usize>p.l4 + at;
    const type = <u32>load<u8>(chunk);
    const length = be16(chunk, 2);
    const offset = at;
    at += (length + 3) & ~3;
    const own = vtagAt(c, dir);
    const other = vtagAt(c, 1 - dir);
    if (type == INIT) {
      if (vtag != 0) return invalid(REASON_SCTP_VTAG, vtag, 0, dir);
    } else if (type == ABORT || type == SHUTDOWN_COMPLETE) {
      const wanted = load<u32>(load<u8>(chunk, 1) & 1 ? other : own);
      if (vtag != wanted) return invalid(REASON_SCTP_VTAG, vtag, wanted, dir);
    } else if (type == COOKIE_ECHO) {
      if (vtag != load<u32>(own)) return invalid(REASON_SCTP_VTAG, vtag, load<u32>(own), dir);
    } else if (type == COOKIE_ACK) {
      setFlags(c, 0, flagsOf(c, 0) & ~1);
      setFlags(c, 1, flagsOf(c, 1) & ~1);
    } else if (type == HEARTBEAT) {
      if (load<u32>(own) == 0) store<u32>(own, vtag);
      else if (vtag != load<u32>(own)) {
        if (contains(DATA) || ignored) return invalid(REASON_SCTP_VTAG, vtag, load<u32>(own), dir);
        c.lastFlags |= 1;
        c.lastDir = <u8>dir;
        ignored = true;
        continue;
      } else c.lastFlags &= ~1;
    } else if (type == HEARTBEAT_ACK) {
      if (load<u32>(own) == 0) store<u32>(own, vtag);
      else if (vtag != load<u32>(own)) {
        if (contains(DATA) || ignored) return invalid(REASON_SCTP_VTAG, vtag, load<u32>(own), dir);
        if ((c.lastFlags & 1) == 0 || c.lastDir == dir) return invalid(REASON_SCTP_VTAG, vtag, load<u32>(own), dir);
        c.lastFlags &= ~1;
        store<u32>(own, vtag);
        store<u32>(other, 0);
      } else c.lastFlags &= ~1;
    }
    const before = state;
    state = nextState(dir, type, before);
    if (state == IV) return invalid(REASON_SCTP_STATE, type, dir, before);
    if (type == INIT) {
      if (!initTagThere(p, offset)) return invalid(REASON_SCTP_CHUNK, chunkSet);
      const tag = be32(chunk, 4);
      if (before == NO || load<u32>(other) != tag) {
        if (flagsOf(c, 0) & flagsOf(c, 1) & 1) setFlags(c, 1 - dir, flagsOf(c, 1 - dir) & ~1);
        setFlags(c, dir, flagsOf(c, dir) | 1);
      }
      store<u32>(other, tag);
      if (before == CL && state == CL && c.has(STATUS_CONFIRMED)) ignored = true;
    } else if (type == INIT_ACK) {
      if (!initTagThere(p, offset)) return invalid(REASON_SCTP_CHUNK, chunkSet);
      const tag = be32(chunk, 4);
      const known = load<u32>(other);
      const ownInit = flagsOf(c, dir) & 1;
      const otherInit = flagsOf(c, 1 - dir) & 1;
      if (!otherInit && known != 0 && known != tag) return invalid(REASON_SCTP_VTAG, tag, known, dir);
      if (ownInit && otherInit && known != tag) return invalid(REASON_SCTP_VTAG, tag, known, dir);
      store<u32>(other, tag);
    }
    c.state = <u8>state;
    if (before != state) {
      raise(EVENT_PROTOINFO);
      if (state == ES) assure(c);
    }
  }
  if (ignored) {
    because(REASON_SCTP_IGNORED, old);
    return ACCEPT;
  }
  refresh(c, dir, p, timeoutFor(c, TIMEOUT_SCTP + state), isNew);
  return ACCEPT;
}

function openSctp(c: Conn, p: Packet, vtag: u32): bool {
  if (contains(ABORT) || contains(SHUTDOWN_COMPLETE) || contains(COOKIE_ACK)) {
    because(REASON_SCTP_NEW, chunkSet);
    return false;
  }
  let at: u32 = 12;
  while (at + 4 <= p.l4Captured) {
    const chunk = <usize>p.l4 + at;
    const type = <u32>load<u8>(chunk);
    const next = nextState(0, type, NO);
    if (next == NO || next == IV) {
      because(REASON_SCTP_NEW, chunkSet);
      return false;
    }
    if (type == INIT) {
      if (vtag != 0 || !initTagThere(p, at)) {
        because(REASON_SCTP_NEW, chunkSet);
        return false;
      }
      store<u32>(vtagAt(c, 1), be32(chunk, 4));
    } else if (type == HEARTBEAT) store<u32>(vtagAt(c, 0), vtag);
    else if (type == SHUTDOWN_ACK) store<u32>(vtagAt(c, 1), vtag);
    at += (be16(chunk, 2) + 3) & ~3;
  }
  return true;
}
