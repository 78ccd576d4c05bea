// In a browser: Blob and streams of the platform, gzip and zstd without Node.

import { describe, expect, test } from "vitest";
import { openCapture, PcapngWriter } from "../src/index.js";
import { bytes, concat, LITTLE, pcapHeader, pcapRecord, readAll } from "./bytes.js";
import { ZSTD_SAMPLE } from "./zstd.js";

const file = concat(
  pcapHeader(LITTLE),
  ...Array.from({ length: 2000 }, (_, i) => pcapRecord(LITTLE, i, 0, bytes(i % 600))),
);
const blobOf = (...parts: Uint8Array[]) => new Blob(parts as Uint8Array<ArrayBuffer>[]);

async function gzip(data: Uint8Array): Promise<Uint8Array> {
  const stream = blobOf(data).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe("in a browser", () => {
  test("a File is read, plain, in gzip of several members, in zstd", async () => {
    expect((await readAll(new File([blobOf(file)], "a.pcap"))).packets).toHaveLength(2000);
    const members = blobOf(await gzip(file.slice(0, 1000)), await gzip(file.slice(1000)));
    expect((await readAll(members)).packets).toHaveLength(2000);
    expect((await readAll(blobOf(ZSTD_SAMPLE))).packets).toHaveLength(12);
  });

  test("a stream is read, and what a writer gives makes a File", async () => {
    const chunks: Uint8Array[] = [];
    const writer = new PcapngWriter((chunk) => void chunks.push(chunk), { application: "test" });
    const capture = await openCapture(blobOf(file).stream());
    for (const each of capture.interfaces) writer.addInterface(each);
    for await (const packet of capture.packets()) await writer.write({ ...packet, comments: ["seen"] });
    await writer.end();
    const { packets } = await readAll(new File([blobOf(...chunks)], "b.pcapng"));
    expect(packets).toHaveLength(2000);
    expect(packets[1999]).toMatchObject({ comments: ["seen"], data: bytes(1999 % 600) });
  });
});
