// conntrack -o xml
import type { Direction, Flow } from "../types.js";
import { compressAddress } from "./address.js";
import { clockParts, twoDigits, WEEKDAYS } from "./clock.js";
import { type LabelNames, labelNames } from "./labels.js";
import { dumpMessage, type Message } from "./message.js";
import { hasStatus } from "./status.js";
import { toolParts } from "./tuple-parts.js";
import { familyName, toolProtocol, wholeSeconds } from "./words.js";

export interface XmlOptions {
  /** `<start>` and `<stop>`, of connections with time stamps. */
  readonly ktimestamp?: boolean;
  readonly labels?: LabelNames;
  /** Events: `<when>`. */
  readonly timestamp?: boolean;
  /** IANA name of the zone of clock times; default: the machine's. */
  readonly timeZone?: string;
}

/** The first two lines of a document, without the last newline. */
export function beginXml(root: "conntrack" | "expect" = "conntrack"): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n<${root}>`;
}

/** The last line. */
export function endXml(root: "conntrack" | "expect" = "conntrack"): string {
  return `</${root}>`;
}

/** The document of `conntrack -L -o xml`, with a newline at the end. */
export function formatXml(flows: Iterable<Flow>, options: XmlOptions = {}): string {
  return [beginXml(), ...Array.from(flows, (flow) => formatXmlFlow(flow, options)), endXml(), ""].join("\n");
}

/** The line of one connection, for streaming between {@link beginXml} and {@link endXml}. */
export function formatXmlFlow(flow: Flow, options: XmlOptions = {}): string {
  return formatXmlMessage(dumpMessage(flow), options);
}

export function formatXmlMessage(message: Message, options: XmlOptions): string {
  return element(
    "flow",
    message.type === "dump" ? "" : ` type="${message.type.toLowerCase()}"`,
    direction(message, "original"),
    direction(message, "reply"),
    element("meta", ' direction="independent"', ...independent(message, options)),
    options.timestamp && message.type !== "dump" && message.time !== null && when(message.time, options.timeZone),
    message.helper !== null && leaf("helper", message.helper),
  );
}

type Part = string | false | null | undefined;

export function element(name: string, attributes: string, ...content: readonly Part[]): string {
  return `<${name}${attributes}>${content.filter(Boolean).join("")}</${name}>`;
}

export function leaf(name: string, value: string | number | bigint): string {
  return `<${name}>${escapeText(String(value))}</${name}>`;
}

export function protocolAttributes(number: number, name: string): string {
  return ` protonum="${number}" protoname="${name}"`;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function direction({ flow, counters }: Message, name: Direction): string {
  const tuple = flow[name];
  return element(
    "meta",
    ` direction="${name}"`,
    element(
      "layer3",
      protocolAttributes(flow.l3num, familyName(flow.l3num)),
      leaf("src", compressAddress(tuple.src)),
      leaf("dst", compressAddress(tuple.dst)),
    ),
    element("layer4", protocolAttributes(flow.l4proto, toolProtocol(flow)), toolParts(flow.l4proto).xml(tuple)),
    flow.zoneDirection === name && flow.zone !== 0 && leaf("zone", flow.zone),
    counters && element("counters", "", leaf("packets", counters[name].packets), leaf("bytes", counters[name].bytes)),
  );
}

function independent(message: Message, { ktimestamp, labels }: XmlOptions): Part[] {
  const { flow, start, stop } = message;
  const names = labelNames(message.labels, labels);
  const delta = deltaSeconds(message);
  return [
    message.state !== null && leaf("state", xmlState(flow, message.state)),
    message.timeout !== null && leaf("timeout", message.timeout),
    message.mark !== null && leaf("mark", message.mark),
    names && element("labels", "", ...names.map((name) => leaf("label", name))),
    flow.zoneDirection === "both" && flow.zone !== 0 && leaf("zone", flow.zone),
    message.use !== null && leaf("use", message.use),
    leaf("id", flow.id),
    hasStatus(flow, "ASSURED") && "<assured/>",
    !hasStatus(flow, "SEEN_REPLY") && "<unreplied/>",
    ktimestamp === true &&
      start !== null &&
      element("timestamp", "", leaf("start", start), stop !== null && leaf("stop", stop)),
    delta !== null && leaf("deltatime", delta),
  ];
}

// While a connection lives, whole seconds of the clock are subtracted; once it is gone, the difference is truncated.
function deltaSeconds({ start, stop, time }: Message): number | null {
  if (start === null) return null;
  if (stop !== null) return wholeSeconds(stop - start);
  return time === null ? null : wholeSeconds(time) - wholeSeconds(start);
}

// libnetfilter_conntrack looks up an SCTP state among the names of TCP states. The text form is right.
const TCP_NAME_OF_SCTP_STATE: Readonly<Record<string, string>> = {
  NONE: "NONE",
  CLOSED: "SYN_SENT",
  COOKIE_WAIT: "SYN_RECV",
  COOKIE_ECHOED: "ESTABLISHED",
  ESTABLISHED: "FIN_WAIT",
  SHUTDOWN_SENT: "CLOSE_WAIT",
  SHUTDOWN_RECD: "LAST_ACK",
  SHUTDOWN_ACK_SENT: "TIME_WAIT",
  HEARTBEAT_SENT: "CLOSE",
};

function xmlState(flow: Flow, state: string): string {
  return flow.protocol === "sctp" ? (TCP_NAME_OF_SCTP_STATE[state] ?? state) : state;
}

/** A moment in the machine's time zone, or another. */
export function when(time: bigint, timeZone?: string): string {
  const { hour, minute, second, weekday, day, month, year } = clockParts(time, timeZone);
  return element(
    "when",
    "",
    leaf("hour", hour),
    leaf("min", twoDigits(minute)),
    leaf("sec", twoDigits(second)),
    // Sunday is 1
    leaf("wday", WEEKDAYS.indexOf(weekday) + 1),
    leaf("day", day),
    leaf("month", month),
    leaf("year", year),
  );
}
