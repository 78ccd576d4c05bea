// A window over a byte source: the part of the file at hand, contiguous in memory.
//
//   bytes  │ consumed │ start … unread … end │ room │
//          ^ base: offset of bytes[0] in the file
//
// The window keeps one buffer. When more bytes are needed, the unread ones move to its front and the source writes
// behind them, so a record never straddles two buffers and memory does not grow with the file. Views into `bytes`
// are valid until the next `fill`.

/** Where bytes come from. */
export interface ByteSource {
  /** Writes at least one byte into `into` and says how many; 0 is the end. */
  read(into: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** Opens the same source once more, from its first byte; null where that cannot be, as with a stream. */
export type Again = () => Promise<Window>;

export class Window {
  view: DataView;
  start = 0;
  end: number;
  private base = 0;
  private ended: boolean;

  private constructor(
    public bytes: Uint8Array,
    end: number,
    private readonly source: ByteSource | null,
  ) {
    this.view = viewOf(bytes);
    this.end = end;
    this.ended = source === null;
  }

  /** A window of `size` bytes, or one in memory that is there. */
  static from(source: ByteSource, memory: number | Uint8Array): Window {
    return new Window(typeof memory === "number" ? new Uint8Array(memory) : memory, 0, source);
  }

  /** A window over bytes that are all there: nothing is copied. */
  static over(bytes: Uint8Array): Window {
    return new Window(bytes, bytes.length, null);
  }

  /** Unread bytes at hand. */
  get size(): number {
    return this.end - this.start;
  }

  /** File offset of the first unread byte. */
  get offset(): number {
    return this.base + this.start;
  }

  /** Makes at least `need` unread bytes available; false when the file ends before. */
  async fill(need: number): Promise<boolean> {
    while (this.size < need) {
      if (this.ended || this.source === null) return false;
      this.makeRoom(need);
      const count = await this.source.read(this.bytes.subarray(this.end));
      this.end += count;
      if (count === 0) this.ended = true;
    }
    return true;
  }

  skip(count: number): void {
    this.start += count;
  }

  /** Leaves that memory to somebody else, if it is the window's: what is unread moves to memory of its own. */
  leave(memory: Uint8Array): void {
    if (this.bytes !== memory) return;
    this.bytes = this.bytes.slice();
    this.view = viewOf(this.bytes);
  }

  /** Nothing is left to read after this. */
  async close(): Promise<void> {
    this.ended = true;
    this.start = this.end;
    await this.source?.close();
  }

  private makeRoom(need: number): void {
    const unread = this.size;
    if (need > this.bytes.length) {
      // Doubling keeps the number of copies small; callers bound `need`.
      const grown = new Uint8Array(Math.max(need, this.bytes.length * 2));
      grown.set(this.bytes.subarray(this.start, this.end));
      this.bytes = grown;
      this.view = viewOf(grown);
    } else if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
    }
    this.base += this.start;
    this.start = 0;
    this.end = unread;
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
