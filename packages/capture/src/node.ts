// conntrack-capture/node: files by path, standard input and output, and the decoders of node:zlib. Everything else is
// that of conntrack-capture.

import { readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { gunzip, unzstd } from "./node-zlib.js";
import { openWindow, type Unpackers, windowMemory } from "./open.js";
import type { ByteSink } from "./output.js";
import { againOf, type CaptureSource, IteratorSource, MIB, windowOf } from "./source.js";
import type { Capture, OpenOptions } from "./types.js";
import { type ByteSource, Window } from "./window.js";

export * from "./index.js";

const unpackers: Unpackers = { gzip: gunzip, zstd: unzstd };

/** As in conntrack-capture, with the faster decoders of node:zlib. */
export async function openCapture(source: CaptureSource, options: OpenOptions = {}): Promise<Capture> {
  return openWindow(windowOf(source, windowMemory(options)), againOf(source), unpackers, options);
}

/** Opens the capture at `path`; `"-"` is standard input. Errors of the file system come as they are. */
export async function openFile(path: string | URL, options: OpenOptions = {}): Promise<Capture> {
  const memory = windowMemory(options);
  if (path === "-") return openWindow(Window.from(new StandardInput(), memory), null, unpackers, options);
  const handle = await open(path);
  const isFile = (await handle.stat()).isFile(); // not a pipe
  if (!isFile) return openWindow(Window.from(new WaitingSource(handle), memory), null, unpackers, options);
  const again = async () => Window.from(new FileSource(await open(path)), MIB);
  return openWindow(Window.from(new FileSource(handle), memory), again, unpackers, options);
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

/** Waits for a pipe or a device, which may have nothing yet. */
class WaitingSource implements ByteSource {
  constructor(private readonly handle: FileHandle) {}

  async read(into: Uint8Array): Promise<number> {
    const { bytesRead } = await this.handle.read(into, 0, into.length, null);
    return bytesRead;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** Bytes after which timers and signals have their turn. */
const TURN = 8 << 20;

/**
 * Reads a regular file straight into the window, without a thread of the pool between: handing a read over and back costs
 * more than the kernel's own reading ahead leaves to overlap.
 */
class FileSource implements ByteSource {
  private sinceTurn = 0;

  constructor(private readonly handle: FileHandle) {}

  async read(into: Uint8Array): Promise<number> {
    const count = readSync(this.handle.fd, into, 0, into.length, null);
    this.sinceTurn += count;
    if (this.sinceTurn >= TURN) {
      this.sinceTurn = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return count;
  }

  close(): Promise<void> {
    return this.handle.close();
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
