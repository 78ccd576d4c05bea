// gzip and zstd by node:zlib, which unpacks beside the main thread.
//
// A stream is fed a slice at a time and emptied before the next one, so what was unpacked before an error is not lost
// with the stream's buffers, and a slice that unpacks to a thousand times its size is the most there is in memory.

import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { cut, damaged as damagedGzip } from "./gunzip.js";
import type { Window } from "./window.js";
import { damaged as damagedZstd, zstdPieces } from "./zstd-frame.js";

const SLICE = 1 << 16;
const OPTIONS = { chunkSize: 1 << 17 };

export async function* gunzip(packed: Window): AsyncGenerator<Uint8Array, void> {
  const decoder = new Decoder(zlib.createGunzip(OPTIONS)); // takes several members, ignores padding behind them
  try {
    while (!decoder.ended && (await packed.fill(1))) {
      const { bytes, start, size } = packed;
      const slice = bytes.subarray(start, start + Math.min(size, SLICE));
      await decoder.feed(slice);
      yield* decoder.take();
      decoder.check();
      packed.skip(slice.length);
    }
    await decoder.finish();
    yield* decoder.take();
    decoder.check();
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw error.code === "Z_BUF_ERROR" ? cut(packed, error) : damagedGzip(packed.offset, error.message, error);
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
  // A decoder for each frame: zlib's stops behind the first one.
  let decoder: Decoder | undefined;
  try {
    for await (const piece of zstdPieces(packed)) {
      if (piece.first) decoder = new Decoder(createZstdDecompress(OPTIONS));
      if (decoder === undefined) continue;
      try {
        await decoder.feed(piece.bytes);
        if (piece.last) await decoder.finish();
        yield* decoder.take();
        decoder.check();
      } catch (error) {
        if (!isZlibError(error)) throw error;
        throw damagedZstd(piece.offset, error.message, error);
      }
      if (piece.last) decoder.close();
    }
  } finally {
    decoder?.close();
  }
}

interface ZlibError extends Error {
  code: string;
}

function isZlibError(error: unknown): error is ZlibError {
  return error instanceof Error && "code" in error && /^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(String(error.code));
}

/** A zlib stream driven by hand: feed, then take what came out, then check what went wrong. */
class Decoder {
  ended = false;
  private ready: Uint8Array[] = [];
  private failure: Error | undefined;
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

  check(): void {
    if (this.failure) throw this.failure;
  }

  close(): void {
    this.stream.destroy();
  }
}
