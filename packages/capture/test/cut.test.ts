import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type Capture, type CaptureSource, openCapture, packetsOfBlock } from "../src/index.js";
import { openCapture as openInNode } from "../src/node.js";
import {
  BIG,
  block,
  bytes,
  captureError,
  concat,
  endOfOptions,
  enhanced,
  interfaceBlock,
  LITTLE,
  option,
  padded,
  pcapHeader,
  pcapRecord,
  pieces,
  readAll,
  section,
  text,
} from "./bytes.js";
import { zstdStored } from "./zstd.js";

/** A file by its parts; a packet is whole once its part is. */
interface File {
  name: string;
  parts: { bytes: Uint8Array; packet: boolean }[];
}

const part = (packet: boolean) => (partBytes: Uint8Array) => ({ bytes: partBytes, packet });

const files: File[] = [
  {
    name: "pcap",
    parts: [
      part(false)(pcapHeader(LITTLE)),
      ...[5, 0, 61, 3].map((count) => part(true)(pcapRecord(LITTLE, 1, 2, bytes(count)))),
    ],
  },
  {
    name: "pcap of Kuznetzov's libpcap",
    parts: [
      part(false)(pcapHeader(BIG, { magic: 0xa1b2cd34 })),
      ...[5, 0, 61].map((count) => part(true)(concat(BIG.u32(1, 2, count, count, 0, 0), bytes(count)))),
    ],
  },
  {
    name: "pcapng",
    parts: [
      part(false)(section(LITTLE, option(LITTLE, 4, text("test")), endOfOptions)),
      part(false)(interfaceBlock(LITTLE, 1, 0)),
      part(true)(enhanced(LITTLE, 0, 1n, bytes(5), 5, option(LITTLE, 1, text("comment")), endOfOptions)),
      part(false)(block(LITTLE, 0xbad, bytes(20))),
      part(true)(block(LITTLE, 3, LITTLE.u32(6), padded(bytes(6)))),
      part(false)(section(BIG)),
      part(false)(interfaceBlock(BIG, 1, 0)),
      part(true)(enhanced(BIG, 0, 1n, bytes(9))),
    ],
  },
];

/** What can be read once only. */
function streamOf(source: CaptureSource): CaptureSource {
  return source instanceof Uint8Array ? pieces(source, 5000) : source;
}

const openers: [name: string, open: typeof openCapture][] = [
  ["conntrack-capture", openCapture],
  ["conntrack-capture, a stream", (source, options) => openCapture(streamOf(source), options)],
  ["conntrack-capture/node", openInNode],
];

describe.each(files)("a $name file cut off after every number of bytes", ({ parts }) => {
  const whole = concat(...parts.map((each) => each.bytes));
  const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, each) => sum + each.bytes.length, 0));
  const expected = (length: number) => parts.filter((each, i) => each.packet && (ends[i] as number) <= length).length;
  const isWhole = (length: number) => ends.includes(length);

  test("gives the packets before the cut, then one error with the place", async () => {
    for (let length = 1; length <= whole.length; length++) {
      const { packets, error } = await readAll(whole.slice(0, length));
      expect(packets).toHaveLength(expected(length));
      if (isWhole(length)) {
        expect(error).toBeNull();
        continue;
      }
      const { code, offset, message } = captureError(error);
      expect(code).toBe(length < 4 ? "format" : "cut");
      if (length < 4) continue;
      expect(offset).toBe(ends.findLast((end) => end <= length) ?? 0);
      expect(message).toContain(`cut off at byte ${length}`);
    }
  });

  test.each(["auto", "records"] as const)("gives the same as blocks (%s)", async (framing) => {
    for (let length = 4; length <= whole.length; length++) {
      let count = 0;
      let error: unknown = null;
      try {
        const capture = await openCapture(whole.slice(0, length));
        for await (const each of capture.blocks({ framing })) count += each.count;
      } catch (caught) {
        error = caught;
      }
      expect(count).toBe(expected(length));
      if (isWhole(length)) expect(error).toBeNull();
      else expect(captureError(error).code).toBe("cut");
    }
  });

  test.each(openers)("gives the same inside gzip (%s)", async (_, open) => {
    for (let length = 4; length <= whole.length; length++) {
      const { packets, error } = await readAll(gzipSync(whole.slice(0, length)), {}, open);
      expect(packets).toHaveLength(expected(length));
      expect(error === null).toBe(isWhole(length));
    }
  });
});

describe.each(openers)("a compressed file cut off (%s)", (_, open) => {
  const records = Array.from({ length: 2000 }, (_each, i) => pcapRecord(LITTLE, i, 0, bytes(1 + ((i * 7919) % 97), i)));
  const whole = concat(pcapHeader(LITTLE), ...records);

  test("in its gzip data gives every packet that could be unpacked, then one error about the gzip file", async () => {
    const packed = gzipSync(whole);
    let before = -1;
    for (let length = 12; length < packed.length; length += 997) {
      const { packets, error } = await readAll(packed.slice(0, length), {}, open);
      if (captureError(error).code === "empty") continue; // not one byte of the capture yet
      expect(captureError(error)).toMatchObject({ code: "cut", layer: "gzip", offset: length });
      expect(packets.length).toBeGreaterThan(before);
      before = packets.length;
    }
    expect(before).toBeGreaterThan(1800);
  });

  test("in its checksum gives all packets, then the error", async () => {
    const packed = gzipSync(whole);
    const { packets, error } = await readAll(packed.slice(0, -3), {}, open);
    expect(packets).toHaveLength(2000);
    expect(captureError(error)).toMatchObject({ code: "cut", layer: "gzip" });
  });

  test("in its zstd data gives the packets of all whole blocks", async () => {
    const packed = zstdStored(whole, 1000);
    const { packets, error } = await readAll(packed.slice(0, packed.length >> 1), {}, open);
    expect(captureError(error)).toMatchObject({ code: "cut", layer: "zstd", offset: packed.length >> 1 });
    expect(packets.length).toBeGreaterThan(900);
    expect(packets.length).toBeLessThan(1100);
  });
});

describe("after the error", () => {
  const cut = concat(pcapHeader(LITTLE), pcapRecord(LITTLE, 1, 0, bytes(5)), bytes(7));

  test("the capture has ended: no error again, no packet twice", async () => {
    const capture = await openCapture(cut);
    const read = async (from: Capture) => {
      let count = 0;
      for await (const _ of from.packets()) count++;
      return count;
    };
    await expect(read(capture)).rejects.toThrow("cut off");
    await expect(read(capture)).resolves.toBe(0);
  });

  test("what was given out before it stays right", async () => {
    const capture = await openCapture(cut);
    const sizes: number[] = [];
    await expect(async () => {
      for await (const each of capture.blocks()) for (const { data } of packetsOfBlock(each)) sizes.push(data.length);
    }).rejects.toThrow("the first 45 bytes are a whole capture");
    expect(sizes).toEqual([5]);
  });
});
