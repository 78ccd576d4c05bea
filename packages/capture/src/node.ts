// conntrack-capture/node: files by path, standard input and output, and the decoders of node:zlib. Everything else is
// that of conntrack-capture.

import { type FileHandle, open } from "node:fs/promises";
import { gunzip, unzstd } from "./node-zlib.js";
import { openWindow, type Unpackers, windowSize } from "./open.js";
import type { ByteSink } from "./output.js";
import { againOf, type CaptureSource, IteratorSource, windowOf } from "./source.js";
import type { Capture, OpenOptions } from "./types.js";
import { type ByteSource, Window } from "./window.js";

export * from "./index.js";

const unpackers: Unpackers = { gzip: gunzip, zstd: unzstd };

/** As in conntrack-capture, with the faster decoders of node:zlib. */
export async function openCapture(source: CaptureSource, options: OpenOptions = {}): Promise<Capture> {
  const size = windowSize(options);
  return openWindow(windowOf(source, size), againOf(source, size), unpackers, options);
}

/** Opens the capture at `path`; `"-"` is standard input. Errors of the file system come as they are. */
export async function openFile(path: string | URL, options: OpenOptions = {}): Promise<Capture> {
  const size = windowSize(options);
  if (path === "-") return openWindow(Window.from(new StandardInput(), size), null, unpackers, options);
  const handle = await open(path);
  const isFile = (await handle.stat()).isFile(); // not a pipe
  if (!isFile) return openWindow(Window.from(new FileSource(handle), size), null, unpackers, options);
  const again = async () => Window.from(new FileSource(await open(path)), size);
  return openWindow(Window.from(new AheadSource(handle), size), again, unpackers, options);
}

/** A file to write a capture to: `new PcapngWriter(file.write)`, and `close` after the writer's `end`. */
export interface OutputFile {
  readonly write: ByteSink;
  close(): Promise<void>;
}

/** Creates or overwrites the file at `path`; `"-"` is standard output, which stays open. */
export async function createFile(path: string | URL): Promise<OutputFile> {
  if (path === "-") return { write: writeStandardOutput, close: async () => {} };
  const handle = await open(path, "w");
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, at);
        at += bytesWritten;
      }
    },
    close: () => handle.close(),
  };
}

function writeStandardOutput(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Reads where the file stands, so that pipes and devices work too. */
class FileSource implements ByteSource {
  constructor(private readonly handle: FileHandle) {}

  async read(into: Uint8Array): Promise<number> {
    const { bytesRead } = await this.handle.read(into, 0, into.length, null);
    return bytesRead;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

const AHEAD = 1 << 18;

/** Reads a regular file from its beginning; the next piece is under way while one is used. */
class AheadSource implements ByteSource {
  private piece: Uint8Array = new Uint8Array(0);
  /** Where a piece goes that the one in use does not lie in. */
  private spare = new Uint8Array(AHEAD);
  private other = new Uint8Array(AHEAD);
  private next: Promise<{ bytesRead: number }>;

  constructor(private readonly handle: FileHandle) {
    this.next = this.ask();
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.piece.length === 0) {
      const { bytesRead } = await this.next;
      this.piece = this.spare.subarray(0, bytesRead);
      [this.spare, this.other] = [this.other, this.spare];
      if (bytesRead > 0) this.next = this.ask();
    }
    const part = this.piece.subarray(0, into.length);
    into.set(part);
    this.piece = this.piece.subarray(part.length);
    return part.length;
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private ask(): Promise<{ bytesRead: number }> {
    const next = this.handle.read(this.spare, 0, AHEAD, null);
    next.catch(() => {}); // whoever awaits it gets the error; nobody may
    return next;
  }
}

class StandardInput extends IteratorSource {
  constructor() {
    super(process.stdin[Symbol.asyncIterator]());
  }

  /** Does not wait for a read under way: a pipe may never give another byte. */
  override async close(): Promise<void> {
    process.stdin.destroy();
  }
}
