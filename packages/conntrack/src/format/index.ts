// All text formats, and the table of those that print connections: a new one is a file and a line here.
import type { Expectation, ExpectEvent, Flow, FlowEvent } from "../types.js";
import { type ConntrackOptions, formatConntrack } from "./conntrack.js";
import { type EventOptions, formatEvent } from "./event.js";
import {
  type ExpectOptions,
  formatExpectConntrack,
  formatExpectEvent,
  formatExpectProc,
  formatExpectXml,
} from "./expect.js";
import { eventToJson, expectationToJson, expectEventToJson, flowToJson } from "./json.js";
import { formatLegacy, type LegacyOptions } from "./legacy.js";
import { formatProc } from "./proc.js";
import { formatSave } from "./save.js";
import { beginXml, endXml, formatXmlFlow } from "./xml.js";

export interface FormatOptions extends ConntrackOptions, EventOptions, LegacyOptions {}

/** Lines, without their newline. */
export interface Format {
  readonly flow: (flow: Flow, options?: FormatOptions) => string;
  /** Absent: the format has no events. */
  readonly event?: (event: FlowEvent, options?: FormatOptions) => string;
  /** Absent: the format has no expectations, or no events of them. `timestamp`: as conntrack(8) puts it in front. */
  readonly expectation?: (expectation: Expectation, options?: ExpectOptions) => string;
  readonly expectEvent?: (event: ExpectEvent, options?: FormatOptions) => string;
  /** Lines before the first and after the last connection. */
  readonly begin?: string;
  readonly end?: string;
}

export type FormatName = "proc" | "legacy" | "extended" | "conntrack" | "xml" | "save" | "json";

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  proc: { flow: formatProc, expectation: formatExpectProc },
  legacy: { flow: formatLegacy },
  extended: {
    flow: (flow, options) => formatConntrack(flow, { ...options, extended: true }),
    event: (event, options) => formatEvent(event, { ...options, extended: true }),
  },
  conntrack: {
    flow: formatConntrack,
    event: formatEvent,
    expectation: formatExpectConntrack,
    expectEvent: ({ type, time, expectation }, options) =>
      formatExpectEvent(type, expectation, options?.timestamp ? { timestamp: time } : {}),
  },
  xml: {
    flow: formatXmlFlow,
    event: (event, options) => formatEvent(event, { ...options, xml: true }),
    expectation: (expectation, options) => formatExpectXml(expectation, undefined, options),
    expectEvent: ({ type, time, expectation }, options) =>
      formatExpectXml(expectation, type, options?.timestamp ? { timestamp: time } : {}),
    begin: beginXml(),
    end: endXml(),
  },
  save: { flow: formatSave, event: (event, options) => formatEvent(event, { ...options, save: true }) },
  json: {
    flow: (flow) => JSON.stringify(flowToJson(flow)),
    event: (event) => JSON.stringify(eventToJson(event)),
    expectation: (expectation) => JSON.stringify(expectationToJson(expectation)),
    expectEvent: (event) => JSON.stringify(expectEventToJson(event)),
  },
};

export { type ConntrackOptions, formatConntrack } from "./conntrack.js";
export { type EventOptions, formatEvent } from "./event.js";
export {
  EXPECT_FLAGS,
  type ExpectEventType,
  type ExpectFlag,
  type ExpectOptions,
  expectFlagNames,
  formatExpectConntrack,
  formatExpectEvent,
  formatExpectProc,
  formatExpectXml,
} from "./expect.js";
export {
  type EventJson,
  type ExpectationJson,
  type ExpectEventJson,
  eventToJson,
  expectationToJson,
  expectEventToJson,
  type FlowJson,
  flowToJson,
  JSON_VERSION,
  type JsonCounter,
  type JsonTime,
  type StatsJson,
  statsToJson,
} from "./json.js";
export type { LabelNames } from "./labels.js";
export { formatLegacy, type LegacyOptions } from "./legacy.js";
export { EVENT_BITS } from "./message.js";
export { formatProc } from "./proc.js";
export { formatSave } from "./save.js";
export { formatConntrackStats, formatProcStats } from "./stats.js";
export { STATUS_NAMES, statusNames } from "./status.js";
export { beginXml, endXml, formatXml, formatXmlFlow, type XmlOptions } from "./xml.js";
