// What a netlink message tells about a connection: a dump tells more than an event, and each event something else.
import type { EventBit, Flow, FlowEvent } from "../types.js";
import { isOffloaded } from "./flow-words.js";
import { wholeSeconds } from "./words.js";

/** null: not in the message. */
export interface Message {
  readonly type: "dump" | FlowEvent["type"];
  readonly flow: Flow;
  /** Whole seconds. */
  readonly timeout: number | null;
  readonly state: string | null;
  readonly vtags: { readonly original: number; readonly reply: number } | null;
  readonly counters: Flow["counters"];
  readonly mark: number | null;
  readonly labels: readonly number[];
  readonly helper: string | null;
  readonly use: number | null;
  readonly start: bigint | null;
  readonly stop: bigint | null;
  /** When the message is printed, as far as known. */
  readonly time: bigint | null;
}

/** Event bits, in the order of their bit numbers. */
export const EVENT_BITS: readonly EventBit[] = [
  "NEW",
  "RELATED",
  "DESTROY",
  "REPLY",
  "ASSURED",
  "PROTOINFO",
  "HELPER",
  "MARK",
  "SEQADJ",
  "SECMARK",
  "LABEL",
  "SYNPROXY",
];

/** An entry of a dump, as `conntrack -L` gets it. */
export function dumpMessage(flow: Flow): Message {
  const offloaded = isOffloaded(flow);
  return {
    type: "dump",
    flow,
    timeout: offloaded ? null : wholeSeconds(flow.timeout),
    state: offloaded ? null : flow.protocolState,
    vtags: offloaded ? null : (flow.vtags ?? null),
    counters: flow.counters,
    mark: flow.mark,
    labels: flow.labels,
    helper: flow.helper,
    use: flow.use,
    start: flow.start,
    stop: flow.stop,
    time: flow.time ?? null,
  };
}

/** A message of the event stream, as `conntrack -E` gets it. */
export function eventMessage({ type, bits, flow, time }: FlowEvent): Message {
  const raised = (bit: EventBit) => ((bits >> EVENT_BITS.indexOf(bit)) & 1) === 1;
  const destroyed = type === "DESTROY";
  const seconds = wholeSeconds(flow.timeout);
  return {
    type,
    flow,
    // nothing left: expired
    timeout: destroyed && seconds === 0 ? null : seconds,
    state: type !== "UPDATE" || raised("PROTOINFO") ? flow.protocolState : null,
    vtags: type === "NEW" || raised("PROTOINFO") ? (flow.vtags ?? null) : null,
    counters: destroyed ? flow.counters : null,
    // a mark that changes to 0 is told too
    mark: flow.mark !== 0 || raised("MARK") ? flow.mark : null,
    labels: raised("LABEL") && !destroyed ? flow.labels : [],
    helper: destroyed ? null : flow.helper,
    use: null,
    start: destroyed ? flow.start : null,
    stop: destroyed && flow.start !== null ? (flow.stop ?? time) : null,
    time,
  };
}
