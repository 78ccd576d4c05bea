// TCP of Linux 2.4 (spec, legacy §L.3): no windows, no flag or checksum test, one table of ten states.
import {
  DIR_ORIGINAL, DIR_REPLY, EVENT_PROTOINFO, REASON_TCP_NEW, REASON_TCP_STATE, STATUS_SEEN_REPLY, TIMEOUT_TCP,
} from "../abi";
import { Conn } from "../conn";
import { Packet } from "../packet";
import { timeoutFor } from "../settings";
import { because } from "../why";
import { FLAG_ACK, FLAG_FIN, FLAG_RST, FLAG_SYN } from "./tcp-table";
import { ACCEPT, assure, INVALID, KILL, raise, refresh } from "./tracker";

// The states carry the modern numbers, so that names and timeouts are shared; LISTEN stands in SYN_SENT2's place.
const NO: u8 = 0;
const SS: u8 = 1;
const SR: u8 = 2;
const ES: u8 = 3;
const FW: u8 = 4;
const CW: u8 = 5;
const LA: u8 = 6;
const TW: u8 = 7;
const CL: u8 = 8;
const LI: u8 = 9;
const IV: u8 = 10;

const HANDSHAKE_DONE: u8 = 1; // in lastFlags

const SYN: u32 = 0;
const FIN: u32 = 1;
const ACK: u32 = 2;
const RST: u32 = 3;
const NONE: u32 = 4;

/** next = TRANSITIONS[dir][event][state]; SYN/ACK counts as syn. */
const TRANSITIONS: usize = memory.data<u8>([
  // ORIGINAL NO, SS, SR, ES, FW, CW, LA, TW, CL, LI
  /* syn  */ SS, SS, SR, ES, SS, SS, SS, SS, SS, LI,
  /* fin  */ TW, SS, TW, FW, FW, TW, LA, TW, CL, LI,
  /* ack  */ ES, SS, ES, ES, FW, CW, LA, TW, CL, ES,
  /* rst  */ CL, SS, CL, CL, CL, CL, CL, TW, CL, CL,
  /* none */ IV, IV, IV, IV, IV, IV, IV, IV, IV, IV,
  // REPLY    NO, SS, SR, ES, FW, CW, LA, TW, CL, LI
  /* syn  */ SR, SR, SR, ES, SR, SR, SR, SR, SR, SR,
  /* fin  */ CL, SS, TW, CW, TW, CW, LA, TW, CL, LI,
  /* ack  */ CL, SS, SR, ES, FW, CW, CL, TW, CL, LI,
  /* rst  */ CL, CL, CL, CL, CL, CL, LA, CL, CL, LI,
  /* none */ IV, IV, IV, IV, IV, IV, IV, IV, IV, IV,
]);

function eventOf(flags: u32): u32 {
  if (flags & FLAG_RST) return RST;
  if (flags & FLAG_SYN) return SYN;
  if (flags & FLAG_FIN) return FIN;
  return flags & FLAG_ACK ? ACK : NONE;
}

export function trackTcp24(c: Conn, dir: u32, p: Packet, isNew: bool): u32 {
  const event = eventOf(p.flags);
  const old = <u32>c.state;
  const next = <u32>load<u8>(TRANSITIONS + (dir * 5 + event) * 10 + old);
  if (next == IV) {
    if (isNew) because(REASON_TCP_NEW, event);
    else because(REASON_TCP_STATE, event, dir, old);
    return INVALID;
  }
  if (next != old) raise(EVENT_PROTOINFO);
  c.state = <u8>next;
  if (event == RST && !isNew && !c.has(STATUS_SEEN_REPLY)) return KILL;
  if (c.lastFlags & HANDSHAKE_DONE) assure(c);
  // the number a SYN/ACK announced, and the ACK that fits it. Records of the time show ASSURED from the next packet on
  if (old != SR && next == SR && dir == DIR_REPLY && p.flags & FLAG_SYN) c.lastAck = p.seq + 1;
  if (old == SR && dir == DIR_ORIGINAL && event == ACK && p.ack == c.lastAck) c.lastFlags |= HANDSHAKE_DONE;
  refresh(c, dir, p, timeoutFor(c, TIMEOUT_TCP + next), isNew);
  return ACCEPT;
}
