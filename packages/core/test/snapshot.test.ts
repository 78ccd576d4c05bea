// Snapshots: an engine restored at any moment goes on as if nothing had happened; damaged bytes are refused.
import { describe, expect, test } from "vitest";
import { Conntrack, ConntrackError } from "../../conntrack/src/index.js";
import { NS } from "./support/blocks.js";
import { BUILDS, inspect, inspectRestored, selfcheck } from "./support/builds.js";
import { Random } from "./support/random.js";
import { runRecords, text } from "./support/run.js";
import { randomTraffic } from "./support/traffic.js";

const traffic = randomTraffic(new Random(21), { count: 4000, gap: 20_000_000, fragmented: true });

const VARIANTS = [
  { max: 100, events: true, sysctl: { nf_conntrack_acct: 1, nf_conntrack_timestamp: 1 } },
  { max: 97, sizing: "exact" as const, trace: true, sysctl: { nf_conntrack_udp_timeout: 3, nf_conntrack_max: 50 } },
  { max: 2000, profile: "linux-2.4" as const, events: true, inputSize: 65_536 },
];

describe.each(BUILDS)("$name build", ({ wasm }) => {
  test.each(VARIANTS)("restored at random moments: $max $sizing $profile", async (variant) => {
    const random = new Random(variant.max);
    const options = { ...variant, seed: 77 };
    const whole = runRecords(Conntrack.openSync(wasm, options), traffic);
    let engine = Conntrack.openSync(wasm, options);
    const words: number[] = [];
    const events = [];
    for (let at = 0; at < traffic.length; ) {
      const part = traffic.slice(at, at + 1 + random.below(400));
      const outcome = runRecords(engine, part);
      for (const word of outcome.words) words.push(word);
      events.push(...outcome.events);
      at += part.length;
      const snapshot = engine.snapshot();
      const restored = await Conntrack.restore(snapshot, { wasm });
      expect(text([restored.flows(), restored.stats(), restored.totals(), restored.now])).toBe(
        text([engine.flows(), engine.stats(), engine.totals(), engine.now]),
      );
      expect(Buffer.compare(restored.snapshot(), snapshot)).toBe(0);
      for (const name of ["nf_conntrack_max", "nf_conntrack_udp_timeout", "nf_conntrack_acct"]) {
        expect(restored.sysctl(name)).toBe(engine.sysctl(name));
      }
      expect(restored.profile).toBe(engine.profile);
      engine = restored;
    }
    expect(text(words)).toBe(text([...whole.words]));
    expect(text(events)).toBe(text(whole.events));
    expect(text(engine.flows())).toBe(text(whole.flows));
  });

  test("the restored tables are sound, empty and full, before and after the first packet", async () => {
    const { engine } = inspect(wasm, { max: 60, seed: 1 });
    for (const part of [[], traffic.slice(0, 1), traffic.slice(1, 3000)]) {
      runRecords(engine, part);
      const snapshot = engine.snapshot();
      const { core, engine: restored } = await inspectRestored(wasm, snapshot);
      expect(selfcheck(core)).toBe(0);
      runRecords(restored, traffic.slice(3000, 3500));
      expect(selfcheck(core)).toBe(0);
      restored.advance(restored.now + 500_000n * NS);
      expect([restored.entries, selfcheck(core)]).toEqual([0, 0]);
    }
  });

  test("damaged: every byte, and every length", async () => {
    const engine = Conntrack.openSync(wasm, { max: 5, seed: 1 });
    runRecords(engine, traffic.slice(0, 20));
    const snapshot = engine.snapshot();
    const random = new Random(3);
    const places = [...Array(100).keys(), ...Array.from({ length: 100 }, () => random.below(snapshot.length))];
    for (const at of places) {
      const damaged = snapshot.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
      await expect(Conntrack.restore(damaged, { wasm }), `byte ${at}`).rejects.toThrow(
        expect.objectContaining({ code: "bad-snapshot" }),
      );
    }
    const lengths = [
      0,
      1,
      7,
      8,
      23,
      24,
      47,
      48,
      snapshot.length - 1,
      ...Array.from({ length: 20 }, () => random.below(snapshot.length)),
    ];
    for (const length of lengths) {
      await expect(Conntrack.restore(snapshot.slice(0, length), { wasm })).rejects.toThrow(ConntrackError);
    }
    const longer = new Uint8Array(snapshot.length + 1);
    longer.set(snapshot);
    await expect(Conntrack.restore(longer, { wasm })).rejects.toMatchObject({ code: "bad-snapshot" });
    await expect(Conntrack.restore(random.bytes(500), { wasm })).rejects.toMatchObject({ code: "bad-snapshot" });
    expect((await Conntrack.restore(snapshot, { wasm })).entries).toBe(engine.entries);
  });

  test("part of a larger buffer", async () => {
    const engine = Conntrack.openSync(wasm, { max: 50, seed: 1 });
    runRecords(engine, traffic.slice(0, 300));
    const snapshot = engine.snapshot();
    const buffer = new Uint8Array(snapshot.length + 33);
    buffer.set(snapshot, 13);
    const restored = await Conntrack.restore(buffer.subarray(13, 13 + snapshot.length), { wasm });
    expect(text(restored.flows())).toBe(text(engine.flows()));
  });

  test("taken by one build, restored by the other", async () => {
    const engine = Conntrack.openSync(wasm, { max: 50, seed: 1, events: true });
    runRecords(engine, traffic.slice(0, 2000));
    const other = BUILDS.find((build) => build.wasm !== wasm) as (typeof BUILDS)[number];
    const restored = await Conntrack.restore(engine.snapshot(), { wasm: other.wasm });
    expect(text(runRecords(restored, traffic.slice(2000)))).toBe(text(runRecords(engine, traffic.slice(2000))));
  });
});
