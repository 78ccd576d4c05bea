// The common packets of common connections, in a loop of their own: what lives in it fits the processor's registers, which
// the loop over all kinds of packets does not (docs/decisions/0010-hot-path.md).
//
// It tracks exactly what the trackers would, and leaves to them whatever is not common: core/test/fast-path.test.ts.
import {
  NOTE_CHECKSUM_SEEN, PROFILE_LINUX_6, RECORD_DROP, RECORD_NOTRACK, RESULT_FOREIGN, RESULT_SIZE, STATE_ESTABLISHED, STAT_CHECKSUM_SEEN, VERDICT_ACCEPT,
  VERDICT_DROP,
} from "./abi";
import { attention } from "./attention";
import { Conn, connAt, NIL } from "./conn";
import { deliverRaised, directionOf } from "./conntrack";
import { filtering, filterPacket, filterQuick, filterRaw, NOT_QUICK, rawPlain, rule } from "./filter/program";
import { nextFrame } from "./frame";
import { RESULTS, RULES } from "./memory-map";
import { KIND_FOREIGN, KIND_TCP, KIND_TRACK, Packet, RECORD_FOREIGN } from "./packet";
import { prepareQueryFast, trackQueryFast } from "./proto/query-fast";
import { isPlainAck, prepareTcpFast, trackTcpFast } from "./proto/tcp-fast";
import { clearRaised, raised } from "./proto/tracker";
import { profile, tracing } from "./settings";
import { bump } from "./stats";
import { find, sameKey } from "./table";
import { nextDue, now, setNow } from "./timer";

const PACKET_BITS: u32 = 7; // a Packet is 128 bytes
const RECORD_EXACT: u32 = RECORD_NOTRACK | RECORD_DROP | RECORD_FOREIGN;

let enabled: bool = true;
let tcp: bool = false;

/** Off for tests: everything goes the exact way. */
export function enableFastPath(on: bool): void {
  enabled = on;
}

/** Takes the settings over, once per block. False when nothing is common: tracing, Linux 2.4, rules in the raw table. */
export function prepareCommon(): bool {
  tcp = prepareTcpFast();
  prepareQueryFast();
  return enabled && !tracing && profile == PROFILE_LINUX_6 && (!filtering || rawPlain);
}

/** Tracks the packets from the `i`-th on, the first of which has result `index`, up to one that is not common; returns its number. */
export function trackCommon(packets: usize, i: u32, n: u32, index: u32): u32 {
  const conns = changetype<usize>(connAt(0));
  for (; i < n; ++i, ++index) {
    const p = changetype<Packet>(packets + (<usize>i << PACKET_BITS));
    const time = p.time;
    if (time >= nextDue || attention) return i;
    if (<u32>p.record & RECORD_EXACT) return i;
    const kind = p.kind;
    if (kind == KIND_FOREIGN) {
      if (time > now) setNow(time);
      skipForeign(index);
      continue;
    }
    if (kind == KIND_TCP ? !isPlainAck(p) : kind != KIND_TRACK || p.reason != 0) return i;
    if (!sameKey(p.candidate, p.key0, p.key1, p.a6, p.b6) && !findsOther(p)) return i;
    const c = changetype<Conn>(conns + (<usize>p.candidate << PACKET_BITS));
    const dir = directionOf(c, p);
    if (time > now) setNow(time);
    if (kind == KIND_TCP) {
      if (!tcp || !trackTcpFast(c, dir, p)) return i;
    } else if (!trackQueryFast(c, dir, p)) return i;
    nextFrame();
    if (p.notes & NOTE_CHECKSUM_SEEN) bump(STAT_CHECKSUM_SEEN);
    store<u64>(RESULTS + <usize>index * RESULT_SIZE, <u64>(STATE_ESTABLISHED | ((1 + dir) << 8)) | (<u64>c.serial << 32));
    if (filtering) filterCommon(c, dir, p, index);
  }
  return n;
}

/** A packet of another shard: counted, no more. */
export function skipForeign(index: u32): void {
  nextFrame();
  store<u64>(RESULTS + <usize>index * RESULT_SIZE, RESULT_FOREIGN);
}

// The candidate was another conn with the same tag: one packet in twenty when the table is full.
function findsOther(p: Packet): bool {
  const slot = find(p.hash, p.key0, p.key1, p.a6, p.b6);
  if (slot == NIL) return false;
  p.candidate = slot;
  return true;
}

// Rules come behind tracking anyway, and raw ones here only count. What they change on the conn is announced as ever.
function filterCommon(c: Conn, dir: u32, p: Packet, index: u32): void {
  let passed = true;
  const quick = filterQuick(p);
  if (quick == NOT_QUICK) {
    clearRaised();
    passed = filterRaw(p, p.iface) && filterPacket(p, c, dir, STATE_ESTABLISHED) == VERDICT_ACCEPT;
    if (raised) deliverRaised(c, passed);
  } else passed = quick == VERDICT_ACCEPT;
  if (!passed) store<u8>(RESULTS + <usize>index * RESULT_SIZE, <u8>VERDICT_DROP, 3);
  store<u32>(RULES + (<usize>index << 2), rule);
}
