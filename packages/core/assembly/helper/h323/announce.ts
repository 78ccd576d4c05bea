// The expectations of H.323: what follows from an address in a message. An announcement that is refused costs the packet its life, as
// with the other helpers.
import {
  EXPECT_PERMANENT, HELPER_H245, IPPROTO_TCP, IPPROTO_UDP, L3_IPV4, REASON_EXPECT_MADE, REASON_H323_FAMILY, REASON_HELPER_ADDRESS, REASON_HELPER_PORT,
  VERDICT_ACCEPT, VERDICT_DROP,
} from "../../abi";
import { be16 } from "../../bytes";
import { Conn, destinationOf, sourceOf } from "../../conn";
import { announce, expectation, inserted, removeExpectation } from "../../expect";
import { because, reason } from "../../why";
import { H245_ADDRESS_UNICAST_ADDRESS } from "./grammar";

// Choices of an address: H.225.0, and H.245 inside of unicastAddress.
const IP: u32 = 0;
const IP6: u32 = 3;
const UNICAST_IP6: u32 = 2;

/** The connection and direction of the message at hand. */
let c: Conn = changetype<Conn>(0);
let dir: u32 = 0;

/** The address read last, as it lies in the message, and the port behind it. */
export let address: usize = 0;
export let port: u32 = 0;

export function speakFor(conn: Conn, direction: u32): void {
  c = conn;
  dir = direction;
}

/** Says why nothing came of an announcement, unless something came of another one in the same packet. */
export function pass(code: u32, n: u32 = 0): void {
  if (reason != <u32>REASON_EXPECT_MADE) because(code, n);
}

// ---- addresses

function readAddress(kind: u32, ip6: u32, place: u32): bool {
  if ((kind | place) == 0) return false; // not in the message
  if (place == 0 || kind != (c.l3num == L3_IPV4 ? IP : ip6)) {
    pass(REASON_H323_FAMILY);
    return false;
  }
  address = place;
  port = be16(place, c.l3num == L3_IPV4 ? 4 : 16);
  return true;
}

/** A TransportAddress kept at `noted`, into `address` and `port`; false: not there, or of another family. */
export function readTransport(noted: usize): bool {
  return readAddress(load<u32>(noted), IP6, load<u32>(noted, 4));
}

function readChannel(noted: usize): bool {
  if (load<u32>(noted) != 0) {
    pass(REASON_H323_FAMILY); // multicast
    return false;
  }
  return readAddress(load<u32>(noted + H245_ADDRESS_UNICAST_ADDRESS), UNICAST_IP6, load<u32>(noted + H245_ADDRESS_UNICAST_ADDRESS, 4));
}

export function isAddress(other: usize): bool {
  return memory.compare(address, other, c.l3num == L3_IPV4 ? 4 : 16) == 0;
}

/** True if the address read last is its sender's, with a port: only those are believed. */
export function isSenders(): bool {
  if (port != 0 && isAddress(sourceOf(c, dir))) return true;
  pass(port ? REASON_HELPER_ADDRESS : REASON_HELPER_PORT, port);
  return false;
}

// ---- expectations: from the peer, whatever its port

/** One of the address and port read last, at the address the sender is known by. */
function expectSender(l4proto: u32, dport: u32, helper: u32, flags: u32): u32 {
  const e = expectation(c, 0, l4proto, sourceOf(c, 1 - dir), -1, destinationOf(c, 1 - dir), dport);
  e.helper = <u8>helper;
  e.flags = <u8>flags;
  return announce();
}

/** One of the address and port read last, whoever's they are. */
export function expectThere(l4proto: u32, helper: u32, flags: u32): u32 {
  const e = expectation(c, 0, l4proto, sourceOf(c, 1 - dir), -1, address, port);
  e.helper = <u8>helper;
  e.flags = <u8>flags;
  return announce();
}

/** H.245 on a connection of its own. */
export function expectControl(noted: usize): u32 {
  return readTransport(noted) && isSenders() ? expectSender(IPPROTO_TCP, port, HELPER_H245, 0) : <u32>VERDICT_ACCEPT;
}

/** RTP on the even port, RTCP on the odd one, or neither. */
export function expectMedia(noted: usize): u32 {
  if (!readChannel(noted) || !isSenders()) return VERDICT_ACCEPT;
  const even = port & ~1;
  if (expectSender(IPPROTO_UDP, even, 0, 0) == VERDICT_DROP) return VERDICT_DROP;
  const first = inserted;
  if (expectSender(IPPROTO_UDP, even | 1, 0, 0) == VERDICT_DROP) {
    removeExpectation(first);
    return VERDICT_DROP;
  }
  because(REASON_EXPECT_MADE, IPPROTO_UDP, even);
  return VERDICT_ACCEPT;
}

/** T.120: any number of connections. */
export function expectData(noted: usize): u32 {
  return readChannel(noted) && isSenders() ? expectSender(IPPROTO_TCP, port, 0, EXPECT_PERMANENT) : <u32>VERDICT_ACCEPT;
}

/** Calls to the sender; `anyone`: not only from the peer. */
export function expectCalls(helper: u32, anyone: bool): u32 {
  const e = expectation(c, 0, IPPROTO_TCP, anyone ? 0 : sourceOf(c, 1 - dir), -1, destinationOf(c, 1 - dir), port);
  e.helper = <u8>helper;
  e.flags = <u8>EXPECT_PERMANENT;
  return announce();
}
