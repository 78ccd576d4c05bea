// Events as the engine left them: copies of its records (core/assembly/event.ts), read by their place. An object for an event is made
// when somebody asks for it.
import * as abi from "@conntrack-wasm/core/abi";
import { readFlow } from "./read-flow.js";
import type { FlowEvent } from "./types.js";

const EVENT_TYPES = ["NEW", "NEW", "UPDATE", "DESTROY"] as const;
const LEAST_ROOM = 4 * abi.RECORD_EVENT_SIZE;

/**
 * Events in order, as columns: {@link type}, {@link conn} and the others of the i-th take no object and some nanoseconds, where a
 * {@link FlowEvent} takes a microsecond. Iterating gives the events as objects.
 */
export class EventRecords implements Iterable<FlowEvent> {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #id: (serial: number) => number;

  /** @internal `bytes` has records, one behind the other; it is kept. */
  constructor(bytes: Uint8Array, id: (serial: number) => number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#id = id;
  }

  /** How many there are. */
  get count(): number {
    return this.#bytes.length / abi.RECORD_EVENT_SIZE;
  }

  type(i: number): FlowEvent["type"] {
    return EVENT_TYPES[this.#view.getUint16(i * abi.RECORD_EVENT_SIZE, true)] as FlowEvent["type"];
  }

  /** Bits collected in this message, `1 << index of EventBit`. */
  bits(i: number): number {
    return this.#view.getUint16(i * abi.RECORD_EVENT_SIZE + abi.EVENT_RECORD_BITS, true);
  }

  /** Nanoseconds since the epoch. */
  time(i: number): bigint {
    return this.#view.getBigUint64(i * abi.RECORD_EVENT_SIZE + abi.EVENT_RECORD_TIME, true);
  }

  /** Packet (from 1) that caused it; for an expiry, the packet before which it is seen. */
  frame(i: number): number {
    return this.#view.getUint32(i * abi.RECORD_EVENT_SIZE + abi.EVENT_RECORD_FRAME, true);
  }

  /** Number of the connection. */
  conn(i: number): number {
    return this.#view.getUint32(i * abi.RECORD_EVENT_SIZE + abi.EVENT_RECORD_CONN + abi.CONN_SERIAL, true);
  }

  /** The i-th as an object of its own. */
  event(i: number): FlowEvent {
    const at = i * abi.RECORD_EVENT_SIZE;
    const copy = at + abi.EVENT_RECORD_CONN;
    const time = this.time(i);
    const type = this.type(i);
    const flow = readFlow({
      bytes: this.#bytes,
      view: this.#view,
      conn: copy,
      addr6: copy + 128,
      ext: copy + 160,
      timeout: this.#view.getBigUint64(at + abi.EVENT_RECORD_TIMEOUT, true),
      time,
      ended: type === "DESTROY",
      id: this.#id,
    });
    return { type, bits: this.bits(i), time, frame: this.frame(i), flow };
  }

  /** All of them as objects. */
  events(): FlowEvent[] {
    return Array.from({ length: this.count }, (_, i) => this.event(i));
  }

  *[Symbol.iterator](): Generator<FlowEvent, void, undefined> {
    for (let i = 0; i < this.count; i++) yield this.event(i);
  }
}

/** Collects records until somebody takes them. */
export class EventCollector {
  #bytes = new Uint8Array(0);
  #used = 0;

  constructor(private readonly id: (serial: number) => number) {}

  /** Takes copies of `count` records at `at`. */
  add(memory: Uint8Array, at: number, count: number): void {
    const size = count * abi.RECORD_EVENT_SIZE;
    const end = this.#used + size;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#used === 0 ? LEAST_ROOM : 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
    }
    this.#bytes.set(memory.subarray(at, at + size), this.#used);
    this.#used = end;
  }

  take(): EventRecords {
    const records = new EventRecords(this.#bytes.subarray(0, this.#used), this.id);
    this.#bytes = new Uint8Array(0);
    this.#used = 0;
    return records;
  }
}
