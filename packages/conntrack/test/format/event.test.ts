// Events against lines of `conntrack -E`.
import { describe, expect, test } from "vitest";
import { formatEvent } from "../../src/format/index.js";
import { ASSURED, CONFIRMED, event, flow, LABELS, SECOND, SEEN_REPLY } from "./flow.js";
import { REAL_EVENTS } from "./real-events.js";

const UTC = { timeZone: "UTC", timestamp: true, ktimestamp: true, labels: LABELS };

// Who deleted a connection by hand is known to the tool alone.
const withoutSender = (line: string) => line.replace(/ \[USERSPACE\].*$/, "");

describe.each(REAL_EVENTS)("$title", ({ event, full, plain, xml, save }) => {
  test("conntrack -E", () => expect(formatEvent(event)).toBe(withoutSender(plain)));
  test("conntrack -E -o extended,id,timestamp,ktimestamp,labels", () => {
    expect(formatEvent(event, { ...UTC, extended: true, id: true })).toBe(withoutSender(full));
  });
  test("conntrack -E -o xml,timestamp,ktimestamp,labels", () => {
    expect(formatEvent(event, { ...UTC, xml: true })).toBe(withoutSender(xml));
  });
  test("conntrack -E -o save", () => expect(formatEvent(event, { save: true })).toBe(withoutSender(save)));
});

describe("mid-stream pick-up", () => {
  const started = flow({
    l4proto: 6,
    protocol: "tcp",
    protocolState: "ESTABLISHED",
    timeout: 300n * SECOND,
    original: { src: "10.0.1.2", dst: "10.0.2.2", sport: 1, dport: 80 },
    reply: { src: "10.0.2.2", dst: "10.0.1.2", sport: 80, dport: 1 },
  });

  test("NEW tells the state", () => {
    expect(formatEvent(event("NEW", ["NEW", "PROTOINFO"], 0n, started))).toBe(
      "    [NEW] tcp      6 300 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=1 dport=80 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1",
    );
  });

  test("an UPDATE without a change of state does not", () => {
    const answered = { ...started, status: CONFIRMED | SEEN_REPLY };
    expect(formatEvent(event("UPDATE", ["REPLY"], 0n, answered))).toBe(
      " [UPDATE] tcp      6 300 src=10.0.1.2 dst=10.0.2.2 sport=1 dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1",
    );
    const assured = { ...answered, status: CONFIRMED | SEEN_REPLY | ASSURED, timeout: 432000n * SECOND };
    expect(formatEvent(event("UPDATE", ["ASSURED"], 0n, assured))).toBe(
      " [UPDATE] tcp      6 432000 src=10.0.1.2 dst=10.0.2.2 sport=1 dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1 [ASSURED]",
    );
  });
});

describe("expiry", () => {
  // The collector found these 29 seconds late; `stop` is the deadline.
  const expired = flow({
    id: 3950338167,
    l4proto: 17,
    protocol: "udp",
    timeout: 0n,
    original: { src: "10.77.0.1", dst: "10.77.0.2", sport: 9001, dport: 9002 },
    reply: { src: "10.77.0.2", dst: "10.77.0.1", sport: 9002, dport: 9001 },
    counters: { original: { packets: 1n, bytes: 29n }, reply: { packets: 0n, bytes: 0n } },
    start: 1795496304_359_800_000n,
    stop: 1795496305_359_800_000n,
  });
  const text =
    "[DESTROY] udp      17 src=10.77.0.1 dst=10.77.0.2 sport=9001 dport=9002 packets=1 bytes=29 [UNREPLIED] src=10.77.0.2 dst=10.77.0.1 sport=9002 dport=9001 packets=0 bytes=0 delta-time=1";

  test("no timeout is left to tell", () => {
    expect(formatEvent(event("DESTROY", ["DESTROY"], 1795496334_252_756_000n, expired))).toBe(text);
  });

  test("the times of birth and death", () => {
    const line = formatEvent(event("DESTROY", ["DESTROY"], 1795496334_252_756_000n, expired), { ...UTC, id: true });
    expect(line).toBe(
      `[1795496334.252756]\t${text} [start=Tue Nov 24 04:58:24 2026] [stop=Tue Nov 24 04:58:25 2026] id=3950338167`,
    );
  });

  test("without a recorded death, the event's time is it", () => {
    const { stop: _, ...rest } = expired;
    const time = 1795496305_000_000_000n;
    expect(formatEvent(event("DESTROY", ["DESTROY"], time, { ...rest, stop: null }))).toBe(text);
  });

  test("what the engine calls the last half second is no timeout", () => {
    const almost = { ...expired, timeout: SECOND / 2n };
    expect(formatEvent(event("DESTROY", ["DESTROY"], 0n, almost))).toBe(text);
  });
});

test("seconds and microseconds have zeros in front", () => {
  const { event: first } = REAL_EVENTS[0] as (typeof REAL_EVENTS)[number];
  expect(formatEvent({ ...first, time: 1_000_031_172_999n }, { timestamp: true }).split("\t")[0]).toBe(
    "[00001000.031172]",
  );
});
