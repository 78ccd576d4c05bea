// The record headers of a block, walked beside the engine's results: times and lengths, without an object per packet.
import type { PacketBlock } from "conntrack-capture";

const PCAP_HEADER = 16;
const RECORD_HEADER = 24;
const TWO_32 = 0x1_0000_0000;

/** A cursor over the packets of a block. */
export class Headers {
  seconds = 0;
  nanoseconds = 0;
  captured = 0;
  /** Bytes on the wire. */
  length = 0;
  link = 0;
  /** Where the packet's bytes begin. */
  data = 0;
  readonly bytes: Uint8Array;
  /** Where the next record begins. */
  next = 0;
  readonly #view: DataView;
  readonly #pcap: boolean;
  readonly #little: boolean;
  readonly #unit: number;

  constructor(block: PacketBlock) {
    this.bytes = block.bytes;
    this.#view = new DataView(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength);
    this.#pcap = block.framing === "pcap";
    this.#little = block.framing !== "pcap" || !block.swapped;
    this.#unit = block.framing === "pcap" && !block.nanoseconds ? 1000 : 1;
    if (block.framing === "pcap") this.link = block.link;
  }

  /** Goes to the next packet; false behind the last one. */
  advance(): boolean {
    const at = this.next;
    const view = this.#view;
    if (at >= view.byteLength) return false;
    if (this.#pcap) {
      const little = this.#little;
      this.seconds = view.getUint32(at, little);
      this.nanoseconds = view.getUint32(at + 4, little) * this.#unit;
      if (this.nanoseconds >= 1e9) {
        this.seconds += Math.floor(this.nanoseconds / 1e9);
        this.nanoseconds %= 1e9;
      }
      this.captured = view.getUint32(at + 8, little);
      this.length = view.getUint32(at + 12, little);
      this.data = at + PCAP_HEADER;
      this.next = this.data + this.captured;
      return true;
    }
    this.#split(view.getUint32(at, true), view.getUint32(at + 4, true));
    this.length = view.getUint32(at + 8, true);
    this.captured = view.getUint32(at + 12, true);
    this.link = view.getUint16(at + 16, true);
    this.data = at + RECORD_HEADER;
    this.next = (this.data + this.captured + 7) & ~7;
    return true;
  }

  // 64 bits of nanoseconds into seconds and the rest: the quotient by doubles is off by one at most, and the low 32
  // bits of the remainder say so.
  #split(low: number, high: number): void {
    let seconds = Math.floor((high * TWO_32 + low) / 1e9);
    let rest = (low - Math.imul(seconds, 1e9)) | 0;
    if (rest < 0) {
      seconds--;
      rest += 1e9;
    } else if (rest >= 1e9) {
      seconds++;
      rest -= 1e9;
    }
    this.seconds = seconds;
    this.nanoseconds = rest;
  }

  get time(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanoseconds);
  }
}

/** Sets the link type of every packet of a block. */
export function relink(block: PacketBlock, link: number): PacketBlock {
  if (block.framing === "pcap") return { ...block, link };
  const headers = new Headers(block);
  const view = new DataView(block.bytes.buffer, block.bytes.byteOffset, block.bytes.byteLength);
  for (let at = 0; headers.advance(); at = headers.next) view.setUint16(at + 16, link, true);
  return block;
}

/** The packets of a block, each as a block of its own. */
export function* singles(block: PacketBlock): Generator<PacketBlock, void> {
  const headers = new Headers(block);
  for (let start = 0; headers.advance(); start = headers.next)
    yield { ...block, bytes: block.bytes.subarray(start, headers.next), count: 1 };
}
