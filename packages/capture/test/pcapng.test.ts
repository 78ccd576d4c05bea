import { describe, expect, test } from "vitest";
import {
  BIG,
  block,
  bytes,
  captureError,
  concat,
  endOfOptions,
  enhanced,
  type Fields,
  interfaceBlock,
  LITTLE,
  option,
  padded,
  readAll,
  section,
  text,
} from "./bytes.js";

const orders: [name: string, f: Fields][] = [
  ["little-endian", LITTLE],
  ["big-endian", BIG],
];

describe.each(orders)("a %s pcapng section", (_, f) => {
  test("gives interfaces with name, description and options", async () => {
    const { capture, error } = await readAll(
      concat(
        section(f, option(f, 4, text("test")), endOfOptions),
        interfaceBlock(
          f,
          113,
          96,
          option(f, 2, text("eth0\0")),
          option(f, 3, text("Küche")),
          option(f, 9, Uint8Array.of(9)),
          option(f, 13, Uint8Array.of(4)),
          option(f, 14, f.u64(-3600n)),
          endOfOptions,
        ),
        interfaceBlock(f, 1, 0),
      ),
    );
    expect(error).toBeNull();
    expect(capture?.interfaces).toEqual([
      {
        index: 0,
        section: 0,
        link: 113,
        name: "eth0",
        description: "Küche",
        snaplen: 96,
        ticksPerSecond: 1e9,
        timeOffset: -3600n,
        fcsLength: 4,
      },
      {
        index: 1,
        section: 0,
        link: 1,
        name: null,
        description: null,
        snaplen: 0,
        ticksPerSecond: 1e6,
        timeOffset: 0n,
        fcsLength: null,
      },
    ]);
  });

  test("gives enhanced packets with comments, flags and interface", async () => {
    const { packets } = await readAll(
      concat(
        section(f),
        interfaceBlock(f, 1, 0),
        interfaceBlock(f, 101, 0),
        enhanced(
          f,
          1,
          1_700_000_000_123_456n,
          bytes(5),
          1400,
          option(f, 1, text("first")),
          option(f, 2, f.u32(0x2a)),
          option(f, 1, text("zweiter Kommentar: ü")),
          endOfOptions,
        ),
        enhanced(f, 0, 5n, bytes(4)),
      ),
    );
    expect(packets).toEqual([
      {
        time: 1_700_000_000_123_456_000n,
        link: 101,
        interface: 1,
        length: 1400,
        data: bytes(5),
        comments: ["first", "zweiter Kommentar: ü"],
        flags: 0x2a,
        offset: 68,
      },
      { time: 5000n, link: 1, interface: 0, length: 4, data: bytes(4), comments: [], flags: 0, offset: 160 },
    ]);
  });

  test("gives simple packets, cut to the snap length of interface 0, without a time", async () => {
    const simple = block(f, 3, f.u32(100), padded(bytes(7)));
    const { packets, error } = await readAll(concat(section(f), interfaceBlock(f, 1, 7), simple));
    expect(error).toBeNull();
    expect(packets).toMatchObject([{ time: 0n, length: 100, data: bytes(7), link: 1 }]);
  });

  test("gives simple packets whole when interface 0 has no snap length", async () => {
    const simple = block(f, 3, f.u32(6), padded(bytes(6)));
    const { packets } = await readAll(concat(section(f), interfaceBlock(f, 1, 0), simple));
    expect(packets).toMatchObject([{ length: 6, data: bytes(6) }]);
  });

  test("gives obsolete packets: their interface has 16 bits, beside a count of drops", async () => {
    const obsolete = block(
      f,
      2,
      f.u16(1, 77),
      f.u32(0, 3, 2, 60),
      padded(bytes(2)),
      option(f, 2, f.u32(1)),
      endOfOptions,
    );
    const { packets } = await readAll(concat(section(f), interfaceBlock(f, 1, 0), interfaceBlock(f, 9, 0), obsolete));
    expect(packets).toMatchObject([{ time: 3000n, link: 9, interface: 1, length: 60, data: bytes(2), flags: 1 }]);
  });

  test("skips statistics, names, secrets, custom and unknown blocks", async () => {
    const others = [4, 5, 9, 10, 0xbad, 0x40000bad, 0x80000001, 7].map((type) => block(f, type, bytes(16)));
    const { packets, error } = await readAll(
      concat(section(f), ...others, interfaceBlock(f, 1, 0), ...others, enhanced(f, 0, 1n, bytes(1)), ...others),
    );
    expect(error).toBeNull();
    expect(packets).toHaveLength(1);
  });

  test.each([
    ["10^-0", 0, 3n, 3_000_000_000n],
    ["10^-3", 3, 1_700_000_000_123n, 1_700_000_000_123_000_000n],
    ["10^-6", 6, 1_700_000_000_123_456n, 1_700_000_000_123_456_000n],
    ["10^-9", 9, 1_700_000_000_123_456_789n, 1_700_000_000_123_456_789n],
    ["10^-12", 12, 5_000_000_001_999n, 5_000_000_001n],
    ["2^-10", 0x8a, 1024n + 512n, 1_500_000_000n],
    ["2^-32", 0xa0, (7n << 32n) + (1n << 31n), 7_500_000_000n],
    ["2^-63", 0xbf, 1n << 62n, 500_000_000n],
  ])("counts time in units of %s s", async (_name, resolution, ticks, time) => {
    const { packets } = await readAll(
      concat(
        section(f),
        interfaceBlock(f, 1, 0, option(f, 9, Uint8Array.of(resolution)), endOfOptions),
        enhanced(f, 0, ticks, bytes(1)),
      ),
    );
    expect(packets.map((packet) => packet.time)).toEqual([time]);
  });

  test("adds if_tsoffset, in seconds", async () => {
    const { packets } = await readAll(
      concat(
        section(f),
        interfaceBlock(f, 1, 0, option(f, 14, f.u64(1_700_000_000n)), endOfOptions),
        enhanced(f, 0, 5n, bytes(1)),
      ),
    );
    expect(packets[0]?.time).toBe(1_700_000_000_000_005_000n);
  });

  test("keeps a packet whose options are broken", async () => {
    const { packets, error } = await readAll(
      concat(section(f), interfaceBlock(f, 1, 0), enhanced(f, 0, 1n, bytes(1), 1, f.u16(1, 500), f.u32(0))),
    );
    expect(error).toBeNull();
    expect(packets).toMatchObject([{ comments: [], data: bytes(1) }]);
  });
});

describe("several sections", () => {
  test("have their own byte order and number their interfaces anew; ours count on", async () => {
    const { packets, capture } = await readAll(
      concat(
        section(BIG),
        interfaceBlock(BIG, 1, 0, option(BIG, 2, text("a")), endOfOptions),
        enhanced(BIG, 0, 1n, bytes(1)),
        section(LITTLE),
        interfaceBlock(LITTLE, 113, 0, option(LITTLE, 2, text("b")), endOfOptions),
        interfaceBlock(LITTLE, 101, 0, option(LITTLE, 2, text("c")), endOfOptions),
        enhanced(LITTLE, 1, 2n, bytes(2)),
        enhanced(LITTLE, 0, 3n, bytes(3)),
      ),
    );
    expect(packets.map((packet) => [packet.interface, packet.link, packet.time])).toEqual([
      [0, 1, 1000n],
      [2, 101, 2000n],
      [1, 113, 3000n],
    ]);
    expect(capture?.interfaces.map(({ name, section: number }) => [name, number])).toEqual([
      ["a", 0],
      ["b", 1],
      ["c", 1],
    ]);
  });

  test("do not inherit interfaces", async () => {
    const { packets, error } = await readAll(
      concat(section(LITTLE), interfaceBlock(LITTLE, 1, 0), section(BIG), enhanced(BIG, 0, 1n, bytes(1))),
    );
    expect(packets).toHaveLength(0);
    expect(captureError(error)).toMatchObject({ code: "corrupt", offset: 76 });
    expect(captureError(error).message).toContain("names interface 0, but its section has described none");
  });
});

describe("a pcapng block that is not sound ends the capture with one error", () => {
  const f = LITTLE;
  const good = concat(section(f), interfaceBlock(f, 1, 0), enhanced(f, 0, 1n, bytes(3)));
  const cases: [name: string, bad: Uint8Array, message: RegExp][] = [
    ["an interface that was not described", enhanced(f, 7, 1n, bytes(1)), /names interface 7.* described 1 /],
    [
      "lengths that differ",
      concat(f.u32(6, 16), f.u32(0), f.u32(20)),
      /at its start that it has 16 .* end that it has 20/,
    ],
    ["a length below the least", concat(f.u32(6, 8), bytes(8)), /length 8;/],
    ["a length that is no multiple of 4", concat(f.u32(6, 33), bytes(40)), /length 33;/],
    ["an absurd length", concat(f.u32(6, 0x7fff_fff0), bytes(40)), /length 2147483632;/],
    ["a packet block too short for its fields", block(f, 6, f.u32(0, 0, 0)), /takes at least 32/],
    ["an obsolete packet block too short for its fields", block(f, 2, f.u32(0)), /takes at least 32/],
    ["a simple packet block too short for its fields", block(f, 3), /takes at least 16/],
    ["an interface block too short for its fields", block(f, 1, f.u32(1)), /at least 20/],
    ["a packet larger than its block", block(f, 6, f.u32(0, 0, 0, 100, 100), bytes(8)), /claims 100 .* room for 8/],
    ["a simple packet larger than its block", block(f, 3, f.u32(100), bytes(8)), /claims 100 .* room for 8/],
    ["a section without byte order", block(f, 0x0a0d0d0a, f.u32(0xdeadbeef), bytes(16)), /0xdeadbeef/],
    ["a section of another version", block(f, 0x0a0d0d0a, f.u32(0x1a2b3c4d), f.u16(2, 0), bytes(8)), /version 2\.0/],
    ["a resolution too fine", interfaceBlock(f, 1, 0, option(f, 9, Uint8Array.of(20))), /10\^-20/],
  ];

  test.each(cases)("%s", async (_, bad, message) => {
    const { packets, error } = await readAll(concat(good, bad, enhanced(f, 0, 2n, bytes(3))));
    expect(packets).toHaveLength(1);
    expect(captureError(error).offset).toBe(good.length);
    expect(captureError(error).message).toMatch(message);
    expect(captureError(error).message).toContain(`byte ${good.length}`);
  });

  test("also when it is the first one", async () => {
    const { error } = await readAll(concat(Uint8Array.of(0x0a, 0x0d, 0x0d, 0x0a), bytes(60)));
    expect(captureError(error)).toMatchObject({ code: "corrupt", offset: 0 });
  });

  test("a packet above the sanity limit is damage", async () => {
    const { error } = await readAll(good, { maxCaptured: 2 });
    expect(captureError(error).message).toContain("claims 3 captured bytes; more than 2");
  });
});
