// TCP's transitions (spec §3.3): what a kind of packet in a direction does to a state. Knows nothing of the table.
import {
  TCP_CLOSE, TCP_CLOSE_WAIT, TCP_ESTABLISHED, TCP_FIN_WAIT, TCP_LAST_ACK, TCP_SYN_RECV, TCP_SYN_SENT, TCP_SYN_SENT2,
  TCP_TIME_WAIT,
} from "../abi";

// What the flags amount to, in the kernel's numbering; the first that fits: RST, SYN+ACK, SYN, FIN, ACK.
export const TCP_SYN: u32 = 0;
export const TCP_SYNACK: u32 = 1;
export const TCP_FIN: u32 = 2;
export const TCP_ACK: u32 = 3;
export const TCP_RST: u32 = 4;
export const TCP_NO_EVENT: u32 = 5;

export const FLAG_FIN: u32 = 0x01;
export const FLAG_SYN: u32 = 0x02;
export const FLAG_RST: u32 = 0x04;
export const FLAG_ACK: u32 = 0x10;

const STATES: u32 = 10;
const EVENTS: u32 = 6;

/** Not a transition: the packet is INVALID. */
export const sIV: u8 = 10;
/** Not a transition: the packet passes, nothing changes. */
export const sIG: u8 = 11;
const sSS: u8 = <u8>TCP_SYN_SENT;
const sSR: u8 = <u8>TCP_SYN_RECV;
const sES: u8 = <u8>TCP_ESTABLISHED;
const sFW: u8 = <u8>TCP_FIN_WAIT;
const sCW: u8 = <u8>TCP_CLOSE_WAIT;
const sLA: u8 = <u8>TCP_LAST_ACK;
const sTW: u8 = <u8>TCP_TIME_WAIT;
const sCL: u8 = <u8>TCP_CLOSE;
const sS2: u8 = <u8>TCP_SYN_SENT2;

/** next = TRANSITIONS[dir][event][state] */
const TRANSITIONS: usize = memory.data<u8>([
  // ORIGINAL  sNO, sSS, sSR, sES, sFW, sCW, sLA, sTW, sCL, sS2
  /* syn    */ sSS, sSS, sIG, sIG, sIG, sIG, sIG, sSS, sSS, sS2,
  // sTW, sCL -> sSS: the ports are used again, if the old connection may be thrown away
  // sSR … sLA -> sIG: old duplicate or half-open peer; its answer will tell
  /* synack */ sIV, sIV, sSR, sIV, sIV, sIV, sIV, sIV, sIV, sSR,
  // sSR, sS2: simultaneous open
  /* fin    */ sIV, sIV, sFW, sFW, sLA, sLA, sLA, sTW, sCL, sIV,
  /* ack    */ sES, sIV, sES, sES, sCW, sCW, sTW, sTW, sCL, sIV,
  // sNO -> sES: picked up midstream
  /* rst    */ sIV, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL,
  /* none   */ sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV,
  // REPLY     sNO, sSS, sSR, sES, sFW, sCW, sLA, sTW, sCL, sS2
  /* syn    */ sIV, sS2, sIV, sIV, sIV, sIV, sIV, sSS, sIV, sS2,
  /* synack */ sIV, sSR, sIG, sIG, sIG, sIG, sIG, sIG, sIG, sSR,
  // sIG: the answer to a SYN that was ignored brings both sides into step again
  /* fin    */ sIV, sIV, sFW, sFW, sLA, sLA, sLA, sTW, sCL, sIV,
  /* ack    */ sIV, sIG, sSR, sES, sCW, sCW, sTW, sTW, sCL, sIG,
  // sSS -> sIG: challenge ACK of an old connection
  /* rst    */ sIV, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL,
  /* none   */ sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV,
]);

// @ts-ignore: decorator
@inline
export function nextState(dir: u32, event: u32, state: u32): u32 {
  assert(dir < 2 && event < EVENTS && state < STATES);
  return load<u8>(TRANSITIONS + (dir * EVENTS + event) * STATES + state);
}

/** The event a set of flags amounts to. */
export function eventOf(flags: u32): u32 {
  if (flags & FLAG_RST) return TCP_RST;
  if (flags & FLAG_SYN) return flags & FLAG_ACK ? TCP_SYNACK : TCP_SYN;
  if (flags & FLAG_FIN) return TCP_FIN;
  return flags & FLAG_ACK ? TCP_ACK : TCP_NO_EVENT;
}
