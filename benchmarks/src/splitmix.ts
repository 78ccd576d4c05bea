// splitmix64 (Steele, Lea, Flood 2014) on halves of 32 bits: with BigInt it would be the slowest part of every input.

/** The number mixed last, unsigned. */
export let high = 0;
export let low = 0;

// The upper half of the product of two unsigned 32-bit numbers.
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const upper = (Math.imul(a1, b0) >>> 0) + (Math.imul(a0, b0) >>> 16);
  const lower = (Math.imul(a0, b1) >>> 0) + (upper & 0xffff);
  return (Math.imul(a1, b1) + (upper >>> 16) + (lower >>> 16)) >>> 0;
}

// Multiplies the number by a constant.
function times(h: number, l: number): void {
  const product = multiplyHigh(low, l) + Math.imul(high, l) + Math.imul(low, h);
  low = Math.imul(low, l) >>> 0;
  high = product >>> 0;
}

// number ^= number >> bits, for bits < 32
function xorShift(bits: number): void {
  low = (low ^ ((low >>> bits) | (high << (32 - bits)))) >>> 0;
  high = (high ^ (high >>> bits)) >>> 0;
}

/** Mixes a whole number below 2^53 into 64 bits, left in `high` and `low`. */
export function mix(n: number): void {
  const sum = (n >>> 0) + 0x7f4a7c15;
  low = sum >>> 0;
  high = (Math.floor(n / 0x1_0000_0000) + 0x9e3779b9 + (sum > 0xffff_ffff ? 1 : 0)) >>> 0;
  xorShift(30);
  times(0xbf58476d, 0x1ce4e5b9);
  xorShift(27);
  times(0x94d049bb, 0x133111eb);
  xorShift(31);
}

/** A generator of numbers, the same for the same seed. */
export class Random {
  #next: number;
  constructor(seed: number) {
    this.#next = seed * 0x1_0000_0000;
  }
  /** From 0 (included) to 1. */
  unit(): number {
    mix(this.#next++);
    return high / 0x1_0000_0000;
  }
  /** A whole number from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.unit() * n);
  }
  /** Pareto distributed from `least` on: many small ones, a few huge ones. */
  pareto(least: number, alpha: number): number {
    return least / (1 - this.unit()) ** (1 / alpha);
  }
}
