// A full table: who makes room, who is refused, and what the collector takes.
import { describe, expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import type { Conntrack } from "../../conntrack/src/index.js";
import { NS, recordBlock, START } from "./support/blocks.js";
import { BUILDS, inspect, selfcheck } from "./support/builds.js";

const B = "192.168.0.1";
const host = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
const ACK = { seq: 1000, ack: 2000, win: 8192 };

/** Picked up midstream and answered: ESTABLISHED and ASSURED after three packets. */
function assured(engine: Conntrack, time: bigint, i: number): void {
  const there = { src: host(i), dst: B, tcp: { sport: 1000, dport: 80, flags: "A", ...ACK } };
  const back = { src: B, dst: host(i), tcp: { sport: 80, dport: 1000, flags: "A", seq: 2000, ack: 1000 } };
  for (const fields of [there, back, there]) engine.track({ time, data: packet(fields) });
}

const say = (i: number, flags: string, reply = false) =>
  reply
    ? packet({ src: B, dst: host(i), tcp: { sport: 80, dport: 1000, flags, seq: 2000, ack: 1000 } })
    : packet({ src: host(i), dst: B, tcp: { sport: 1000, dport: 80, flags, ...ACK } });

const udp = (i: number) => packet({ src: host(i), dst: B, udp: { sport: 1000, dport: 53 } });
const syn = (i: number) => packet({ src: host(i), dst: B, tcp: { sport: 1000, dport: 80, flags: "S" } });
/** INVALID at once, but only after the kernel has asked for an entry. */
const finFirst = (i: number) => packet({ src: host(i), dst: B, tcp: { sport: 1000, dport: 80, flags: "FA" } });

describe.each(BUILDS)("$name build", ({ wasm }) => {
  test("max entries fit; the next evicts the one that ends soonest, its DESTROY before the NEW", () => {
    const { engine, core } = inspect(wasm, { max: 100, events: true });
    for (let i = 0; i < 100; i++) engine.track({ time: START + BigInt(i) * NS, data: syn(i) });
    engine.takeEvents();
    const time = START + 100n * NS;
    expect(engine.track({ time, data: syn(500) })).toMatchObject({ state: "NEW", conn: 101, verdict: "ACCEPT" });
    expect(engine.takeEvents().map((e) => [e.type, e.flow.conn, e.frame, e.time, e.flow.timeout])).toEqual([
      ["DESTROY", 1, 101, time, 20n * NS],
      ["NEW", 101, 101, time, 120n * NS],
    ]);
    expect(engine.stats()).toMatchObject({ early_drop: 1, drop: 0, entries: 100 });
    expect(selfcheck(core)).toBe(0);
  });

  test("a packet that opens nothing evicts all the same: allocation comes before validation", () => {
    const { engine } = inspect(wasm, { max: 10, events: true });
    for (let i = 0; i < 10; i++) engine.track({ time: START, data: syn(i) });
    expect(engine.track({ time: START, data: finFirst(500) }).state).toBe("INVALID");
    expect([engine.entries, engine.stats().early_drop]).toEqual([9, 1]);
  });

  test("nobody to evict: the packet is dropped, with reason; the connections there go on", () => {
    const { engine, core } = inspect(wasm, { max: 50, events: true });
    for (let i = 0; i < 50; i++) assured(engine, START, i);
    engine.takeEvents();
    const refused = engine.track({ time: START, data: syn(500) });
    expect(refused).toMatchObject({ state: null, verdict: "DROP", reason: "table-full", conn: null, direction: null });
    expect(engine.track({ time: START, data: finFirst(501) })).toMatchObject({ state: null, verdict: "DROP" });
    expect(engine.track({ time: START, data: say(7, "A") })).toMatchObject({ state: "ESTABLISHED", conn: 8 });
    expect(engine.takeEvents()).toEqual([]);
    expect(engine.stats()).toMatchObject({ drop: 2, early_drop: 0, entries: 50 });
    expect(selfcheck(core)).toBe(0);
  });

  test("after a refusal the collector takes 257: unassured ones and closing ones, never an open one", () => {
    const max = 6000; // 5 % of it is more than one pass takes
    const { engine, core } = inspect(wasm, { max, events: true });
    for (let i = 0; i < max; i++) assured(engine, START, i);
    for (let i = 0; i < max; i += 3) engine.track({ time: START, data: say(i, "FA") }); // FIN_WAIT
    // those that end soonest are open: nothing to find for early drop, so the next packet is refused
    engine.setSysctl("nf_conntrack_tcp_timeout_established", 1);
    for (let i = 1; i < max; i += 3) engine.track({ time: START, data: say(i, "A") });
    engine.takeEvents();
    expect(engine.track({ time: START, data: syn(50_000) }).verdict).toBe("DROP");
    expect(engine.takeEvents()).toEqual([]);
    // the pass comes before the next packet, whatever that is
    engine.track({ time: START, data: new Uint8Array(0) });
    const events = engine.takeEvents();
    expect(events.length).toBe(257);
    expect(new Set(events.map(({ type, flow }) => `${type} ${flow.protocolState}`))).toEqual(
      new Set(["DESTROY FIN_WAIT"]),
    );
    expect([engine.entries, engine.stats().early_drop]).toEqual([max - 257, 257]);
    engine.track({ time: START, data: syn(50_001) });
    expect(engine.takeEvents().map(({ type }) => type)).toEqual(["NEW"]);
    expect(selfcheck(core)).toBe(0);
  });

  test("a pass of the collector looks at a bounded number and the next one goes on behind it", () => {
    const max = 12_000;
    const { engine, core } = inspect(wasm, { max, events: true, seed: 1 });
    for (let i = 0; i < max; i++) assured(engine, START, i);
    engine.setSysctl("nf_conntrack_tcp_timeout_fin_wait", 86_400 * 30);
    engine.track({ time: START, data: say(max - 1, "FA") }); // ends last, and is the only one that may go
    engine.takeEvents();
    let refused = 0;
    const refuse = () => engine.track({ time: START, data: syn(50_000 + refused++) }).verdict;
    expect(refuse()).toBe("DROP");
    engine.track({ time: START, data: new Uint8Array(0) });
    expect([engine.entries, selfcheck(core)]).toEqual([max, 0]); // 8192 looked at, none to take
    while (refused < 1000 && refuse() === "DROP");
    expect(engine.takeEvents().map(({ type, flow }) => [type, flow.conn])).toEqual([
      ["DESTROY", max],
      ["NEW", max + 1],
    ]);
    expect(refused).toBeGreaterThan(8192 / 64);
    expect(refused).toBeLessThan(2 * (8192 / 64) + 3);
    expect(selfcheck(core)).toBe(0);
  });

  test("the collector stops below 95 %", () => {
    const { engine } = inspect(wasm, { max: 100, events: true });
    for (let i = 0; i < 100; i++) assured(engine, START, i);
    for (let i = 0; i < 100; i++) engine.track({ time: START, data: say(i, "FA") });
    expect(engine.track({ time: START, data: syn(500) }).verdict).toBe("DROP"); // FIN_WAIT, but ASSURED
    engine.track({ time: START, data: new Uint8Array(0) });
    expect(engine.entries).toBe(94);
  });

  test("early drop looks at 64: an entry behind that many assured ones is found by the next try", () => {
    const { engine, core } = inspect(wasm, { max: 200, events: true });
    for (let i = 0; i < 199; i++) assured(engine, START, i);
    engine.setSysctl("nf_conntrack_udp_timeout", 86_400 * 30);
    engine.track({ time: START, data: udp(1000) }); // the only one that may go, and the last to end
    let tries = 0;
    while (engine.track({ time: START, data: syn(2000 + tries) }).verdict === "DROP") if (++tries > 10) break;
    expect(tries).toBeLessThanOrEqual(4);
    expect(engine.entries).toBe(200);
    expect(selfcheck(core)).toBe(0);
  });

  test("max lowered under traffic: entries stay, new ones replace unassured ones one by one; raised again it grows", () => {
    const { engine, core } = inspect(wasm, { max: 100, events: true });
    for (let i = 0; i < 100; i++) engine.track({ time: START, data: udp(i) });
    engine.setSysctl("nf_conntrack_max", 10);
    expect(engine.entries).toBe(100);
    for (let i = 100; i < 150; i++) expect(engine.track({ time: START, data: udp(i) }).state).toBe("NEW");
    expect([engine.entries, engine.stats().early_drop]).toEqual([100, 50]);
    engine.advance(START + 60n * NS);
    for (let i = 0; i < 30; i++) engine.track({ time: START + 60n * NS, data: udp(i) });
    expect(engine.entries).toBe(10);
    engine.setSysctl("nf_conntrack_max", 100);
    for (let i = 30; i < 130; i++) engine.track({ time: START + 60n * NS, data: udp(i) });
    expect(engine.entries).toBe(100);
    expect(selfcheck(core)).toBe(0);
  });

  test("a flood against a full table in blocks: evictions in order of age, as packet by packet", () => {
    const { engine, core } = inspect(wasm, { max: 1000, events: true, seed: 1 });
    const packets = Array.from({ length: 20_000 }, (_, i) => ({ time: START + BigInt(i) * 1000n, data: udp(i) }));
    let states = 0;
    for (const results of engine.trackBlock(recordBlock(packets))) {
      for (let i = 0; i < results.count; i++) if (results.state(i) === "NEW") states++;
    }
    expect(states).toBe(20_000);
    const gone = engine.takeEvents().filter(({ type }) => type === "DESTROY");
    expect(gone.map(({ flow }) => flow.conn)).toEqual(Array.from({ length: 19_000 }, (_, i) => i + 1));
    expect(engine.stats()).toMatchObject({ early_drop: 19_000, entries: 1000 });
    expect(selfcheck(core)).toBe(0);
  });
});
