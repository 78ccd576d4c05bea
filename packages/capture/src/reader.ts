// What every capture format does for the two ways of reading: look at the next packet, without consuming it.

import { CaptureError } from "./error.js";
import { Time } from "./time.js";
import type { CaptureInterface } from "./types.js";
import type { Window } from "./window.js";

export const NO_COMMENTS: readonly string[] = Object.freeze([]);

/** The packet at hand, as fields that are overwritten by the next one. */
export abstract class RecordReader {
  readonly time = new Time();
  link = 0;
  interface = 0;
  flags = 0;
  length = 0;
  captured = 0;
  /** Index of the first captured byte in the window. */
  dataStart = 0;
  /** Bytes of the whole record: what `consume` skips. */
  size = 0;
  /** Interfaces described so far. */
  readonly interfaces: CaptureInterface[] = [];

  constructor(readonly window: Window) {}

  /**
   * Looks at the next packet. 0: the fields above describe it. Otherwise the number of bytes the window must hold before
   * one can tell; nothing was consumed that belongs to a packet.
   */
  abstract peek(): number;

  /** Comments of the packet at hand. */
  abstract comments(): readonly string[];

  consume(): void {
    this.window.skip(this.size);
  }

  /** Goes to the next packet, reading as needed; false at the end of the file. */
  async advance(): Promise<boolean> {
    for (;;) {
      const need = this.peek();
      if (need === 0) return true;
      if (!(await this.more(need))) return false;
    }
  }

  /** Reads until `need` bytes are at hand; false at a clean end. An end inside a record is the error it is. */
  async more(need: number): Promise<boolean> {
    const { window } = this;
    if (await window.fill(need)) return true;
    if (window.size === 0) return false;
    const end = window.offset + window.size;
    throw new CaptureError(
      "cut",
      window.offset,
      `the capture is cut off at byte ${end}: the record that begins at byte ${window.offset} needs at least ` +
        `${need} bytes, ${window.size} are there. All packets before it were read; the first ${window.offset} bytes ` +
        "are a whole capture",
    );
  }
}
