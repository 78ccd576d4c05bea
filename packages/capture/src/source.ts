// Where a capture can come from: everything that can give bytes, as a window.

import { type Again, type ByteSource, Window } from "./window.js";

/** What we need of a Blob or File. */
export interface BlobLike {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** What we need of a web ReadableStream. */
export interface StreamLike {
  getReader(): {
    read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
    cancel(reason?: unknown): Promise<void>;
  };
}

/** Bytes in memory, a Blob or File, a web stream, a Node stream, or anything else that can be iterated. */
export type CaptureSource = Uint8Array | BlobLike | StreamLike | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export function windowOf(source: CaptureSource, memory: number | Uint8Array): Window {
  if (source instanceof Uint8Array) return Window.over(plain(source));
  if (typeof source !== "object" || source === null) throw notASource(source);
  if (isBlob(source)) return Window.from(new BlobSource(source), memory);
  if ("getReader" in source) return Window.from(new IteratorSource(readStream(source)), memory);
  if (Symbol.asyncIterator in source) return Window.from(new IteratorSource(source[Symbol.asyncIterator]()), memory);
  if (Symbol.iterator in source) return Window.from(new IteratorSource(source[Symbol.iterator]()), memory);
  throw notASource(source);
}

/** A Node Buffer is a Uint8Array whose `slice` does not copy; what we give out is the usual kind. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes of a window nobody gave memory for. */
export const MIB = 1 << 20;

/** How to read the source once more, into memory of its own; null for streams. */
export function againOf(source: CaptureSource): Again | null {
  return source instanceof Uint8Array || isBlob(source) ? async () => windowOf(source, MIB) : null;
}

function isBlob(source: object): source is BlobLike {
  return "arrayBuffer" in source && "slice" in source && "size" in source;
}

function notASource(source: unknown): TypeError {
  const what = source === null ? "null" : typeof source;
  return new TypeError(
    `a capture is read from a Uint8Array, a Blob, a stream or an iterable of Uint8Array, not from ${what}` +
      (typeof source === "string" ? "; to open a file by its path, use openFile of conntrack-capture/node" : ""),
  );
}

/** Chunks as they come, copied into the window. */
export class IteratorSource implements ByteSource {
  private chunk: Uint8Array = new Uint8Array(0);

  constructor(private readonly iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>) {}

  async read(into: Uint8Array): Promise<number> {
    while (this.chunk.length === 0) {
      const { done, value } = await this.iterator.next();
      if (done) return 0;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(`the stream gave a ${typeof value} where a Uint8Array was expected`);
      }
      this.chunk = value;
    }
    const part = this.chunk.subarray(0, into.length);
    into.set(part);
    this.chunk = this.chunk.subarray(part.length);
    return part.length;
  }

  async close(): Promise<void> {
    await this.iterator.return?.();
  }
}

/** Web streams cannot be iterated everywhere yet. */
async function* readStream(stream: StreamLike): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) break;
      yield value;
    }
    ended = true;
  } finally {
    if (!ended) await reader.cancel();
  }
}

const SLICE = 4 << 20;

/** A blob slice by slice; the next slice is under way while one is read. */
class BlobSource implements ByteSource {
  private at = 0;
  private slice: Uint8Array = new Uint8Array(0);
  private next: Promise<ArrayBuffer> | null;

  constructor(private readonly blob: BlobLike) {
    this.next = this.ask();
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.slice.length === 0) {
      if (this.next === null) return 0;
      this.slice = new Uint8Array(await this.next);
      this.next = this.ask();
    }
    const part = this.slice.subarray(0, into.length);
    into.set(part);
    this.slice = this.slice.subarray(part.length);
    return part.length;
  }

  async close(): Promise<void> {
    this.next = null;
    this.slice = new Uint8Array(0);
  }

  private ask(): Promise<ArrayBuffer> | null {
    if (this.at >= this.blob.size) return null;
    const end = Math.min(this.at + SLICE, this.blob.size);
    const bytes = this.blob.slice(this.at, end).arrayBuffer();
    bytes.catch(() => {}); // whoever awaits it gets the error; nobody may
    this.at = end;
    return bytes;
  }
}
