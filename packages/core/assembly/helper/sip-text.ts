// SIP (RFC 3261) and SDP (RFC 4566) text as far as the helper reads it: headers by name, addresses in URIs, media lines.
// The kernel's scanner steps over the first character of a line it does not know; so does this one, for what it then
// misses (a header right behind an empty line that ends in a bare LF) is missed there, too.
import { L3_IPV6 } from "../abi";
import {
  ADDRESS, after, alike, charAt, decimal, digits, isBlank, isLetter, isNewline, parse4, parse6, readable, same,
} from "./text";

/** Answers of a search: found; not there; there, but its value cannot be read. */
export const FOUND: i32 = 1;
export const ABSENT: i32 = 0;
export const UNREADABLE: i32 = -1;

/** The value found: where it begins and how long it is. */
export let match: usize = 0;
export let matchLength: u32 = 0;
/** The port of the last URI, in host order. */
export let port: u32 = 0;

/** The network protocol of the connection: what addresses look like. */
let l3num: u32 = 0;

export function readAddressesOf(family: u32): void {
  l3num = family;
}

// ---- headers

export const CSEQ: u32 = 0;
export const CONTACT: u32 = 1;
export const EXPIRES: u32 = 2;
export const CONTENT_LENGTH: u32 = 3;

/** Finds a header from `at` on, and its value. The first line never is one: it holds the request or the status. */
export function findHeader(header: u32, at: usize, end: usize): i32 {
  switch (header) {
    //                                        name              short  value
    case CSEQ: return findLine(at, end,       "cseq",           0,     false);
    case CONTACT: return findLine(at, end,    "contact",        0x6d,  true);
    case EXPIRES: return findLine(at, end,    "expires",        0,     false);
    default: return findLine(at, end,         "content-length", 0x6c,  false);
  }
}

function findLine(at: usize, end: usize, name: string, short: u32, isUri: bool): i32 {
  for (; at < end; ++at) {
    if (!isNewline(load<u8>(at))) continue;
    at = nextLine(at, end);
    if (at >= end) break;
    if (isBlank(load<u8>(at))) continue;
    if (alike(at, end, name)) at += name.length;
    else if (short && (charAt(at, end) | 0x20) == short && end - at >= 2 && !isLetter(load<u8>(at + 1))) ++at;
    else continue;
    at = skipBlanks(at, end);
    if (charAt(at, end) != 0x3a || ++at >= end) break;
    at = skipBlanks(at, end);
    if (!at) break;
    match = at;
    if (!isUri) return value(at, digits(at, end));
    at = search(at, end, "sip:");
    if (!at) return UNREADABLE;
    return hostOf(at + 4, end);
  }
  return ABSENT;
}

// @ts-ignore: decorator
@inline
function value(at: usize, length: u32): i32 {
  if (length == 0) return UNREADABLE;
  match = at;
  matchLength = length;
  return FOUND;
}

// Behind the newline at `at`: CR LF counts as one.
// @ts-ignore: decorator
@inline
function nextLine(at: usize, end: usize): usize {
  ++at;
  return load<u8>(at - 1) == 0x0d && charAt(at, end) == 0x0a ? at + 1 : at;
}

// Where the continuation of a line goes on; 0 when the next line is none.
function continuation(at: usize, end: usize): usize {
  at = nextLine(at, end);
  if (!isBlank(charAt(at, end))) return 0;
  while (isBlank(charAt(at, end))) ++at;
  return at;
}

function skipBlanks(at: usize, end: usize): usize {
  while (isBlank(charAt(at, end))) ++at;
  return isNewline(charAt(at, end)) ? continuation(at, end) : at;
}

// Looks for a word within one header line and its continuations. The kernel does not see it at the very end of the text.
function search(at: usize, end: usize, word: string): usize {
  if (end < <usize>word.length) return 0;
  const last = end - word.length;
  for (; at < last; ++at) {
    if (isNewline(load<u8>(at))) {
      at = continuation(at, last);
      if (!at) return 0;
    } else if (alike(at, end, word)) return at;
  }
  return 0;
}

// `user@address:port` of a URI, from behind its scheme: the value is address and port. Something has to follow it.
function hostOf(at: usize, end: usize): i32 {
  let host = at;
  for (let c = charAt(host, end); host < end && c != 0x40 && !isNewline(c); c = charAt(++host, end));
  if (charAt(host, end) == 0x40) at = host + 1;
  let last = addressInUri(at, end);
  if (!last) return UNREADABLE;
  port = SIP_PORT;
  if (charAt(last, end) == 0x3a) {
    port = decimal(last + 1, end);
    if (after - last > 6 || port < 1024 || port > 65535) return UNREADABLE;
    last = after;
  }
  return last < end ? value(at, <u32>(last - at)) : UNREADABLE;
}

// Where the address at `at` ends; 0 when it is none. An IPv6 address in a URI stands in brackets, in SDP it does not.
function addressInUri(at: usize, end: usize): usize {
  if (l3num != L3_IPV6) return parse4(at, end, ADDRESS) ? after : 0;
  if (charAt(at, end) != 0x5b || !parse6(at + 1, end) || charAt(after, end) != 0x5d) return 0;
  return after + 1;
}

function addressInSdp(at: usize, end: usize): usize {
  return (l3num == L3_IPV6 ? parse6(at, end) : parse4(at, end, ADDRESS)) ? after : 0;
}

// ---- Contact, and its parameters

/** Where the next search for a Contact goes on; both are 0 before the first. */
let contactFrom: usize = 0;
let inContact: bool = false;

export function firstContact(): void {
  contactFrom = 0;
  inContact = false;
}

/**
 * The next address of record: ADDRESS, `port` and `match`. Contacts stand in lists (`,`) and in headers of their own; those
 * without a literal address and a port from 1024 on are passed over.
 */
export function nextContact(at: usize, end: usize): bool {
  if (!walkContacts(at, end)) return false;
  contactFrom = match + matchLength - at;
  return true;
}

const SIP_PORT: u32 = 5060;

// A Contact that cannot be read is skipped, by as many bytes as lie in front of it, counted once more from where the
// search began: with several of them the kernel jumps far ahead.
function walkContacts(at: usize, end: usize): bool {
  let from = contactFrom;
  while (inContact && from <= end - at) {
    const found = nextInList(at + from, end);
    if (found == FOUND) return true;
    if (found == ABSENT) inContact = false;
    else from += match - at;
  }
  while (from <= end - at) {
    const found = findHeader(CONTACT, at + from, end);
    if (found == ABSENT) return false;
    if (found == FOUND) {
      inContact = true;
      return true;
    }
    from += match - at;
  }
  return false;
}

function nextInList(at: usize, end: usize): i32 {
  at = search(at, end, ",");
  if (at) at = search(at, end, "sip:");
  if (!at) return ABSENT;
  match = at + 4;
  return hostOf(at + 4, end);
}

/** The L4 protocol behind `;transport=`; `own` without one, 0 for one that is not known. */
export function transportOf(at: usize, end: usize, own: u32): u32 {
  const parameter = findParameter(at, end, "transport=");
  if (!parameter) return own;
  if (alike(parameter, end, "tcp")) return 6;
  return alike(parameter, end, "udp") ? 17 : 0;
}

/** The number behind `;expires=`; `otherwise` without one, -1 when it is no number. */
export function expiresOf(at: usize, end: usize, otherwise: u32): i64 {
  const parameter = findParameter(at, end, "expires=");
  if (!parameter) return otherwise;
  const seconds = decimal(parameter, end);
  return readable ? <i64>seconds : -1;
}

// Behind the name of a parameter of this Contact, which a comma ends.
function findParameter(at: usize, end: usize, name: string): usize {
  const comma = search(at, end, ",");
  const found = search(at, comma ? comma : end, name);
  return found ? found + name.length : 0;
}

// ---- SDP

/** Media types, which are the classes of their expectations. */
export const MEDIA_NONE: u32 = 0;
export const MEDIA_AUDIO: u32 = 1;
export const MEDIA_VIDEO: u32 = 2;
export const MEDIA_IMAGE: u32 = 3;

/** Finds the `v=` that begins a session description. */
export function findSession(at: usize, end: usize): bool {
  at = findSdpLine(at, end, "v=", false);
  if (!at) return false;
  return value(at, digits(at, end)) == FOUND;
}

/** Finds the next media line: `match` is behind `m=`. */
export function findMedia(at: usize, end: usize): bool {
  at = findSdpLine(at, end, "m=", false);
  if (!at) return false;
  let n: u32 = 0;
  while (isLetter(charAt(at + n, end))) ++n;
  if (charAt(at + n, end) != 0x20) return false;
  ++n;
  return value(at, n + digits(at + n, end)) == FOUND;
}

/** What a media line found announces; `match` moves on to its port when the helper knows it. */
export function mediaType(): u32 {
  const end = match + matchLength;
  let type = MEDIA_NONE;
  if (same(match, end, "audio ")) type = MEDIA_AUDIO;
  else if (same(match, end, "video ")) type = MEDIA_VIDEO;
  else if (same(match, end, "image ")) type = MEDIA_IMAGE;
  if (type) match += 6;
  return type;
}

/** Reads the address of the next `c=` line into ADDRESS; one behind the next media line does not count. */
export function findConnection(at: usize, end: usize): bool {
  at = findSdpLine(at, end, "c=", true);
  if (!at) return false;
  const family = l3num == L3_IPV6 ? "IN IP6 " : "IN IP4 ";
  if (end < <usize>family.length) return false;
  for (const last = end - family.length; at < last && !isNewline(load<u8>(at)); ++at) {
    if (same(at, end, family)) return addressInSdp(at + family.length, end) != 0;
  }
  return false;
}

function findSdpLine(at: usize, end: usize, name: string, untilMedia: bool): usize {
  for (; at < end; ++at) {
    if (!isNewline(load<u8>(at))) continue;
    at = nextLine(at, end);
    if (at >= end) break;
    if (untilMedia && alike(at, end, "m=")) break;
    if (alike(at, end, name)) return at + name.length;
  }
  return 0;
}
