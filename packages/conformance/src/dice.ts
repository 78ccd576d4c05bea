// Chance that a seed repeats.

/** mulberry32 (Tommy Ettinger). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0;
  }
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  below(n: number): number {
    return Math.floor((this.u32() / 2 ** 32) * n);
  }
  chance(probability: number): boolean {
    return this.u32() / 2 ** 32 < probability;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}
