// The fast path: packets many at a time, without an object for each.
//
// A block is given out before the window moves, and before an error is: whatever could be read is out first.

import type { PcapReader } from "./pcap.js";
import type { RecordReader } from "./reader.js";
import { copyRecord, recordSize } from "./record.js";
import type { PcapBlock, RecordBlock } from "./types.js";
import { viewOf } from "./window.js";

/** Blocks of a plain pcap file: views into the window, nothing is copied. */
export async function* pcapBlocks(
  reader: PcapReader,
  maxBytes: number,
  maxPackets: number,
): AsyncGenerator<PcapBlock, void> {
  for (;;) {
    const block = reader.takeBlock(maxBytes, maxPackets);
    if (typeof block !== "number") yield block;
    else if (!(await reader.more(block))) return;
  }
}

/** Blocks of any capture in the layout of record.ts. */
export async function* recordBlocks(
  reader: RecordReader,
  maxBytes: number,
  maxPackets: number,
): AsyncGenerator<RecordBlock, void> {
  const builder = new RecordBuilder(reader, maxBytes, maxPackets);
  for (;;) {
    const need = builder.build();
    if (builder.count > 0) yield builder.take();
    else if (builder.failure !== undefined) throw builder.failure;
    else if (need > 0 && !(await reader.more(need))) return;
  }
}

class RecordBuilder {
  count = 0;
  /** What stopped the reader, once `count` packets before it are taken. */
  failure: unknown;
  private readonly usual: Uint8Array;
  private bytes: Uint8Array;
  private view: DataView;
  private end = 0;
  private offset = 0;

  constructor(
    private readonly reader: RecordReader,
    maxBytes: number,
    private readonly maxPackets: number,
  ) {
    this.usual = new Uint8Array(maxBytes);
    this.bytes = this.usual;
    this.view = viewOf(this.usual);
  }

  /** Takes in packets until the block is full, the window has no more, or the reader fails. Returns what `peek` did. */
  build(): number {
    const { reader } = this;
    try {
      while (this.count < this.maxPackets) {
        const need = reader.peek();
        if (need > 0) return need;
        const size = recordSize(reader.captured);
        if (this.end + size > this.usual.length && this.count > 0) return 0;
        if (this.count === 0) this.begin(size);
        this.end = copyRecord(this.bytes, this.view, this.end, reader);
        reader.consume();
        this.count++;
      }
    } catch (error) {
      this.failure = error;
    }
    return 0;
  }

  take(): RecordBlock {
    const { count, offset } = this;
    const bytes = this.bytes.subarray(0, this.end);
    this.count = 0;
    this.end = 0;
    return { framing: "records", bytes, count, offset };
  }

  /** A packet larger than a block has a block of its own. */
  private begin(size: number): void {
    this.offset = this.reader.window.offset;
    if (size <= this.usual.length && this.bytes === this.usual) return;
    this.bytes = size > this.usual.length ? new Uint8Array(size) : this.usual;
    this.view = viewOf(this.bytes);
  }
}
