// Every output that is compared: how the tool is asked for it, and what of ours prints the same.

import {
  beginXml,
  type Conntrack,
  type Expectation,
  type ExpectEvent,
  endXml,
  type Flow,
  type FlowEvent,
  formatConntrack,
  formatConntrackStats,
  formatEvent,
  formatExpectConntrack,
  formatExpectEvent,
  formatExpectProc,
  formatExpectXml,
  formatProc,
  formatProcStats,
  formatSave,
  formatXmlFlow,
  type LabelNames,
  type Stats,
} from "conntrack-wasm";

/** The tool's, wherever it runs (ask.ts): recordings are compared in other zones, too. */
const ZONE = { timeZone: "UTC" };

/** The engine at a moment. */
export interface View {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  readonly flows: readonly Flow[];
  readonly expectations: readonly Expectation[];
  readonly stats: Stats;
  readonly labels: LabelNames;
}

/** Something that prints the state and ends. */
export interface Reading {
  readonly name: string;
  readonly command: string;
  /** Lines in front of and behind the rows. */
  readonly begin?: string;
  readonly end?: string;
  /** In any order: the kernel's is that of its hash table. */
  readonly rows: (view: View) => readonly string[];
}

const flowRows =
  (print: (flow: Flow, labels: LabelNames) => string) =>
  ({ flows, labels }: View) =>
    flows.map((flow) => print(flow, labels));
const expectRows =
  (print: (expectation: Expectation) => string, family?: "ipv4" | "ipv6") =>
  ({ expectations }: View) =>
    expectations.filter(({ l3num }) => family === undefined || (l3num === 2) === (family === "ipv4")).map(print);
const xml = (root: "conntrack" | "expect") => ({ begin: beginXml(root), end: endXml(root) });

const list = (words: string, print: (flow: Flow, labels: LabelNames) => string, more = {}): Reading => ({
  name: `-L ${words}`.trim(),
  command: `conntrack -L ${words} 2>/dev/null`,
  rows: flowRows(print),
  ...more,
});

/** What conntrack(8) takes and does not heed when it lists expectations. */
const UNHEEDED = ["-o id", "-o extended", "-o ktimestamp", "-o save", "-o id,extended,ktimestamp"];

function expectReadings(words: string, family: "ipv4" | "ipv6"): Reading[] {
  const reading = (options: string, rows: Reading["rows"], more = {}): Reading => {
    const name = ["-L expect", words, options].filter((part) => part !== "").join(" ");
    return { name, command: `conntrack ${name} 2>/dev/null`, rows, ...more };
  };
  const of = (print: (expectation: Expectation, time: bigint) => string) => (view: View) =>
    expectRows((expectation) => print(expectation, view.time), family)(view);
  const plain = of((expectation) => formatExpectConntrack(expectation));
  return [
    reading("", plain),
    ...UNHEEDED.map((options) => reading(options, plain)),
    reading(
      "-o timestamp",
      of((expectation, timestamp) => formatExpectConntrack(expectation, { timestamp })),
    ),
    reading(
      "-o xml",
      of((expectation) => formatExpectXml(expectation)),
      xml("expect"),
    ),
    reading(
      "-o xml,timestamp",
      of((expectation, timestamp) => formatExpectXml(expectation, undefined, { timestamp, ...ZONE })),
      xml("expect"),
    ),
  ];
}

const [HEADER = ""] = formatProcStats({} as Stats).split("\n");

export const READINGS: readonly Reading[] = [
  { name: "proc", command: "cat /proc/net/nf_conntrack", rows: flowRows(formatProc) },
  list("", (flow) => formatConntrack(flow)),
  list("-o id", (flow) => formatConntrack(flow, { id: true })),
  list("-o extended", (flow) => formatConntrack(flow, { extended: true })),
  list("-o timestamp", (flow) => formatConntrack(flow)),
  list("-o ktimestamp", (flow) => formatConntrack(flow, { ktimestamp: true, ...ZONE })),
  list("-o labels", (flow, labels) => formatConntrack(flow, { labels })),
  list("-o extended,id,timestamp,ktimestamp,labels", (flow, labels) =>
    formatConntrack(flow, { extended: true, id: true, ktimestamp: true, ...ZONE, labels }),
  ),
  list("-o xml", (flow) => formatXmlFlow(flow), xml("conntrack")),
  list(
    "-o xml,extended,id,timestamp,ktimestamp,labels",
    (flow, labels) => formatXmlFlow(flow, { ktimestamp: true, ...ZONE, labels }),
    xml("conntrack"),
  ),
  list("-o save", (flow) => formatSave(flow)),
  {
    name: "stat",
    command: "cat /proc/net/stat/nf_conntrack",
    begin: HEADER,
    rows: ({ stats }) => formatProcStats(stats).trimEnd().split("\n").slice(1),
  },
  { name: "-S", command: "conntrack -S", rows: ({ stats }) => [formatConntrackStats(stats)] },
  { name: "-C", command: "conntrack -C", rows: ({ stats }) => [`${stats.entries}`] },
  { name: "expect", command: "cat /proc/net/nf_conntrack_expect", rows: expectRows(formatExpectProc) },
  ...expectReadings("", "ipv4"), // the tool's choice
  ...expectReadings("-f ipv4", "ipv4"),
  ...expectReadings("-f ipv6", "ipv6"),
];

/** Something that prints what happens, in order, until it is told to end. */
export interface Listening<Event> {
  readonly name: string;
  readonly begin?: string;
  readonly end?: string;
  readonly print: (event: Event, labels: LabelNames) => string;
}

export const EVENT_FORMS: readonly Listening<FlowEvent>[] = [
  { name: "-E", print: (event) => formatEvent(event) },
  { name: "-E -o id", print: (event) => formatEvent(event, { id: true }) },
  { name: "-E -o extended", print: (event) => formatEvent(event, { extended: true }) },
  { name: "-E -o timestamp", print: (event) => formatEvent(event, { timestamp: true }) },
  {
    name: "-E -o extended,id,timestamp,ktimestamp,labels",
    print: (event, labels) =>
      formatEvent(event, { extended: true, id: true, timestamp: true, ktimestamp: true, ...ZONE, labels }),
  },
  { name: "-E -o xml", ...xml("conntrack"), print: (event) => formatEvent(event, { xml: true }) },
  {
    name: "-E -o xml,timestamp,ktimestamp,labels",
    ...xml("conntrack"),
    print: (event, labels) => formatEvent(event, { xml: true, timestamp: true, ktimestamp: true, ...ZONE, labels }),
  },
  { name: "-E -o save", print: (event) => formatEvent(event, { save: true }) },
];

const stamped = ({ type, time, expectation }: ExpectEvent) => formatExpectEvent(type, expectation, { timestamp: time });

const unstamped = ({ type, expectation }: ExpectEvent) => formatExpectEvent(type, expectation);

export const EXPECT_EVENT_FORMS: readonly Listening<ExpectEvent>[] = [
  { name: "-E expect", print: unstamped },
  { name: "-E expect -o id,extended,ktimestamp", print: unstamped },
  { name: "-E expect -o save", print: unstamped },
  { name: "-E expect -o timestamp", print: stamped },
  {
    name: "-E expect -o xml",
    ...xml("expect"),
    print: ({ type, expectation }) => formatExpectXml(expectation, type),
  },
  {
    name: "-E expect -o xml,timestamp",
    ...xml("expect"),
    print: ({ type, time, expectation }) => formatExpectXml(expectation, type, { timestamp: time, ...ZONE }),
  },
];

/** What the engine shows now. */
export const viewOf = (engine: Conntrack, labels: LabelNames): View => ({
  time: engine.now,
  flows: engine.flows(),
  expectations: engine.expectations(),
  stats: engine.stats(),
  labels,
});
