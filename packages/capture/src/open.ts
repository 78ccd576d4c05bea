// Opening: what is it, what wraps it, who reads it.

import { pcapBlocks, recordBlocks } from "./blocks.js";
import { CaptureError } from "./error.js";
import { detect } from "./magic.js";
import { packetsOf } from "./packets.js";
import { PcapReader } from "./pcap.js";
import { PcapngReader } from "./pcapng.js";
import type { RecordReader } from "./reader.js";
import { IteratorSource, MIB } from "./source.js";
import type { BlockOptions, Capture, CapturePacket, OpenOptions, PacketBlock } from "./types.js";
import { type Again, Window } from "./window.js";

const LEAST_WINDOW = 4096;

/** Unpackers of compressed files: the packed bytes in a window, the unpacked ones as they come. */
export interface Unpackers {
  gzip(packed: Window, again: Again | null): AsyncIterable<Uint8Array>;
  zstd(packed: Window): AsyncIterable<Uint8Array>;
}

/** The memory of the window, or its size. */
export function windowMemory({ window, windowSize = MIB }: OpenOptions): number | Uint8Array {
  if (window === undefined) return atLeast("windowSize", windowSize, LEAST_WINDOW);
  atLeast("the window's length", window.length, LEAST_WINDOW);
  return window;
}

export async function openWindow(
  window: Window,
  again: Again | null,
  unpackers: Unpackers,
  options: OpenOptions,
): Promise<Capture> {
  const maxCaptured = atLeast("maxCaptured", options.maxCaptured ?? 16 * MIB, 1);
  let open = window;
  try {
    let kind = await detect(window);
    let compression: Capture["compression"] = "none";
    if (kind === "gzip" || kind === "zstd") {
      compression = kind;
      if (options.window !== undefined) window.leave(options.window);
      open = unpacked(window, unpackers[kind](window, again), windowMemory(options));
      kind = await detect(open);
      if (kind === "gzip" || kind === "zstd") {
        throw new CaptureError(
          "format",
          0,
          `inside the ${compression} data is ${kind} again; unpack one of them first`,
        );
      }
    }
    const reader = await (kind === "pcap" ? PcapReader : PcapngReader).open(open, maxCaptured);
    return new OpenCapture(kind, compression, reader);
  } catch (error) {
    await open.close();
    throw error;
  }
}

function unpacked(packed: Window, bytes: AsyncIterable<Uint8Array>, memory: number | Uint8Array): Window {
  const source = new IteratorSource(bytes[Symbol.asyncIterator]());
  return Window.from(
    {
      read: (into) => source.read(into),
      async close() {
        await source.close();
        await packed.close();
      },
    },
    memory,
  );
}

class OpenCapture implements Capture {
  constructor(
    readonly format: Capture["format"],
    readonly compression: Capture["compression"],
    private readonly reader: RecordReader,
  ) {}

  get interfaces(): Capture["interfaces"] {
    return this.reader.interfaces;
  }

  packets(): AsyncGenerator<CapturePacket, void> {
    return this.toTheEnd(packetsOf(this.reader));
  }

  blocks({
    framing = "auto",
    maxBytes = MIB,
    maxPackets = 4096,
  }: BlockOptions = {}): AsyncGenerator<PacketBlock, void> {
    atLeast("maxBytes", maxBytes, 64);
    atLeast("maxPackets", maxPackets, 1);
    const { reader } = this;
    if (framing === "auto" && reader instanceof PcapReader && reader.plain) {
      return this.toTheEnd(pcapBlocks(reader, maxBytes, maxPackets));
    }
    return this.toTheEnd(recordBlocks(reader, maxBytes, maxPackets));
  }

  close(): Promise<void> {
    return this.reader.window.close();
  }

  /** Lets go of the source at the end and after an error, not when the caller leaves the loop. */
  private async *toTheEnd<T>(items: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
    try {
      yield* items;
    } catch (error) {
      await this.close();
      throw error;
    }
    await this.close();
  }
}

function atLeast(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(`${name} is a whole number from ${least} on, not ${value}`);
}
