// The helpers, one file each: parsers of control channels that announce connections to come. Direct calls, and the whole
// list at a glance.
//
// A helper is asked for every packet of its conn that the tracker and the rules accepted, before a new conn is
// confirmed. It answers VERDICT_ACCEPT or VERDICT_DROP and says why with because(). What it may use:
//
//   payload.ts    hasPayload(p), then data and length
//   conn.ts       sourceOf(c, dir), destinationOf(c, dir), sourcePort(c, dir), …: the tuple of a direction. With NAT the
//                 other direction's is not the inverse: what the peer calls it is destinationOf(c, 1 - dir)
//   help.ts       helperData(c): 48 bytes of its own per conn
//   expect.ts     expectation(), announce(), insertExpectation(), removeExpectations(), …
import {
  HELPER_AMANDA, HELPER_FTP, HELPER_H245, HELPER_IRC, HELPER_NETBIOS, HELPER_NONE, HELPER_PPTP, HELPER_Q931, HELPER_RAS, HELPER_SANE, HELPER_SIP, HELPER_SNMP, HELPER_TFTP, IPPROTO_GRE, VERDICT_ACCEPT,
} from "../abi";
import { Conn, connAt } from "../conn";
import { helperOf } from "../help";
import { SLOTS } from "../memory-map";
import { Packet } from "../packet";
import { clearKeyMap } from "./key-map";
import { endCall, helpPptp, metCall, restoreKeys } from "./pptp";
import { errorMetSip, helpSip } from "./sip";
import { helpAmanda } from "./amanda";
import { helpBroadcast } from "./broadcast";
import { helpFtp } from "./ftp";
import { helpH245 } from "./h323/h245";
import { helpQ931 } from "./h323/q931";
import { helpRas } from "./h323/ras";
import { helpIrc } from "./irc";
import { helpSane } from "./sane";
import { helpTftp } from "./tftp";

/** The helper that read the packet at hand, for the trace; 0 none. */
export let asked: u32 = HELPER_NONE;

export function forgetAsked(): void {
  asked = HELPER_NONE;
}

/** `established`: the packet's state is ESTABLISHED, in either direction. */
export function runHelper(c: Conn, dir: u32, p: Packet, established: bool): u32 {
  asked = helperOf(c);
  switch (asked) {
    case HELPER_SIP:
      return helpSip(c, dir, p, established);
    case HELPER_PPTP:
      return helpPptp(c, dir, p, established);
    case HELPER_FTP:
      return helpFtp(c, dir, p, established);
    case HELPER_IRC:
      return helpIrc(c, dir, p, established);
    case HELPER_TFTP:
      return helpTftp(c, p);
    case HELPER_AMANDA:
      return helpAmanda(c, dir, p);
    case HELPER_SANE:
      return helpSane(c, dir, p, established);
    case HELPER_NETBIOS:
    case HELPER_SNMP:
      return helpBroadcast(c, dir, p);
    case HELPER_RAS:
      return helpRas(c, dir, p);
    case HELPER_Q931:
      return helpQ931(c, dir, p, established);
    case HELPER_H245:
      return helpH245(c, dir, p, established);
    default:
      return VERDICT_ACCEPT;
  }
}

/**
 * An ICMP error of the originator about a reply packet. The kernel's helpers read it as if it were data: FTP and others
 * look for ESTABLISHED first, and what TFTP finds in the quoted header is no request.
 */
export function errorMetHelper(c: Conn): void {
  if (helperOf(c) == HELPER_SIP) errorMetSip(c);
}

/** A conn with a helper ends; its expectations are still there. Moment and packet as for destroy(). */
export function endHelper(c: Conn, time: u64, at: u32): void {
  if (helperOf(c) == HELPER_PPTP) endCall(c, time, at);
}

/** What the helpers keep outside of help.ts, after a snapshot was loaded. */
export function restoreHelpers(): void {
  clearKeyMap();
  for (let slot: u32 = 0; slot < SLOTS; ++slot) {
    const c = connAt(slot);
    if (c.serial != 0 && helperOf(c) == HELPER_PPTP) restoreKeys(c);
  }
}

/** A new conn was announced; its expectation is used up. */
export function announcedConn(c: Conn): void {
  if (<u32>c.l4proto == IPPROTO_GRE) metCall(c);
}
