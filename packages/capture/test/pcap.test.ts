import { describe, expect, test } from "vitest";
import { BIG, bytes, captureError, concat, type Fields, LITTLE, pcapHeader, pcapRecord, readAll } from "./bytes.js";

const orders: [name: string, f: Fields][] = [
  ["little-endian", LITTLE],
  ["big-endian", BIG],
];

describe.each(orders)("a %s pcap file", (_, f) => {
  test("in microseconds gives time, lengths, bytes and place of every packet", async () => {
    const file = concat(
      pcapHeader(f, { snaplen: 96, link: 101 }),
      pcapRecord(f, 1_700_000_000, 123_456, bytes(5, 10)),
      pcapRecord(f, 4_294_967_295, 999_999, bytes(0), 1500),
    );
    const { packets, capture, error } = await readAll(file);
    expect(error).toBeNull();
    expect(capture?.format).toBe("pcap");
    expect(capture?.compression).toBe("none");
    expect(packets).toEqual([
      {
        time: 1_700_000_000_123_456_000n,
        link: 101,
        interface: 0,
        length: 5,
        data: bytes(5, 10),
        comments: [],
        flags: 0,
        offset: 24,
      },
      {
        time: 4_294_967_295_999_999_000n,
        link: 101,
        interface: 0,
        length: 1500,
        data: bytes(0),
        comments: [],
        flags: 0,
        offset: 45,
      },
    ]);
    expect(capture?.interfaces).toEqual([
      {
        index: 0,
        section: 0,
        link: 101,
        name: null,
        description: null,
        snaplen: 96,
        ticksPerSecond: 1e6,
        timeOffset: 0n,
        fcsLength: null,
      },
    ]);
  });

  test("in nanoseconds keeps them", async () => {
    const file = concat(pcapHeader(f, { magic: 0xa1b23c4d }), pcapRecord(f, 1, 999_999_999, bytes(1)));
    const { packets, capture } = await readAll(file);
    expect(packets.map(({ time }) => time)).toEqual([1_999_999_999n]);
    expect(capture?.interfaces[0]?.ticksPerSecond).toBe(1e9);
  });

  test("of Kuznetzov's libpcap has longer record headers, with the packet type as direction", async () => {
    const record = (type: number, data: Uint8Array) =>
      concat(f.u32(7, 8, data.length, 60), f.u32(2), f.u16(0x0800), Uint8Array.of(type, 0), data);
    const file = concat(
      pcapHeader(f, { magic: 0xa1b2cd34 }),
      record(0, bytes(3)),
      record(4, bytes(4)),
      record(9, bytes(1)),
    );
    const { packets, error } = await readAll(file);
    expect(error).toBeNull();
    expect(packets.map(({ time, data, flags, length }) => [time, data.length, flags & 3, length])).toEqual([
      [7_000_008_000n, 3, 1, 60],
      [7_000_008_000n, 4, 2, 60],
      [7_000_008_000n, 1, 0, 60],
    ]);
  });

  test.each([
    [0x1c0001ac, "hardware", 1_000_000_005n],
    [0x1c0001ab, "software", 1_000_005_000n],
  ])("of IXIA (%#x, %s time stamps) has a length behind its header", async (magic, _kind, time) => {
    const file = concat(pcapHeader(f, { magic }), f.u32(20), pcapRecord(f, 1, 5, bytes(4)));
    const { packets, error } = await readAll(file);
    expect(error).toBeNull();
    expect(packets.map((packet) => [packet.time, packet.data, packet.offset])).toEqual([[time, bytes(4), 28]]);
  });

  test.each([
    [2, 2],
    [543, 0],
  ])("of version %i.%i has wire length before captured length", async (major, minor) => {
    const file = concat(pcapHeader(f, { major, minor }), f.u32(1, 0, 100, 2), bytes(2));
    const { packets } = await readAll(file);
    expect(packets.map(({ length, data }) => [length, data.length])).toEqual([[100, 2]]);
  });

  test("of version 2.3 may have them either way: the smaller one is captured", async () => {
    const file = concat(
      pcapHeader(f, { minor: 3 }),
      concat(f.u32(1, 0, 100, 2), bytes(2)),
      concat(f.u32(1, 0, 3, 100), bytes(3)),
    );
    const { packets } = await readAll(file);
    expect(packets.map(({ length, data }) => [length, data.length])).toEqual([
      [100, 2],
      [100, 3],
    ]);
  });

  test("says in its link field how long the frame check sequence is", async () => {
    const { capture } = await readAll(pcapHeader(f, { link: 0x4400_0001 }));
    expect(capture?.interfaces[0]).toMatchObject({ link: 1, fcsLength: 4 });
  });
});

describe("a pcap file that is not sound", () => {
  test("with another version is not guessed at", async () => {
    const { error } = await readAll(pcapHeader(LITTLE, { major: 3 }));
    expect(captureError(error)).toMatchObject({ code: "unsupported", offset: 4 });
    expect(captureError(error).message).toContain("version 3.4");
  });

  test("with an absurd captured length gives what is before it, then one error naming both", async () => {
    const file = concat(
      pcapHeader(LITTLE),
      pcapRecord(LITTLE, 1, 0, bytes(4)),
      LITTLE.u32(1, 0, 0x7fff_ffff, 0x7fff_ffff),
      bytes(64),
    );
    const { packets, error } = await readAll(file);
    expect(packets).toHaveLength(1);
    expect(captureError(error)).toMatchObject({ code: "corrupt", offset: 44, layer: "capture" });
    expect(captureError(error).message).toContain("2147483647");
  });

  test("takes what tcpdump takes of a packet above the snap length", async () => {
    const file = concat(pcapHeader(LITTLE, { snaplen: 8 }), pcapRecord(LITTLE, 1, 0, new Uint8Array(262_144)));
    const { packets, error } = await readAll(file);
    expect(error).toBeNull();
    expect(packets[0]?.data).toHaveLength(262_144);
  });

  test("may say any snap length: nothing is allocated for it", async () => {
    const file = concat(
      pcapHeader(LITTLE, { snaplen: 0xffff_ffff }),
      pcapRecord(LITTLE, 1, 0, new Uint8Array(300_000)),
    );
    expect((await readAll(file)).packets).toHaveLength(1);
    const { error } = await readAll(file, { maxCaptured: 299_999 });
    expect(captureError(error).code).toBe("corrupt");
  });

  test("may capture more than was on the wire", async () => {
    const { packets } = await readAll(concat(pcapHeader(LITTLE), pcapRecord(LITTLE, 1, 0, bytes(9), 4)));
    expect(packets[0]).toMatchObject({ length: 4, data: bytes(9) });
  });
});

describe("what is not a capture", () => {
  test("an empty file is called empty", async () => {
    expect(captureError((await readAll(new Uint8Array(0))).error)).toMatchObject({ code: "empty", offset: 0 });
  });

  test("a text file is told by its first bytes, and what is read is said", async () => {
    const { code, message } = captureError((await readAll(bytes(40, 65))).error);
    expect(code).toBe("format");
    expect(message).toContain("41 42 43 44");
    expect(message).toMatch(/pcap and pcapng.*gzip or zstd/);
  });

  test.each([
    [[0x04, 0x22, 0x4d, 0x18], "lz4 -d"],
    [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "unxz"],
    [[0x73, 0x6e, 0x6f, 0x6f, 0x70, 0x00], "editcap"],
    [[0x4d, 0x3c, 0x2b, 0xa1], "Navtel"],
  ])("a file that begins with %j is named, with the way out", async (head, advice) => {
    const { code, message } = captureError((await readAll(concat(Uint8Array.from(head), bytes(40)))).error);
    expect(code).toBe("format");
    expect(message).toContain(advice);
  });

  test.each([1, 2, 3])("%i byte of a magic number is no magic number", async (count) => {
    expect(captureError((await readAll(pcapHeader(LITTLE).slice(0, count))).error).code).toBe("format");
  });
});
