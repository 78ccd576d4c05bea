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
import { now, spend, walkFromBookmark, walkFromSoonest, walkLeaveBookmark, walkNext, walkSendBack, walkStepBack, walkTouchNext } from "./timer";

/** Entries looked at for one new connection. */
const LOOK_AT: u32 = 64;
/** Entries one pass of the collector removes at most: 64000 / HZ + 1 at HZ 250. */
export const PASS: u32 = 257;
/** Entries one pass looks at; the next pass goes on behind them. */
const PASS_LOOKS: u32 = 8192;
/** What a pass spends of a call's budget at most: to look at an entry is cheap. */
export const COLLECTOR_STEPS: u32 = 1024;

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
      walkTouchNext();
      evict(c);
      return true;
    }
    walkSendBack();
  }
  if (refusalsToWait > 0) --refusalsToWait;
  else {
    passWanted = true;
    setAttention(true);
  }
  return false;
}

let passWanted: bool = false;
/** Refusals until the collector is asked again, after a pass that found little: it looks at LOOK_AT a refusal on average. */
let refusalsToWait: u32 = 0;

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
  walkFromBookmark();
  const enough = (maxEntries / 100) * 95;
  let looks: u32 = 0;
  let removed: u32 = 0;
  while (removed < PASS && entries >= enough && looks < PASS_LOOKS) {
    const slot = walkNext();
    if (slot == NIL) break;
    ++looks;
    const c = connAt(slot);
    if (c.has(STATUS_ASSURED) && !isClosing(c)) continue;
    walkStepBack();
    evict(c);
    ++removed;
  }
  if (looks == PASS_LOOKS) walkLeaveBookmark();
  if (removed < PASS) refusalsToWait = looks / LOOK_AT;
  spend(looks / (PASS_LOOKS / COLLECTOR_STEPS));
}

/** What a snapshot keeps of the collector. */
export function collectorState(): u32 {
  return <u32>passWanted | (refusalsToWait << 1);
}

export function loadCollector(state: u32): void {
  passWanted = (state & 1) != 0;
  refusalsToWait = state >> 1;
}
