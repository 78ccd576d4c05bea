// The words of this package: what a capture consists of for its reader.

/** One captured frame. `data` and the object itself are valid until the next packet is asked for; copy to keep. */
export interface CapturePacket {
  /** Nanoseconds since 1970-01-01. 0n for a simple packet block, which has no time. */
  readonly time: bigint;
  /** LINKTYPE_ number of the interface: 1 Ethernet, 101 raw IP, 113 Linux cooked, … */
  readonly link: number;
  /** Index into `Capture.interfaces`; counts over the whole file, also across pcapng sections. */
  readonly interface: number;
  /** Bytes on the wire. More than `data.length` when the capture kept only a part. */
  readonly length: number;
  /** The bytes captured. */
  readonly data: Uint8Array;
  /** pcapng packet comments, in order. */
  readonly comments: readonly string[];
  /** pcapng epb_flags, or 0. Bits 0-1: 1 inbound, 2 outbound. */
  readonly flags: number;
  /** Where the packet's record begins in the (uncompressed) file. */
  readonly offset: number;
}

/** Where packets were captured. A pcap file has one without a name, a pcapng file as many as it describes. */
export interface CaptureInterface {
  /** What `CapturePacket.interface` says. */
  readonly index: number;
  /** The pcapng section that describes it, counted from 0. */
  readonly section: number;
  /** LINKTYPE_ number. */
  readonly link: number;
  readonly name: string | null;
  readonly description: string | null;
  /** The most bytes kept of a packet, as the file says it; 0: no limit. */
  readonly snaplen: number;
  /** Ticks of the file's time stamps in a second: 1e6, 1e9, or what if_tsresol says. */
  readonly ticksPerSecond: number;
  /** Seconds added to every time stamp (if_tsoffset). */
  readonly timeOffset: bigint;
  /** Bytes of frame check sequence at the end of every packet, or null when the file does not say. */
  readonly fcsLength: number | null;
}

/** Many packets at once, for an engine that walks the bytes itself. Valid until the next block is asked for. */
export type PacketBlock = PcapBlock | RecordBlock;

/** Whole pcap records exactly as they lie in the file: 16-byte header (seconds, fraction, captured, length), bytes. */
export interface PcapBlock {
  readonly framing: "pcap";
  readonly bytes: Uint8Array;
  /** Packets in this block. */
  readonly count: number;
  /** Where the block begins in the (uncompressed) file. */
  readonly offset: number;
  /** The header fields are big-endian. */
  readonly swapped: boolean;
  /** The fraction is in nanoseconds, not microseconds. */
  readonly nanoseconds: boolean;
  /** LINKTYPE_ number of all packets. */
  readonly link: number;
}

/** Packets in the layout of record.ts, whatever the file's own form. */
export interface RecordBlock {
  readonly framing: "records";
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Where the block's first packet begins in the (uncompressed) file. */
  readonly offset: number;
}

export interface BlockOptions {
  /** `"records"`: no pcap framing, also for a pcap file. `"auto"` (default): as the file has it when that is possible. */
  framing?: "auto" | "records";
  /** Most bytes in a block; default 1 MiB. A larger packet gets a block of its own. */
  maxBytes?: number;
  /** Most packets in a block; default 4096. */
  maxPackets?: number;
}

export interface OpenOptions {
  /** Bytes read at a time; default 1 MiB. */
  windowSize?: number;
  /**
   * Memory to read into instead, 4096 bytes or more: blocks of a pcap file lie in it, also those of a compressed one. (One
   * that holds a larger record does not: from there on, the capture's blocks lie in memory of its own.)
   */
  window?: Uint8Array;
  /** A packet that claims more captured bytes is damage, not data; default 16 MiB. */
  maxCaptured?: number;
}

/**
 * An open capture, read once from front to back. `packets()` and `blocks()` share one place in the file: leaving a loop
 * keeps the place, a later loop goes on from there.
 */
export interface Capture {
  readonly format: "pcap" | "pcapng";
  /** What wrapped the capture. */
  readonly compression: "none" | "gzip" | "zstd";
  /** Grows as a pcapng file describes them; an interface is here before its first packet is given out. */
  readonly interfaces: readonly CaptureInterface[];
  /** One packet at a time. Throws one CaptureError, at the end, when the rest cannot be read. */
  packets(): AsyncIterableIterator<CapturePacket>;
  /** The fast path: whole records, many at a time. Throws as `packets` does. */
  blocks(options?: BlockOptions): AsyncIterableIterator<PacketBlock>;
  /** Lets go of the source. Needed only when not everything is read. */
  close(): Promise<void>;
}
