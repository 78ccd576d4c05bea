// The trace of a packet: everything a reader wants to know beyond its state. Written only when tracing.
import {
  DIR_ORIGINAL, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, L3_IPV4, L3_IPV6, NOTE_TRANSPORT, REASON_EXPECT_MADE, REASON_NONE, REASON_TCP_ACK_OVER,
  REASON_TCP_ACK_UNDER, REASON_TCP_OVERSHOT, REASON_TCP_RST_BELOW_ACK, REASON_TCP_RST_NOT_EXACT, REASON_TCP_SEQ_OVER,
  REASON_TCP_SEQ_UNDER, STATUS_EXT, STATUS_PUBLIC, TRACE_ACK, TRACE_AFTER, TRACE_ANNOUNCED, TRACE_BEFORE, TRACE_CAUSE, TRACE_DATA, TRACE_DATAGRAM, TRACE_DPORT,
  TRACE_DST, TRACE_HELPER, TRACE_L3NUM, TRACE_L4PROTO, TRACE_LENGTH, TRACE_MASTER, TRACE_NOTES, TRACE_NUMBERS, TRACE_PAYLOAD, TRACE_SEQ,
  TRACE_SPORT, TRACE_SRC, TRACE_TCP_FLAGS, TRACE_WINDOW,
} from "./abi";
import { be16, clear64, copy16, copy32 } from "./bytes";
import { Conn, extOf } from "./conn";
import { beforePresent, beforeProto, beforeState, beforeStatus, beforeTimeout, clearBefore, current, currentDir } from "./conntrack";
import { datagramOf } from "./defrag/index";
import { frame } from "./frame";
import { asked, forgetAsked } from "./helper/index";
import { Packet } from "./packet";
import { now } from "./timer";
import { NUMBERS, reason } from "./why";

export function writeTrace(at: usize, p: Packet): void {
  clear64(at);
  clear64(at + 64);
  v128.store(at, i64x2.splat(0), 128);
  v128.store(at, i64x2.splat(0), 144);
  store<u8>(at, p.l3num, TRACE_L3NUM);
  store<u8>(at, p.l4proto, TRACE_L4PROTO);
  store<u8>(at, p.notes, TRACE_NOTES);
  store<u32>(at, p.ipLength, TRACE_LENGTH);
  store<u32>(at, datagramOf(frame), TRACE_DATAGRAM);
  if (p.l3num == L3_IPV4 || p.l3num == L3_IPV6) writeAddresses(at, p);
  if (p.notes & NOTE_TRANSPORT) writeTransport(at, p);
  if (beforePresent) writeEntry(at + TRACE_BEFORE, beforeTimeout, beforeStatus, beforeState, beforeProto);
  clearBefore();
  if (changetype<usize>(current) != 0) {
    const c = current;
    writeEntry(at + TRACE_AFTER, c.deadline - now, c.status, c.state, c.l4proto);
    if (c.has(STATUS_EXT)) {
      store<u32>(at, causeOf(c), TRACE_CAUSE);
      store<u32>(at, extOf(c).masterSerial, TRACE_MASTER);
      store<u32>(at, extOf(c).announced, TRACE_ANNOUNCED);
    }
  }
  if (asked) {
    store<u8>(at, <u8>asked, TRACE_HELPER);
    forgetAsked();
  }
  if (reason != REASON_NONE) {
    copy32(at + TRACE_NUMBERS, NUMBERS);
    store<u64>(at, load<u64>(NUMBERS, 32), TRACE_NUMBERS + 32);
  }
}

function writeAddresses(at: usize, p: Packet): void {
  if (p.src == 0) return;
  if (p.l3num == L3_IPV4) {
    store<u32>(at, load<u32>(p.src), TRACE_SRC);
    store<u32>(at, load<u32>(p.dst), TRACE_DST);
  } else {
    copy16(at + TRACE_SRC, p.src);
    copy16(at + TRACE_DST, p.dst);
  }
}

// ICMP: id in the place of the source port, type and code in that of the destination port.
function writeTransport(at: usize, p: Packet): void {
  const t = <usize>p.l4;
  const proto = <u32>p.l4proto;
  if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
    store<u16>(at, <u16>be16(t, 4), TRACE_SPORT);
    store<u16>(at, <u16>be16(t), TRACE_DPORT);
    store<u32>(at, p.l4Length - 8, TRACE_PAYLOAD);
    return;
  }
  store<u16>(at, <u16>be16(t), TRACE_SPORT);
  store<u16>(at, <u16>be16(t, 2), TRACE_DPORT);
  if (proto == IPPROTO_TCP) {
    store<u8>(at, p.flags, TRACE_TCP_FLAGS);
    store<u32>(at, p.seq, TRACE_SEQ);
    store<u32>(at, p.ack, TRACE_ACK);
    store<u16>(at, p.window, TRACE_WINDOW);
    store<u32>(at, p.l4Length > p.doff ? p.l4Length - p.doff : 0, TRACE_PAYLOAD);
    store<u32>(at, inFrame(p, p.doff), TRACE_DATA);
  } else {
    store<u32>(at, p.l4Length > 8 ? p.l4Length - 8 : 0, TRACE_PAYLOAD);
    store<u32>(at, inFrame(p, 8), TRACE_DATA);
  }
}

// Where the payload behind a header begins in the frame; 0 when the packet was put together from fragments.
function inFrame(p: Packet, header: u32): u32 {
  return datagramOf(frame) ? 0 : p.l4 + header - p.frame;
}

function writeEntry(at: usize, timeout: u64, status: u32, state: u32, l4proto: u32): void {
  store<u64>(at, timeout);
  store<u32>(at, status & STATUS_PUBLIC, 8);
  store<u8>(at, <u8>state, 12);
  store<u8>(at, 1, 13);
  store<u8>(at, <u8>l4proto, 14);
}

// The packet that set what this one fell foul of: the receiver's last one for what it may send and acknowledge, the
// sender's own for what it sends again, the last change of state for everything else.
function causeOf(c: Conn): u32 {
  if (reason == REASON_NONE || reason >= <u32>REASON_EXPECT_MADE) return 0;
  const ext = extOf(c);
  const dir = currentDir;
  switch (reason) {
    case REASON_TCP_SEQ_OVER:
    case REASON_TCP_OVERSHOT:
    case REASON_TCP_ACK_OVER:
    case REASON_TCP_ACK_UNDER:
    case REASON_TCP_RST_BELOW_ACK:
    case REASON_TCP_RST_NOT_EXACT:
      return lastFrame(c, 1 - dir);
    case REASON_TCP_SEQ_UNDER:
      return lastFrame(c, dir);
    default:
      return ext.stateFrame;
  }
}

function lastFrame(c: Conn, dir: u32): u32 {
  const ext = extOf(c);
  const at = dir == DIR_ORIGINAL ? ext.lastFrame0 : ext.lastFrame1;
  return at ? at : ext.stateFrame;
}
