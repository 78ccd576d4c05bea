// conntrack -L
import type { Flow } from "../types.js";
import { ctime } from "./clock.js";
import { assuranceWord, directionWords } from "./flow-words.js";
import { type LabelNames, labelNames } from "./labels.js";
import { dumpMessage, type Message } from "./message.js";
import { family, line, nameAndNumber, toolProtocol, toolTuple, wholeSeconds } from "./words.js";

/** The `-o` list of conntrack(8). */
export interface ConntrackOptions {
  /** The network protocol in front. */
  readonly extended?: boolean;
  readonly id?: boolean;
  /** `[start=…]` and `[stop=…]`, of connections with time stamps. */
  readonly ktimestamp?: boolean;
  readonly labels?: LabelNames;
  /** IANA name of the zone of clock times; default: the machine's. */
  readonly timeZone?: string;
}

/** A line of `conntrack -L`. */
export function formatConntrack(flow: Flow, options: ConntrackOptions = {}): string {
  return formatMessage(dumpMessage(flow), options);
}

export function formatMessage(message: Message, options: ConntrackOptions): string {
  const { flow, start, stop } = message;
  const { ktimestamp = false, timeZone } = options;
  const labels = labelNames(message.labels, options.labels);
  return line(
    options.extended && family(flow),
    nameAndNumber(toolProtocol(flow), flow.l4proto),
    message.timeout !== null && `${message.timeout}`,
    message.state,
    ...directionWords(flow, (direction) => toolTuple(flow.l4proto, flow[direction]), message.counters),
    assuranceWord(flow),
    message.mark !== null && `mark=${message.mark}`,
    flow.zoneDirection === "both" && flow.zone !== 0 && `zone=${flow.zone}`,
    deltaWord(message),
    ktimestamp && start !== null && `[start=${ctime(start, timeZone)}]`,
    ktimestamp && stop !== null && `[stop=${ctime(stop, timeZone)}]`,
    message.helper !== null && `helper=${message.helper}`,
    message.use !== null && `use=${message.use}`,
    options.id && `id=${flow.id}`,
    labels && (labels.length > 0 ? `labels=${labels.join(",")}` : "labels"),
  );
}

// The tool subtracts whole seconds of the clock, where /proc truncates the difference: 2 may stand against 1 there.
function deltaWord({ start, stop, time }: Message): string | false {
  const until = stop ?? time;
  return start !== null && until !== null && `delta-time=${wholeSeconds(until) - wholeSeconds(start)}`;
}
