// Writing pcap; the layout is drawn in pcap.ts. One link type, no names, no comments: pcapng has these.

import { type ByteSink, Output, type PacketInput } from "./output.js";

export interface PcapWriterOptions {
  /** LINKTYPE_ number of all packets. */
  link: number;
  /** Default 262144, as tcpdump writes it. */
  snaplen?: number;
  /** Keep nanoseconds; default true. False: microseconds, for old readers. */
  nanoseconds?: boolean;
  /** Default little-endian. */
  bigEndian?: boolean;
}

export class PcapWriter {
  private readonly output: Output;
  private readonly nanoseconds: boolean;
  private readonly little: boolean;

  constructor(sink: ByteSink, options: PcapWriterOptions) {
    const { link, snaplen = 262_144, nanoseconds = true, bigEndian = false } = options;
    this.output = new Output(sink);
    this.nanoseconds = nanoseconds;
    this.little = !bigEndian;
    checkRange("link", link, 0xffff);
    checkRange("snaplen", snaplen, 0xffff_ffff);
    const at = this.output.reserve(24);
    const { view } = this.output;
    view.setUint32(at, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, this.little);
    view.setUint16(at + 4, 2, this.little);
    view.setUint16(at + 6, 4, this.little);
    view.setUint32(at + 16, snaplen, this.little);
    view.setUint32(at + 20, link, this.little);
  }

  /** Copies the packet. Wait for the promise, when there is one, so that memory stays small. */
  write({ time, data, length = data.length }: PacketInput): Promise<void> | undefined {
    const seconds = time / 1_000_000_000n;
    if (time < 0n || seconds > 0xffff_ffffn) {
      throw new RangeError(`pcap holds times from 1970 to 2106, not ${time} ns; write pcapng`);
    }
    checkRange("length", length, 0xffff_ffff);
    const at = this.output.reserve(16 + data.length);
    const { view, bytes } = this.output;
    const fraction = Number(time - seconds * 1_000_000_000n);
    view.setUint32(at, Number(seconds), this.little);
    view.setUint32(at + 4, this.nanoseconds ? fraction : Math.floor(fraction / 1000), this.little);
    view.setUint32(at + 8, data.length, this.little);
    view.setUint32(at + 12, length, this.little);
    bytes.set(data, at + 16);
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
}

export function checkRange(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return;
  throw new RangeError(`${name} is a whole number from 0 to ${max}, not ${value}`);
}
