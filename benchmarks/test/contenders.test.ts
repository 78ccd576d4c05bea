// The contenders do the same work: they say the same of every packet of an established workload, and of nearly every one of
// the mix, where a simplified TCP may differ. The inputs are what they say they are.

import { compileRules, parseRuleset } from "conntrack-iptables";
import { expect, test } from "vitest";
import { type EngineTracker, engineWith } from "../src/contenders/engine.js";
import { ftp, MAX_DIALOGUE_RECORD, sip } from "../src/dialogue.js";
import { mixChunks } from "../src/mix.js";
import { Established, fillSyns, MAX_RECORD } from "../src/packets.js";
import { CONTENDERS, withEvents } from "../src/questions/common.js";
import { rulesetText, STYLES } from "../src/ruleset.js";
import { STATE_ESTABLISHED, STATE_INVALID, STATE_NEW, type Tracker, tally } from "../src/tool.js";

const FLOWS = 500;
const CHUNK = 256;

function states(tracker: Tracker, packets: number): number[] {
  return Array.from({ length: packets }, (_, i) => tracker.stateOf(i));
}

for (const v6 of [false, true]) {
  test.each(CONTENDERS.map((one) => [one.name, one] as const))(`%s: established, IPv${v6 ? 6 : 4}`, async (_, one) => {
    const tracker = await one.open(FLOWS);
    const input = new Established(FLOWS, v6, "zipf", CHUNK);
    for (const part of input.setup(CHUNK)) tracker.track(part.bytes, part.packets);
    expect(tracker.entries).toBe(FLOWS);
    const { bytes, packets } = input.fill(new Uint8Array(CHUNK * MAX_RECORD), CHUNK);
    tracker.track(bytes, packets);
    expect(tally(tracker, packets)[STATE_ESTABLISHED]).toBe(CHUNK);
    tracker.reset();
    expect(tracker.entries).toBe(0);
  });
}

test("a full table takes new connections, time ends them: all contenders agree", async () => {
  for (const one of [...CONTENDERS, ...withEvents]) {
    const tracker = await one.open(CHUNK);
    for (let round = 0; round < 3; round++) {
      const { bytes, packets } = fillSyns(new Uint8Array(CHUNK * MAX_RECORD), round * CHUNK, CHUNK, 1);
      tracker.track(bytes, packets);
      expect(tally(tracker, packets)[STATE_NEW], one.name).toBe(CHUNK);
    }
    expect(tracker.entries, one.name).toBeLessThanOrEqual(CHUNK);
    tracker.advance(1_000);
    expect(tracker.entries, one.name).toBe(0);
    if (withEvents.includes(one)) expect((tracker as EngineTracker).events).toBeGreaterThan(4 * CHUNK);
  }
});

test("the mix: the JavaScript contenders agree with each other, and with the engine on almost all", async () => {
  const mix = { flows: 2_000, packets: 30_000, seed: 3 };
  const trackers = await Promise.all(CONTENDERS.map((one) => one.open(mix.flows)));
  let differ = 0;
  let all = 0;
  for (const { bytes, packets } of mixChunks(mix, 1024)) {
    for (const tracker of trackers) tracker.track(bytes, packets);
    const [engine, typed, ...maps] = trackers.map((tracker) => states(tracker, packets)) as [number[], number[]];
    for (const map of maps) expect(map).toEqual(typed);
    expect(engine.filter((state) => state === STATE_INVALID)).toEqual([]);
    differ += engine.filter((state, i) => state !== typed[i]).length;
    all += packets;
  }
  expect(differ / all).toBeLessThan(0.001);
});

test.each([ftp, sip])("$helper: every answer announces a connection", async (dialogue) => {
  const name = dialogue.helper;
  const tracker = (await engineWith(name, { helpers: [{ name }] }).open(1000)) as EngineTracker;
  const bytes = new Uint8Array(8 * MAX_DIALOGUE_RECORD);
  const view = new DataView(bytes.buffer);
  tracker.track(bytes.subarray(0, dialogue.open(view, 0, 7)));
  for (let round = 0; round < 3; round++) {
    tracker.track(bytes.subarray(0, dialogue.round(view, 0, 7, round)));
    expect(states(tracker, 2)).not.toContain(STATE_INVALID);
    const ports = tracker.engine.expectations().map(({ tuple }) => tuple.dport);
    expect(ports).toContain(20_000 + 2 * round);
  }
});

test.each([
  ["rules", rulesetText(300, true)],
  ["a raw table", STYLES.raw?.(10) ?? ""],
])("no packet of the workload matches a rule of the ruleset but the one on top: %s", async (_, text) => {
  const { ruleset, errors } = parseRuleset(text);
  expect(errors).toEqual([]);
  const program = compileRules(ruleset);
  const tracker = (await engineWith("rules", { programSize: program.bytes.length }).open(2 * FLOWS)) as EngineTracker;
  tracker.engine.loadProgram(program.bytes);
  const input = new Established(FLOWS, false, "uniform", CHUNK);
  for (const part of input.setup(CHUNK)) tracker.track(part.bytes);
  const { bytes } = input.fill(new Uint8Array(CHUNK * MAX_RECORD), CHUNK);
  for (const results of tracker.engine.trackBlock({ framing: "pcap", link: 1, bytes })) {
    expect(results.count).toBe(CHUNK);
    for (let i = 0; i < results.count; i++)
      expect(program.refs[results.rule(i)]).toMatchObject({ table: "filter", position: 1 });
  }
  const syns = fillSyns(new Uint8Array(CHUNK * MAX_RECORD), 10 * FLOWS, CHUNK, 2);
  for (const results of tracker.engine.trackBlock({ framing: "pcap", link: 1, bytes: syns.bytes })) {
    for (let i = 0; i < results.count; i++) expect(program.refs[results.rule(i)]?.rule).toBeNull();
  }
});

test.each(["blocklist", "ufw", "pods"])("no packet of the workload matches a rule that decides: %s", async (style) => {
  const { ruleset, errors } = parseRuleset(STYLES[style]?.(300) ?? "");
  expect(errors).toEqual([]);
  expect(ruleset.tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules)).length).toBeGreaterThanOrEqual(
    300,
  );
  const program = compileRules(ruleset);
  const tracker = (await engineWith("rules", { programSize: program.bytes.length }).open(2 * FLOWS)) as EngineTracker;
  tracker.engine.loadProgram(program.bytes);
  const { bytes } = fillSyns(new Uint8Array(CHUNK * MAX_RECORD), 0, CHUNK, 1);
  for (const results of tracker.engine.trackBlock({ framing: "pcap", link: 1, bytes })) {
    expect(results.count).toBe(CHUNK);
    for (let i = 0; i < results.count; i++) expect(program.refs[results.rule(i)]?.rule).toBeNull();
  }
});
