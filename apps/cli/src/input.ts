// Captures as one stream of blocks, up to a packet or a moment. What cannot be read is remembered and told at the end.
import { stat } from "node:fs/promises";
import type { PacketBlock } from "conntrack-capture";
import { openFile } from "conntrack-capture/node";
import { messageOf } from "./exit.js";
import { Headers, relink } from "./headers.js";
import { numberInterfaces } from "./interfaces.js";

export interface InputOptions {
  /** Files in order; "-" is standard input. */
  readonly files: readonly string[];
  /** Link type to take instead of what the captures say. */
  readonly link?: number | undefined;
  /** Stop after this many packets. */
  readonly count?: number | undefined;
  /** Stop before the first packet later than this, in nanoseconds: from the epoch, or from the first packet. */
  readonly until?: { readonly time: bigint; readonly relative: boolean } | undefined;
  /** Numbers of interfaces by name, for `program.FLAG_SEEN`. */
  readonly interfaces?: readonly string[];
  /** Memory to read into. */
  readonly window?: Uint8Array | undefined;
}

/** Several parts of the engine's results: going from block to block costs as much as a hundred packets. */
const BLOCK = 16_384;

export class Input {
  /** What could not be read, one line each. */
  readonly failures: string[] = [];
  /** Packets given out. */
  packets = 0;
  /** Time of the first packet. */
  first: bigint | null = null;
  /** Bytes read of the file at hand, and its size; null when that is not known. */
  position = 0;
  size: number | null = null;
  interrupted = false;
  readonly #options: InputOptions;
  #close: () => Promise<void> = async () => {};

  constructor(options: InputOptions) {
    this.#options = options;
  }

  /** Where reading by time stops, once it is known. */
  get end(): bigint | null {
    const { until } = this.#options;
    if (until === undefined) return null;
    return until.relative ? (this.first ?? 0n) + until.time : until.time;
  }

  /** Ends the stream as if the captures ended here. */
  async interrupt(): Promise<void> {
    this.interrupted = true;
    await this.#close();
  }

  async *blocks(): AsyncGenerator<PacketBlock, void> {
    for (const file of this.#options.files) {
      try {
        if (!(yield* this.#blocksOf(file))) return;
      } catch (error) {
        if (this.interrupted) return;
        this.failures.push(`${file === "-" ? "standard input" : file}: ${messageOf(error)}`);
      }
    }
  }

  // False when nothing after this file is wanted.
  async *#blocksOf(file: string): AsyncGenerator<PacketBlock, boolean> {
    const { link, window } = this.#options;
    const capture = await openFile(file, window && { window });
    this.#close = () => capture.close();
    this.position = 0;
    this.size = file === "-" || capture.compression !== "none" ? null : (await stat(file)).size || null;
    for await (const block of capture.blocks({ maxPackets: BLOCK })) {
      if (this.interrupted) return false;
      const cut = this.#cut(block);
      if (cut.count > 0) {
        this.first ??= timeOfFirst(cut);
        this.packets += cut.count;
        this.position = block.offset + block.bytes.length;
        numberInterfaces(cut, capture.interfaces, this.#options.interfaces ?? []);
        yield link === undefined ? cut : relink(cut, link);
      }
      if (cut.count < block.count || this.packets === this.#options.count) {
        await capture.close();
        return false;
      }
    }
    return !this.interrupted;
  }

  // The packets of the block that are wanted.
  #cut(block: PacketBlock): PacketBlock {
    const { count, until } = this.#options;
    const most = Math.min(block.count, (count ?? Number.POSITIVE_INFINITY) - this.packets);
    if (most === block.count && until === undefined) return block;
    const headers = new Headers(block);
    let kept = 0;
    let end = 0;
    while (kept < most && headers.advance()) {
      if (until !== undefined) {
        const time = headers.time;
        this.first ??= time;
        if (time > (this.end as bigint)) break;
      }
      kept++;
      end = headers.next;
    }
    return { ...block, bytes: block.bytes.subarray(0, end), count: kept };
  }
}

function timeOfFirst(block: PacketBlock): bigint {
  const headers = new Headers(block);
  headers.advance();
  return headers.time;
}
