// One packet per call, blocks of any size, any framing, with or without the fast path, any seed: the same output.
import { describe, expect, test } from "vitest";
import { Conntrack } from "../../conntrack/src/index.js";
import { ethernet, NS, pcapBlock, recordBlock, START, type TimedPacket } from "./support/blocks.js";
import { BUILDS, inspect } from "./support/builds.js";
import { Random } from "./support/random.js";
import {
  chunks,
  type Outcome,
  runBlocks,
  runRecords,
  runSingly,
  text,
  withoutIds,
  withoutReasons,
} from "./support/run.js";
import { randomTraffic } from "./support/traffic.js";

const options = { max: 300, seed: 7, events: true, sysctl: { nf_conntrack_acct: 1, nf_conntrack_timestamp: 1 } };
const traffic = randomTraffic(new Random(1), { count: 9000, gap: 20_000_000, resolution: 1000n });

function expectSame(actual: Outcome, expected: Outcome): void {
  const at = actual.words.findIndex((word, i) => word !== expected.words[i]);
  expect({ packets: actual.words.length / 2, firstDifference: at < 0 ? null : at >> 1 }).toEqual({
    packets: expected.words.length / 2,
    firstDifference: null,
  });
  expect(text(actual.events)).toBe(text(expected.events));
  expect(text(actual.flows)).toBe(text(expected.flows));
}

describe.each(BUILDS)("$name build", ({ wasm }) => {
  const open = (more = {}) => Conntrack.openSync(wasm, { ...options, ...more });
  const reference = runRecords(open(), traffic);

  test("the traffic is worth it: all states, evictions, expiries, hundreds of flows", () => {
    const states = new Set(reference.words.filter((_, i) => i % 2 === 0).map((word) => word & 255));
    expect([...states].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    const engine = open();
    runRecords(engine, traffic);
    expect(engine.totals().created).toBeGreaterThan(500);
    expect(engine.totals().expired).toBeGreaterThan(10);
    expect(new Set(reference.events.map(({ type }) => type))).toEqual(new Set(["NEW", "UPDATE", "DESTROY"]));
  });

  test.each([1, 2, 63, 64, 65, 1000, 4096, 4097])("blocks of %i packets", (size) => {
    expectSame(runRecords(open(), traffic, size), reference);
  });

  test("one call per packet", () => {
    expectSame(runSingly(open(), traffic), withoutReasons(reference));
  });

  test("single calls between blocks", () => {
    const engine = open();
    const random = new Random(2);
    const outcomes: Outcome[] = [];
    for (let at = 0; at < traffic.length; ) {
      const part = traffic.slice(at, at + 1 + random.below(200));
      outcomes.push(withoutReasons(random.chance(0.5) ? runSingly(engine, part) : runRecords(engine, part)));
      at += part.length;
    }
    const words = Uint32Array.from(outcomes.flatMap((outcome) => [...outcome.words]));
    const events = outcomes.flatMap((outcome) => outcome.events);
    expectSame({ words, events, flows: engine.flows() }, withoutReasons(reference));
  });

  test("a call for a packet while a block is being read", () => {
    const engine = open();
    const [stray] = randomTraffic(new Random(3), { count: 1 });
    const block = recordBlock(traffic.slice(0, 8500));
    let packets = 0;
    for (const results of engine.trackBlock(block)) {
      packets += results.count;
      engine.track({ ...(stray as TimedPacket), time: engine.now });
    }
    expect(packets).toBe(8500);
    expect(engine.totals().packets).toBe(8503);
  });

  test.each([
    { swapped: false, nanoseconds: false },
    { swapped: true, nanoseconds: false },
    { swapped: false, nanoseconds: true },
    { swapped: true, nanoseconds: true },
  ])("pcap records, big-endian $swapped, nanoseconds $nanoseconds", (form) => {
    const blocks = chunks(traffic, 700).map((part) => pcapBlock(part, { link: 101, ...form }));
    expectSame(runBlocks(open(), blocks), reference);
  });

  test("a small input region: blocks larger than it, records larger than half of it", () => {
    const engine = open({ inputSize: 65_536 });
    expectSame(runRecords(engine, traffic), reference);
    const large = new Uint8Array(200_000);
    large.set(traffic[0]?.data ?? []);
    const before = engine.totals().packets;
    const packets = [traffic[0], { time: engine.now, data: large }, traffic[1]] as TimedPacket[];
    for (const block of [recordBlock(packets), pcapBlock(packets, { link: 101 })]) {
      expect([...engine.trackBlock(block)].length).toBeGreaterThan(0);
    }
    expect(engine.totals().packets).toBe(before + 6);
  });

  test("Ethernet: with and without the fast path, and as raw IP", () => {
    // no padding, so that both link types hold the same bytes
    const frames = traffic.map((packet) => ({ ...packet, link: 1, data: frame(packet.data) }));
    const fast = inspect(wasm, options);
    const exact = inspect(wasm, options);
    exact.core.setFastPath(false);
    const viaFast = runRecords(fast.engine, frames);
    expectSame(viaFast, runRecords(exact.engine, frames));
    expectSame(viaFast, reference);
    expect(fast.engine.totals()).toEqual(exact.engine.totals());
    expect(text(fast.engine.stats())).toBe(text(exact.engine.stats()));
  });

  test("the same seed gives the same bytes, another seed other ids only", () => {
    expectSame(runRecords(open(), traffic), reference);
    for (const seed of [8, 0, 0xffff_ffff_ffff_ffffn]) {
      const other = runRecords(open({ seed }), traffic);
      expectSame(withoutIds(other), withoutIds(reference));
      expect(other.flows.map(({ id }) => id)).not.toEqual(reference.flows.map(({ id }) => id));
    }
  });

  test("either table size", () => {
    expectSame(runRecords(open({ sizing: "exact" }), traffic), reference);
  });

  test("tracing changes nothing", () => {
    expectSame(runRecords(open({ trace: true }), traffic), reference);
  });
});

const frame = (ip: Uint8Array) => ethernet(ip).subarray(0, 14 + ip.length);

describe.each(BUILDS)("blocks that are damaged ($name)", ({ wasm }) => {
  const three = traffic.slice(0, 3);

  test.each(["records", "pcap"] as const)(
    "%s: a prefix gives the whole records before the cut, then bad-packet",
    (framing) => {
      const { bytes, ...block } = framing === "records" ? recordBlock(three) : pcapBlock(three, { link: 101 });
      const ends = three.map((_, i) => {
        const upTo = three.slice(0, i + 1);
        return (framing === "records" ? recordBlock(upTo) : pcapBlock(upTo, { link: 101 })).bytes.length;
      });
      for (let length = 0; length < bytes.length; length += 3) {
        const engine = Conntrack.openSync(wasm, { max: 10, seed: 1 });
        let packets = 0;
        const read = () => {
          for (const results of engine.trackBlock({ ...block, bytes: bytes.subarray(0, length) }))
            packets += results.count;
        };
        try {
          read();
        } catch (error) {
          expect((error as { code?: string }).code).toBe("bad-packet");
        }
        // the padding of a record's end may be missing
        const whole = ends.filter((end) => end <= length + (framing === "records" ? 7 : 0)).length;
        expect(packets).toBeGreaterThanOrEqual(ends.filter((end) => end <= length).length);
        expect(packets).toBeLessThanOrEqual(whole);
        expect(engine.track({ time: START, data: new Uint8Array(0) }).state).toBeNull();
      }
    },
  );

  test("a record that claims 4 GB", () => {
    const block = pcapBlock(three, { link: 101 });
    new DataView(block.bytes.buffer).setUint32(8, 0xffffffff, true);
    const engine = Conntrack.openSync(wasm, { max: 10 });
    expect(() => [...engine.trackBlock(block)]).toThrow(/claims 4294967295 bytes/);
    expect(engine.now).toBe(0n * NS);
  });
});
