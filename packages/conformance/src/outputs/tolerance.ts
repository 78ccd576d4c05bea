// How far the kernel's moments may lie from ours.

const MS = 1_000_000n;
export const SECOND = 1000n * MS;
/** The kernel's clock for timeouts stands still for so long (HZ=250). */
export const TICK = 4n * MS;
/** Between the moment a packet was sent and the kernel's stamp, on a machine that has other things to do, too. */
export const CLOCK = 100n * MS;
/** Until the tool has read a message: it is a program among others. */
export const DELAY = 2000n * MS;

/** The time in front of a line, which the tool prints to the microsecond; null if there is none. */
export function stampOf(line: string): bigint | null {
  const [, seconds, microseconds] = /^\[(\d+) *\.(\d+) *\]/.exec(line) ?? [];
  return seconds === undefined ? null : BigInt(seconds) * SECOND + BigInt(microseconds ?? 0) * 1000n;
}
