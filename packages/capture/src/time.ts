// 64-bit time without BigInt: nanoseconds since 1970 as two unsigned 32-bit halves.
//
// The products below stay under 2^53, where doubles count exactly.

const TWO_32 = 0x1_0000_0000;
const MAX_U64 = (1n << 64n) - 1n;

export class Time {
  low = 0;
  high = 0;

  /** Seconds and a fraction that is already in nanoseconds. */
  setSeconds(seconds: number, nanoseconds: number): void {
    const upper = (seconds >>> 16) * 1e9; // weighs 2^16
    const sum = (upper % 0x10000) * 0x10000 + (seconds & 0xffff) * 1e9 + nanoseconds;
    this.low = sum >>> 0;
    this.high = (Math.floor(upper / 0x10000) + Math.floor(sum / TWO_32)) >>> 0;
  }

  /** A count of ticks of `nanoseconds` each, at most 2^21 ns long. */
  setTicks(high: number, low: number, nanoseconds: number): void {
    const product = low * nanoseconds;
    this.low = product >>> 0;
    this.high = (high * nanoseconds + Math.floor(product / TWO_32)) >>> 0;
  }

  /** Any value; what does not fit 64 bits becomes the nearest that does. */
  setBig(time: bigint): void {
    const clamped = time < 0n ? 0n : time > MAX_U64 ? MAX_U64 : time;
    this.low = Number(clamped & 0xffff_ffffn);
    this.high = Number(clamped >> 32n);
  }

  get big(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }
}
