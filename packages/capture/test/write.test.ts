import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type PacketInput,
  PcapngWriter,
  type PcapngWriterOptions,
  PcapWriter,
  type PcapWriterOptions,
} from "../src/index.js";
import { BIG, bytes, concat, LITTLE, pcapHeader, pcapRecord, readAll } from "./bytes.js";

async function writtenPcap(options: PcapWriterOptions, packets: PacketInput[]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((chunk) => void chunks.push(chunk), options);
  for (const packet of packets) await writer.write(packet);
  await writer.end();
  return concat(...chunks);
}

const data = fc.uint8Array({ maxLength: 200 });
const nanoseconds = fc.bigInt({ min: 0n, max: 4_294_967_295_999_999_999n });

describe("a pcap file written", () => {
  test("has the bytes the format says", async () => {
    const packets = [
      { time: 1_700_000_000_123_456_789n, data: bytes(3) },
      { time: 5n, data: bytes(0), length: 60 },
    ];
    expect(await writtenPcap({ link: 113, snaplen: 96, nanoseconds: true }, packets)).toEqual(
      concat(
        pcapHeader(LITTLE, { magic: 0xa1b23c4d, link: 113, snaplen: 96 }),
        pcapRecord(LITTLE, 1_700_000_000, 123_456_789, bytes(3)),
        pcapRecord(LITTLE, 0, 5, bytes(0), 60),
      ),
    );
    expect(await writtenPcap({ link: 1, nanoseconds: false, bigEndian: true }, packets)).toEqual(
      concat(
        pcapHeader(BIG, { snaplen: 262_144 }),
        pcapRecord(BIG, 1_700_000_000, 123_456, bytes(3)),
        pcapRecord(BIG, 0, 0, bytes(0), 60),
      ),
    );
  });

  test("is read back as it was", async () => {
    const packet = fc.record({ time: nanoseconds, data, length: fc.integer({ min: 0, max: 0xffff_ffff }) });
    const options = fc.record({ link: fc.integer({ min: 0, max: 65_535 }), bigEndian: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(options, fc.array(packet), async (settings, packets) => {
        const { packets: read, error } = await readAll(await writtenPcap(settings, packets));
        expect(error).toBeNull();
        expect(read.map(({ time, data: got, length, link }) => ({ time, data: got, length, link }))).toEqual(
          packets.map((each) => ({ ...each, link: settings.link })),
        );
      }),
    );
  });

  test.each([-1n, 4_294_967_296_000_000_000n])("cannot hold the time %i: that is said", async (time) => {
    await expect(writtenPcap({ link: 1 }, [{ time, data: bytes(1) }])).rejects.toThrow(/write pcapng/);
  });

  test("has one link type, in 16 bits", () => {
    expect(() => new PcapWriter(() => {}, { link: 65_536 })).toThrow("link is a whole number from 0 to 65535");
  });
});

describe("a pcapng file written", () => {
  const name = fc.option(fc.string({ unit: "grapheme" }).filter((text) => !text.endsWith("\0")));
  const anInterface = fc.record({
    link: fc.integer({ min: 0, max: 65_535 }),
    name,
    description: name,
    snaplen: fc.integer({ min: 0, max: 0xffff_ffff }),
    fcsLength: fc.option(fc.integer({ min: 0, max: 255 })),
    ticksPerSecond: fc.constantFrom(1e6, 1e9),
  });
  const packet = fc.record({
    time: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    data,
    length: fc.integer({ min: 0, max: 0xffff_ffff }),
    interface: fc.nat(),
    comments: fc.array(
      fc.string({ unit: "grapheme" }).filter((text) => !text.endsWith("\0")),
      { maxLength: 3 },
    ),
    flags: fc.integer({ min: 0, max: 0xffff_ffff }),
  });
  const options = fc.record({ application: fc.string(), comment: fc.string(), bigEndian: fc.boolean() });

  test("is read back as it was: interfaces, comments, flags, times", async () => {
    await fc.assert(
      fc.asyncProperty(
        options,
        fc.array(anInterface, { minLength: 1, maxLength: 4 }),
        fc.array(packet),
        async (settings: PcapngWriterOptions, interfaces, packets) => {
          const chunks: Uint8Array[] = [];
          const writer = new PcapngWriter((chunk) => void chunks.push(chunk), settings);
          for (const each of interfaces) writer.addInterface(each);
          const expected = packets.map((each) => {
            const index = each.interface % interfaces.length;
            const unit = interfaces[index]?.ticksPerSecond === 1e6 ? 1000n : 1n;
            return { ...each, interface: index, time: each.time - (each.time % unit) };
          });
          for (const [i, each] of packets.entries()) {
            await writer.write({ ...each, interface: expected[i]?.interface as number });
          }
          await writer.end();
          const { packets: read, capture, error } = await readAll(concat(...chunks));
          expect(error).toBeNull();
          expect(capture?.interfaces).toEqual(
            interfaces.map((each, index) => ({ ...each, index, section: 0, timeOffset: 0n })),
          );
          expect(read.map(({ link, offset, ...rest }) => rest)).toEqual(expected);
        },
      ),
    );
  });

  test("takes the interfaces and packets of a capture as they are", async () => {
    const file = await writtenPcap({ link: 101 }, [{ time: 7n, data: bytes(9), length: 90 }]);
    const { capture, packets } = await readAll(file);
    const chunks: Uint8Array[] = [];
    const writer = new PcapngWriter((chunk) => void chunks.push(chunk), { application: "test" });
    for (const each of capture?.interfaces ?? []) writer.addInterface(each);
    for (const each of packets) await writer.write({ ...each, comments: ["kept"] });
    await writer.end();
    const copy = await readAll(concat(...chunks));
    expect(copy.packets).toMatchObject([{ time: 7n, data: bytes(9), length: 90, link: 101, comments: ["kept"] }]);
  });

  test("has no packet of an interface that was not added", () => {
    const writer = new PcapngWriter(() => {});
    expect(() => writer.write({ time: 0n, data: bytes(1) })).toThrow("interface 0 was not added");
  });

  test("has no text above 65535 bytes", () => {
    const writer = new PcapngWriter(() => {});
    expect(() => writer.addInterface({ link: 1, name: "x".repeat(65_536) })).toThrow("65535");
  });
});

describe("the sink of a writer", () => {
  const packet = { time: 0n, data: new Uint8Array(100_000) };

  test("gets chunks in order, one at a time, and is waited for", async () => {
    let busy = 0;
    let overlap = false;
    let total = 0;
    const writer = new PcapWriter(
      async (chunk) => {
        overlap ||= busy++ > 0;
        await new Promise((resolve) => setTimeout(resolve, 1));
        busy--;
        total += chunk.length;
      },
      { link: 1 },
    );
    for (let i = 0; i < 50; i++) void writer.write(packet);
    await writer.end();
    expect(overlap).toBe(false);
    expect(total).toBe(24 + 50 * 100_016);
  });

  test("owns its chunks: later packets do not change them", async () => {
    const chunks: Uint8Array[] = [];
    const writer = new PcapWriter((chunk) => void chunks.push(chunk), { link: 1 });
    const changing = new Uint8Array(4);
    for (let i = 0; i < 3; i++) {
      changing.fill(i);
      void writer.write({ time: 0n, data: changing });
      await writer.flush();
    }
    await writer.end();
    expect((await readAll(concat(...chunks))).packets.map(({ data: got }) => got[0])).toEqual([0, 1, 2]);
  });

  test("fails in the write that waits, and at the latest in end()", async () => {
    const writer = new PcapWriter(() => Promise.reject(new Error("disk full")), { link: 1 });
    void writer.write(packet);
    await expect(writer.end()).rejects.toThrow("disk full");
    expect(() => writer.write(packet)).toThrow("already ended");
  });

  test("takes packets larger than a chunk", async () => {
    const large = new Uint8Array(3_000_000).fill(9);
    const { packets } = await readAll(
      await writtenPcap({ link: 1, snaplen: 4_000_000 }, [packet, { time: 1n, data: large }, packet]),
    );
    expect(packets.map(({ data: got }) => got.length)).toEqual([100_000, 3_000_000, 100_000]);
  });
});
