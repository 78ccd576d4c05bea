// Q.931 with the user information of H.225.0: setting up a call. It announces an H.245 connection, carries the first logical channels
// (fast start) or H.245 messages, and may send the caller elsewhere (call forwarding).
//
//   0   1        2                                then information elements: │ id │ length │ … │
//   │ 8 │ length │ call reference │ message type │      user information: │ 0x7e │ length 16 bits │ protocol │ H.225.0 │
import { HELPER_H323_CALLFORWARD_FILTER, HELPER_Q931, IPPROTO_TCP, REASON_H323_FORWARD, REASON_H323_UNREADABLE, REASON_HELPER_PORT, VERDICT_ACCEPT, VERDICT_DROP } from "../../abi";
import { be16 } from "../../bytes";
import { Conn, sourceOf } from "../../conn";
import { Packet } from "../../packet";
import { goSameWay } from "../../filter/program";
import { setting } from "../../settings";
import { address, expectControl, expectThere, pass, port, readTransport, speakFor } from "./announce";
import {
  ALERTING_FAST_START, ALERTING_H245_ADDRESS, CALL_PROCEEDING_FAST_START, CALL_PROCEEDING_H245_ADDRESS, CONNECT_FAST_START, CONNECT_H245_ADDRESS,
  FACILITY_ALTERNATIVE_ADDRESS, FACILITY_FAST_START, FACILITY_H245_ADDRESS, FACILITY_REASON, PROGRESS_FAST_START, PROGRESS_H245_ADDRESS, SETUP_FAST_START,
  SETUP_H245_ADDRESS, USER_INFORMATION, USER_INFORMATION_PDU, USER_INFORMATION_PDU_BODY, USER_INFORMATION_PDU_BODY_SETUP, USER_INFORMATION_PDU_H245_CONTROL,
  USER_INFORMATION_WORDS,
} from "./grammar";
import { fastStart, tunnelled } from "./h245";
import { decode, itemsOf, readable } from "./per";
import { firstMessage, message, nextMessage, size } from "./tpkt";

const DISCRIMINATOR: u8 = 8;
const USER_USER: u8 = 0x7e;

const BODY: usize = USER_INFORMATION_PDU + USER_INFORMATION_PDU_BODY;
/** Every kind of message stands in the same place. */
const IN_BODY: usize = BODY + USER_INFORMATION_PDU_BODY_SETUP;

/** Row: kind of message, words to its H.245 address and its fast start. */
const BODIES: usize = memory.data<u8>([
  /* setup          */ 0, <u8>(SETUP_H245_ADDRESS), <u8>(SETUP_FAST_START),
  /* callProceeding */ 1, <u8>(CALL_PROCEEDING_H245_ADDRESS), <u8>(CALL_PROCEEDING_FAST_START),
  /* connect        */ 2, <u8>(CONNECT_H245_ADDRESS), <u8>(CONNECT_FAST_START),
  /* alerting       */ 3, <u8>(ALERTING_H245_ADDRESS), <u8>(ALERTING_FAST_START),
  /* facility       */ 6, <u8>(FACILITY_H245_ADDRESS), <u8>(FACILITY_FAST_START),
  /* progress       */ 7, <u8>(PROGRESS_H245_ADDRESS), <u8>(PROGRESS_FAST_START),
]);
const BODY_COUNT: usize = 6;
const FACILITY: u32 = 6;
const CALL_FORWARDED: u32 = 1;

const KEPT: usize = memory.data(256, 8);
if (USER_INFORMATION_WORDS > 64) ERROR("q931.ts: KEPT");

let c: Conn = changetype<Conn>(0);
let dir: u32 = 0;

export function helpQ931(conn: Conn, direction: u32, p: Packet, established: bool): u32 {
  if (!established) return VERDICT_ACCEPT;
  c = conn;
  dir = direction;
  speakFor(conn, direction);
  for (let more = firstMessage(conn, direction, p); more; more = nextMessage()) {
    if (!readUserInformation()) {
      pass(REASON_H323_UNREADABLE, readable);
      break;
    }
    if (call() == VERDICT_DROP) return VERDICT_DROP;
  }
  return VERDICT_ACCEPT;
}

// Finds the user information among the elements of the message, and reads it.
function readUserInformation(): bool {
  const end = message + size;
  let at = message;
  if (size < 2 || load<u8>(at) != DISCRIMINATOR) return false;
  at += 2 + <usize>load<u8>(at, 1);
  if (at + 2 > end) return false;
  // message type; then a byte that no element begins with is passed over
  at += load<u8>(at, 1) & 0x80 ? 2 : 1;
  while (at < end) {
    if (load<u8>(at) == USER_USER) {
      if (at + 3 > end) return false;
      const length = be16(at, 1);
      at += 3;
      if (length == 0 || length > <u32>(end - at)) return false;
      return decode(USER_INFORMATION, at + 1, length - 1, KEPT, USER_INFORMATION_WORDS);
    }
    if (at + 2 > end) return false;
    at += 2 + <usize>load<u8>(at, 1);
  }
  return false;
}

function call(): u32 {
  if (body() == VERDICT_DROP) return VERDICT_DROP;
  const messages = KEPT + USER_INFORMATION_PDU + USER_INFORMATION_PDU_H245_CONTROL;
  const count = itemsOf(messages);
  for (let i: u32 = 0; i < count; ++i) if (tunnelled(messages, i) == VERDICT_DROP) return VERDICT_DROP;
  return VERDICT_ACCEPT;
}

function body(): u32 {
  const kind = load<u32>(KEPT + BODY);
  const at = KEPT + IN_BODY;
  if (kind == FACILITY && load<u32>(at + FACILITY_REASON) == CALL_FORWARDED) return forwarded(at + FACILITY_ALTERNATIVE_ADDRESS);
  for (let row: usize = 0; row < BODY_COUNT; ++row) {
    const line = BODIES + row * 3;
    if (<u32>load<u8>(line) != kind) continue;
    if (expectControl(at + load<u8>(line, 1)) == VERDICT_DROP) return VERDICT_DROP;
    const channels = at + load<u8>(line, 2);
    const count = itemsOf(channels);
    for (let i: u32 = 0; i < count; ++i) if (fastStart(channels, i) == VERDICT_DROP) return VERDICT_DROP;
  }
  return VERDICT_ACCEPT;
}

// The caller is to call somebody else. Not followed when that is on the caller's own side (callforward_filter).
function forwarded(noted: usize): u32 {
  if (!readTransport(noted)) return VERDICT_ACCEPT;
  if (port == 0) {
    pass(REASON_HELPER_PORT);
    return VERDICT_ACCEPT;
  }
  if (setting(HELPER_H323_CALLFORWARD_FILTER) && goSameWay(c.l3num, address, sourceOf(c, 1 - dir))) {
    pass(REASON_H323_FORWARD, port);
    return VERDICT_ACCEPT;
  }
  return expectThere(IPPROTO_TCP, HELPER_Q931, 0);
}
