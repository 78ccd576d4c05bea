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
import { HELPER_NONE, VERDICT_ACCEPT } from "../abi";
import { Conn } from "../conn";
import { helperOf } from "../help";
import { Packet } from "../packet";

/** `established`: the packet's state is ESTABLISHED, in either direction. */
export function runHelper(c: Conn, dir: u32, p: Packet, established: bool): u32 {
  switch (helperOf(c)) {
    default:
      return VERDICT_ACCEPT;
  }
}

/** A conn with a helper ends; its expectations are still there. */
export function endHelper(c: Conn): void {
  switch (helperOf(c)) {
    case HELPER_NONE:
    default:
      return;
  }
}
