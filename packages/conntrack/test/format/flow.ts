// A Flow from the members that matter in a test, and an event from the names of its bits.
import { EVENT_BITS } from "../../src/format/index.js";
import type { EventBit, Flow, FlowEvent } from "../../src/types.js";

export const SECOND = 1_000_000_000n;

export const EXPECTED = 1 << 0;
export const SEEN_REPLY = 1 << 1;
export const ASSURED = 1 << 2;
export const CONFIRMED = 1 << 3;
export const SRC_NAT = 1 << 4;
export const DST_NAT = 1 << 5;
export const SRC_NAT_DONE = 1 << 7;
export const DST_NAT_DONE = 1 << 8;
export const FIXED_TIMEOUT = 1 << 10;
export const OFFLOAD = 1 << 14;
export const HW_OFFLOAD = 1 << 15;

type Given = Pick<Flow, "l4proto" | "protocol" | "timeout" | "original" | "reply"> & Partial<Flow>;

export function flow(given: Given): Flow {
  return {
    conn: 1,
    id: 1,
    l3num: 2,
    protocolState: null,
    status: CONFIRMED,
    mark: 0,
    zone: 0,
    zoneDirection: "both",
    use: 1,
    counters: null,
    helper: null,
    master: null,
    greTimeouts: null,
    start: null,
    stop: null,
    labels: [],
    ...given,
  };
}

/** The map behind the labels of the recorded lines. */
export const LABELS = { 0: "zero", 1: "one", 5: "five", 127: "last" };

export function event(
  type: FlowEvent["type"],
  bits: readonly EventBit[],
  time: bigint,
  given: Flow,
  frame = 1,
): FlowEvent {
  return { type, bits: bits.reduce((sum, bit) => sum | (1 << EVENT_BITS.indexOf(bit)), 0), time, frame, flow: given };
}
