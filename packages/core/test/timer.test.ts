// Timers: every entry ends exactly at its deadline, in order, before the packet with a later time is looked at.
import { CONN_SERIAL, CONN_SIZE } from "@conntrack-wasm/core/abi";
import { describe, expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import { Conntrack, type FlowEvent } from "../../conntrack/src/index.js";
import { NS, recordBlock, START, type TimedPacket } from "./support/blocks.js";
import { BUILDS, type DebugCore, inspect, selfcheck } from "./support/builds.js";
import { Random } from "./support/random.js";
import { text } from "./support/run.js";

const UDP = "nf_conntrack_udp_timeout";
const MOST = 8_589_934; // seconds, the largest timeout a sysctl takes: 99 days
const YEAR = 31_557_600n * NS;

const udp = (host: number, reply = false) => {
  const [a, b] = [`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`, "192.168.0.1"];
  const there = packet({ src: a, dst: b, udp: { sport: 1000, dport: 53, checksum: 0 } });
  return reply ? packet({ src: b, dst: a, udp: { sport: 53, dport: 1000, checksum: 0 } }) : there;
};

const destroyed = (engine: Conntrack): FlowEvent[] => engine.takeEvents().filter(({ type }) => type === "DESTROY");

describe.each(BUILDS)("$name build", ({ name, wasm }) => {
  const check = (core: Parameters<typeof selfcheck>[0]) => name === "debug" && expect(selfcheck(core)).toBe(0);

  test("an entry is there one nanosecond before its deadline and gone at it", () => {
    for (const seconds of [1, 2, 17, 18, 600, 86_400, MOST]) {
      for (const start of [0n, 1n, START, START + 123_456_789n, 4_000_000_000n * NS + 67_108_863n]) {
        const { engine } = inspect(wasm, { max: 10, events: true, sysctl: { [UDP]: seconds } });
        const deadline = start + BigInt(seconds) * NS;
        engine.track({ time: start, data: udp(1) });
        engine.advance(deadline - 1n);
        expect(engine.entries).toBe(1);
        expect(engine.flows()[0]?.timeout).toBe(1n);
        engine.advance(deadline);
        expect(engine.entries).toBe(0);
        const [event] = destroyed(engine);
        expect([event?.time, event?.flow.timeout, event?.frame]).toEqual([deadline, 0n, 2]);
      }
    }
  });

  test("a packet exactly at the deadline opens a new connection; one nanosecond earlier it renews", () => {
    const { engine } = inspect(wasm, { max: 10, events: true });
    expect(engine.track({ time: START, data: udp(1) }).conn).toBe(1);
    expect(engine.track({ time: START + 30n * NS - 1n, data: udp(1) }).conn).toBe(1);
    expect(engine.track({ time: START + 60n * NS - 1n, data: udp(1) })).toMatchObject({ conn: 2, state: "NEW" });
    const events = engine.takeEvents();
    expect(events.map(({ type, frame, time }) => [type, frame, time])).toEqual([
      ["NEW", 1, START],
      ["DESTROY", 3, START + 60n * NS - 1n],
      ["NEW", 3, START + 60n * NS - 1n],
    ]);
  });

  test("random deadlines, from now to a hundred days: DESTROY in the order of deadlines, each with its own time", () => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = new Random(seed);
      const { engine, core } = inspect(wasm, { max: 3000, seed, events: true });
      const wanted: { conn: number; deadline: bigint }[] = [];
      let time = START + BigInt(random.below(NS_PER_TICK * 5));
      const pending: FlowEvent[] = [];
      for (let host = 0; host < 1500; host++) {
        time += BigInt(random.below(random.pick([1, 1000, 50_000_000, 2_000_000_000])));
        const seconds = random.pick([
          0,
          1,
          2,
          17,
          18,
          4398,
          5000,
          1_125_899,
          MOST,
          random.below(MOST),
          random.below(100),
        ]);
        engine.setSysctl(UDP, seconds);
        const { conn } = engine.track({ time, data: udp(host) });
        wanted.push({ conn: conn as number, deadline: time + BigInt(seconds) * NS });
        pending.push(...destroyed(engine));
        if (host % 50 === 0) check(core);
      }
      const last = time + BigInt(MOST) * NS;
      while (time < last) {
        time += BigInt(random.below(1_000_000)) * random.pick([1n, 1_000_000n, 10_000_000n]);
        engine.advance(time);
        const events = destroyed(engine);
        for (const event of events) expect(event.time).toBeLessThanOrEqual(time);
        pending.push(...events);
        check(core);
      }
      wanted.sort((a, b) => (a.deadline < b.deadline ? -1 : a.deadline > b.deadline ? 1 : a.conn - b.conn));
      expect(pending.map(({ flow, time: at }) => ({ conn: flow.conn, deadline: at }))).toEqual(wanted);
      expect(engine.entries).toBe(0);
    }
  });

  test("renewals move the deadline, sooner and later: the last one counts", () => {
    const random = new Random(4);
    const { engine, core } = inspect(wasm, { max: 300, seed: 1, events: true });
    const deadlines = new Map<number, bigint>();
    let time = START;
    for (let step = 0; step < 20_000; step++) {
      time += BigInt(random.below(random.pick([2, 100_000_000, 3_000_000_000])));
      const seconds = random.pick([0, 1, 3, 30, 3600, 100_000]);
      engine.setSysctl(UDP, seconds);
      const host = random.below(200);
      const { conn } = engine.track({ time, data: udp(host) });
      for (const { flow, time: at } of destroyed(engine)) {
        expect(at).toBe(deadlines.get(flow.conn));
        expect(at).toBeLessThanOrEqual(time);
        deadlines.delete(flow.conn);
      }
      deadlines.set(conn as number, time + BigInt(seconds) * NS);
      for (const deadline of step % 1000 === 0 ? deadlines.values() : []) expect(deadline).toBeGreaterThanOrEqual(time);
      if (step % 500 === 0) check(core);
    }
    const left = engine.flows().map(({ conn, timeout }) => [conn, engine.now + timeout]);
    expect(left).toEqual([...deadlines].sort(([a], [b]) => a - b));
  });

  test("time that jumps by decades, and time that goes back", () => {
    const { engine, core } = inspect(wasm, { max: 1000, seed: 1, events: true, sysctl: { [UDP]: MOST } });
    let time = 0n;
    for (let i = 0; i < 60; i++) {
      engine.track({ time, data: udp(i) });
      check(core);
      time += i % 3 === 0 ? 14n * YEAR : i % 3 === 1 ? YEAR / 12n : 1n;
      if (i % 5 === 4) engine.track({ time: time - 10n * YEAR, data: udp(i + 500) });
      check(core);
    }
    expect(engine.now).toBeGreaterThan(250n * YEAR);
    engine.advance(time + 100n * YEAR);
    expect(engine.entries).toBe(0);
    const times = destroyed(engine).map((event) => event.time);
    expect(times).toEqual([...times].sort((a, b) => (a < b ? -1 : 1)));
    engine.advance(0n); // never backwards
    expect(engine.now).toBe(time + 100n * YEAR);
  });

  test("a packet from the past does not turn the clock back", () => {
    const { engine } = inspect(wasm, { max: 10, events: true });
    engine.track({ time: START + 20n * NS, data: udp(1) });
    engine.track({ time: START, data: udp(2) });
    expect(engine.now).toBe(START + 20n * NS);
    expect(engine.flows().map(({ timeout }) => timeout)).toEqual([30n * NS, 30n * NS]);
  });

  test("a timeout of 0 ends with the next packet, also at the same time, and with packets from the past in between", () => {
    const { engine, core } = inspect(wasm, { max: 20, sizing: "exact", seed: 1, events: true, sysctl: { [UDP]: 0 } });
    engine.track({ time: START, data: udp(1) });
    expect(engine.entries).toBe(1);
    engine.track({ time: START, data: udp(2) });
    expect(destroyed(engine).map(({ flow }) => flow.conn)).toEqual([1]);
    // renewed again and again within the same tick, from the past: nothing that keeps books of that may overflow
    for (let i = 0; i < 1000; i++) {
      engine.setSysctl(UDP, i % 2);
      engine.track({ time: START - 1n, data: udp(3 + (i % 15)) });
      expect(selfcheck(core)).toBe(0);
    }
    engine.advance(START + NS);
    expect(engine.entries).toBe(0);
  });

  test("more entries end at once than one call works off: none is lost, order kept, the packet waits", () => {
    const { engine, core } = inspect(wasm, { max: 40_000, seed: 1, events: true });
    const packets: TimedPacket[] = Array.from({ length: 30_000 }, (_, i) => ({
      time: START + BigInt(i),
      data: udp(i),
    }));
    for (const block of [packets, [{ time: START + 3600n * NS, data: udp(7) }]].map(recordBlock)) {
      for (const _ of engine.trackBlock(block)) check(core);
    }
    const events = engine.takeEvents();
    expect(text(events.filter(({ type }) => type === "NEW").map(({ frame }) => frame))).toBe(text(upTo(30_001)));
    const ends = events.filter(({ type }) => type === "DESTROY");
    expect(text(ends.map(({ flow }) => flow.conn))).toBe(text(upTo(30_000)));
    expect(new Set(ends.map(({ frame }) => frame))).toEqual(new Set([30_001]));
    expect(events.at(-1)).toMatchObject({ type: "NEW", frame: 30_001 });
    expect(engine.entries).toBe(1);
  });

  // Budget of a call: WORK_BUDGET in assembly/timer.ts.
  const BUDGET = 4096;
  /** The link to the conn before it in its timer list. */
  const PREV = 96;

  /** What each conn is filed behind, and its number: what filing and ending change. */
  function filing(core: DebugCore): Uint32Array {
    const slots = core.slotCount() >>> 0;
    const conns = new DataView(core.memory.buffer, core.connRegion() >>> 0, slots * CONN_SIZE);
    const words = new Uint32Array(2 * slots);
    for (let slot = 0; slot < slots; slot++) {
      words[2 * slot] = conns.getUint32(slot * CONN_SIZE + PREV, true);
      words[2 * slot + 1] = conns.getUint32(slot * CONN_SIZE + CONN_SERIAL, true);
    }
    return words;
  }

  function handled(before: Uint32Array, after: Uint32Array): number {
    let count = 0;
    for (let i = 0; i < before.length; i += 2)
      if (before[i + 1] !== after[i + 1] || (after[i + 1] !== 0 && before[i] !== after[i])) count++;
    return count;
  }

  const CROWD = 10_000;
  /** Entries that all end within one tick, far enough away for the list to be opened twice. */
  function crowd(): { engine: Conntrack; core: DebugCore; end: bigint } {
    const { engine, core } = inspect(wasm, { max: CROWD, seed: 1, events: true, sysctl: { [UDP]: 7200 } });
    const packets: TimedPacket[] = Array.from({ length: CROWD }, (_, i) => ({
      time: START + BigInt(i),
      data: udp(i),
    }));
    for (const _ of engine.trackBlock(recordBlock(packets)));
    engine.takeEvents();
    return { engine, core, end: START + 7300n * NS };
  }

  test("a call handles a bounded number of entries, whether they are filed anew or end; order is kept", () => {
    const { engine, core, end } = crowd();
    const counts: number[] = [];
    for (let finished = false; !finished; ) {
      const before = filing(core);
      finished = engine.advanceStep(end);
      counts.push(handled(before, filing(core)));
      if (counts.length % 4 === 0) check(core);
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(BUDGET + 1); // the first one left has another neighbour
    expect(counts.reduce((sum, n) => sum + n)).toBeGreaterThanOrEqual(2 * CROWD);
    expect(text(destroyed(engine).map(({ flow }) => flow.conn))).toBe(text(upTo(CROWD)));
    expect(engine.entries).toBe(0);
  });

  test("a packet behind them waits: its block yields parts without a packet, and the call is as short", () => {
    const { engine, core, end } = crowd();
    const parts: number[] = [];
    let before = filing(core);
    for (const results of engine.trackBlock(recordBlock([{ time: end, data: udp(3) }]))) {
      parts.push(results.count);
      expect(results.firstFrame).toBe(CROWD + 1);
      const after = filing(core);
      expect(handled(before, after)).toBeLessThanOrEqual(BUDGET + 1);
      before = after;
    }
    expect(parts.length).toBeGreaterThan(4);
    expect(parts).toEqual([...parts.slice(1).map(() => 0), 1]);
    expect(engine.takeEvents().at(-1)).toMatchObject({ type: "NEW", frame: CROWD + 1 });
  });

  test("between two steps: packets from the past, deletions and snapshots; nothing is lost or out of order", async () => {
    const { engine, core, end } = crowd();
    const twin = crowd().engine;
    const ends: FlowEvent[] = [];
    let current = engine;
    const gone = new Set<number>();
    for (let step = 0; !current.advanceStep(end); step++) {
      if (step === 1) {
        // finishes what was begun, up to the clock, and renews an entry
        const { state, conn } = current.track({ time: START, data: udp(CROWD - 1) });
        expect([state, conn]).toEqual(["NEW", CROWD]);
        twin.track({ time: START, data: udp(CROWD - 1) });
      }
      if (step % 2 === 0) {
        const conn = CROWD - 1 - step;
        expect(current.delete(conn)).toBe(true);
        gone.add(conn);
      }
      ends.push(...destroyed(current).filter(({ flow }) => !gone.has(flow.conn)));
      current = await Conntrack.restore(current.snapshot(), { wasm });
    }
    ends.push(...destroyed(current));
    check(core);
    twin.advance(end);
    const expected = destroyed(twin).filter(({ flow }) => !gone.has(flow.conn));
    expect(gone.size).toBeGreaterThan(2);
    expect(text(ends.map(({ flow, time }) => [flow.conn, time]))).toBe(
      text(expected.map(({ flow, time }) => [flow.conn, time])),
    );
  });

  test("without a listener the same, by the budget alone", () => {
    const { engine, core } = inspect(wasm, { max: 40_000, seed: 1 });
    const packets: TimedPacket[] = Array.from({ length: 30_000 }, (_, i) => ({ time: START, data: udp(i) }));
    for (const _ of engine.trackBlock(recordBlock(packets))) check(core);
    expect(engine.track({ time: START + 60n * NS, data: udp(1) })).toMatchObject({
      state: "NEW",
      conn: 30_001,
      frame: 30_001,
    });
    expect([engine.entries, engine.totals().expired]).toEqual([1, 30_000]);
    check(core);
    engine.advance(START + 3600n * NS);
    expect(engine.entries).toBe(0);
  });
});

const NS_PER_TICK = 2 ** 26;
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
