import { spawnSync } from "node:child_process";
import { constants, deflateRawSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type CaptureSource, openCapture } from "../src/index.js";
import { openCapture as openInNode } from "../src/node.js";
import { bytes, captureError, concat, LITTLE, pcapHeader, pcapRecord, pieces, random, readAll, text } from "./bytes.js";
import { ZSTD_SAMPLE, zstdSkippable, zstdStored } from "./zstd.js";

/** What can be read once only. */
function streamOf(source: CaptureSource): CaptureSource {
  return source instanceof Uint8Array ? pieces(source, 5000) : source;
}

const openers: [name: string, open: typeof openCapture][] = [
  ["conntrack-capture", openCapture],
  ["conntrack-capture, a stream", (source, options) => openCapture(streamOf(source), options)],
  ["conntrack-capture/node", openInNode],
];

const next = random(1);
/** Packets of text, zeros and noise, so that every kind of deflate block turns up. */
const records = Array.from({ length: 3000 }, (_, i) => {
  const noise = Uint8Array.from({ length: 200 }, () => next() * 256);
  const data = [noise, new Uint8Array(300), text("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".repeat(1 + (i % 5)))][
    i % 3
  ];
  return pcapRecord(LITTLE, i, 0, data as Uint8Array);
});
const whole = concat(pcapHeader(LITTLE), ...records);

const hasZstd = spawnSync("zstd", ["--version"]).status === 0;

describe.each(openers)("gzip (%s)", (_, open) => {
  test.each([
    ["stored", { level: 0 }],
    ["fast", { level: 1 }],
    ["best", { level: 9 }],
    ["fixed codes", { strategy: constants.Z_FIXED }],
    ["runs only", { strategy: constants.Z_RLE }],
    ["no matches", { strategy: constants.Z_HUFFMAN_ONLY }],
  ])("unpacks %s", async (_name, options) => {
    const { packets, error, capture } = await readAll(gzipSync(whole, options), {}, open);
    expect(error).toBeNull();
    expect(capture?.compression).toBe("gzip");
    expect(packets).toHaveLength(3000);
    expect(packets[2999]?.data).toEqual(records[2999]?.slice(16));
    expect(packets[2999]?.offset).toBe(whole.length - (records[2999]?.length ?? 0));
  });

  test("unpacks several members, in pieces of any size", async () => {
    const cuts = [0, 10, 24, 5000, 400_000, whole.length];
    const members = cuts.slice(1).map((end, i) => gzipSync(whole.slice(cuts[i], end)));
    const packed = concat(...members, gzipSync(new Uint8Array(0)));
    for (const size of [13, 4096, packed.length]) {
      const { packets, error } = await readAll(pieces(packed, size), {}, open);
      expect(error).toBeNull();
      expect(packets).toHaveLength(3000);
    }
  });

  test("ignores padding behind the last member, as gzip does", async () => {
    const { packets, error } = await readAll(concat(gzipSync(whole), new Uint8Array(5000)), {}, open);
    expect(error).toBeNull();
    expect(packets).toHaveLength(3000);
  });

  test("reads headers with extra field, name, comment and checksum", async () => {
    const small = concat(pcapHeader(LITTLE), pcapRecord(LITTLE, 1, 0, bytes(4)));
    const plain = gzipSync(small);
    const head = concat(
      Uint8Array.of(0x1f, 0x8b, 8, 0b11110, 0, 0, 0, 0, 0, 3),
      LITTLE.u16(6),
      bytes(6),
      text("name\0"),
      text("comment\0"),
    );
    const headerCheck = LITTLE.u16(crc32OfSmall(head) & 0xffff);
    const packed = concat(head, headerCheck, deflateRawSync(small), plain.slice(-8));
    const { packets, error } = await readAll(pieces(packed, 3), {}, open);
    expect(error).toBeNull();
    expect(packets).toHaveLength(1);
  });

  test("damaged in the middle gives packets, then one error about the gzip file", async () => {
    const packed = gzipSync(whole);
    packed.fill(0xff, packed.length >> 1, (packed.length >> 1) + 200);
    const { packets, error } = await readAll(packed, {}, open);
    expect(packets.length).toBeGreaterThan(500);
    expect(packets.length).toBeLessThan(3000);
    expect(["compression", "corrupt"]).toContain(captureError(error).code);
  });

  test("with a wrong checksum gives all packets, then the error", async () => {
    const packed = gzipSync(whole);
    packed[packed.length - 8] = (packed[packed.length - 8] as number) ^ 1;
    const { packets, error } = await readAll(packed, {}, open);
    expect(packets).toHaveLength(3000);
    expect(captureError(error)).toMatchObject({ code: "compression", layer: "gzip" });
  });

  test("with a header that cannot be is an error of gzip", async () => {
    const { error } = await readAll(concat(Uint8Array.of(0x1f, 0x8b, 7, 0), bytes(40)), {}, open);
    expect(captureError(error)).toMatchObject({ code: "compression", layer: "gzip" });
  });

  test("with text inside says what is inside", async () => {
    const { error } = await readAll(gzipSync(text("hello there")), {}, open);
    expect(captureError(error)).toMatchObject({ code: "format", layer: "capture" });
  });

  test("inside gzip is not unpacked twice", async () => {
    const { error } = await readAll(gzipSync(gzipSync(whole)), {}, open);
    expect(captureError(error).message).toContain("inside the gzip data is gzip again");
  });
});

describe.each(openers)("zstd (%s)", (_, open) => {
  test("unpacks compressed blocks", async () => {
    const { packets, error, capture } = await readAll(ZSTD_SAMPLE, {}, open);
    expect(error).toBeNull();
    expect(capture?.compression).toBe("zstd");
    expect(packets.map(({ data }) => data.length)).toEqual(Array(12).fill(88));
    expect(new TextDecoder().decode(packets[11]?.data)).toContain("GET /index11");
  });

  test("unpacks several frames and skips what is skippable, in pieces of any size", async () => {
    const packed = concat(
      zstdSkippable(bytes(9)),
      zstdStored(whole.slice(0, 1000), 100),
      zstdSkippable(new Uint8Array(200_000)),
      zstdStored(new Uint8Array(0), 1),
      zstdStored(whole.slice(1000), 100_000),
    );
    for (const size of [1, 13, 4096, packed.length]) {
      const { packets, error } = await readAll(pieces(packed, size), {}, open);
      expect(error).toBeNull();
      expect(packets).toHaveLength(3000);
    }
  });

  test("unpacks thousands of small frames", async () => {
    const frames = Array.from({ length: 3000 }, (_each, i) => zstdStored(records[i] as Uint8Array, 1 << 17));
    const { packets, error } = await readAll(concat(zstdStored(pcapHeader(LITTLE), 99), ...frames), {}, open);
    expect(error).toBeNull();
    expect(packets).toHaveLength(3000);
  });

  test.skipIf(!hasZstd).each(["-1", "-19", "--ultra -22", "--no-check --long=24"])(
    "unpacks what `zstd %s` packs (skipped without zstd)",
    async (options) => {
      const { stdout } = spawnSync("zstd", [...options.split(" "), "-c"], { input: whole, maxBuffer: 1 << 28 });
      const { packets, error } = await readAll(concat(stdout, stdout.subarray(0, 0)), {}, open);
      expect(error).toBeNull();
      expect(packets).toHaveLength(3000);
      expect(packets[2998]?.data).toEqual(records[2998]?.slice(16));
    },
  );

  test("with a window of gigabytes is refused, with the way out", async () => {
    const packed = zstdStored(whole, 1000);
    packed[5] = 0xff;
    const { error } = await readAll(packed, {}, open);
    expect(captureError(error)).toMatchObject({ code: "unsupported", layer: "zstd", offset: 0 });
    expect(captureError(error).message).toContain("--long=31");
  });

  test("with a dictionary is refused, with the way out", async () => {
    const packed = zstdStored(whole, 1000);
    const { error } = await readAll(
      concat(packed.slice(0, 4), Uint8Array.of(0x01, 0x38, 0x55), packed.slice(6)),
      {},
      open,
    );
    expect(captureError(error)).toMatchObject({ code: "unsupported", layer: "zstd" });
  });

  test("damaged gives what is before, then one error about the zstd file", async () => {
    const packed = concat(zstdStored(whole.slice(0, 100_000), 1000), zstdStored(whole.slice(100_000), 1000));
    const at = packed.indexOf(0xfd, 100_000);
    expect(packed.slice(at - 3, at + 1)).toEqual(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd));
    packed[at] = 0;
    const { packets, error } = await readAll(packed, {}, open);
    expect(packets.length).toBeGreaterThan(300);
    expect(captureError(error)).toMatchObject({ code: "compression", layer: "zstd", offset: at - 3 });
  });
});

function crc32OfSmall(data: Uint8Array): number {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
