// What both writers share: packets are copied into a chunk at once, chunks go to the sink in order.

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
  private chunk = new Uint8Array(CHUNK);
  private used = 0;
  private sent: Promise<void> = Promise.resolve();
  private ended = false;

  constructor(private readonly sink: ByteSink) {}

  /** Gives `size` fresh bytes to `write`. The promise is there when the sink has work: wait for it to keep memory small. */
  put(size: number, write: (bytes: Uint8Array) => void): Promise<void> | undefined {
    if (this.ended) throw new Error("this capture was already ended");
    const full = this.used + size > this.chunk.length;
    if (full) {
      this.send();
      this.chunk = new Uint8Array(Math.max(CHUNK, size));
    }
    write(this.chunk.subarray(this.used, this.used + size));
    this.used += size;
    return full ? this.sent : undefined;
  }

  /** Hands over what is there. */
  async flush(): Promise<void> {
    this.send();
    this.chunk = this.chunk.subarray(this.used);
    this.used = 0;
    await this.sent;
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.flush();
  }

  private send(): void {
    const bytes = this.chunk.subarray(0, this.used);
    this.used = 0;
    this.chunk = this.chunk.subarray(bytes.length);
    if (bytes.length === 0) return;
    this.sent = this.sent.then(() => this.sink(bytes));
    this.sent.catch(() => {}); // whoever waits for it, at the latest end(), gets the error
  }
}
