// Writing pcapng: one section; interfaces whenever they turn up; enhanced packet blocks. Layouts are drawn in pcapng.ts.

import { type ByteSink, Output, type PacketInput } from "./output.js";
import { BYTE_ORDER_MAGIC, ENHANCED_PACKET, INTERFACE_DESCRIPTION, SECTION_HEADER } from "./pcapng.js";
import { padded } from "./pcapng-option.js";
import { viewOf } from "./window.js";
import { checkRange } from "./write-pcap.js";

export interface PcapngWriterOptions {
  /** Program that writes the file (shb_userappl). */
  application?: string;
  /** Comment on the whole file. */
  comment?: string;
  /** Default little-endian. */
  bigEndian?: boolean;
}

/** An interface to describe. A CaptureInterface fits. */
export interface InterfaceInput {
  /** LINKTYPE_ number. */
  link: number;
  name?: string | null;
  description?: string | null;
  /** Default 0: no limit. */
  snaplen?: number;
  fcsLength?: number | null;
  /** Time stamps in nanoseconds (1e9, default) or microseconds (1e6); anything else is written in nanoseconds. */
  ticksPerSecond?: number;
}

interface Option {
  code: number;
  value: Uint8Array;
}

const utf8 = new TextEncoder();
const MAX_U64 = (1n << 64n) - 1n;

export class PcapngWriter {
  private readonly output: Output;
  private readonly little: boolean;
  /** Nanoseconds in a tick, by interface. */
  private readonly units: bigint[] = [];

  constructor(sink: ByteSink, { application, comment, bigEndian = false }: PcapngWriterOptions = {}) {
    this.output = new Output(sink);
    this.little = !bigEndian;
    const options = [...textOptions(1, comment), ...textOptions(4, application)];
    const at = this.block(SECTION_HEADER, 16, options);
    const { view } = this.output;
    view.setUint32(at + 8, BYTE_ORDER_MAGIC, this.little);
    view.setUint16(at + 12, 1, this.little);
    view.setBigInt64(at + 16, -1n, this.little); // length of the section: not known
  }

  /** Describes an interface and returns the number packets name it by. */
  addInterface(description: InterfaceInput): number {
    const { link, name, description: text, snaplen = 0, fcsLength, ticksPerSecond = 1e9 } = description;
    checkRange("link", link, 0xffff);
    checkRange("snaplen", snaplen, 0xffff_ffff);
    const micro = ticksPerSecond === 1e6;
    const options = [...textOptions(2, name), ...textOptions(3, text), byteOption(9, micro ? 6 : 9)];
    if (fcsLength != null) options.push(byteOption(13, fcsLength));
    const at = this.block(INTERFACE_DESCRIPTION, 8, options);
    const { view } = this.output;
    view.setUint16(at + 8, link, this.little);
    view.setUint32(at + 12, snaplen, this.little);
    return this.units.push(micro ? 1000n : 1n) - 1;
  }

  /** Copies the packet. Wait for the promise, when there is one, so that memory stays small. */
  write(packet: PacketInput): Promise<void> | undefined {
    const { time, data, length = data.length, interface: index = 0, comments = [], flags = 0 } = packet;
    const unit = this.units[index];
    if (unit === undefined) {
      throw new RangeError(`interface ${index} was not added; ${this.units.length} were`);
    }
    const ticks = time / unit;
    if (time < 0n || ticks > MAX_U64) throw new RangeError(`pcapng holds no time of ${time} ns`);
    checkRange("length", length, 0xffff_ffff);
    checkRange("flags", flags, 0xffff_ffff);

    const options = comments.flatMap((comment) => textOptions(1, comment));
    if (flags !== 0) options.push(this.wordOption(2, flags));
    const at = this.block(ENHANCED_PACKET, 20 + padded(data.length), options);
    const { view, bytes } = this.output;
    view.setUint32(at + 8, index, this.little);
    view.setUint32(at + 12, Number(ticks >> 32n), this.little);
    view.setUint32(at + 16, Number(ticks & 0xffff_ffffn), this.little);
    view.setUint32(at + 20, data.length, this.little);
    view.setUint32(at + 24, length, this.little);
    bytes.set(data, at + 28);
    return this.output.pending();
  }

  /** Hands what is written so far to the sink. */
  flush(): Promise<void> {
    return this.output.flush();
  }

  /** Hands over the rest; the sink's errors end up here at the latest. */
  end(): Promise<void> {
    return this.output.end();
  }

  /** Begins a block whose body has `fixed` bytes, for the caller to write from `at + 8` on, and then options. */
  private block(type: number, fixed: number, options: readonly Option[]): number {
    let size = 12 + fixed + (options.length > 0 ? 4 : 0); // 4: the end of options
    for (const { value } of options) size += 4 + padded(value.length);
    const start = this.output.reserve(size);
    const { view, bytes } = this.output;
    view.setUint32(start, type, this.little);
    view.setUint32(start + 4, size, this.little);
    let at = start + 8 + fixed;
    for (const { code, value } of options) {
      view.setUint16(at, code, this.little);
      view.setUint16(at + 2, value.length, this.little);
      bytes.set(value, at + 4);
      at += 4 + padded(value.length);
    }
    view.setUint32(start + size - 4, size, this.little);
    return start;
  }

  private wordOption(code: number, value: number): Option {
    const bytes = new Uint8Array(4);
    viewOf(bytes).setUint32(0, value, this.little);
    return { code, value: bytes };
  }
}

function byteOption(code: number, value: number): Option {
  return { code, value: Uint8Array.of(value) };
}

function textOptions(code: number, text: string | null | undefined): Option[] {
  if (text == null) return [];
  const value = utf8.encode(text);
  if (value.length > 0xffff) throw new RangeError(`an option holds 65535 bytes of text, not ${value.length}`);
  return [{ code, value }];
}
