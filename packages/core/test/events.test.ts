// The event ring under pressure: the core stops, the reader catches up, nothing is lost, nothing changes its place.
import { describe, expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import { Conntrack } from "../../conntrack/src/index.js";
import { NS, recordBlock, START, type TimedPacket } from "./support/blocks.js";
import { BUILDS } from "./support/builds.js";
import { Random } from "./support/random.js";
import { runRecords, runSingly, text, withoutReasons } from "./support/run.js";
import { randomTraffic } from "./support/traffic.js";

/** Refused connections: NEW and DESTROY, two events for two packets. */
function refused(count: number): TimedPacket[] {
  return Array.from({ length: count }, (_, i) => {
    const [src, dst] = [`10.0.${(i >> 9) & 255}.${(i >> 1) & 255}`, "10.1.0.1"];
    const fields =
      i % 2 === 0
        ? { src, dst, tcp: { sport: 1000, dport: 80, flags: "S", seq: 5 } }
        : { src: dst, dst: src, tcp: { sport: 80, dport: 1000, flags: "RA", seq: 0, ack: 6 } };
    return { time: START + BigInt(i), data: packet(fields) };
  });
}

describe.each(BUILDS)("$name build", ({ wasm }) => {
  test("more events than the ring holds in one block", () => {
    const engine = Conntrack.openSync(wasm, { max: 100, events: true, seed: 1 });
    const packets = refused(20_000);
    for (const _ of engine.trackBlock(recordBlock(packets))); // nobody takes events in between
    const events = engine.takeEvents();
    const inOrder = packets.map((_, i) => `${i % 2 ? "DESTROY" : "NEW"} ${i + 1}`);
    expect(text(events.map(({ type, frame }) => `${type} ${frame}`))).toBe(text(inOrder));
    expect(engine.entries).toBe(0);
  });

  test("expiries and new connections by the ten thousand: as one call per packet gives them", () => {
    const random = new Random(11);
    const packets: TimedPacket[] = [];
    let time = START;
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 12_000; i++) {
        const src = `10.${round}.${i >> 8}.${i & 255}`;
        packets.push({ time, data: packet({ src, dst: "10.9.9.9", udp: { sport: 1, dport: random.below(3) } }) });
        time += 1000n;
      }
      time += 100n * NS;
    }
    const options = { max: 20_000, events: true, seed: 1 };
    const blocks = runRecords(Conntrack.openSync(wasm, options), packets);
    const singly = runSingly(Conntrack.openSync(wasm, options), packets);
    expect(text(withoutReasons(blocks).words)).toBe(text(singly.words));
    expect(text(blocks.events)).toBe(text(singly.events));
    expect(blocks.events.length).toBe(12_000 * 3);
  });

  test("advance() through forty thousand deadlines", () => {
    const engine = Conntrack.openSync(wasm, { max: 40_000, events: true, seed: 1 });
    const packets = Array.from({ length: 40_000 }, (_, i) => ({
      time: START + BigInt(i),
      data: packet({
        src: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
        dst: "11.0.0.1",
        udp: { sport: 1, dport: 2, checksum: 0 },
      }),
    }));
    for (const _ of engine.trackBlock(recordBlock(packets)));
    engine.takeEvents();
    engine.advance(START + 3600n * NS);
    const times = engine.takeEvents().map((event) => event.time);
    expect(text(times)).toBe(text(packets.map((p) => p.time + 30n * NS)));
    expect([engine.entries, engine.now]).toEqual([0, START + 3600n * NS]);
  });

  test("nobody listens: no events, the same decisions", () => {
    const traffic = randomTraffic(new Random(12), { count: 3000, gap: 20_000_000 });
    const silent = runRecords(Conntrack.openSync(wasm, { max: 200, seed: 1 }), traffic);
    const heard = runRecords(Conntrack.openSync(wasm, { max: 200, seed: 1, events: true }), traffic);
    expect(silent.events).toEqual([]);
    expect(heard.events.length).toBeGreaterThan(500);
    expect(silent.words).toEqual(heard.words);
    expect(text(silent.flows)).toBe(text(heard.flows));
  });

  test("replaying the events gives the table", () => {
    const engine = Conntrack.openSync(wasm, { max: 150, seed: 1, events: true });
    const { events, flows } = runRecords(engine, randomTraffic(new Random(13), { count: 8000, gap: 20_000_000 }));
    const table = new Map<number, string>();
    for (const { type, flow } of events) {
      const fixed = text([flow.original, flow.reply, flow.id]);
      if (type === "NEW") {
        expect(table.has(flow.conn)).toBe(false);
        table.set(flow.conn, fixed);
      } else {
        expect(table.get(flow.conn)).toBe(fixed);
        if (type === "DESTROY") table.delete(flow.conn);
      }
    }
    expect([...table].sort(([a], [b]) => a - b)).toEqual(
      flows.map((flow) => [flow.conn, text([flow.original, flow.reply, flow.id])]),
    );
    const frames = events.map(({ frame }) => frame);
    expect(frames).toEqual([...frames].sort((a, b) => a - b));
    for (const { flow, type } of events) expect(type === "DESTROY" && (flow.status & 8) === 0).toBe(false);
  });
});
