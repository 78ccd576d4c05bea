// A full table (spec §1.10): make room by removing an entry that is not ASSURED, or refuse.
//
// The kernel looks at eight hash buckets, which is chance; we look at the entries that end soonest, which gives the
// same guarantees and the same result for every seed (docs/conformance.md).
import {
  IPPROTO_SCTP, IPPROTO_TCP, STATUS_ASSURED, STAT_EARLY_DROP, TCP_CLOSE, TCP_FIN_WAIT,
} from "./abi";
import { setAttention } from "./attention";
import { Conn, connAt, NIL } from "./conn";
import { destroy } from "./destroy";
import { frame } from "./frame";
import { CAPACITY } from "./memory-map";
import { maxEntries } from "./settings";
import { bump } from "./stats";
import { entries } from "./table";
import { now, walkFromSoonest, walkNext, walkSendBack, walkStepBack } from "./timer";

/** Entries looked at for one new connection. */
const LOOK_AT: u32 = 64;
/** Entries one pass of the collector removes at most: 64000 / HZ + 1 at HZ 250. */
export const PASS: u32 = 257;

// @ts-ignore: decorator
@inline
export function tableFull(): bool {
  return entries >= maxEntries || entries >= CAPACITY;
}

/** Removes one entry that is not ASSURED; false when none was met. After a refusal the collector makes a pass. */
export function makeRoom(): bool {
  walkFromSoonest();
  for (let i: u32 = 0; i < LOOK_AT; ++i) {
    const slot = walkNext();
    if (slot == NIL) break;
    const c = connAt(slot);
    if (!c.has(STATUS_ASSURED)) {
      evict(c);
      return true;
    }
    walkSendBack();
  }
  passWanted = true;
  setAttention(true);
  return false;
}

let passWanted: bool = false;

function evict(c: Conn): void {
  bump(STAT_EARLY_DROP);
  destroy(c, now, c.deadline - now, frame);
}

// ASSURED, but already closing.
function isClosing(c: Conn): bool {
  if (c.l4proto == IPPROTO_TCP) return c.state >= <u8>TCP_FIN_WAIT && c.state <= <u8>TCP_CLOSE;
  return c.l4proto == <u8>IPPROTO_SCTP && c.state >= 5 && c.state <= 7;
}

/** True when a refused packet has asked for the collector, which runs before the next one. */
// @ts-ignore: decorator
@inline
export function collectorWanted(): bool {
  return passWanted;
}

/** The collector's pass: while the table is at least 95 % full, removes what is not ASSURED, or closing. */
export function collect(): void {
  passWanted = false;
  walkFromSoonest();
  const enough = (maxEntries / 100) * 95;
  for (let removed: u32 = 0; removed < PASS && entries >= enough; ) {
    const slot = walkNext();
    if (slot == NIL) return;
    const c = connAt(slot);
    if (c.has(STATUS_ASSURED) && !isClosing(c)) continue;
    walkStepBack();
    evict(c);
    ++removed;
  }
}

export function clearCollector(wanted: bool): void {
  passWanted = wanted;
}
