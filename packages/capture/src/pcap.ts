// pcap: a file header, then records one after the other.
//
//   file    0       4       6       8          12        16        20     24
//           │ magic │ major │ minor │ thiszone │ sigfigs │ snaplen │ link │
//   record  0         4          8          12       16
//           │ seconds │ fraction │ captured │ length │ bytes …
//
// The magic tells byte order, the unit of the fraction, and variants:
//
//   a1b2c3d4  microseconds
//   a1b23c4d  nanoseconds
//   a1b2cd34  Kuznetzov's patched libpcap: 8 more bytes in the record header (interface, protocol, packet type)
//   1c0001ac  IXIA lcap, hardware time stamps: nanoseconds, 4 more bytes in the file header
//   1c0001ab  IXIA lcap, software time stamps: microseconds, likewise
//
// As libpcap's sf-pcap.c does: files before version 2.3, and DG/UX's 543.0, have captured and length in the other order;
// in 2.3 it depends on who wrote them, and the smaller one is taken as captured. The upper half of link holds the frame
// check length (bits 28-31, valid with bit 26).

import { CaptureError, hex32 } from "./error.js";
import { NO_COMMENTS, RecordReader } from "./reader.js";
import type { PcapBlock } from "./types.js";
import { viewOf, type Window } from "./window.js";

const FILE_HEADER = 24;
const RECORD = 16;
const PATCHED_RECORD = 24;

/** tcpdump and Wireshark take no packet above this for link types without giants. */
const USUAL_MAX_CAPTURED = 262_144;

interface Variant {
  nanoseconds: boolean;
  /** Bytes of the file header. */
  header: number;
  /** Bytes of a record header. */
  record: number;
}

const VARIANTS = new Map<number, Variant>([
  [0xa1b2c3d4, { nanoseconds: false, header: FILE_HEADER, record: RECORD }],
  [0xa1b23c4d, { nanoseconds: true, header: FILE_HEADER, record: RECORD }],
  [0xa1b2cd34, { nanoseconds: false, header: FILE_HEADER, record: PATCHED_RECORD }],
  [0x1c0001ac, { nanoseconds: true, header: FILE_HEADER + 4, record: RECORD }],
  [0x1c0001ab, { nanoseconds: false, header: FILE_HEADER + 4, record: RECORD }],
]);

/** Kuznetzov's packet type (that of Linux packet sockets) as epb_flags: direction, and kind of destination. */
const PACKET_TYPE_FLAGS = [
  /* host      */ 0b001_01, /* broadcast */ 0b011_01, /* multicast */ 0b010_01, /* otherhost */ 0b100_01,
  /* outgoing  */ 0b000_10,
];

/** True if `bytes` begin like a pcap file, of either byte order. */
export function isPcap(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  return bytes.length >= 4 && (VARIANTS.has(view.getUint32(0, true)) || VARIANTS.has(view.getUint32(0, false)));
}

export class PcapReader extends RecordReader {
  private readonly little: boolean;
  private readonly variant: Variant;
  private readonly lengthsSwapped: "no" | "maybe" | "yes";
  private readonly limit: number;

  private constructor(window: Window, maxCaptured: number) {
    super(window);
    const { view, start } = window;
    this.little = VARIANTS.has(view.getUint32(start, true));
    this.variant = VARIANTS.get(view.getUint32(start, this.little)) as Variant;
    this.lengthsSwapped = lengthOrder(view.getUint16(start + 4, this.little), view.getUint16(start + 6, this.little));
    const snaplen = view.getUint32(start + 16, this.little);
    this.limit = snaplen === 0 ? maxCaptured : Math.min(maxCaptured, Math.max(snaplen, USUAL_MAX_CAPTURED));

    const link = view.getUint32(start + 20, this.little);
    this.link = link & 0xffff;
    this.interfaces.push({
      index: 0,
      section: 0,
      link: this.link,
      name: null,
      description: null,
      snaplen,
      ticksPerSecond: this.variant.nanoseconds ? 1e9 : 1e6,
      timeOffset: 0n,
      fcsLength: (link & 0x0400_0000) !== 0 ? link >>> 28 : null,
    });
  }

  /** Reads the file header at the window's start, where isPcap() holds. */
  static async open(window: Window, maxCaptured: number): Promise<PcapReader> {
    if (!(await window.fill(FILE_HEADER))) throw cutHeader(window, FILE_HEADER);
    const reader = new PcapReader(window, maxCaptured);
    const { header } = reader.variant;
    if (!(await window.fill(header))) throw cutHeader(window, header);
    window.skip(header);
    return reader;
  }

  peek(): number {
    const { window, little, variant } = this;
    const { view, start, size } = window;
    const header = variant.record;
    if (size < header) return header;

    const fraction = view.getUint32(start + 4, little);
    let captured = view.getUint32(start + 8, little);
    let length = view.getUint32(start + 12, little);
    if (this.lengthsSwapped !== "no" && (this.lengthsSwapped === "yes" || captured > length)) {
      [captured, length] = [length, captured];
    }
    if (captured > this.limit) throw this.tooLong(captured, window.offset);
    if (size < header + captured) return header + captured;

    this.time.setSeconds(view.getUint32(start, little), variant.nanoseconds ? fraction : fraction * 1000);
    this.flags = header === PATCHED_RECORD ? (PACKET_TYPE_FLAGS[view.getUint8(start + 22)] ?? 0) : 0;
    this.length = length;
    this.captured = captured;
    this.dataStart = start + header;
    this.size = header + captured;
    return 0;
  }

  comments(): readonly string[] {
    return NO_COMMENTS;
  }

  /** True if records have the plain 16-byte header, so that blocks can be given out as they lie in the file. */
  get plain(): boolean {
    return this.variant.record === RECORD && this.lengthsSwapped === "no";
  }

  /** The whole records at hand as a block, consumed; or, when there is none, the bytes needed for one. Plain files only. */
  takeBlock(maxBytes: number, maxPackets: number): PcapBlock | number {
    const { window, little, limit } = this;
    const { view, start, end } = window;
    const offset = window.offset;
    let at = start;
    let count = 0;
    while (count < maxPackets) {
      if (end - at < RECORD) break;
      const captured = view.getUint32(at + 8, little);
      if (captured > limit) {
        if (count > 0) break; // first what is sound; the next call meets this record again
        throw this.tooLong(captured, offset);
      }
      const next = at + RECORD + captured;
      if (next > end || (count > 0 && next - start > maxBytes)) break;
      at = next;
      count++;
    }
    if (count === 0) return end - start < RECORD ? RECORD : RECORD + view.getUint32(start + 8, little);
    window.skip(at - start);
    return {
      framing: "pcap",
      bytes: window.bytes.subarray(start, at),
      count,
      offset,
      swapped: !little,
      nanoseconds: this.variant.nanoseconds,
      link: this.link,
    };
  }

  private tooLong(captured: number, offset: number): CaptureError {
    return new CaptureError(
      "corrupt",
      offset,
      `the packet record at byte ${offset} claims ${captured} captured bytes; more than ${this.limit} is taken for ` +
        "damage. All packets before it were read",
    );
  }
}

function lengthOrder(major: number, minor: number): "no" | "maybe" | "yes" {
  if (major === 2 && minor === 4) return "no";
  if (major === 2 && minor === 3) return "maybe";
  if ((major === 2 && minor < 3) || (major === 543 && minor === 0)) return "yes";
  throw new CaptureError(
    "unsupported",
    4,
    `this is a pcap file of version ${major}.${minor} (byte 4); versions 2.0 to 2.4 are read`,
  );
}

function cutHeader(window: Window, need: number): CaptureError {
  const magic = hex32(window.view.getUint32(window.start, true));
  return new CaptureError(
    "cut",
    0,
    `the capture is cut off at byte ${window.size}: a pcap file (magic ${magic}) begins with a header of ${need} bytes. ` +
      "It holds no packets",
  );
}
