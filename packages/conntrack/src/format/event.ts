// conntrack -E
import type { FlowEvent } from "../types.js";
import { flowTimestamp } from "./clock.js";
import { type ConntrackOptions, formatMessage } from "./conntrack.js";
import { eventMessage } from "./message.js";
import { formatSaveMessage } from "./save.js";
import { formatXmlMessage } from "./xml.js";

export interface EventOptions extends ConntrackOptions {
  /** The time of the event in front; in XML, behind. */
  readonly timestamp?: boolean;
  /** One `<flow type="…">` element a line; the document needs `beginXml` and `endXml` around. */
  readonly xml?: boolean;
  /** A command a line; conntrack(8) does not combine it with anything. */
  readonly save?: boolean;
}

/** `[NEW]` in nine columns, on the right. */
export function eventTag(type: FlowEvent["type"]): string {
  return `[${type}]`.padStart(9);
}

/** A line of `conntrack -E`. Which fields an event holds is told in message.ts. */
export function formatEvent(event: FlowEvent, options: EventOptions = {}): string {
  const message = eventMessage(event);
  if (options.save) return formatSaveMessage(message);
  if (options.xml) return formatXmlMessage(message, options);
  const time = options.timestamp ? flowTimestamp(event.time) : "";
  return `${time}${eventTag(event.type)} ${formatMessage(message, options)}`;
}
