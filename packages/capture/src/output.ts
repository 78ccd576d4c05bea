// What both writers share: packets are copied into a chunk at once, chunks go to the sink in order.

import { viewOf } from "./window.js";

/** Takes chunks of the file, in order. A chunk is never touched again by the writer. */
export type ByteSink = (bytes: Uint8Array) => void | Promise<void>;

/** A packet to write. A CapturePacket fits; so does less. */
export interface PacketInput {
  /** Nanoseconds since 1970-01-01. */
  time: bigint;
  data: Uint8Array;
  /** Bytes on the wire; default `data.length`. */
  length?: number;
  /** pcapng: what `addInterface` returned; default 0. */
  interface?: number;
  /** pcapng: packet comments. */
  comments?: readonly string[];
  /** pcapng: epb_flags. */
  flags?: number;
}

const CHUNK = 1 << 18;

export class Output {
  /** The chunk being filled, for writing at the place `reserve` gave. Fresh bytes are zero. */
  bytes = new Uint8Array(CHUNK);
  view = viewOf(this.bytes);
  private used = 0;
  private sent: Promise<void> = Promise.resolve();
  private handed = false;
  private ended = false;

  constructor(private readonly sink: ByteSink) {}

  /** Makes room for `size` bytes and returns where they begin in `bytes`. */
  reserve(size: number): number {
    if (this.ended) throw new Error("this capture was already ended");
    if (this.used + size > this.bytes.length) {
      this.send();
      this.begin(new Uint8Array(Math.max(CHUNK, size)));
    }
    const at = this.used;
    this.used += size;
    return at;
  }

  /** A promise when the sink got work since the last call: waiting for it keeps memory small. */
  pending(): Promise<void> | undefined {
    if (!this.handed) return undefined;
    this.handed = false;
    return this.sent;
  }

  /** Hands over what is there. */
  async flush(): Promise<void> {
    this.send();
    await this.sent;
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.flush();
  }

  /** What was used of the chunk goes to the sink, which owns it from then on. */
  private send(): void {
    const { used } = this;
    if (used === 0) return;
    const bytes = this.bytes.subarray(0, used);
    this.begin(this.bytes.subarray(used));
    this.handed = true;
    this.sent = this.sent.then(() => this.sink(bytes));
    this.sent.catch(() => {}); // whoever waits for it, at the latest end(), gets the error
  }

  private begin(bytes: Uint8Array<ArrayBuffer>): void {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.used = 0;
  }
}
