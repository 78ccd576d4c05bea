// The best JavaScript does without wasm: open addressing over a typed array of (hash, slot) pairs, at most half full,
// and the records in another (simple.ts).
import { type Contender, STATE_INVALID, STATE_NONE, type Tracker } from "../tool.js";
import { Decoder, Pool, States } from "./simple.js";

/** Slots that are free hold -1. */
const FREE = -1;

class TypedArrayTracker implements Tracker {
  readonly #decoder = new Decoder();
  readonly #states = new States();
  readonly #pool: Pool;
  readonly #mask: number;
  /** Pairs: hash, slot of the record. */
  readonly #index: Int32Array;

  constructor(capacity: number) {
    const pairs = 2 ** Math.ceil(Math.log2(2 * capacity));
    this.#pool = new Pool(capacity);
    this.#mask = pairs - 1;
    this.#index = new Int32Array(2 * pairs).fill(FREE);
  }

  get entries(): number {
    return this.#pool.entries;
  }

  track(records: Uint8Array, packets: number): void {
    this.#decoder.begin(records);
    for (let i = 0; i < packets; i++) this.#states.set(i, this.#decoder.next() ? this.#decide() : STATE_NONE);
  }

  #decide(): number {
    const p = this.#decoder;
    const pool = this.#pool;
    const hash = p.hash();
    const index = this.#index;
    let at = hash & this.#mask;
    for (let slot = index[2 * at + 1] as number; slot !== FREE; slot = index[2 * at + 1] as number) {
      if (index[2 * at] === hash && pool.isOf(slot, p)) {
        if (!pool.isDue(slot, p.second)) return pool.track(slot, p);
        this.#remove(at);
        return this.#decide();
      }
      at = (at + 1) & this.#mask;
    }
    return this.#open(hash);
  }

  #open(hash: number): number {
    if (this.#decoder.answer) return STATE_INVALID;
    const pool = this.#pool;
    let slot = pool.alloc();
    if (slot < 0) {
      const victim = pool.victim();
      if (victim < 0) return STATE_NONE;
      this.#remove(this.#find(victim));
      slot = pool.alloc();
    }
    pool.begin(slot, this.#decoder);
    const state = pool.track(slot, this.#decoder);
    if (state === STATE_INVALID) {
      pool.free(slot);
      return state;
    }
    let at = hash & this.#mask;
    while (this.#index[2 * at + 1] !== FREE) at = (at + 1) & this.#mask;
    this.#index[2 * at] = hash;
    this.#index[2 * at + 1] = slot;
    return state;
  }

  // Where the index names a record: its hash is that of its key.
  #find(slot: number): number {
    let at = this.#pool.hashAt(slot) & this.#mask;
    while (this.#index[2 * at + 1] !== slot) at = (at + 1) & this.#mask;
    return at;
  }

  // Frees a record and moves the pairs behind it up, so that no search ends too early (Knuth 6.4, algorithm R).
  #remove(hole: number): void {
    const index = this.#index;
    this.#pool.free(index[2 * hole + 1] as number);
    for (let at = (hole + 1) & this.#mask; index[2 * at + 1] !== FREE; at = (at + 1) & this.#mask) {
      const home = (index[2 * at] as number) & this.#mask;
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      index[2 * hole] = index[2 * at] as number;
      index[2 * hole + 1] = index[2 * at + 1] as number;
      hole = at;
    }
    index[2 * hole + 1] = FREE;
  }

  stateOf(packet: number): number {
    return this.#states.get(packet);
  }

  advance(second: number): void {
    for (let slot = 0; slot < this.#pool.capacity; slot++) {
      if (this.#pool.isDue(slot, second)) this.#remove(this.#find(slot));
    }
  }

  reset(): void {
    this.#pool.reset();
    this.#index.fill(FREE);
  }
}

export const typedArray: Contender = {
  name: "typed arrays",
  maxFlows: 4_000_000,
  open: async (capacity) => new TypedArrayTracker(capacity),
};
