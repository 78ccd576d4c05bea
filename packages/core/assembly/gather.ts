// Of a block for several engines: which records of a pcap file are this shard's, found before any of them is decoded.
//
// Whose a record is follows no pattern, so a branch on it is guessed wrong every second time, and so are those on its family: there
// are none. Every record is written down, and counts if it is wanted.
import { IPPROTO_TCP, IPPROTO_UDP } from "./abi";
import { BATCH } from "./packet";
import { fold6, shard, spread } from "./shard";

/** A record to be decoded: │ address u32 │ place among the records of the call u32, UNTOLD │ time u64 │ */
export const GATHERED_SIZE: u32 = 16;
/** Beside the place: its addresses do not say whose it is. */
export const UNTOLD: u32 = 1 << 31;
/** Where they stand: a batch. */
export const GATHERED: usize = memory.data(BATCH * GATHERED_SIZE, 16);

/** Behind the last record that was looked at. */
export let gatherEnd: usize = 0;
/** Records passed, with those of before. */
export let gatherPlace: u32 = 0;
/** The latest time among them. */
export let gatherTime: u64 = 0;

/**
 * Walks the records from `at` to `end` until `most` are gathered, the first of them the `place`-th of the call. Returns how many. A time is
 * never before that of a record passed: the clock does not go back. Fewer, and `gatherEnd` before `end`: a record is not all there.
 */
export function gather(at: usize, end: usize, most: u32, place: u32, latest: u64): u32 {
  const mine = shard;
  const full = GATHERED + <usize>(most * GATHERED_SIZE);
  let to = GATHERED;
  while (to < full && at < end) {
    const left = <u32>(end - at);
    if (left < 16) break;
    const captured = load<u32>(at, 8);
    if (captured > left - 16) break;
    latest = max<u64>(latest, <u64>load<u32>(at) * 1_000_000_000 + <u64>load<u32>(at, 4) * 1000);
    store<u32>(to, <u32>at);
    store<u64>(to, latest, 8);
    // what lies behind the captured bytes is read as well, and does not count: as in ownerOf()
    const head = load<u32>(at, 28); // ethertype, version and header length
    const next = load<u32>(at, 36); // of IPv4: fragment word, TTL, protocol; of IPv6: next header
    const is6 = <u32>((head & 0xf0ffff) == 0x60dd86);
    const is4 = <u32>((head & 0xffffff) == 0x450008) & <u32>((next & 0xff3f) == 0);
    const proto = select<u32>(next & 0xff, next >> 24, is6);
    const ported = <u32>(proto == IPPROTO_TCP) | <u32>(proto == IPPROTO_UDP);
    const told = ported & ((is6 & <u32>(captured >= 54)) | (is4 & <u32>(captured >= 42)));
    const a = select<u32>(fold6(at + 38), load<u32>(at, 42), is6);
    const b = select<u32>(fold6(at + 54), load<u32>(at, 46), is6);
    const untold = told ^ 1;
    store<u32>(to, place | (untold << 31), 4);
    to += <usize>((untold | <u32>(spread(a, b) == mine)) * GATHERED_SIZE);
    at += 16 + captured;
    ++place;
  }
  gatherEnd = at;
  gatherPlace = place;
  gatherTime = latest;
  return <u32>(to - GATHERED) / GATHERED_SIZE;
}
