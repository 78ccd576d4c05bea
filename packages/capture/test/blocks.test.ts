import { describe, expect, test } from "vitest";
import {
  type BlockOptions,
  encodeRecord,
  openCapture,
  type PacketBlock,
  packetsOfBlock,
  RECORD_HEADER,
  recordSize,
} from "../src/index.js";
import {
  BIG,
  block,
  bytes,
  captureError,
  concat,
  enhanced,
  type Fields,
  interfaceBlock,
  LITTLE,
  padded,
  pcapHeader,
  pcapRecord,
  pieces,
  readAll,
  section,
} from "./bytes.js";

const sizes = Array.from({ length: 500 }, (_, i) => (i * 7919) % 211);

function pcapFile(f: Fields, magic = 0xa1b2c3d4): Uint8Array {
  return concat(
    pcapHeader(f, { magic, link: 113 }),
    ...sizes.map((size, i) => pcapRecord(f, 1000 + i, i, bytes(size, i), size + 7)),
  );
}

function pcapngFile(f: Fields): Uint8Array {
  return concat(
    section(f),
    interfaceBlock(f, 113, 0),
    interfaceBlock(f, 1, 0),
    ...sizes.map((size, i) => enhanced(f, i % 2, BigInt(i) * 1_000_000n, bytes(size, i), size + 7)),
    block(f, 3, f.u32(3), padded(bytes(3))),
  );
}

async function blocksOf(file: Uint8Array, options?: BlockOptions, size = 1000): Promise<PacketBlock[]> {
  const capture = await openCapture(pieces(file, size));
  const blocks: PacketBlock[] = [];
  for await (const each of capture.blocks(options)) blocks.push({ ...each, bytes: each.bytes.slice() });
  return blocks;
}

const withoutPlace = ({ comments, offset, ...packet }: { comments: unknown; offset: number }) => packet;

describe.each([
  ["pcap", pcapFile(LITTLE)],
  ["pcap, big-endian, nanoseconds", pcapFile(BIG, 0xa1b23c4d)],
  ["pcap of IXIA", concat(pcapHeader(LITTLE, { magic: 0x1c0001ac }), bytes(4), pcapRecord(LITTLE, 1, 2, bytes(9)))],
  ["pcap of Kuznetzov's libpcap", concat(pcapHeader(LITTLE, { magic: 0xa1b2cd34 }), LITTLE.u32(1, 2, 0, 9, 0, 0))],
  ["pcapng", pcapngFile(LITTLE)],
  ["pcapng, big-endian", pcapngFile(BIG)],
])("the blocks of a file: %s", (_, file) => {
  test.each<BlockOptions>([
    {},
    { framing: "records" },
    { maxPackets: 1 },
    { maxPackets: 7, framing: "records" },
    { maxBytes: 300 },
    { maxBytes: 304, framing: "records" },
    { maxBytes: 64, framing: "records" },
  ])("hold the same packets as packets() gives: %j", async (options) => {
    const { packets } = await readAll(file);
    const blocks = await blocksOf(file, options);
    expect(blocks.flatMap((each) => [...packetsOfBlock(each)])).toEqual(
      packets.map((packet) => ({ ...withoutPlace(packet), flags: packet.flags & 3 })),
    );
    for (const each of blocks) {
      expect(each.count).toBeGreaterThan(0);
      expect(each.count).toBeLessThanOrEqual(options.maxPackets ?? 4096);
      if (each.count > 1) expect(each.bytes.length).toBeLessThanOrEqual(options.maxBytes ?? 1 << 20);
    }
    expect(blocks.map(({ offset }) => offset)).toEqual(placesOf(blocks, packets));
  });
});

function placesOf(blocks: PacketBlock[], packets: { offset: number }[]): (number | undefined)[] {
  let first = 0;
  return blocks.map(({ count }) => {
    const { offset } = packets[first] ?? {};
    first += count;
    return offset as number;
  });
}

describe("the framing of blocks", () => {
  test("is pcap for plain pcap files: the bytes as they lie in the file", async () => {
    const file = pcapFile(BIG, 0xa1b23c4d);
    const blocks = await blocksOf(file);
    expect(concat(...blocks.map((each) => each.bytes))).toEqual(file.slice(24));
    expect(blocks[0]).toMatchObject({ framing: "pcap", swapped: true, nanoseconds: true, link: 113, offset: 24 });
  });

  test("is pcap for IXIA's files, records for all that is not plain", async () => {
    const ixia = concat(pcapHeader(LITTLE, { magic: 0x1c0001ab }), bytes(4), pcapRecord(LITTLE, 1, 2, bytes(9)));
    expect((await blocksOf(ixia))[0]).toMatchObject({
      framing: "pcap",
      swapped: false,
      nanoseconds: false,
      offset: 28,
    });
    const old = concat(pcapHeader(LITTLE, { minor: 2 }), LITTLE.u32(1, 0, 9, 0));
    expect((await blocksOf(old))[0]).toMatchObject({ framing: "records", count: 1 });
    expect((await blocksOf(pcapngFile(BIG)))[0]).toMatchObject({ framing: "records" });
  });

  test("of a packet larger than a block is a block of its own, and the next ones are small again", async () => {
    const large = concat(
      pcapFile(LITTLE),
      pcapRecord(LITTLE, 1, 0, new Uint8Array(200_000)),
      pcapFile(LITTLE).slice(24),
    );
    for (const framing of ["auto", "records"] as const) {
      const blocks = await blocksOf(large, { framing, maxBytes: 4096 });
      const big = blocks.filter((each) => each.bytes.length > 4096);
      expect(big).toMatchObject([{ count: 1 }]);
      expect(blocks.reduce((sum, each) => sum + each.count, 0)).toBe(1001);
    }
  });

  test("comes out before the stream goes on: a live capture is not held back", async () => {
    let asked = 0;
    async function* live() {
      yield pcapFile(LITTLE);
      asked++;
      yield pcapRecord(LITTLE, 1, 0, bytes(3));
    }
    for (const framing of ["auto", "records"] as const) {
      asked = 0;
      const capture = await openCapture(live());
      const { value } = await capture.blocks({ framing }).next();
      expect([value?.count, asked]).toEqual([500, 0]);
    }
  });

  test("with damage: the sound packets first, then the error", async () => {
    const file = concat(pcapFile(LITTLE), LITTLE.u32(0, 0, 0xffff_ffff, 0), bytes(9));
    for (const framing of ["auto", "records"] as const) {
      const capture = await openCapture(file);
      const blocks = capture.blocks({ framing });
      expect((await blocks.next()).value?.count).toBe(500);
      const error = await blocks.next().catch((caught: unknown) => caught);
      expect(captureError(error)).toMatchObject({ code: "corrupt", offset: file.length - 25 });
    }
  });

  test("options out of range are said at once", async () => {
    const capture = await openCapture(pcapFile(LITTLE));
    expect(() => capture.blocks({ maxPackets: 0 })).toThrow("maxPackets is a whole number from 1 on");
    expect(() => capture.blocks({ maxBytes: 1 })).toThrow(RangeError);
    await expect(openCapture(pcapFile(LITTLE), { windowSize: 3 })).rejects.toThrow("windowSize");
  });
});

describe("packets() and blocks() share one place", () => {
  test("a loop that is left goes on where it was", async () => {
    for (const file of [pcapFile(LITTLE), pcapngFile(BIG)]) {
      const { packets: all } = await readAll(file);
      const capture = await openCapture(pieces(file, 1000));
      const places: number[] = [];
      for await (const packet of capture.packets()) if (places.push(packet.offset) === 100) break;
      for await (const each of capture.blocks({ maxPackets: 50 })) {
        for (const _ of packetsOfBlock(each)) places.push(all[places.length]?.offset as number);
        break;
      }
      for await (const packet of capture.packets()) places.push(packet.offset);
      expect(places).toEqual(all.map(({ offset }) => offset));
    }
  });

  test("after close() there is nothing more", async () => {
    const capture = await openCapture(pcapFile(LITTLE));
    await capture.close();
    expect(await capture.packets().next()).toEqual({ done: true, value: undefined });
  });
});

describe("encodeRecord", () => {
  test("writes the record the engine reads", () => {
    const target = new Uint8Array(80).fill(0xee);
    const packet = {
      time: 0x0102_0304_0506_0708n,
      link: 276,
      interface: 513,
      length: 1500,
      data: bytes(5, 1),
      flags: 2,
    };
    const end = encodeRecord(target, 8, packet);
    expect(end).toBe(8 + recordSize(5));
    expect([...target.subarray(8, end)]).toEqual([
      ...[8, 7, 6, 5, 4, 3, 2, 1], // time
      ...[0xdc, 5, 0, 0], // length
      ...[5, 0, 0, 0], // captured
      ...[0x14, 1], // link
      ...[1, 2], // interface
      ...[2, 0, 0, 0], // flags
      ...[1, 2, 3, 4, 5, 0, 0, 0],
    ]);
    expect(target[7]).toBe(0xee);
    expect(target[end]).toBe(0xee);
  });

  test("takes wire length, interface and flags as read where they are left out", () => {
    const target = new Uint8Array(recordSize(3));
    encodeRecord(target, 0, { time: 0n, link: 1, data: bytes(3) });
    expect([...packetsOfBlock({ framing: "records", bytes: target, count: 1, offset: 0 })]).toEqual([
      { time: 0n, link: 1, interface: 0, length: 3, flags: 0, data: bytes(3) },
    ]);
  });

  test("needs room and a place that is aligned", () => {
    const packet = { time: 0n, link: 1, data: bytes(9) };
    expect(recordSize(9)).toBe(RECORD_HEADER + 16);
    expect(() => encodeRecord(new Uint8Array(39), 0, packet)).toThrow("does not fit");
    expect(() => encodeRecord(new Uint8Array(100), 4, packet)).toThrow("multiple of 8");
  });
});
