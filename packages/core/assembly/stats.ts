// Counters, one f64 each so that JavaScript reads them as they are (exact to 2^53).
import { STATS } from "./abi";

export const STATS_REGION: usize = memory.data(STATS * 8, 8);

// @ts-ignore: decorator
@inline
export function bump(counter: u32): void {
  const at = STATS_REGION + (<usize>counter << 3);
  store<f64>(at, load<f64>(at) + 1);
}
