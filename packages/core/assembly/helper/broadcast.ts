// NetBIOS name service and SNMP discovery: one asks a whole network, its hosts answer from their own addresses. Only for a broadcast that
// the box itself sends to a network it is in: for others the kernel knows no socket, and we no mask. The answers may come from anywhere
// in that network, from the usual port.
import { DIR_ORIGINAL, DIR_REPLY, EXPECT_MASK, EXPECT_PERMANENT, IPPROTO_UDP, REASON_BROADCAST, REASON_EXPECT_MADE, VERDICT_ACCEPT } from "../abi";
import { Conn, destinationOf, destinationPort, sourceOf } from "../conn";
import { expectation, insertExpectation } from "../expect";
import { ownBroadcast } from "../filter/program";
import { helperOf } from "../help";
import { Packet } from "../packet";
import { now } from "../timer";
import { because } from "../why";
import { classTimeout, usualPort } from "./policy";
import { refresh } from "./refresh";

export function helpBroadcast(c: Conn, dir: u32, p: Packet): u32 {
  if (dir != DIR_ORIGINAL) return VERDICT_ACCEPT;
  const mask = ownBroadcast(p);
  if (mask == 0) {
    because(REASON_BROADCAST);
    return VERDICT_ACCEPT;
  }
  const helper = helperOf(c);
  const port = destinationPort(c, DIR_REPLY);
  const e = expectation(c, 0, IPPROTO_UDP, sourceOf(c, DIR_REPLY), usualPort(helper), destinationOf(c, DIR_REPLY), port);
  store<u32>(changetype<usize>(e) + EXPECT_MASK, mask);
  e.flags = <u8>EXPECT_PERMANENT;
  if (insertExpectation() == 0) because(REASON_EXPECT_MADE, IPPROTO_UDP, port);
  refresh(c, now + classTimeout(helper, 0));
  return VERDICT_ACCEPT;
}
