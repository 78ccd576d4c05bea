import { Readable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createGzip } from "node:zlib";
import { describe, expect, test } from "vitest";
import { openCapture, PcapngWriter, PcapWriter } from "../src/index.js";
import { openCapture as openInNode } from "../src/node.js";
import { zstdStored } from "./zstd.js";

const MIB = 1 << 20;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes in buffers that something still refers to. */
function liveBytes(): number {
  collect();
  collect(); // the first leaves its sweeping to another thread; the second waits for it
  return process.memoryUsage().arrayBuffers;
}

/** The chunks of a capture of `mebibytes`, made while they are asked for. */
async function* endless(kind: "pcap" | "pcapng", mebibytes: number): AsyncGenerator<Uint8Array, void> {
  let chunks: Uint8Array[] = [];
  const sink = (bytes: Uint8Array) => void chunks.push(bytes);
  const writer = kind === "pcap" ? new PcapWriter(sink, { link: 1 }) : new PcapngWriter(sink);
  if (writer instanceof PcapngWriter) writer.addInterface({ link: 1, name: "eth0" });
  const data = new Uint8Array(1000).fill(7);
  let size = 0;
  for (let i = 0n; size < mebibytes * MIB; i++) {
    await writer.write({ time: i, data });
    for (const chunk of chunks) {
      size += chunk.length;
      yield chunk;
    }
    chunks = [];
  }
  await writer.end();
  yield* chunks;
}

async function* zstdOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) yield zstdStored(chunk, 100_000);
}

const kinds: [name: string, read: (mebibytes: number) => ReturnType<typeof openCapture>, mebibytes: number][] = [
  ["pcap", (mebibytes) => openCapture(endless("pcap", mebibytes)), 512],
  ["pcapng", (mebibytes) => openCapture(endless("pcapng", mebibytes)), 512],
  [
    "pcap in gzip",
    (mebibytes) => openCapture(Readable.from(endless("pcap", mebibytes)).pipe(createGzip({ level: 1 }))),
    128,
  ],
  [
    "pcap in gzip, in Node",
    (mebibytes) => openInNode(Readable.from(endless("pcap", mebibytes)).pipe(createGzip({ level: 1 }))),
    128,
  ],
  ["pcap in zstd", (mebibytes) => openCapture(zstdOf(endless("pcap", mebibytes))), 128],
];

describe("memory does not grow with the file", () => {
  test.each(kinds)("%s", async (_, open, mebibytes) => {
    const before = liveBytes();
    const capture = await open(mebibytes);
    let packets = 0;
    let bytes = 0;
    let most = 0;
    for await (const block of capture.blocks()) {
      packets += block.count;
      bytes += block.bytes.length;
      if (bytes > 16 * MIB) {
        bytes = 0;
        most = Math.max(most, liveBytes() - before);
      }
    }
    expect(packets).toBeGreaterThan(mebibytes * 1000);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(16 * MIB);
  });
});
