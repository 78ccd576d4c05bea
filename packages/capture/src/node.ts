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
  const again = isFile ? async () => Window.from(new FileSource(await open(path)), size) : null;
  return openWindow(Window.from(new FileSource(handle), size), again, unpackers, options);
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

class StandardInput extends IteratorSource {
  constructor() {
    super(process.stdin[Symbol.asyncIterator]());
  }

  /** Does not wait for a read under way: a pipe may never give another byte. */
  override async close(): Promise<void> {
    process.stdin.destroy();
  }
}
