// pcapng: blocks, each with its type and its length at both ends.
//
//   0      4        8        length - 4   length
//   │ type │ length │ body … │ length     │
//
// A section header begins a section, which has its own byte order and its own interfaces, numbered from 0. We number
// interfaces over the whole file. Block types that carry no packet are skipped by their length: statistics, names,
// secrets, custom blocks, and whatever comes later.
//
// Format: draft-ietf-opsawg-pcapng; limits and strictness as in libpcap's sf-pcapng.c.

import { CaptureError, hex32 } from "./error.js";
import { decodeText, findOption, findOptions, OPTION_COMMENT, padded } from "./pcapng-option.js";
import { NO_COMMENTS, RecordReader } from "./reader.js";
import type { CaptureInterface } from "./types.js";
import type { Window } from "./window.js";

export const SECTION_HEADER = 0x0a0d0d0a;
export const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
export const ENHANCED_PACKET = 6;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const SWAPPED_BYTE_ORDER_MAGIC = 0x4d3c2b1a;

const OPTION_IF_NAME = 2;
const OPTION_IF_DESCRIPTION = 3;
const OPTION_IF_TSRESOL = 9;
const OPTION_IF_FCSLEN = 13;
const OPTION_IF_TSOFFSET = 14;
const OPTION_PACKET_FLAGS = 2;

/** Room for the options of a packet block of the largest size, as in libpcap. */
const OPTIONS_ROOM = 131_072;

/** Interfaces are numbered in 16 bits in records. */
const MAX_INTERFACES = 65_536;

export class PcapngReader extends RecordReader {
  private little = true;
  private section = -1;
  /** Index in `interfaces` of the section's interface 0. */
  private firstInterface = 0;
  private optionsStart = 0;
  private optionsEnd = 0;

  constructor(
    window: Window,
    private readonly maxCaptured: number,
  ) {
    super(window);
  }

  /** Reads up to the end of the first section header, where the file begins with its type. */
  static async open(window: Window, maxCaptured: number): Promise<PcapngReader> {
    const reader = new PcapngReader(window, maxCaptured);
    await reader.more(12);
    reader.readByteOrder(); // not pcapng at all: say so before asking for a length that means nothing
    return reader;
  }

  peek(): number {
    const { window } = this;
    for (;;) {
      if (window.size < 12) return 12;
      const { view, start } = window;
      const type = view.getUint32(start, this.little);
      const little = type === SECTION_HEADER ? this.readByteOrder() : this.little;
      const length = view.getUint32(start + 4, little);
      this.checkLength(type, length);
      if (window.size < length) return length;
      const trailer = view.getUint32(start + length - 4, little);
      if (trailer !== length) {
        throw this.corrupt(`says at its start that it has ${length} bytes and at its end that it has ${trailer}`);
      }

      this.size = length;
      switch (type) {
        case ENHANCED_PACKET:
          this.readEnhanced(start, length);
          return 0;
        case SIMPLE_PACKET:
          this.readSimple(start, length);
          return 0;
        case OBSOLETE_PACKET:
          this.readObsolete(start, length);
          return 0;
        case SECTION_HEADER:
          this.readSection(start, little);
          break;
        case INTERFACE_DESCRIPTION:
          this.readInterface(start, length);
          break;
      }
      window.skip(length);
    }
  }

  comments(): readonly string[] {
    if (this.optionsStart === this.optionsEnd) return NO_COMMENTS;
    const { view, bytes } = this.window;
    const found = findOptions(view, this.optionsStart, this.optionsEnd, this.little, OPTION_COMMENT);
    return Array.from(found, (option) => decodeText(bytes, option));
  }

  /**   8       12      14      16               24        length - 4
   *    │ magic │ major │ minor │ section length │ options │
   */
  private readSection(start: number, little: boolean): void {
    const major = this.window.view.getUint16(start + 12, little);
    if (major !== 1) {
      const minor = this.window.view.getUint16(start + 14, little);
      throw new CaptureError(
        "unsupported",
        this.window.offset,
        `the section at byte ${this.window.offset} has pcapng version ${major}.${minor}; version 1 is read`,
      );
    }
    this.little = little;
    this.section++;
    this.firstInterface = this.interfaces.length;
  }

  /**   8      10         12        16        length - 4
   *    │ link │ reserved │ snaplen │ options │
   */
  private readInterface(start: number, length: number): void {
    const { little } = this;
    const { view, bytes } = this.window;
    if (length < 20) throw this.corrupt(`describes an interface in ${length} bytes; it takes at least 20`);
    if (this.interfaces.length === MAX_INTERFACES) {
      throw new CaptureError(
        "unsupported",
        this.window.offset,
        `the block at byte ${this.window.offset} describes one interface more than ${MAX_INTERFACES}. All packets before it were read`,
      );
    }
    const find = (code: number) => findOption(view, start + 16, start + length - 4, little, code);

    const name = find(OPTION_IF_NAME);
    const description = find(OPTION_IF_DESCRIPTION);
    const resolution = find(OPTION_IF_TSRESOL);
    const fcs = find(OPTION_IF_FCSLEN);
    const shift = find(OPTION_IF_TSOFFSET);
    this.interfaces.push({
      index: this.interfaces.length,
      section: this.section,
      link: view.getUint16(start + 8, little),
      name: name && decodeText(bytes, name),
      description: description && decodeText(bytes, description),
      snaplen: view.getUint32(start + 12, little),
      ticksPerSecond: resolution && resolution.length >= 1 ? this.ticks(view.getUint8(resolution.start)) : 1e6,
      timeOffset: shift && shift.length >= 8 ? view.getBigInt64(shift.start, little) : 0n,
      fcsLength: fcs && fcs.length >= 1 ? view.getUint8(fcs.start) : null,
    });
  }

  /**   8           12          16         20         24       28
   *    │ interface │ time high │ time low │ captured │ length │ bytes, padded to 4 │ options │
   */
  private readEnhanced(start: number, length: number): void {
    const { view } = this.window;
    if (length < 32) throw this.corrupt(`is an enhanced packet of ${length} bytes; it takes at least 32`);
    const where = this.interfaceAt(view.getUint32(start + 8, this.little));
    this.readTimed(start, length, where);
  }

  /**   8           10      12          16         20         24       28
   *    │ interface │ drops │ time high │ time low │ captured │ length │ bytes, padded to 4 │ options │
   */
  private readObsolete(start: number, length: number): void {
    const { view } = this.window;
    if (length < 32) throw this.corrupt(`is a packet of ${length} bytes; it takes at least 32`);
    const where = this.interfaceAt(view.getUint16(start + 8, this.little));
    this.readTimed(start, length, where);
  }

  /** What both kinds of packet block have in the same place. */
  private readTimed(start: number, length: number, where: CaptureInterface): void {
    const { little } = this;
    const { view } = this.window;
    const captured = view.getUint32(start + 20, little);
    this.setTime(view.getUint32(start + 12, little), view.getUint32(start + 16, little), where);
    this.setPacket(where, start + 28, captured, view.getUint32(start + 24, little), start + length - 4);
  }

  /**   8        12
   *    │ length │ bytes, padded to 4 │          interface 0, no time, cut to the snap length
   */
  private readSimple(start: number, length: number): void {
    const { view } = this.window;
    if (length < 16) throw this.corrupt(`is a simple packet of ${length} bytes; it takes at least 16`);
    const where = this.interfaceAt(0);
    const wire = view.getUint32(start + 8, this.little);
    const captured = where.snaplen === 0 ? wire : Math.min(wire, where.snaplen);
    this.time.setSeconds(0, 0);
    this.setPacket(where, start + 12, captured, wire, start + length - 4);
  }

  private setPacket(where: CaptureInterface, dataStart: number, captured: number, length: number, end: number): void {
    if (captured > end - dataStart) {
      throw this.corrupt(`claims ${captured} captured bytes and has room for ${end - dataStart}`);
    }
    if (captured > this.maxCaptured) {
      throw this.corrupt(`claims ${captured} captured bytes; more than ${this.maxCaptured} is taken for damage`);
    }
    this.link = where.link;
    this.interface = where.index;
    this.length = length;
    this.captured = captured;
    this.dataStart = dataStart;
    this.optionsStart = dataStart + padded(captured);
    this.optionsEnd = end;
    this.flags = 0;
    if (this.optionsStart < end) {
      const { view } = this.window;
      const flags = findOption(view, this.optionsStart, end, this.little, OPTION_PACKET_FLAGS);
      if (flags && flags.length >= 4) this.flags = view.getUint32(flags.start, this.little);
    }
  }

  private setTime(high: number, low: number, { ticksPerSecond, timeOffset }: CaptureInterface): void {
    if (timeOffset === 0n && (ticksPerSecond === 1e6 || ticksPerSecond === 1e9)) {
      this.time.setTicks(high, low, 1e9 / ticksPerSecond);
    } else {
      const ticks = (BigInt(high) << 32n) | BigInt(low);
      this.time.setBig((ticks * 1_000_000_000n) / BigInt(ticksPerSecond) + timeOffset * 1_000_000_000n);
    }
  }

  private interfaceAt(number: number): CaptureInterface {
    const described = this.interfaces.length - this.firstInterface;
    const found = number < described ? this.interfaces[this.firstInterface + number] : undefined;
    if (!found) {
      throw this.corrupt(`names interface ${number}, but its section has described ${described || "none"} before it`);
    }
    return found;
  }

  /** if_tsresol: a power of ten, or with the top bit of two. Doubles hold both exactly in these ranges. */
  private ticks(resolution: number): number {
    const exponent = resolution & 0x7f;
    const binary = (resolution & 0x80) !== 0;
    if (exponent > (binary ? 63 : 19)) {
      throw this.corrupt(
        `has a time resolution of ${binary ? 2 : 10}^-${exponent}, finer than 64-bit time stamps can be`,
      );
    }
    return binary ? 2 ** exponent : 10 ** exponent;
  }

  /** The byte order of the section header at the window's start. */
  private readByteOrder(): boolean {
    const { view, start } = this.window;
    const magic = view.getUint32(start + 8, true);
    if (magic === BYTE_ORDER_MAGIC) return true;
    if (magic === SWAPPED_BYTE_ORDER_MAGIC) return false;
    throw this.corrupt(`begins like a pcapng section, but has ${hex32(magic)} where the byte-order magic must be`);
  }

  private checkLength(type: number, length: number): void {
    const least = type === SECTION_HEADER ? 28 : 12;
    const most = this.maxCaptured + OPTIONS_ROOM;
    if (length < least || length > most || length % 4 !== 0) {
      throw this.corrupt(
        `has type ${hex32(type)} and length ${length}; a length is a multiple of 4 from ${least} to ${most}`,
      );
    }
  }

  private corrupt(what: string): CaptureError {
    const { offset } = this.window;
    const before = this.section < 0 ? "" : ". All packets before it were read";
    return new CaptureError("corrupt", offset, `the block at byte ${offset} ${what}${before}`);
  }
}
