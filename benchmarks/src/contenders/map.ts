// What one writes first: a Map from the tuple to a record of simple.ts. The tuple is a string as one would print it, or
// one BigInt.
import { type Contender, STATE_INVALID, STATE_NONE, type Tracker } from "../tool.js";
import { Decoder, Pool, States } from "./simple.js";

class MapTracker<Key> implements Tracker {
  readonly #keyOf: (p: Decoder) => Key;
  readonly #decoder = new Decoder();
  readonly #states = new States();
  readonly #slots = new Map<Key, number>();
  readonly #pool: Pool;
  readonly #keys: (Key | undefined)[] = [];

  constructor(capacity: number, keyOf: (p: Decoder) => Key) {
    this.#pool = new Pool(capacity);
    this.#keyOf = keyOf;
  }

  get entries(): number {
    return this.#slots.size;
  }

  track(records: Uint8Array, packets: number): void {
    this.#decoder.begin(records);
    for (let i = 0; i < packets; i++) this.#states.set(i, this.#decoder.next() ? this.#decide() : STATE_NONE);
  }

  #decide(): number {
    const p = this.#decoder;
    const pool = this.#pool;
    const key = this.#keyOf(p);
    const known = this.#slots.get(key);
    if (known !== undefined) {
      if (!pool.isDue(known, p.second)) return pool.track(known, p);
      this.#remove(known);
    }
    if (p.answer) return STATE_INVALID;
    let slot = pool.alloc();
    if (slot < 0) {
      const victim = pool.victim();
      if (victim < 0) return STATE_NONE;
      this.#remove(victim);
      slot = pool.alloc();
    }
    pool.begin(slot, p);
    const state = pool.track(slot, p);
    if (state === STATE_INVALID) pool.free(slot);
    else {
      this.#slots.set(key, slot);
      this.#keys[slot] = key;
    }
    return state;
  }

  #remove(slot: number): void {
    this.#slots.delete(this.#keys[slot] as Key);
    this.#keys[slot] = undefined;
    this.#pool.free(slot);
  }

  stateOf(packet: number): number {
    return this.#states.get(packet);
  }

  advance(second: number): void {
    for (const slot of this.#slots.values()) if (this.#pool.isDue(slot, second)) this.#remove(slot);
  }

  reset(): void {
    this.#slots.clear();
    this.#pool.reset();
  }
}

function addressText(p: Decoder, at: number): string {
  let text = "";
  if (!p.v6) {
    const address = p.u32(at);
    return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
  }
  for (let i = 0; i < 16; i += 2) text += `${i > 0 ? ":" : ""}${p.u16(at + i).toString(16)}`;
  return text;
}

/** "tcp address:port address:port", the smaller side first. */
function stringKey(p: Decoder): string {
  return `${p.protocol} ${addressText(p, p.atA)}:${p.ports >>> 16} ${addressText(p, p.atB)}:${p.ports & 0xffff}`;
}

function bigIntKey(p: Decoder): bigint {
  const ends = (BigInt(p.a >>> 0) << 32n) | BigInt(p.b >>> 0);
  const key = (((ends << 32n) | BigInt(p.ports >>> 0)) << 9n) | BigInt((p.v6 ? 256 : 0) | p.protocol);
  if (!p.v6) return key;
  let prefix = 0n;
  for (const at of [p.atA, p.atB])
    for (let i = 0; i < 12; i += 4) prefix = (prefix << 32n) | BigInt(p.u32(at + i) >>> 0);
  return (prefix << 105n) | key;
}

export const mapString: Contender = {
  name: "Map, string key",
  maxFlows: 1_000_000,
  open: async (capacity) => new MapTracker(capacity, stringKey),
};

export const mapBigInt: Contender = {
  name: "Map, BigInt key",
  maxFlows: 1_000_000,
  open: async (capacity) => new MapTracker(capacity, bigIntKey),
};
