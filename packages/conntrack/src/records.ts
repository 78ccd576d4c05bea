// The records of a block, one behind the other, for those who want the bytes of a few packets.
import * as abi from "@conntrack-wasm/core/abi";
import type { PacketBlock } from "./engine.js";

const PCAP_HEADER = 16;

/** Where a record's packet begins, how much of it there is, and where the next record begins. */
export interface RecordPlace {
  readonly data: number;
  readonly captured: number;
  readonly next: number;
}

/** The record at `at`, or null when its header is not all there; `data + captured` may lie beyond the end. */
export function recordAt(block: PacketBlock, view: DataView, at: number): RecordPlace | null {
  const pcap = block.framing === "pcap";
  const data = at + (pcap ? PCAP_HEADER : abi.RECORD_HEADER);
  if (data > view.byteLength) return null;
  const captured = view.getUint32(at + (pcap ? 8 : 12), !(pcap && block.swapped));
  const end = data + captured;
  return { data, captured, next: pcap ? end : Math.min(view.byteLength, (end + 7) & ~7) };
}

/** Gives the bytes of packets by their place in the block, in ascending order. */
export class RecordCursor {
  readonly #block: PacketBlock;
  readonly #view: DataView;
  #index = 0;
  #at = 0;

  constructor(block: PacketBlock) {
    const { bytes } = block;
    this.#block = block;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The frame of packet `index` of the block; null when there is none, or a later one was asked for before. */
  frame(index: number): Uint8Array | null {
    while (this.#index <= index) {
      const place = recordAt(this.#block, this.#view, this.#at);
      if (place === null) return null;
      if (this.#index === index) return this.#block.bytes.subarray(place.data, place.data + place.captured);
      this.#index++;
      this.#at = place.next;
    }
    return null;
  }
}
