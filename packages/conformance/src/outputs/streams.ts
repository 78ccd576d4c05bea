// What was printed of events, against ours, in order. The tool's clock when it read the message is taken over if it lies
// behind ours; the timeout may be a tick off. A flush goes by the kernel's hash table: within it, any order.

import type { ExpectEvent, FlowEvent, LabelNames } from "conntrack-wasm";
import type { Listening } from "./forms.js";
import { unframed } from "./tables.js";
import { CLOCK, DELAY, SECOND, stampOf, TICK } from "./tolerance.js";

/** An event, and the flush it belongs to. */
export interface Happened<Event> {
  readonly event: Event;
  readonly flush: Flush | null;
}

export interface Flush {
  /** Nanoseconds from before the command until behind it. */
  readonly span: bigint;
}

/** conntrack(8) names the program that asked for the change: of a flush, itself. */
const ASKED_BY = / \[USERSPACE\] portid=\d+( progname=\S+)?$/;

export function compareStream<Event extends FlowEvent | ExpectEvent>(
  form: Listening<Event>,
  text: string,
  happened: readonly Happened<Event>[],
  labels: LabelNames,
): string[] {
  const { name, print } = form;
  const [lines, report] = unframed(form, text);
  const left = new Set(happened.keys());
  for (const [i, full] of lines.entries()) {
    const flush = happened[i]?.flush;
    const line = flush ? full.replace(ASKED_BY, "") : full;
    const found = [...left].find(
      (j) =>
        (j === i || (flush && happened[j]?.flush === flush)) &&
        variantsOf(happened[j] as Happened<Event>, line).some((event) => print(event, labels) === line),
    );
    if (found === undefined) report.push(`${name}, event ${i}: kernel ${full}`);
    else left.delete(found);
  }
  for (const i of left)
    report.push(`${name}, event ${i}: engine ${print((happened[i] as Happened<Event>).event, labels)}`);
  return report;
}

/** As the kernel and the tool may have seen it. */
function variantsOf<Event extends FlowEvent | ExpectEvent>(
  { event, flush }: Happened<Event>,
  line: string,
): readonly Event[] {
  const shifts = [0n, TICK, -TICK, ...(flush ? [-TICK - flush.span] : [])];
  const times = timesOf(event.time, line, flush?.span ?? 0n);
  return shifts.flatMap((shift) => times.map((time) => ({ ...shifted(event, shift), time })));
}

function shifted<Event extends FlowEvent | ExpectEvent>(event: Event, shift: bigint): Event {
  // 0: it expired, and the message does not tell a timeout
  const left = (timeout: bigint) => (timeout === 0n || timeout + shift < 0n ? timeout : timeout + shift);
  if ("flow" in event) return { ...event, flow: { ...event.flow, timeout: left(event.flow.timeout) } };
  const { expectation } = event;
  return { ...event, expectation: { ...expectation, timeout: expectation.timeout && left(expectation.timeout) } };
}

/** When the tool may have read the message: it prints the time to the microsecond; in XML to the second, of a clock with ticks. */
function timesOf(time: bigint, line: string, span: bigint): readonly bigint[] {
  const told = stampOf(line);
  if (told === null) return [time, time - TICK, time + SECOND];
  return told >= time - CLOCK && told <= time + DELAY + span ? [told] : [time];
}
