// gzip and zstd by node:zlib, which unpacks beside the main thread.
//
// A stream is fed a slice at a time and emptied before the next one, so what was unpacked before an error is not lost
// with the stream's buffers, and a slice that unpacks to a thousand times its size is the most there is in memory.
//
// What zlib cannot give is the buffer it was filling when it met damage: up to 64 KiB of sound packets, or 256. Where the source
// can be opened again, our own decoder reads it once more and gives the rest.

import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { cut, damaged as damagedGzip, gunzipFrom } from "./gunzip.js";
import type { Again, Window } from "./window.js";
import { damaged as damagedZstd, zstdPieces } from "./zstd-frame.js";

const SLICE = 1 << 16;
/** Bytes zlib unpacks at a time: what is lost of a damaged stream that cannot be read again. */
const OPTIONS = { chunkSize: 1 << 16 };
/** Of one that can: fewer ways to zlib's thread and back, a fifth less time for the whole run. */
const OPTIONS_AGAIN = { chunkSize: 1 << 18 };

export async function* gunzip(packed: Window, again: Again | null): AsyncGenerator<Uint8Array, void> {
  let given = 0;
  try {
    for await (const bytes of unpack(packed, again === null ? OPTIONS : OPTIONS_AGAIN)) {
      yield bytes;
      given += bytes.length;
    }
  } catch (error) {
    if (!isZlibError(error)) throw error;
    if (error.code === "Z_BUF_ERROR") throw cut(packed, error);
    if (again !== null) yield* gunzipFrom(await again(), given);
    throw damagedGzip(packed.offset, error.message, error);
  }
}

/** Takes several members, and ignores padding behind the last one. */
async function* unpack(packed: Window, options: zlib.ZlibOptions): AsyncGenerator<Uint8Array, void> {
  const decoder = new Decoder(zlib.createGunzip(options));
  try {
    while (!decoder.ended && (await packed.fill(1))) {
      const { bytes, start, size } = packed;
      const slice = bytes.subarray(start, start + Math.min(size, SLICE));
      await decoder.feed(slice);
      yield* decoder.take();
      if (decoder.failure) throw decoder.failure;
      packed.skip(slice.length);
    }
    await decoder.finish();
    yield* decoder.take();
    if (decoder.failure) throw decoder.failure;
  } finally {
    decoder.close();
  }
}

/** Since Node 22.15; @types/node 20 does not know it. */
type CreateZstd = (options?: zlib.ZlibOptions) => Transform;
const createZstdDecompress = (zlib as unknown as { createZstdDecompress?: CreateZstd }).createZstdDecompress;

export async function* unzstd(packed: Window): AsyncGenerator<Uint8Array, void> {
  if (createZstdDecompress === undefined) {
    const fallback = await import("./unzstd.js");
    yield* fallback.unzstd(packed);
    return;
  }
  let decoder = new Decoder(createZstdDecompress(OPTIONS));
  try {
    for await (const piece of zstdPieces(packed)) {
      if (piece.first) {
        decoder.close();
        decoder = new Decoder(createZstdDecompress(OPTIONS)); // zlib's stops behind the first frame
      }
      await decoder.feed(piece.bytes);
      if (piece.last) await decoder.finish();
      yield* decoder.take();
      if (decoder.failure) throw damagedZstd(piece.offset, decoder.failure.message, decoder.failure);
    }
  } finally {
    decoder.close();
  }
}

interface ZlibError extends Error {
  code: string;
}

function isZlibError(error: unknown): error is ZlibError {
  return error instanceof Error && "code" in error && /^Z_/.test(String(error.code));
}

/** A zlib stream driven by hand: feed, take what came out, then see whether it ended or failed. */
class Decoder {
  ended = false;
  failure: Error | undefined;
  private ready: Uint8Array[] = [];
  private wake: () => void = () => {};

  constructor(private readonly stream: Transform) {
    stream.on("data", (bytes: Uint8Array) => this.ready.push(bytes));
    stream.on("error", (error) => {
      this.failure = error;
      this.wake();
    });
    stream.on("end", () => {
      this.ended = true;
      this.wake();
    });
  }

  /** Resolves when the stream has used up `bytes`, has ended, or has failed. */
  feed(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      this.stream.write(bytes, () => resolve());
    });
  }

  finish(): Promise<void> {
    if (this.ended || this.failure) return Promise.resolve();
    return new Promise((resolve) => {
      this.wake = resolve;
      this.stream.end();
    });
  }

  take(): Uint8Array[] {
    const { ready } = this;
    this.ready = [];
    return ready;
  }

  close(): void {
    this.stream.destroy();
  }
}
