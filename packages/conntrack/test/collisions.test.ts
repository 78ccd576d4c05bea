// A flood of tuples made to collide: who knows the seed fills one group of the table, and the engine draws a new key; who
// does not gets nowhere. The arithmetic is that of packages/core/assembly/hash.ts.
import { expect, test } from "vitest";
import { Conntrack } from "../dist/index.js";

const U64 = (1n << 64n) - 1n;
const U32 = 0xffff_ffffn;
const MAX = 1024;
/** The groups an engine of this size has: 1024 × 8 / 7 slots in groups of 15, up to the next power of two. */
const GROUPS = 128n;
const FLOWS = 500;

/** Words of the key and the number that whitens the sum, as an engine with this seed draws them. */
function keysOf(seed: bigint): { words: bigint[]; whiten: bigint } {
  let state = seed;
  const next = () => {
    state = (state + 0x9e3779b97f4a7c15n) & U64;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & U64;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & U64;
    return z ^ (z >> 31n);
  };
  const words: bigint[] = [];
  for (let i = 0; i < 6; i++) {
    const drawn = next();
    words.push(drawn & U32, drawn >> 32n);
  }
  return { words, whiten: next() };
}

function groupOf(a: number, b: number, ports: number, { words, whiten }: ReturnType<typeof keysOf>): bigint {
  const [k0 = 0n, k1 = 0n, k2 = 0n, k3 = 0n] = words;
  const protocols = 17n | (2n << 8n); // UDP, IPv4
  let h = ((BigInt(a) + k0) & U32) * ((BigInt(b) + k1) & U32) + ((BigInt(ports) + k2) & U32) * ((protocols + k3) & U32);
  h = (h & U64) ^ whiten;
  h ^= h >> 32n;
  h = (h * 0x9e3779b97f4a7c15n) & U64;
  h ^= h >> 29n;
  return ((h & U32) * GROUPS) >> 32n;
}

/** UDP packets from 1.0.0.0/8 to 254.1.2.3 whose tuples all want the first group under this seed. */
function colliding(seed: bigint): Uint8Array[] {
  const keys = keysOf(seed);
  const packets: Uint8Array[] = [];
  for (let i = 0; packets.length < FLOWS; i++) {
    const packet = new Uint8Array(28);
    const view = new DataView(packet.buffer);
    packet.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17]);
    view.setUint32(12, 0x0a000000 + (i >> 4));
    view.setUint32(16, 0x0a0102fe);
    view.setUint16(20, 1024 + (i & 15));
    view.setUint16(22, 53);
    view.setUint16(24, 8);
    // the side that is smaller as loaded comes first
    const [src, dst] = [view.getUint32(12, true), view.getUint32(16, true)];
    const ports = view.getUint32(20, true);
    const swapped = ((ports << 16) | (ports >>> 16)) >>> 0;
    const group = src < dst ? groupOf(src, dst, ports, keys) : groupOf(dst, src, swapped, keys);
    if (group !== 0n) continue;
    let sum = 0;
    for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
    view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)));
    packets.push(packet);
  }
  return packets;
}

async function flooded(seed: bigint, packets: readonly Uint8Array[]) {
  const engine = await Conntrack.open({ max: MAX, seed });
  const conns = packets.map((data, i) => engine.track({ time: BigInt(i), data }).conn);
  const again = packets.map((data, i) => engine.track({ time: BigInt(FLOWS + i), data }).conn);
  return { conns, again, entries: engine.entries, rekeys: engine.totals().rekeys };
}

test("a flood made for the engine's own seed makes it draw a new key, and no connection is lost", async () => {
  const { conns, again, entries, rekeys } = await flooded(99n, colliding(99n));
  expect(rekeys).toBeGreaterThan(0);
  expect(entries).toBe(FLOWS);
  expect(again).toEqual(conns);
});

test("the same flood means nothing to an engine with another seed", async () => {
  const { conns, again, entries, rekeys } = await flooded(100n, colliding(99n));
  expect(rekeys).toBe(0);
  expect(entries).toBe(FLOWS);
  expect(again).toEqual(conns);
});
