// TFTP (RFC 1350; spec §6.6): a request announces a UDP answer from any port of the server. The request's own conn never
// sees one. Whoever sends it, the originator is taken for the client.
import { DIR_REPLY, IPPROTO_UDP, VERDICT_ACCEPT } from "../abi";
import { be16 } from "../bytes";
import { Conn, destinationOf, destinationPort, sourceOf } from "../conn";
import { announce, expectation } from "../expect";
import { Packet } from "../packet";
import { data, hasPayload, length } from "./payload";

const READ_REQUEST: u32 = 1;
const WRITE_REQUEST: u32 = 2;

export function helpTftp(c: Conn, p: Packet): u32 {
  if (!hasPayload(p) || length < 2) return VERDICT_ACCEPT;
  const opcode = be16(data);
  if (opcode != READ_REQUEST && opcode != WRITE_REQUEST) return VERDICT_ACCEPT;
  expectation(c, 0, IPPROTO_UDP, sourceOf(c, DIR_REPLY), -1, destinationOf(c, DIR_REPLY), destinationPort(c, DIR_REPLY));
  return announce();
}
