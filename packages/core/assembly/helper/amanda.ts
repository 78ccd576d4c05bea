// Amanda (spec §6.9): the server's answer names up to four TCP ports, `CONNECT DATA 5001 MESG 5002 INDEX 5003\n`.
import { DIR_ORIGINAL, HELPER_AMANDA_MASTER_TIMEOUT, IPPROTO_TCP, VERDICT_ACCEPT, VERDICT_DROP } from "../abi";
import { Conn, destinationOf, sourceOf } from "../conn";
import { announce, expectation } from "../expect";
import { Packet } from "../packet";
import { setting } from "../settings";
import { now } from "../timer";
import { byteAt, hasPayload, isDigit, length } from "./payload";
import { refresh } from "./refresh";

const CONNECT: usize = memory.data<u8>([67, 79, 78, 78, 69, 67, 84, 32]);

/** Row: length, text; in the order they are looked for. */
const STREAMS: usize = memory.data<u8>([
  /* DATA  */ 5, 68, 65, 84, 65, 32, 0,
  /* MESG  */ 5, 77, 69, 83, 71, 32, 0,
  /* INDEX */ 6, 73, 78, 68, 69, 88, 32,
  /* STATE */ 6, 83, 84, 65, 84, 69, 32,
]);
const STREAM_SIZE: u32 = 7;
const STREAM_COUNT: u32 = 4;
const PORT_DIGITS: u32 = 5;

export function helpAmanda(c: Conn, dir: u32, p: Packet): u32 {
  if (dir == DIR_ORIGINAL) return VERDICT_ACCEPT;
  // the backup is being prepared meanwhile
  refresh(c, now + setting(HELPER_AMANDA_MASTER_TIMEOUT) * 1_000_000_000);
  if (!hasPayload(p)) return VERDICT_ACCEPT;
  const from = find(CONNECT, 8, 0, length);
  if (from == 0) return VERDICT_ACCEPT;
  let end = from;
  while (end < length && byteAt(end) != 10) ++end;
  if (end == length) return VERDICT_ACCEPT;
  for (let k: u32 = 0; k < STREAM_COUNT; ++k) {
    const row = STREAMS + <usize>(k * STREAM_SIZE);
    let i = find(row + 1, load<u8>(row), from, end);
    if (i == 0) continue;
    let port: u32 = 0;
    const start = i;
    while (i < end && i - start < PORT_DIGITS && isDigit(byteAt(i))) port = port * 10 + (byteAt(i++) - 48);
    if ((port & 0xffff) == 0) break;
    expectation(c, 0, IPPROTO_TCP, sourceOf(c, DIR_ORIGINAL), -1, destinationOf(c, DIR_ORIGINAL), port & 0xffff);
    if (announce() == VERDICT_DROP) return VERDICT_DROP;
  }
  return VERDICT_ACCEPT;
}

/** The index behind the text if it lies in [from, end), or 0. */
function find(text: usize, n: u32, from: u32, end: u32): u32 {
  for (let i = from; i + n <= end; ++i) {
    let k: u32 = 0;
    while (k < n && byteAt(i + k) == <u32>load<u8>(text + k)) ++k;
    if (k == n) return i + n;
  }
  return 0;
}
