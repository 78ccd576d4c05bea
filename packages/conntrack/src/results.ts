// The results of a block: columns over linear memory, valid until the next call. One object per engine, reused, so
// reading a batch allocates nothing.
import * as abi from "@conntrack-wasm/core/abi";
import { type ReasonRow, reasonRow } from "./reason.js";
import { type PacketTrace, readTrace } from "./trace.js";
import type { Direction, State } from "./types.js";

/** Names of the state codes; null: connection tracking never sees the packet, or cannot tell. */
export const STATE_NAMES: readonly (State | null)[] = [null, "NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];
export const DIRECTION_NAMES: readonly (Direction | null)[] = [null, "original", "reply"];

export class Results {
  /** Packets in this block. */
  count = 0;
  /** Number of the first one, from 1. */
  firstFrame = 1;
  /** @internal Of one engine of several: the record each result is about, counted in the call; null: all have one. */
  places: Uint32Array | null = null;
  /** @internal Records of the call: `count`, unless there are places. */
  records = 0;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #results: number;
  readonly #traces: number;

  /** Deciding rule of each packet, when a rule program is loaded: its number, and `program.RULE_UNDECIDED`. */
  readonly #rules: Uint32Array | null;

  /** @internal */
  constructor(memory: ArrayBufferLike, results: number, traces: number, maxPackets: number, rules: number | null) {
    this.#bytes = new Uint8Array(memory, results, maxPackets * abi.RESULT_SIZE);
    this.#words = new Uint32Array(memory, results, maxPackets * 2);
    this.#memory = new Uint8Array(memory);
    this.#view = new DataView(memory);
    this.#results = results;
    this.#traces = traces;
    this.#rules = rules === null ? null : new Uint32Array(memory, rules, maxPackets);
  }

  /** State code, `STATE_*`. */
  stateCode(i: number): number {
    return this.#bytes[i * 8] as number;
  }
  state(i: number): State | null {
    return STATE_NAMES[this.stateCode(i)] ?? null;
  }
  /** 0 none, 1 original, 2 reply. */
  directionCode(i: number): number {
    return this.#bytes[i * 8 + 1] as number;
  }
  direction(i: number): Direction | null {
    return DIRECTION_NAMES[this.directionCode(i)] ?? null;
  }
  reasonCode(i: number): number {
    return this.#bytes[i * 8 + 2] as number;
  }
  reason(i: number): ReasonRow {
    return reasonRow(this.reasonCode(i));
  }
  verdict(i: number): "ACCEPT" | "DROP" {
    return this.#bytes[i * 8 + 3] === abi.VERDICT_DROP ? "DROP" : "ACCEPT";
  }
  /** Number of the connection, 0 for none. */
  conn(i: number): number {
    return this.#words[i * 2 + 1] as number;
  }
  /** Number of the rule that decided, with `program.RULE_UNDECIDED`; 0: none, or there are no rules. */
  rule(i: number): number {
    return this.#rules?.[i] ?? 0;
  }
  /** The trace of a packet; the engine must be tracing. */
  trace(i: number): PacketTrace {
    return readTrace(this.#memory, this.#view, this.#traces + i * abi.TRACE_SIZE);
  }
  /** The same as bytes; valid until the next call. @internal */
  traceBytes(i: number): Uint8Array {
    const at = this.#traces + i * abi.TRACE_SIZE;
    return this.#memory.subarray(at, at + abi.TRACE_SIZE);
  }
  /** The raw words, two per packet: state | direction << 8 | reason << 16 | verdict << 24, then the connection. */
  get words(): Uint32Array {
    return this.#words.subarray(0, this.count * 2);
  }
  /** @internal The words of the first `count` packets of a call that is under way. */
  wordsOf(count: number): Uint32Array {
    return this.#words.subarray(0, count * 2);
  }
  /** Address of the first result in linear memory. */
  get address(): number {
    return this.#results;
  }
  /** Address of the first trace. */
  get traceAddress(): number {
    return this.#traces;
  }
}
