// Counters, one f64 each so that JavaScript reads them as they are (exact to 2^53).
import { STATS } from "./abi";

export const STATS_REGION: usize = memory.data(STATS * 8, 8);
/** Takes what another engine counts: see shard.ts. */
const ASIDE: usize = memory.data(STATS * 8, 8);
let counters: usize = STATS_REGION;

/** Counts aside, or where readers look; the setting before. */
export function countAside(aside: bool): bool {
  const before = counters == ASIDE;
  counters = aside ? ASIDE : STATS_REGION;
  return before;
}

// @ts-ignore: decorator
@inline
export function bump(counter: u32): void {
  const at = counters + (<usize>counter << 3);
  store<f64>(at, load<f64>(at) + 1);
}

export function addTo(counter: u32, n: u32): void {
  const at = counters + (<usize>counter << 3);
  store<f64>(at, load<f64>(at) + <f64>n);
}
