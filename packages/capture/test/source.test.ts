import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { type CaptureSource, openCapture } from "../src/index.js";
import { bytes, concat, LITTLE, pcapHeader, pcapRecord, pieces, readAll } from "./bytes.js";

const file = concat(
  pcapHeader(LITTLE),
  ...Array.from({ length: 300 }, (_, i) => pcapRecord(LITTLE, i, 0, bytes((i * 31) % 200, i))),
);

const sources: [name: string, make: () => CaptureSource][] = [
  ["a Uint8Array", () => file],
  ["a part of a larger buffer", () => concat(bytes(13), file, bytes(5)).subarray(13, 13 + file.length)],
  ["a Node Buffer", () => Buffer.from(file)],
  ["a Blob", () => new Blob([file as Uint8Array<ArrayBuffer>])],
  ["a File", () => new File([file as Uint8Array<ArrayBuffer>], "a.pcap")],
  ["a ReadableStream", () => new Blob([file as Uint8Array<ArrayBuffer>]).stream()],
  ["a Node stream", () => Readable.from(pieces(file, 700))],
  ["an async iterable of single bytes", () => pieces(file, 1)],
  ["an array of pieces, some empty", () => [file.slice(0, 3), new Uint8Array(0), file.slice(3, 90), file.slice(90)]],
];

describe("a capture is read from", () => {
  test.each(sources)("%s", async (_, make) => {
    const { packets, error } = await readAll(make(), { windowSize: 4096 });
    expect(error).toBeNull();
    expect(packets).toEqual((await readAll(file)).packets);
    expect(packets).toHaveLength(300);
  });

  test.each(["a path", null, 7, {}])("not from %j: that is an error of the caller", async (value) => {
    await expect(openCapture(value as unknown as CaptureSource)).rejects.toThrow(TypeError);
  });

  test("not from a stream of text", async () => {
    await expect(openCapture(["abc", "def"] as unknown as CaptureSource)).rejects.toThrow(
      "where a Uint8Array was expected",
    );
  });
});

describe("the source", () => {
  test("has its own errors come through as they are, behind the packets before them", async () => {
    const failure = new Error("the disk is gone");
    async function* failing() {
      yield file.slice(0, 5000);
      throw failure;
    }
    const { packets, error } = await readAll(failing());
    expect(error).toBe(failure);
    expect(packets.length).toBeGreaterThan(10);
  });

  test("is let go at the end, after an error, and by close()", async () => {
    let closed = 0;
    async function* watched(data: Uint8Array) {
      try {
        yield data;
      } finally {
        closed++;
      }
    }
    await readAll(watched(file));
    expect(closed).toBe(1);
    await readAll(watched(file.slice(0, -1)));
    expect(closed).toBe(2);
    await readAll(watched(bytes(50)));
    expect(closed).toBe(3);
    const capture = await openCapture(watched(file));
    for await (const _ of capture.packets()) break;
    expect(closed).toBe(3);
    await capture.close();
    expect(closed).toBe(4);
  });

  test("may be a web stream that is cancelled by close()", async () => {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(file),
      cancel: () => {
        cancelled = true;
      },
    });
    const capture = await openCapture(stream);
    await capture.close();
    expect(cancelled).toBe(true);
  });
});
