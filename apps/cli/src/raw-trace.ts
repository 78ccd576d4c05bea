// The engine's trace records as they lie in its memory, for readers in a hurry: json.ts, and the browser app's
// columns. Everybody else takes `results.trace(i)`, which is plain data. The layout is drawn in packages/core/assembly/abi.ts;
// test/json.test.ts and the app's gather.test.ts hold the two ways of reading against each other.
import type { Results } from "conntrack-wasm";

/** Bytes of a record. */
export const TRACE_SIZE = 160;
export const L3NUM = 0;
export const L4PROTO = 1;
export const TCP_FLAGS = 2;
export const NOTES = 3;
export const SPORT = 4;
export const DPORT = 6;
export const LENGTH = 8;
export const PAYLOAD = 12;
export const SRC = 16;
export const DST = 32;
// in the places of the ports, little-endian: id, then code and type
export const ICMP_ID = 4;
export const ICMP_CODE = 6;
export const ICMP_TYPE = 7;
export const BEFORE = 64;
export const AFTER = 80;
export const NUMBERS = 96;
export const CAUSE = 136;
export const MASTER = 140;
export const DATAGRAM = 144;
export const ANNOUNCED = 148;
// within BEFORE and AFTER: timeout u64, status u32, state u8, present u8, protocol u8
export const ENTRY_STATUS = 8;
export const ENTRY_STATE = 12;
export const ENTRY_PRESENT = 13;
export const ENTRY_L4PROTO = 14;

export const NOTE_CUT = 1;
export const NOTE_TRANSPORT = 2;
export const NOTE_BAD_CHECKSUM = 4;

/** The memory of the results `source`, and where the records are in it. */
export class RawTraces {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  /** Address of the first result: a word, then the connection. */
  readonly results: number;
  /** Address of the first record. */
  readonly base: number;

  constructor(readonly source: Results) {
    const { buffer } = source.words;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    this.results = source.address;
    this.base = source.traceAddress;
  }
}
