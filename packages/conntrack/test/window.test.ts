// Blocks that lie in the engine's window are tracked where they lie: the same as when they are copied.
import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { encodeRecord, recordSize } from "conntrack-capture";
import { openFile } from "conntrack-capture/node";
import { expect, test } from "vitest";
import { Conntrack, type OpenOptions, type PacketBlock, type Results } from "../dist/index.js";

const SAMPLES = new URL("../../../samples/", import.meta.url);
const captures = readdirSync(SAMPLES, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.pcap(ng)?$/.test(name) && statSync(new URL(name, SAMPLES)).size < 4 << 20)
  .map((name) => fileURLToPath(new URL(name, SAMPLES)))
  .sort();
const OPTIONS: OpenOptions = { max: 4096, seed: 7, trace: true };

function rowsOf(results: Results): unknown[] {
  return Array.from({ length: results.count }, (_, i) => [
    results.firstFrame + i,
    results.words.slice(2 * i, 2 * i + 2),
    results.trace(i),
  ]);
}

/** What the engine says of all captures, and how many blocks lay in the window. */
async function run(engine: Conntrack, between: (engine: Conntrack) => void = () => {}) {
  const rows: unknown[] = [];
  let inside = 0;
  for (const capture of captures) {
    const options = engine.window.length > 0 ? { window: engine.window } : {};
    for await (const block of (await openFile(capture, options)).blocks()) {
      if (block.bytes.buffer === engine.window.buffer) inside++;
      for (const results of engine.trackBlock(block)) {
        rows.push(...rowsOf(results));
        between(engine);
      }
    }
  }
  return { rows, inside, flows: engine.flows(), totals: engine.totals() };
}

test.each([4096, 70_000, 1 << 20])("a window of %i bytes changes nothing", async (windowSize) => {
  const copied = await run(await Conntrack.open(OPTIONS));
  const there = await run(await Conntrack.open({ ...OPTIONS, windowSize }));
  expect(copied.inside).toBe(0);
  expect(there.inside).toBeGreaterThan(0);
  expect({ ...there, inside: 0 }).toEqual(copied);
});

test("a call between two parts leaves the rest of the window as it is", async () => {
  const one = { time: 0n, data: new Uint8Array(40_000).fill(0xff), notrack: true };
  const between = (engine: Conntrack) => void engine.track(one);
  const copied = await run(await Conntrack.open(OPTIONS), between);
  const there = await run(await Conntrack.open({ ...OPTIONS, windowSize: 1 << 20 }), between);
  expect(there.rows).toEqual(copied.rows);
});

function udpRecord(bytes: Uint8Array, at: number): number {
  const data = Uint8Array.from([
    69, 0, 0, 28, 0, 0, 64, 0, 64, 17, 38, 207, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 0, 53, 0, 8, 0, 0,
  ]);
  return encodeRecord(bytes, at, { time: 1n, link: 101, data });
}

test("records are tracked from any place in the window", async () => {
  const engine = await Conntrack.open({ max: 16, windowSize: 4096, sysctl: { nf_conntrack_checksum: 0 } });
  const { window } = engine;
  for (const start of [0, 8, 136]) {
    const end = udpRecord(window, start);
    const block: PacketBlock = { framing: "records", bytes: window.subarray(start, end) };
    expect([...engine.trackBlock(block)].map(({ count, firstFrame }) => [count, firstFrame])).toEqual([
      [1, [0, 8, 136].indexOf(start) + 1],
    ]);
  }
  // behind a start that is no multiple of 8, a record has moved
  window.copyWithin(4, 136, 136 + recordSize(28));
  const moved = window.subarray(4, 4 + recordSize(28));
  expect([...engine.trackBlock({ framing: "records", bytes: moved })].map(({ count }) => count)).toEqual([1]);
  expect(engine.entries).toBe(1);
});

test("a record that claims more than the block holds is refused behind the sound ones", async () => {
  const engine = await Conntrack.open({ max: 16, windowSize: 4096 });
  const { window } = engine;
  const second = udpRecord(window, 0);
  const end = udpRecord(window, second);
  new DataView(window.buffer, window.byteOffset).setUint32(second + 12, 100, true);
  const seen: number[] = [];
  const all = () => {
    for (const { count } of engine.trackBlock({ framing: "records", bytes: window.subarray(0, end) })) seen.push(count);
  };
  expect(all).toThrow(`a record at byte ${second} of the block claims more bytes than the block holds`);
  expect(seen).toEqual([1]);
});

test("a snapshot does not depend on the window", async () => {
  const engine = await Conntrack.open({ ...OPTIONS, windowSize: 1 << 20 });
  const { flows } = await run(engine);
  const restored = await Conntrack.restore(engine.snapshot());
  expect(restored.window.length).toBe(0);
  expect(restored.flows()).toEqual(flows);
});

test.each([-1, 1.5, 2 ** 31])("a window of %d bytes is refused", async (windowSize) => {
  await expect(Conntrack.open({ windowSize })).rejects.toThrow(/windowSize: .* is not a whole number/);
});
