// Reading into memory of the caller: blocks lie in it, and nothing else changes.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { openCapture } from "../src/index.js";
import { openFile } from "../src/node.js";
import { bytes, concat, LITTLE, pcapHeader, pcapRecord } from "./bytes.js";

const directory = mkdtempSync(join(tmpdir(), "capture-window-"));
afterAll(() => rmSync(directory, { recursive: true }));

function captureOf(sizes: readonly number[]): Uint8Array {
  return concat(pcapHeader(LITTLE), ...sizes.map((size, i) => pcapRecord(LITTLE, i, 0, bytes(size, i))));
}

const small = captureOf(Array.from({ length: 2_000 }, (_, i) => (i * 31) % 200));
const large = captureOf([100, 9_000, 100, 100]);
const RECORDS = 24;

function pathOf(name: string, content: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** All records of a file, and how many blocks lie in the memory given. */
async function read(path: string, window: Uint8Array) {
  const parts: Uint8Array[] = [];
  let inside = 0;
  let blocks = 0;
  for await (const block of (await openFile(path, { window })).blocks()) {
    parts.push(block.bytes.slice());
    blocks++;
    const start = block.bytes.byteOffset - window.byteOffset;
    if (block.bytes.buffer === window.buffer && start >= 0 && start + block.bytes.length <= window.length) inside++;
  }
  return { records: concat(...parts), inside, blocks };
}

function marked(): { memory: Uint8Array; window: Uint8Array } {
  const memory = new Uint8Array(6_000).fill(0xee);
  return { memory, window: memory.subarray(1_000, 5_200) };
}

test.each([
  ["plain", small],
  ["gzip", gzipSync(small)],
])("%s: all blocks lie in the window, and nothing is written beside it", async (name, content) => {
  const { memory, window } = marked();
  const { records, inside, blocks } = await read(pathOf(`small-${name}`, content), window);
  expect(records).toEqual(small.subarray(RECORDS));
  expect(blocks).toBeGreaterThan(10);
  expect(inside).toBe(blocks);
  expect(memory.subarray(0, 1_000)).toEqual(new Uint8Array(1_000).fill(0xee));
  expect(memory.subarray(5_200)).toEqual(new Uint8Array(800).fill(0xee));
});

test.each([
  ["plain", large],
  ["gzip", gzipSync(large)],
])("%s: a record larger than the window is read all the same", async (name, content) => {
  const { window } = marked();
  const { records, inside, blocks } = await read(pathOf(`large-${name}`, content), window);
  expect(records).toEqual(large.subarray(RECORDS));
  expect(inside).toBeLessThan(blocks);
});

test("bytes in memory stay where they are", async () => {
  const { window } = marked();
  const blocks = [];
  for await (const block of (await openCapture(small, { window })).blocks()) blocks.push(block);
  expect(blocks.every((block) => block.bytes.buffer === small.buffer)).toBe(true);
});

test("damage in a gzip file is read around as with a window of its own", async () => {
  const packed = gzipSync(captureOf(Array.from({ length: 5_000 }, (_, i) => 60 + (i % 100))));
  packed[packed.length - 3_000] = (packed[packed.length - 3_000] as number) ^ 0xff;
  const path = pathOf("damaged.pcap.gz", packed);
  const all = async (options: { window?: Uint8Array }) => {
    let count = 0;
    try {
      for await (const block of (await openFile(path, options)).blocks()) count += block.count;
    } catch (error) {
      return { count, message: (error as Error).message };
    }
    return { count, message: "" };
  };
  const usual = await all({});
  expect(usual.message).not.toBe("");
  expect(await all({ window: marked().window })).toEqual(usual);
});

test("a window that is too small is an error of the caller", async () => {
  await expect(openCapture(small, { window: new Uint8Array(100) })).rejects.toThrow(
    "the window's length is a whole number from 4096 on, not 100",
  );
});

test("timers have their turn while a long file is read", async () => {
  const path = pathOf("long.pcap", captureOf(Array.from({ length: 150 }, () => 200_000)));
  let fired = false;
  setTimeout(() => {
    fired = true;
  });
  let before = 0;
  for await (const block of (await openFile(path)).blocks()) if (!fired) before += block.bytes.length;
  expect(fired).toBe(true);
  expect(before).toBeLessThan(20 << 20);
});
