// RAS (H.225.0): endpoints and their gatekeeper. A registration announces calls to the endpoint; an admission or a location calls to
// where the gatekeeper says; a gatekeeper may name another address of its own. Requests and confirms that matter to NAT only are read
// and passed over. Whether a datagram is NEW or ESTABLISHED makes no difference.
import {
  EXPECT_PERMANENT, HELPER_H323_DEFAULT_RRQ_TTL, HELPER_H323_GKROUTED_ONLY, HELPER_Q931, HELPER_RAS, IPPROTO_TCP, IPPROTO_UDP, REASON_H323_ANSWER,
  REASON_H323_GATEKEEPER, REASON_H323_UNREADABLE, STATUS_EXPECTED, VERDICT_ACCEPT, VERDICT_DROP,
} from "../../abi";
import { Conn, destinationOf, sourceOf, sourcePort } from "../../conn";
import { expectation, expectationAt, findAlike, removeExpectations, renewExpectation } from "../../expect";
import { connOfHelp } from "../../help";
import { Packet } from "../../packet";
import { setting } from "../../settings";
import { now } from "../../timer";
import { data, hasPayload, length } from "../payload";
import { refresh } from "../refresh";
import { expectCalls, expectThere, isAddress, isSenders, pass, port, readTransport, speakFor } from "./announce";
import {
  ADMISSION_CONFIRM_DEST_CALL_SIGNAL_ADDRESS, GATEKEEPER_CONFIRM_RAS_ADDRESS, LOCATION_CONFIRM_CALL_SIGNAL_ADDRESS, RAS_MESSAGE, RAS_MESSAGE_GATEKEEPER_REQUEST,
  RAS_MESSAGE_WORDS, REGISTRATION_CONFIRM_TIME_TO_LIVE, REGISTRATION_REQUEST_CALL_SIGNAL_ADDRESS, REGISTRATION_REQUEST_TIME_TO_LIVE, TRANSPORT_ADDRESS,
  TRANSPORT_ADDRESS_WORDS,
} from "./grammar";
import { decode, decodeItem, itemsOf, readable } from "./per";
import { rememberedBy, setSignalPort, signalPort } from "./state";

const GATEKEEPER_CONFIRM: u32 = 1;
const REGISTRATION_REQUEST: u32 = 3;
const REGISTRATION_CONFIRM: u32 = 4;
const UNREGISTRATION_REQUEST: u32 = 6;
const ADMISSION_CONFIRM: u32 = 10;
const LOCATION_CONFIRM: u32 = 19;

const SECOND: u64 = 1_000_000_000;
/** For the answer to an unregistration. */
const FAREWELL: u64 = 30 * SECOND;

const KEPT: usize = memory.data(128, 8);
const ADDRESS: usize = memory.data(8, 8);
if (RAS_MESSAGE_WORDS > 32 || TRANSPORT_ADDRESS_WORDS > 2) ERROR("ras.ts: KEPT");

let c: Conn = changetype<Conn>(0);
let dir: u32 = 0;

export function helpRas(conn: Conn, direction: u32, p: Packet): u32 {
  if (!hasPayload(p)) return VERDICT_ACCEPT;
  c = conn;
  dir = direction;
  speakFor(conn, direction);
  if (!decode(RAS_MESSAGE, data, length, KEPT, RAS_MESSAGE_WORDS)) {
    pass(REASON_H323_UNREADABLE, readable);
    return VERDICT_ACCEPT;
  }
  // every kind of message stands in the same place
  const at = KEPT + RAS_MESSAGE_GATEKEEPER_REQUEST;
  switch (load<u32>(KEPT)) {
    case GATEKEEPER_CONFIRM:
      return gatekeeper(at + GATEKEEPER_CONFIRM_RAS_ADDRESS);
    case REGISTRATION_REQUEST:
      return register(at);
    case REGISTRATION_CONFIRM:
      registered(at);
      return VERDICT_ACCEPT;
    case UNREGISTRATION_REQUEST:
      unregister();
      return VERDICT_ACCEPT;
    case ADMISSION_CONFIRM:
      return admitted(at + ADMISSION_CONFIRM_DEST_CALL_SIGNAL_ADDRESS);
    case LOCATION_CONFIRM:
      return readTransport(at + LOCATION_CONFIRM_CALL_SIGNAL_ADDRESS) ? expectThere(IPPROTO_TCP, HELPER_Q931, EXPECT_PERMANENT) : <u32>VERDICT_ACCEPT;
    default:
      return VERDICT_ACCEPT;
  }
}

// RAS goes on at another address than this one; a gatekeeper found that way sends nobody further.
function gatekeeper(noted: usize): u32 {
  if (!readTransport(noted)) return VERDICT_ACCEPT;
  if (c.has(STATUS_EXPECTED) || (isAddress(sourceOf(c, dir)) && port == sourcePort(c, dir))) {
    pass(REASON_H323_GATEKEEPER, port);
    return VERDICT_ACCEPT;
  }
  return expectThere(IPPROTO_UDP, HELPER_RAS, 0);
}

// The first address of the sender's own is the one that is called.
function register(at: usize): u32 {
  const list = at + REGISTRATION_REQUEST_CALL_SIGNAL_ADDRESS;
  const count = itemsOf(list);
  for (let i: u32 = 0; i < count; ++i) {
    decodeItem(TRANSPORT_ADDRESS, list, i, ADDRESS, TRANSPORT_ADDRESS_WORDS);
    if (!readTransport(ADDRESS) || !isSenders()) continue;
    if (expectCalls(HELPER_Q931, setting(HELPER_H323_GKROUTED_ONLY) == 0) == VERDICT_DROP) return VERDICT_DROP;
    setSignalPort(c, dir, port);
    break;
  }
  const ttl = at + REGISTRATION_REQUEST_TIME_TO_LIVE;
  rememberedBy(c).timeToLive = load<u32>(ttl, 4) ? load<u32>(ttl) : <u32>setting(HELPER_H323_DEFAULT_RRQ_TTL);
  return VERDICT_ACCEPT;
}

// The registration lasts as long as was said, and so does the wait for calls from anywhere.
function registered(at: usize): void {
  const remembered = rememberedBy(c);
  const ttl = at + REGISTRATION_CONFIRM_TIME_TO_LIVE;
  if (load<u32>(ttl, 4)) remembered.timeToLive = load<u32>(ttl);
  if (remembered.timeToLive == 0) return;
  const deadline = now + <u64>remembered.timeToLive * SECOND;
  refresh(c, deadline);
  expectation(c, 0, IPPROTO_TCP, 0, 0, destinationOf(c, dir), signalPort(c, 1 - dir));
  const n = findAlike();
  if (n && connOfHelp(expectationAt(n).master).serial == c.serial) renewExpectation(n, deadline);
}

function unregister(): void {
  removeExpectations(c);
  setSignalPort(c, 0, 0);
  setSignalPort(c, 1, 0);
  refresh(c, now + FAREWELL);
}

// The caller is told whom to call. The called party asks too, and is answered with its own address.
function admitted(noted: usize): u32 {
  if (!readTransport(noted)) return VERDICT_ACCEPT;
  if (isAddress(destinationOf(c, dir))) {
    pass(REASON_H323_ANSWER);
    return VERDICT_ACCEPT;
  }
  return expectThere(IPPROTO_TCP, HELPER_Q931, EXPECT_PERMANENT);
}
