// The table against a Map: random packets, deletions and expiries in small tables of both shapes, new hash keys in between.
import { describe, expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import type { Conntrack } from "../../conntrack/src/index.js";
import { NS, recordBlock, START, type TimedPacket } from "./support/blocks.js";
import { BUILDS, inspect, inspectRestored, selfcheck } from "./support/builds.js";
import { Random } from "./support/random.js";
import { text } from "./support/run.js";

/** Two hosts that talk: one key, whichever speaks. None of it ever becomes ASSURED, so that a full table can make room. */
interface Speaker {
  readonly key: string;
  readonly there: Uint8Array;
  readonly back: Uint8Array;
}

function speakers(count: number): Speaker[] {
  return Array.from({ length: count }, (_, i) => {
    const host = `${i >> 8}:${i & 255}`;
    const [src, dst] = i % 2 ? [`2001:db8::1:${host}`, "2001:db8::ff"] : [`10.0.${host.replace(":", ".")}`, "10.1.1.1"];
    const there = packet({ src, dst, protocol: 99, payload: 4 });
    return { key: String(i), there, back: packet({ src: dst, dst: src, protocol: 99, payload: 4 }) };
  });
}

/** What the events say is in the table. */
class Model {
  readonly keyOf = new Map<number, string>();
  readonly connOf = new Map<string, number>();

  apply(engine: Conntrack, key: string | null): { born: number; ended: number } {
    let born = 0;
    let ended = 0;
    for (const { type, flow } of engine.takeEvents()) {
      if (type === "NEW") {
        expect(this.connOf.has(key ?? "?")).toBe(false);
        this.connOf.set(key as string, flow.conn);
        this.keyOf.set(flow.conn, key as string);
        born++;
      } else if (type === "DESTROY") {
        const gone = this.keyOf.get(flow.conn) as string;
        expect(this.connOf.get(gone)).toBe(flow.conn);
        this.connOf.delete(gone);
        this.keyOf.delete(flow.conn);
        ended++;
      }
    }
    return { born, ended };
  }
}

const SIZES = [...Array.from({ length: 40 }, (_, i) => i + 1), 209];
const SHAPES = SIZES.flatMap((max) => [
  { max, sizing: "exact" as const },
  { max, sizing: "power-of-two" as const },
]);

describe.each(BUILDS)("$name build", ({ name, wasm }) => {
  test.each(SHAPES)("max $max, $sizing: agrees with a Map", ({ max, sizing }) => {
    const { engine, core } = inspect(wasm, { max, sizing, seed: max, events: true });
    const random = new Random(max);
    const all = speakers(Math.ceil(max * 1.5) + 3);
    const model = new Model();
    let time = START;
    for (let step = 0; step < Math.max(400, max * 5); step++) {
      time += BigInt(random.below(random.pick([50_000_000, 3_000_000_000])));
      const action = random.below(100);
      if (action < 3) {
        const conn = [...model.keyOf.keys()][random.below(model.keyOf.size + 1)];
        expect(engine.delete(conn ?? 4_000_000_000)).toBe(conn !== undefined);
        expect(model.apply(engine, null).ended).toBe(conn === undefined ? 0 : 1);
      } else if (action < 4) {
        core.rekey?.();
      } else {
        engine.advance(time); // so that what expires is known before the packet
        model.apply(engine, null);
        const speaker = random.pick(all);
        const known = model.connOf.get(speaker.key);
        const full = model.connOf.size === max;
        const { state, direction, conn } = engine.track({
          time,
          data: random.chance(0.5) ? speaker.there : speaker.back,
        });
        const { born, ended } = model.apply(engine, speaker.key);
        if (known === undefined) {
          expect([state, direction, born, ended]).toEqual(["NEW", "original", 1, full ? 1 : 0]);
          expect(conn).toBe(model.connOf.get(speaker.key));
        } else {
          expect([conn, born, ended]).toEqual([known, 0, 0]);
        }
      }
      const [old] = model.keyOf.keys(); // among many younger ones
      if (old !== undefined) expect(engine.flow(old)?.conn).toBe(old);
      expect(engine.flow(step + 100_000)).toBeUndefined();
      expect(engine.entries).toBe(model.connOf.size);
      if (name === "debug") expect(selfcheck(core)).toBe(0);
    }
    expect(engine.flows().map((flow) => flow.conn)).toEqual([...model.keyOf.keys()].sort((a, b) => a - b));
    for (const conn of model.keyOf.keys()) expect(engine.flow(conn)?.conn).toBe(conn);
    engine.flush();
    expect([engine.entries, engine.flows(), engine.takeEvents().length]).toEqual([0, [], model.connOf.size]);
    expect(selfcheck(core)).toBe(0);
  });

  test("a full table holds exactly max connections, each found again", () => {
    for (const max of [1, 2, 14, 15, 16, 28, 100, 5000]) {
      for (const sizing of ["exact", "power-of-two"] as const) {
        const { engine, core } = inspect(wasm, { max, sizing, seed: 1, events: true });
        const all = speakers(max);
        for (const [i, { there }] of all.entries()) {
          engine.track({ time: START, data: there });
          expect(engine.entries).toBe(i + 1);
        }
        for (const [i, { back }] of all.entries()) expect(engine.track({ time: START, data: back }).conn).toBe(i + 1);
        expect(engine.stats().early_drop).toBe(0);
        expect(selfcheck(core)).toBe(0);
      }
    }
  });
});

describe.each(BUILDS)("a growing table, $name build", ({ name, wasm }) => {
  // it begins with 16,395 slots and wants 4096 free for the next call
  const all = speakers(14_000);

  test("14,000 connections that come, answer and go: as in a table that has its size from the start", async () => {
    const options = { max: 60_000, seed: 3, events: true, trace: true };
    const whole = inspect(wasm, options).engine;
    let { engine, core } = inspect(wasm, { ...options, sizing: "growing" });
    const begun = core.slotCount() >>> 0;
    for (let at = 0; at < all.length; at += 2500) {
      const packets = all.slice(at, at + 2500).flatMap(({ there }, i): TimedPacket[] => [
        { time: START + BigInt(at + i) * 20_000_000n, data: there },
        { time: START + BigInt(at + i) * 20_000_000n, data: (all[(at + i) >> 1] as Speaker).back },
      ]);
      const block = recordBlock(packets);
      const rows = (one: Conntrack) => [...one.trackBlock(block)].map(({ words }) => text([...words])).join();
      expect(rows(engine)).toBe(rows(whole));
      expect(text(engine.takeEvents())).toBe(text(whole.takeEvents()));
      if (name === "debug") expect(selfcheck(core)).toBe(0);
      if (at === 12_500) {
        ({ engine, core } = await inspectRestored(wasm, engine.snapshot()));
      }
    }
    expect(text(engine.flows())).toBe(text(whole.flows()));
    expect(engine.entries).toBeGreaterThan(11_300);
    const slots = engine.sysctl("nf_conntrack_buckets");
    expect(slots).toBeGreaterThan(engine.entries);
    expect(slots).toBeGreaterThan(begun);
  });

  test("masters keep their helpers and expectations", () => {
    const { engine, core } = inspect(wasm, { max: 60_000, sizing: "growing", seed: 3, helpers: [{ name: "ftp" }] });
    const ends = { src: "10.0.0.1", dst: "10.9.0.1" };
    const say = (dir: number, flags: string, seq: number, ack: number, payload: string | number = 0) =>
      engine.track({
        time: START,
        data: packet({
          ...(dir === 0 ? ends : { src: ends.dst, dst: ends.src }),
          tcp: { sport: dir === 0 ? 40_000 : 21, dport: dir === 0 ? 21 : 40_000, flags, seq, ack, payload },
        }),
      });
    say(0, "S", 100, 0);
    say(1, "SA", 300, 101);
    say(0, "PA", 101, 301, "USER a\r\n");
    for (const block of [all.slice(0, 12_000), all.slice(12_000)]) {
      for (const _ of engine.trackBlock(recordBlock(block.map(({ there }) => ({ time: START, data: there }))))) {
        if (name === "debug") expect(selfcheck(core)).toBe(0);
      }
    }
    const { reason } = say(0, "PA", 109, 301, "PORT 10,0,0,1,200,10\r\n");
    expect(reason).toBe("expectation-made");
    expect(engine.expectations().map(({ master }) => master.sport)).toEqual([40_000]);
  });
});

describe("a new hash key (debug build)", () => {
  const wasm = BUILDS[1].wasm;

  test("at any moment: the same packets get the same decisions, flows keep their numbers, ids and timers", () => {
    const random = new Random(5);
    const all = speakers(400);
    const packets: TimedPacket[] = Array.from({ length: 6000 }, (_, i) => {
      const speaker = random.pick(all);
      return { time: START + BigInt(i) * 300_000_000n, data: random.chance(0.5) ? speaker.there : speaker.back };
    });
    const options = { max: 300, seed: 3, events: true };
    const plain = inspect(wasm, options).engine;
    const { engine, core } = inspect(wasm, options);
    for (let at = 0; at < packets.length; at += 100) {
      const block = recordBlock(packets.slice(at, at + 100));
      const [expected] = [...plain.trackBlock(block)].map(({ words }) => words.slice());
      core.rekey();
      expect(core.selfcheck()).toBe(0);
      const [actual] = [...engine.trackBlock(block)].map(({ words }) => words.slice());
      expect(actual).toEqual(expected);
      expect(text(engine.takeEvents())).toBe(text(plain.takeEvents()));
    }
    expect(text(engine.flows())).toBe(text(plain.flows()));
    expect(engine.totals()).toEqual({ ...plain.totals(), rekeys: 60 });
    engine.advance(engine.now + 1000n * NS);
    expect(engine.entries).toBe(0);
    expect(core.selfcheck()).toBe(0);
  });

  test("in a table that is full to the last slot the wrapper allows, and in an empty one", () => {
    for (const max of [1, 15, 27, 1000]) {
      const { engine, core } = inspect(wasm, { max, sizing: "exact", seed: 9 });
      core.rekey();
      expect(core.selfcheck()).toBe(0);
      for (const { there } of speakers(max)) engine.track({ time: START, data: there });
      for (let i = 0; i < 20; i++) {
        core.rekey();
        expect(core.selfcheck()).toBe(0);
      }
      expect(engine.entries).toBe(max);
      expect(engine.flows().length).toBe(max);
    }
  });
});
