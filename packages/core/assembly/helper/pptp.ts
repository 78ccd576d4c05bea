// PPTP (RFC 2637, spec §6.8): the control connection agrees on two call ids, one for each direction of a GRE flow. Two
// expectations wait for its first packet, and the key map tells of GRE packets, which carry only the receiver's call id, the
// other one. Whoever opened the control connection is taken for the PNS. A message in the wrong state is passed over.
//
//   0        2      4       8      10         12
//   │ length │ type │ magic │ kind │ reserved │ body: call id, peer's call id, result …
import {
  DIR_ORIGINAL, DIR_REPLY, IPPROTO_GRE, L3_IPV4, REASON_EXPECT_MADE, REASON_PPTP_KEY_MAP, REASON_PPTP_REFUSED, REASON_PPTP_STATE, VERDICT_ACCEPT,
} from "../abi";
import { be16, be32 } from "../bytes";
import { Conn, connAt, NIL, sourceOf, sourcePort } from "../conn";
import { destroy } from "../destroy";
import { frame } from "../frame";
import { expectation, findAlike, insertExpectation, inserted, removeExpectation } from "../expect";
import { hashKey } from "../hash";
import { helperData } from "../help";
import { Packet } from "../packet";
import { findExact, oneWays } from "../table";
import { now } from "../timer";
import { because } from "../why";
import { addKey, isKey, removeKey } from "./key-map";
import { data as payload, hasPayload, length } from "./payload";
import { dirsOf, findInZone } from "../zone";

/** Body length by kind; kind 0 and those behind the last have none. */
const BODY = memory.data<u8>([0, 144, 144, 4, 4, 4, 8, 156, 20, 208, 12, 16, 4, 136, 28, 12]);
const KINDS: u32 = 16;

const START_REQUEST: u32 = 1;
const START_REPLY: u32 = 2;
const STOP_REQUEST: u32 = 3;
const STOP_REPLY: u32 = 4;
const OUT_REQUEST: u32 = 7;
const OUT_REPLY: u32 = 8;
const IN_REQUEST: u32 = 9;
const IN_REPLY: u32 = 10;
const IN_CONNECTED: u32 = 11;
const CLEAR_REQUEST: u32 = 12;
const DISCONNECT: u32 = 13;

const SESSION_NONE: u8 = 0;
const SESSION_ERROR: u8 = 1;
const SESSION_STOPPING: u8 = 2;
const SESSION_REQUESTED: u8 = 3;
const SESSION_CONFIRMED: u8 = 4;

const CALL_NONE: u8 = 0;
const CALL_OUT_REQUESTED: u8 = 1;
const CALL_OUT_CONFIRMED: u8 = 2;
const CALL_IN_REQUESTED: u8 = 3;
const CALL_IN_REPLIED: u8 = 4;
const CALL_IN_CONFIRMED: u8 = 5;
const CALL_CLEARING: u8 = 6;

const CONTROL_MESSAGE: u32 = 1;
const MAGIC: u32 = 0x1a2b3c4d;
/** Result code of every message that has one. */
const GOOD: u32 = 1;

/** What the helper remembers of a control connection. */
@unmanaged
export class PptpData {
  session: u8;
  call: u8;
  pnsId: u16;
  pacId: u16;
  keys0: u16; // places in the key map, of the packets of either direction
  keys1: u16;
}

/** Reads the one message at the start of a segment: the kernel does not look for a second. Never a reason to drop it. */
export function helpPptp(c: Conn, dir: u32, p: Packet, established: bool): u32 {
  if (!established || !hasPayload(p) || length < 12) return VERDICT_ACCEPT;
  if (be16(payload, 2) != CONTROL_MESSAGE || be32(payload, 4) != MAGIC) return VERDICT_ACCEPT;
  const kind = be16(payload, 8);
  const need: u32 = kind < KINDS ? load<u8>(BODY + kind) : 0;
  if (need == 0 || length - 12 < need) return VERDICT_ACCEPT;
  const data = changetype<PptpData>(helperData(c));
  const body = payload + 12;
  const done = dir == DIR_ORIGINAL ? fromPns(data, kind, body) : fromPac(c, data, kind, body);
  if (!done) because(REASON_PPTP_STATE, kind, data.session, data.call);
  return VERDICT_ACCEPT;
}

function fromPns(data: PptpData, kind: u32, body: usize): bool {
  switch (kind) {
    case START_REQUEST:
      if (data.session != SESSION_NONE) return false;
      data.session = SESSION_REQUESTED;
      return true;
    case STOP_REQUEST:
      data.session = SESSION_STOPPING;
      return true;
    case OUT_REQUEST:
      if (data.session != SESSION_CONFIRMED) return false;
      data.call = CALL_OUT_REQUESTED;
      data.pnsId = <u16>be16(body);
      return true;
    case IN_REPLY:
      if (data.session != SESSION_CONFIRMED) return false;
      if (data.call != CALL_IN_REQUESTED && data.call != CALL_IN_REPLIED) return false;
      if (be16(body, 2) != <u32>data.pacId) return false;
      if (load<u8>(body, 4) == GOOD) {
        data.call = CALL_IN_REPLIED;
        data.pnsId = <u16>be16(body);
      } else data.call = CALL_NONE;
      return true;
    case CLEAR_REQUEST:
      if (data.session != SESSION_CONFIRMED) return false;
      data.call = CALL_CLEARING;
      return true;
    default:
      return true;
  }
}

function fromPac(c: Conn, data: PptpData, kind: u32, body: usize): bool {
  switch (kind) {
    case START_REPLY:
      if (data.session < SESSION_REQUESTED) return false;
      data.session = load<u8>(body, 2) == GOOD ? SESSION_CONFIRMED : SESSION_ERROR;
      return true;
    case STOP_REPLY:
      if (data.session > SESSION_STOPPING) return false;
      data.session = load<u8>(body) == GOOD ? SESSION_NONE : SESSION_ERROR;
      return true;
    case OUT_REPLY:
      if (data.session != SESSION_CONFIRMED) return false;
      if (data.call != CALL_OUT_REQUESTED && data.call != CALL_OUT_CONFIRMED) return false;
      if (be16(body, 2) != <u32>data.pnsId) return false;
      if (load<u8>(body, 4) == GOOD) {
        data.call = CALL_OUT_CONFIRMED;
        data.pacId = <u16>be16(body);
        expectCall(c, data);
      } else data.call = CALL_NONE;
      return true;
    case IN_REQUEST:
      if (data.session != SESSION_CONFIRMED) return false;
      data.call = CALL_IN_REQUESTED;
      data.pacId = <u16>be16(body);
      return true;
    case IN_CONNECTED:
      if (data.session != SESSION_CONFIRMED) return false;
      if (data.call != CALL_IN_REPLIED && data.call != CALL_IN_CONFIRMED) return false;
      if (be16(body) != <u32>data.pnsId) return false;
      data.call = CALL_IN_CONFIRMED;
      expectCall(c, data);
      return true;
    case DISCONNECT:
      data.call = CALL_NONE;
      endCall(c, now, frame);
      return true;
    default:
      return true;
  }
}

// ---- the call

// The two ends, as they lie in packets.
let pnsAt: usize = 0;
let pacAt: usize = 0;

function readEnds(c: Conn): void {
  pnsAt = sourceOf(c, DIR_ORIGINAL);
  pacAt = sourceOf(c, DIR_REPLY);
}

// Both expectations and both keys, or none of them.
function expectCall(c: Conn, data: PptpData): void {
  readEnds(c);
  const pns = <u32>data.pnsId;
  const pac = <u32>data.pacId;
  if (!expectPackets(c, pnsAt, pns, pacAt, pac)) return;
  const first = inserted;
  if (!expectPackets(c, pacAt, pac, pnsAt, pns)) {
    removeExpectation(first);
    return;
  }
  const second = inserted;
  data.keys0 = <u16>keyFor(data.keys0, pnsAt, pacAt, pac, pns);
  if (mapped) {
    data.keys1 = <u16>keyFor(data.keys1, pacAt, pnsAt, pns, pac);
    if (mapped) {
      because(REASON_EXPECT_MADE, IPPROTO_GRE, pac);
      return;
    }
    forgetKeys(data);
  }
  // in the kernel's order, which the events tell
  removeExpectation(second);
  removeExpectation(first);
  because(REASON_PPTP_KEY_MAP, pns, pac);
}

function expectPackets(c: Conn, src: usize, srcKey: u32, dst: usize, dstKey: u32): bool {
  expectation(c, 0, IPPROTO_GRE, src, srcKey, dst, dstKey);
  if (insertExpectation() == 0) return true;
  because(REASON_PPTP_REFUSED, dstKey);
  return false;
}

let mapped: bool = false;

// A control connection has one key in either direction: that of its call, for as long as the call lasts.
function keyFor(place: u32, src: usize, dst: usize, call: u32, other: u32): u32 {
  const id = <u32>bswap<u16>(<u16>call);
  if (place) mapped = isKey(place, load<u32>(src), load<u32>(dst), id);
  else {
    place = addKey(load<u32>(src), load<u32>(dst), id, bswap<u16>(<u16>other));
    mapped = place != 0;
  }
  return place;
}

function forgetKeys(data: PptpData): void {
  if (data.keys0) removeKey(data.keys0);
  if (data.keys1) removeKey(data.keys1);
  data.keys0 = 0;
  data.keys1 = 0;
}

/** The GRE flow ends with the call, or the expectations of it do. */
export function endCall(c: Conn, time: u64, at: u32): void {
  const data = changetype<PptpData>(helperData(c));
  forgetKeys(data);
  readEnds(c);
  endDirection(c, pnsAt, data.pnsId, pacAt, data.pacId, time, at);
  endDirection(c, pacAt, data.pacId, pnsAt, data.pnsId, time, at);
}

function endDirection(c: Conn, src: usize, srcKey: u32, dst: usize, dstKey: u32, time: u64, at: u32): void {
  const slot = findCall(c, src, srcKey, dst, dstKey);
  if (slot != NIL) {
    const flow = connAt(slot);
    destroy(flow, time, flow.deadline - time, at);
    return;
  }
  expectation(c, 0, IPPROTO_GRE, src, srcKey, dst, dstKey);
  const n = findAlike();
  if (n) removeExpectation(n, time, at);
}

function findCall(c: Conn, src: usize, srcKey: u32, dst: usize, dstKey: u32): u32 {
  const a = <u64>load<u32>(src);
  const b = <u64>load<u32>(dst);
  const x = <u64>bswap<u16>(<u16>srcKey);
  const y = <u64>bswap<u16>(<u16>dstKey);
  const swapped = ((a << 16) | x) > ((b << 16) | y);
  const key0 = swapped ? b | (a << 32) : a | (b << 32);
  const rest = (<u64>IPPROTO_GRE << 32) | (<u64>L3_IPV4 << 40) | (<u64>c.zone << 48);
  const key1 = (swapped ? y | (x << 16) : x | (y << 16)) | rest;
  if (oneWays != 0) return findInZone(key0, key1, 0, <u32>swapped, dirsOf(c));
  return findExact(hashKey(key0, key1), key0, key1, 0, 0);
}

/** The first packet of a call came: nobody waits for one of the other direction any more. */
export function metCall(c: Conn): void {
  expectation(c, 0, IPPROTO_GRE, sourceOf(c, DIR_REPLY), sourcePort(c, DIR_REPLY), sourceOf(c, DIR_ORIGINAL), sourcePort(c, DIR_ORIGINAL));
  const n = findAlike();
  if (n) removeExpectation(n);
}

/** The key map is made anew from what the control connections remember. */
export function restoreKeys(c: Conn): void {
  const data = changetype<PptpData>(helperData(c));
  readEnds(c);
  if (data.keys0) data.keys0 = <u16>keyFor(0, pnsAt, pacAt, data.pacId, data.pnsId);
  if (data.keys1) data.keys1 = <u16>keyFor(0, pacAt, pnsAt, data.pnsId, data.pacId);
}
