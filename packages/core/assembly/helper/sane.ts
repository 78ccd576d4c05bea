// SANE (spec §6.10): the client's START request, then the server's answer with a port.
//
//   memory: │ asked u8 │
import { DIR_ORIGINAL, IPPROTO_TCP, VERDICT_ACCEPT } from "../abi";
import { be16, be32 } from "../bytes";
import { Conn, destinationOf, sourceOf } from "../conn";
import { announce, expectation } from "../expect";
import { helperData } from "../help";
import { Packet } from "../packet";
import { data, hasPayload, length } from "./payload";

const START: u32 = 7;
const REQUEST_SIZE: u32 = 8; // code and handle
const ANSWER_SIZE: u32 = 8; // status u32, zero u16, port u16

export function helpSane(c: Conn, dir: u32, p: Packet, established: bool): u32 {
  if (!established || !hasPayload(p)) return VERDICT_ACCEPT;
  const memory = helperData(c);
  if (dir == DIR_ORIGINAL) {
    if (length == REQUEST_SIZE) store<u8>(memory, <u8>(be32(data) == START));
    return VERDICT_ACCEPT;
  }
  if (load<u8>(memory) == 0) return VERDICT_ACCEPT;
  store<u8>(memory, 0);
  if (length < ANSWER_SIZE || be32(data) != 0 || be16(data, 4) != 0) return VERDICT_ACCEPT;
  expectation(c, 0, IPPROTO_TCP, sourceOf(c, DIR_ORIGINAL), -1, destinationOf(c, DIR_ORIGINAL), be16(data, 6));
  return announce();
}
