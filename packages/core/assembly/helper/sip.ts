// SIP (RFC 3261, spec §6.7): INVITE and its relatives announce media streams by their session descriptions, REGISTER the
// port a phone is called at. A message that cannot be understood is dropped, as the kernel does.
import {
  EXPECT_INACTIVE, EXPECT_PERMANENT, HELPER_SIP, HELPER_SIP_DIRECT_MEDIA, HELPER_SIP_DIRECT_SIGNALLING, HELPER_SIP_TIMEOUT, IPPROTO_TCP, IPPROTO_UDP, L3_IPV4,
  REASON_EXPECT_CLASS, REASON_EXPECT_MADE, REASON_SIP_CONTACT, REASON_SIP_CSEQ, REASON_SIP_FOREIGN, REASON_SIP_FRAMING, REASON_SIP_SDP, STATUS_EXPECTED,
  VERDICT_ACCEPT, VERDICT_DROP,
} from "../abi";
import { Conn, destinationOf, sourceOf } from "../conn";
import {
  Expectation, expectation, expectationAt, findAlike, firstExpectation, insertExpectation, inserted, removeExpectation, removeExpectations, renewExpectation,
} from "../expect";
import { helperData } from "../help";
import { Packet } from "../packet";
import { setting, timeoutOf } from "../settings";
import { now } from "../timer";
import { because } from "../why";
import { data, hasPayload, length } from "./payload";
import { refresh } from "./refresh";
import {
  CONTENT_LENGTH, CSEQ, EXPIRES, expiresOf, FOUND, findConnection, findHeader, findMedia, findSession, firstContact, match, matchLength,
  MEDIA_NONE, mediaType, nextContact, port, readAddressesOf, transportOf,
} from "./sip-text";
import { ADDRESS, after, alike, decimal, isLetter, readable } from "./text";

/** Shorter ones are nothing: `SIP/2.0 200`. */
const SHORTEST: u32 = 11;
/** Media streams of one description. */
const MOST_MEDIA: u32 = 3;
/** Expectation classes; 1 to 3 are the media types. */
const SIGNALLING: u32 = 0;
/** What the helper remembers of a flow. */
@unmanaged
class SipData {
  inviteCseq: u32;
  registerCseq: u32;
}

// The message at hand.
let c: Conn = changetype<Conn>(0);
let state: SipData = changetype<SipData>(0);
let own: usize = 0; // address of the sender, and of its peer
let peer: usize = 0;
let message: usize = 0;
let end: usize = 0;
let cseq: u32 = 0;
let code: u32 = 0;

export function helpSip(conn: Conn, dir: u32, p: Packet, established: bool): u32 {
  const overTcp = <u32>conn.l4proto == IPPROTO_TCP;
  if (overTcp && !established) return VERDICT_ACCEPT;
  // a phone may be silent for long
  if (p.l4Length > (overTcp ? <u32>p.doff : 8)) refresh(conn, now + timeoutOf(HELPER_SIP_TIMEOUT));
  if (!hasPayload(p) || length < SHORTEST) return VERDICT_ACCEPT;
  c = conn;
  state = changetype<SipData>(helperData(conn));
  own = sourceOf(conn, dir);
  peer = destinationOf(conn, dir);
  readAddressesOf(conn.l3num);
  const fine = overTcp ? stream(data, data + length) : oneMessage(data, data + length);
  return fine ? VERDICT_ACCEPT : VERDICT_DROP;
}

/** An ICMP error about what the peer sent: UDP has always something behind its header, and so keeps the conn. */
export function errorMetSip(conn: Conn): void {
  if (<u32>conn.l4proto == IPPROTO_UDP) refresh(conn, now + timeoutOf(HELPER_SIP_TIMEOUT));
}

// TCP: each message ends where its Content-Length says, and has to be there whole.
function stream(at: usize, last: usize): bool {
  while (last - at >= <usize>SHORTEST) {
    const whole = messageEnd(at, last);
    if (!whole) {
      because(REASON_SIP_FRAMING, <u32>(last - at));
      return true;
    }
    if (!oneMessage(at, whole)) return false;
    at = whole;
  }
  return true;
}

function messageEnd(at: usize, last: usize): usize {
  if (findHeader(CONTENT_LENGTH, at, last) != FOUND) return 0;
  const length = decimal(match, last);
  if (!readable) return 0;
  for (let body = after; body + 4 <= last; ++body) {
    if (load<u32>(body) != 0x0a0d0a0d) continue;
    return length <= <u32>(last - body - 4) ? body + 4 + length : 0;
  }
  return 0;
}

function oneMessage(at: usize, last: usize): bool {
  message = at;
  end = last;
  return alike(at, last, "sip/2.0 ") ? response() : request();
}

// ---- requests

const INVITE: u32 = 1;
const UPDATE: u32 = 2;
const ACK: u32 = 3;
const PRACK: u32 = 4;
const BYE: u32 = 5;
const REGISTER: u32 = 6;
let methodLength: u32 = 0;

function methodAt(at: usize): u32 {
  methodLength = 6;
  if (alike(at, end, "invite")) return INVITE;
  if (alike(at, end, "update")) return UPDATE;
  methodLength = 3;
  if (alike(at, end, "ack")) return ACK;
  if (alike(at, end, "bye")) return BYE;
  methodLength = 5;
  if (alike(at, end, "prack")) return PRACK;
  methodLength = 8;
  return alike(at, end, "register") ? REGISTER : 0;
}

function request(): bool {
  const method = methodAt(message);
  const uri = message + methodLength + 1;
  if (!method || uri >= end || load<u8>(uri - 1) != 0x20 || !isLetter(load<u8>(uri))) return true;
  if (!readCseq()) return false;
  switch (method) {
    case INVITE:
      forgetMedia();
      if (!describedMedia()) return false;
      state.inviteCseq = cseq;
      return true;
    case BYE:
      forgetMedia();
      return true;
    case REGISTER:
      return registration();
    default:
      return describedMedia();
  }
}

/** The sequence number of the transaction; `match` is at its digits. Without one the message is dropped. */
function readCseq(): bool {
  if (findHeader(CSEQ, message, end) == FOUND) {
    cseq = decimal(match, end);
    if (readable) return true;
  }
  because(REASON_SIP_CSEQ);
  return false;
}

function forgetMedia(): void {
  for (let n = firstExpectation(c); n != 0; ) {
    const e = expectationAt(n);
    const following = e.next;
    if (e.klass != SIGNALLING) removeExpectation(n);
    n = following;
  }
}

// ---- responses

function response(): bool {
  code = decimal(message + 8, end);
  if (code == 0) {
    because(REASON_SIP_CSEQ);
    return false;
  }
  if (!readCseq()) return false;
  switch (methodAt(match + matchLength + 1)) {
    case INVITE:
    case UPDATE:
    case PRACK:
      if (code >= 100 && code <= 299) return describedMedia();
      if (state.inviteCseq == cseq) forgetMedia();
      return true;
    case REGISTER:
      return registered();
    default:
      return true;
  }
}

// ---- media

const SESSION_ADDRESS: usize = memory.data(16, 8);

function describedMedia(): bool {
  if (!findSession(message, end)) return true;
  const session = match;
  const hasAddress = findConnection(session, end);
  if (hasAddress) memory.copy(SESSION_ADDRESS, ADDRESS, 16);
  let at = session;
  for (let streams: u32 = 0; streams < MOST_MEDIA && findMedia(at, end); ) {
    const behind = match + matchLength;
    const type = mediaType();
    at = match;
    if (type == MEDIA_NONE) {
      at = behind;
      continue;
    }
    const number = decimal(at, end);
    if (number == 0) continue;
    if (number < 1024 || number > 65535) {
      because(REASON_SIP_SDP, number);
      return false;
    }
    let address = ADDRESS;
    if (!findConnection(at, end)) {
      if (!hasAddress) {
        because(REASON_SIP_SDP, number);
        return false;
      }
      address = SESSION_ADDRESS;
    }
    if (!expectMedia(type, address, number)) return false;
    ++streams;
  }
  return true;
}

// RTP at the even port, RTCP behind it. Two ends that describe the same stream, or a stream with two types, need one pair.
function expectMedia(type: u32, address: usize, number: u32): bool {
  const direct = setting(HELPER_SIP_DIRECT_MEDIA) != 0;
  if (direct && !sameAddress(address, own)) {
    because(REASON_SIP_FOREIGN, number);
    return true;
  }
  const from: usize = direct ? peer : 0;
  if (announcedElsewhere(type, from, address, number)) return true;
  const rtp = number & ~1;
  const first = expectStream(type, from, address, rtp);
  const made = inserted;
  if (first && first != REASON_EXPECT_CLASS) return refused(first, rtp);
  const second = expectStream(type, from, address, rtp + 1);
  if (second && second != REASON_EXPECT_CLASS) {
    if (!first) removeExpectation(made);
    return refused(second, rtp + 1);
  }
  because(first ? first : REASON_EXPECT_MADE, first ? rtp : IPPROTO_UDP, rtp);
  return true;
}

// 0 or REASON_EXPECT_*
function expectStream(type: u32, from: usize, address: usize, number: u32): u32 {
  expectation(c, type, IPPROTO_UDP, from, -1, address, number);
  return insertExpectation(true);
}

function refused(why: u32, number: u32): bool {
  because(why, number);
  return false;
}

// The port as it was announced, with whatever source port: an expectation of another phone's that waits for it.
function announcedElsewhere(type: u32, from: usize, address: usize, number: u32): bool {
  const master = expectation(c, type, IPPROTO_UDP, from, 0, address, number).master;
  const n = findAlike();
  if (n == 0) return false;
  const e = expectationAt(n);
  return e.master != master && <u32>e.masterHelper == HELPER_SIP && <u32>e.klass == type;
}

function sameAddress(a: usize, b: usize): bool {
  return memory.compare(a, b, c.l3num == <u8>L3_IPV4 ? 4 : 16) == 0;
}

// ---- registration

function headerExpires(): u32 {
  return findHeader(EXPIRES, message, end) == FOUND ? decimal(match, end) : 0;
}

function registration(): bool {
  if (c.has(STATUS_EXPECTED)) return true;
  const expires = headerExpires();
  firstContact();
  if (!nextContact(message, end) || !sameAddress(ADDRESS, own)) {
    because(REASON_SIP_CONTACT);
    return true;
  }
  const behind = match + matchLength;
  if (transportOf(behind, end, c.l4proto) != <u32>c.l4proto) {
    because(REASON_SIP_CONTACT);
    return true;
  }
  const seconds = expiresOf(behind, end, expires);
  if (seconds < 0) {
    because(REASON_SIP_CONTACT);
    return false;
  }
  if (seconds > 0) {
    const from: usize = setting(HELPER_SIP_DIRECT_SIGNALLING) ? peer : 0;
    const e = expectation(c, SIGNALLING, c.l4proto, from, -1, ADDRESS, port);
    e.flags = <u8>(EXPECT_PERMANENT | EXPECT_INACTIVE);
    e.helper = <u8>HELPER_SIP;
    const why = insertExpectation();
    if (why) return refused(why, port);
    because(REASON_EXPECT_MADE, c.l4proto, port);
  }
  state.registerCseq = cseq;
  return true;
}

function registered(): bool {
  if (state.registerCseq != cseq || (code >= 100 && code <= 199)) return true;
  if (code >= 200 && code <= 299) {
    const expires = headerExpires();
    firstContact();
    while (nextContact(message, end)) {
      if (!sameAddress(ADDRESS, peer)) continue;
      const behind = match + matchLength;
      if (transportOf(behind, end, c.l4proto) != <u32>c.l4proto) continue;
      const seconds = expiresOf(behind, end, expires);
      if (seconds < 0) {
        because(REASON_SIP_CONTACT);
        return false;
      }
      if (seconds == 0) break;
      if (activate(<u64>seconds)) return true;
    }
  }
  removeExpectations(c, SIGNALLING);
  return true;
}

// Makes the expectation of the contact just read active, for so many seconds from now; false when there is none.
function activate(seconds: u64): bool {
  for (let n = firstExpectation(c); n != 0; n = expectationAt(n).next) {
    const e = expectationAt(n);
    if (e.klass != SIGNALLING || e.l4proto != c.l4proto || <u32>bswap<u16>(e.dport) != port) continue;
    if (!sameAddress(changetype<usize>(e) + offsetof<Expectation>("dst0"), ADDRESS)) continue;
    e.flags &= ~(<u8>EXPECT_INACTIVE);
    renewExpectation(n, now + seconds * 1_000_000_000);
    return true;
  }
  return false;
}
