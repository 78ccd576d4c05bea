// The JSON schema, and the table of formats.
import { describe, expect, test } from "vitest";
import { eventToJson, FORMATS, type FormatName, flowToJson } from "../../src/format/index.js";
import { ASSURED, CONFIRMED, event, flow, SECOND, SEEN_REPLY } from "./flow.js";

const web = flow({
  conn: 7,
  id: 4294967295,
  l4proto: 6,
  protocol: "tcp",
  protocolState: "ESTABLISHED",
  timeout: 431999n * SECOND + 250_000_000n,
  status: SEEN_REPLY | ASSURED | CONFIRMED,
  original: { src: "10.0.1.2", dst: "10.0.2.2", sport: 1000, dport: 80 },
  reply: { src: "10.0.2.2", dst: "10.0.1.2", sport: 80, dport: 1000 },
  counters: { original: { packets: 3n, bytes: 2n ** 53n }, reply: { packets: 2n, bytes: 2n ** 53n - 1n } },
  start: 1700000000_123_456_789n,
  time: 1700000001_000_000_001n,
  labels: [5],
});

const webJson = {
  version: 1,
  kind: "flow",
  conn: 7,
  id: 4294967295,
  family: "ipv4",
  protocol: "tcp",
  l4proto: 6,
  state: "ESTABLISHED",
  timeout: 431999.25,
  status: ["SEEN_REPLY", "ASSURED", "CONFIRMED"],
  original: { src: "10.0.1.2", dst: "10.0.2.2", sport: 1000, dport: 80 },
  reply: { src: "10.0.2.2", dst: "10.0.1.2", sport: 80, dport: 1000 },
  counters: {
    original: { packets: 3, bytes: "9007199254740992" },
    reply: { packets: 2, bytes: 9007199254740991 },
  },
  mark: 0,
  zone: 0,
  zone_direction: "both",
  use: 1,
  helper: null,
  master: null,
  labels: [5],
  start: "1700000000.123456789",
  stop: null,
  time: "1700000001.000000001",
};

test("a flow", () => expect(flowToJson(web)).toStrictEqual(webJson));

test("an event", () => {
  expect(eventToJson(event("UPDATE", ["REPLY", "PROTOINFO"], 1700000000_000_000_000n, web, 12))).toStrictEqual({
    version: 1,
    kind: "event",
    type: "UPDATE",
    causes: ["REPLY", "PROTOINFO"],
    time: "1700000000.000000000",
    frame: 12,
    flow: webJson,
  });
});

describe("the table", () => {
  test.each(Object.keys(FORMATS) as FormatName[])("%s: one line", (name) => {
    const { flow: format, event: formatEvent } = FORMATS[name];
    expect(format(web)).toMatch(/^\S[^\n]*$/);
    if (formatEvent) expect(formatEvent(event("NEW", ["NEW", "PROTOINFO"], 0n, web))).toMatch(/^[^\n]+$/);
  });

  test("json round trip", () => expect(JSON.parse(FORMATS.json.flow(web))).toStrictEqual(webJson));
  test("extended is conntrack with the network protocol in front", () => {
    expect(FORMATS.extended.flow(web)).toBe(`ipv4     2 ${FORMATS.conntrack.flow(web)}`);
  });
  test("xml has a frame", () => {
    expect([FORMATS.xml.begin, FORMATS.xml.end]).toEqual([
      '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>',
      "</conntrack>",
    ]);
  });
});
