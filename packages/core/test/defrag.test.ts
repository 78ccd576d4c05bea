// Fragments: against recordings of the kernel, against a model that says the rules in lists, and against anything.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fragment, fragments, packet } from "../../conformance/src/packets.js";
import { readPcap } from "../../conformance/src/pcap.js";
import { readRecording } from "../../conformance/src/recording.js";
import { Conntrack, type Decision, type OpenOptions } from "../../conntrack/src/index.js";
import { recordBlock, START, type TimedPacket } from "./support/blocks.js";
import { BUILDS, type DebugCore, inspect, selfcheck } from "./support/builds.js";
import { FragmentModel, type ModelOptions } from "./support/frag-model.js";
import { Random } from "./support/random.js";
import { runBlocks } from "./support/run.js";
import { mutated, randomDatagram, randomTrains, type TrainOptions } from "./support/trains.js";

const GOLDEN = new URL("golden/", import.meta.url);
const recordings = readdirSync(GOLDEN).flatMap((file) => (file.endsWith(".pcap") ? [file.slice(0, -5)] : []));

const A = "10.0.0.1";
const B = "10.0.0.2";
const A6 = "2001:db8::1";
const B6 = "2001:db8::2";
const udp = (payload: number, v6 = false, more: Partial<Parameters<typeof packet>[0]> = {}) =>
  packet({ src: v6 ? A6 : A, dst: v6 ? B6 : B, udp: { sport: 1000, dport: 53, payload }, ...more });
const at = (seconds: number) => START + BigInt(Math.round(seconds * 1e9));
const said = ({ state, reason }: Decision) => state ?? reason;

/** checkQueues() of the debug build: 0, or the first broken promise. */
const fragmentCheck = (core: DebugCore): number =>
  (core as DebugCore & { checkQueues?(): number }).checkQueues?.() ?? 0;

describe.each(BUILDS)("$name build", ({ wasm }) => {
  const open = (options: Omit<OpenOptions, "wasm"> = {}) =>
    Conntrack.openSync(wasm, { seed: 1, trace: true, ...options });

  test.each(recordings)("as recorded: %s", (name) => {
    const recording = readRecording(new URL(`${name}.kernel.json.gz`, GOLDEN).pathname);
    const engine = open();
    const mine = readPcap(readFileSync(new URL(`${name}.pcap`, GOLDEN))).map(({ data }, i) => {
      const { state, direction, trace } = engine.track({ time: START + BigInt(i) * 1000n, data });
      const after = state === "INVALID" ? null : (trace?.after ?? null);
      return { state, direction, timeout: after && Math.ceil(Number(after.timeout) / 1e9) };
    });
    expect(mine).toEqual(
      recording.packets.map(({ state, dir, after }) => ({ state, direction: dir, timeout: after?.timeout ?? null })),
    );
    expect(engine.flows().map(({ original }) => [original.src, original.dst, original.sport])).toEqual(
      recording.table.map(({ orig }) => [orig.src, orig.dst, orig.sport]),
    );
  });

  // ---- the model

  interface Run {
    readonly model?: ModelOptions;
    readonly trains?: Partial<TrainOptions>;
    readonly count?: number;
    /** Mean time between fragments, seconds. */
    readonly gap?: number;
    /** Every how manieth packet the capture cuts. */
    readonly cut?: number;
  }

  function compareWithModel(
    seed: number,
    { model: options = {}, trains = {}, count = 6000, gap = 0.001, cut = 0 }: Run,
  ): Map<string, number> {
    const random = new Random(seed);
    const model = new FragmentModel(options);
    const { seconds4 = 30, seconds6 = 60, high4 = 4 << 20, high6 = 4 << 20, distance = 64 } = options;
    const { engine, core } = inspect(wasm, {
      seed: 1,
      trace: true,
      sysctl: {
        ipfrag_time: seconds4,
        nf_conntrack_frag6_timeout: seconds6,
        ipfrag_high_thresh: high4,
        nf_conntrack_frag6_high_thresh: high6,
        ipfrag_max_dist: distance,
        nf_conntrack_acct: 1,
      },
    });
    const reference = open({ sysctl: { nf_conntrack_acct: 1 } });
    const seen = new Map<string, number>();
    const longer = new Set<number>();
    let time = START;
    for (const [i, data] of randomTrains(random, { count, ...trains }).entries()) {
      time += BigInt(Math.floor(random.below(2e9) * gap));
      const headers = Math.min(data.length, 80);
      const kept = cut && random.below(cut) === 0 ? data.subarray(0, random.between(headers, data.length)) : data;
      const mine = engine.track({ time, data: kept, length: data.length });
      const answer = model.take({ time, data: kept, length: data.length });
      const where = `fragment ${i}`;
      if ("reason" in answer) {
        expect({ where, reason: mine.reason, datagram: mine.trace?.datagram }).toEqual({
          where,
          reason: answer.reason,
          datagram: answer.datagram,
        });
        seen.set(answer.reason, (seen.get(answer.reason) ?? 0) + 1);
        // other ends of other clocks: the reference has to see time pass
        reference.advance(time);
        continue;
      }
      const its = reference.track({ time, data: answer.packet, length: answer.length });
      // one that goes on alone still has its fragment header
      const extra = kept !== answer.packet && answer.datagram === null ? 8 : 0;
      if (extra && mine.conn !== null) longer.add(mine.conn);
      const view = (
        { state, direction, conn, reason, trace }: Decision,
        datagram: number | null | undefined,
        more = 0,
      ) => ({
        where,
        state,
        direction,
        conn,
        reason,
        datagram,
        length: (trace?.length ?? 0) + more,
        payload: trace?.payload,
        sport: trace?.sport,
        flags: trace?.flags,
        badChecksum: trace?.badChecksum,
      });
      expect(view(mine, mine.trace?.datagram)).toEqual(view(its, answer.datagram, extra));
      const name = its.state ?? its.reason ?? "";
      seen.set(name, (seen.get(name) ?? 0) + 1);
      if (i % 500 === 0) expect(fragmentCheck(core)).toBe(0);
    }
    expect(fragmentCheck(core)).toBe(0);
    expect(selfcheck(core)).toBe(0);
    const flows = (e: Conntrack) =>
      e.flows().map(({ start: _, stop: __, ...flow }) => ({
        ...flow,
        id: 0,
        counters: longer.has(flow.conn) ? null : flow.counters,
      }));
    expect(flows(engine)).toEqual(flows(reference));
    return seen;
  }

  test.each([1, 2, 3, 4])("random trains as in the model, seed %i", (seed) => {
    const seen = compareWithModel(seed, { trains: { hosts: 1 + seed, ids: 2 + seed, abreast: 2 * seed } });
    for (const name of [
      "NEW",
      "ESTABLISHED",
      "INVALID",
      "fragment-waiting",
      "fragment-duplicate",
      "fragment-overlap",
      "fragment-length",
      "fragment-ecn",
    ]) {
      expect(seen.get(name), name).toBeGreaterThan(0);
    }
  });

  test.each([5, 6])("time runs out, seed %i", (seed) => {
    const seen = compareWithModel(seed, {
      gap: 2,
      model: { seconds4: 5, seconds6: 8 },
      trains: { abreast: 6, ids: 3 },
    });
    expect(seen.get("NEW")).toBeGreaterThan(0);
  });

  test.each([7, 8])("few fragments of others between, seed %i", (seed) => {
    compareWithModel(seed, { model: { distance: seed - 3 }, trains: { families: [4], hosts: 2, abreast: 6, ids: 20 } });
  });

  test.each([9, 10])("little memory, seed %i", (seed) => {
    const seen = compareWithModel(seed, {
      gap: 0.2,
      model: { high4: 12_000, high6: 9000, seconds4: 10, seconds6: 15 },
      trains: { abreast: 12, ids: 30 },
    });
    expect(seen.get("fragment-memory")).toBeGreaterThan(0);
    expect(seen.get("ESTABLISHED")).toBeGreaterThan(0);
  });

  test.each([11, 12])("packets cut by the capture, seed %i", (seed) => {
    const seen = compareWithModel(seed, { cut: 3 });
    expect(seen.get("NEW")).toBeGreaterThan(0);
  });

  // ---- by hand

  test("the datagram is named after its first fragment, and counted as one packet", () => {
    const engine = open({ sysctl: { nf_conntrack_acct: 1 } });
    engine.track({ time: at(0), data: udp(1) });
    const whole = udp(100);
    const parts = fragments(whole, [40, 80], 7).reverse();
    const decisions = parts.map((data) => engine.track({ time: at(1), data }));
    expect(decisions.map(said)).toEqual(["fragment-waiting", "fragment-waiting", "NEW"]);
    expect(decisions.map(({ trace }) => trace?.datagram)).toEqual([2, 2, 2]);
    expect(decisions.map(({ trace }) => trace?.length)).toEqual([
      ...parts.slice(0, 2).map((part) => part.length),
      whole.length,
    ]);
    const again = engine.track({ time: at(1), data: udp(2) });
    expect(again.trace?.datagram).toBeNull();
    expect(engine.flows().map(({ counters }) => counters?.original)).toEqual([
      { packets: 3n, bytes: BigInt(29 + whole.length + 30) },
    ]);
  });

  test.each([false, true])("a queue lives from its first fragment on, IPv6 %s", (v6) => {
    const seconds = v6 ? 60 : 30;
    const parts = fragments(udp(100, v6), [40, 80], 7);
    const run = (...times: number[]) => {
      const engine = open();
      return times.map((time, i) => said(engine.track({ time: at(time), data: parts[i] as Uint8Array }))).at(-1);
    };
    expect(run(0, 20, seconds - 1e-9)).toBe("NEW");
    expect(run(0, 20, seconds)).toBe("fragment-waiting");
    expect(run(0, seconds, seconds + 1)).toBe("fragment-waiting");
  });

  test("a timeout made shorter holds for new queues only", () => {
    const engine = open();
    const first = fragments(udp(100), [40], 1);
    const second = fragments(udp(100), [40], 2);
    const [f0, f1] = first as [Uint8Array, Uint8Array];
    const [s0, s1] = second as [Uint8Array, Uint8Array];
    engine.track({ time: at(0), data: f0 });
    engine.setSysctl("ipfrag_time", 5);
    engine.track({ time: at(1), data: s0 });
    expect(said(engine.track({ time: at(10), data: s1 }))).toBe("fragment-waiting");
    expect(said(engine.track({ time: at(11), data: f1 }))).toBe("NEW");
  });

  test("64 fragments of the same source between two of one datagram are too many, 63 are not", () => {
    const run = (others: number, source = A) => {
      const engine = open();
      const [first, second] = fragments(udp(100), [40], 1) as [Uint8Array, Uint8Array];
      engine.track({ time: at(0), data: first });
      for (let i = 0; i < others; i++)
        engine.track({
          time: at(1),
          data: fragments(udp(100, false, { src: source }), [40], 1000 + i)[0] as Uint8Array,
        });
      return said(engine.track({ time: at(2), data: second }));
    };
    expect(run(63)).toBe("NEW");
    expect(run(64)).toBe("fragment-waiting");
    expect(run(200, "10.0.0.9")).toBe("NEW");
  });

  test("zones, protocols, addresses and identifications keep datagrams apart", () => {
    const engine = open();
    const [first, second] = fragments(udp(100), [40], 1) as [Uint8Array, Uint8Array];
    engine.track({ time: at(0), data: first, zone: 1 });
    const others = [
      { data: second },
      { data: fragments(udp(100), [40], 2)[1] as Uint8Array, zone: 1 },
      { data: fragments(udp(100, false, { src: "10.0.0.3" }), [40], 1)[1] as Uint8Array, zone: 1 },
      {
        data: fragments(
          packet({ src: A, dst: B, tcp: { sport: 1, dport: 2, flags: "S", payload: 100 } }),
          [40],
          1,
        )[1] as Uint8Array,
        zone: 1,
      },
    ];
    for (const other of others) expect(said(engine.track({ time: at(0), ...other }))).toBe("fragment-waiting");
    expect(said(engine.track({ time: at(0), data: second, zone: 1 }))).toBe("NEW");
  });

  test("link-local IPv6 datagrams of two interfaces are two datagrams, global ones are one", () => {
    for (const [dst, last] of [
      ["fe80::2", "fragment-waiting"],
      ["ff02::fb", "fragment-waiting"],
      [B6, "NEW"],
    ] as const) {
      const engine = open();
      const [first, second] = fragments(udp(100, true, { dst }), [40], 1) as [Uint8Array, Uint8Array];
      engine.track({ time: at(0), data: first, interface: 0 });
      expect(said(engine.track({ time: at(0), data: second, interface: 1 }))).toBe(last);
    }
  });

  test("the largest datagrams, and one byte more", () => {
    const run = (v6: boolean, body: number, header = 0) => {
      const engine = open();
      const whole = udp(
        8,
        v6,
        v6
          ? { extensions: header ? [{ type: 60, body: new Uint8Array(header - 2) }] : [] }
          : { ipOptions: new Uint8Array(header).fill(1) },
      );
      const head = whole.subarray(0, (v6 ? 40 : 20) + header);
      const bytes = new Uint8Array(body);
      bytes.set(whole.subarray(head.length, head.length + 4));
      new DataView(bytes.buffer).setUint16(4, body);
      let answer: string | null = null;
      for (let from = 0; from < body; from += 8000) {
        const part = bytes.subarray(from, from + 8000);
        answer = said(engine.track({ time: at(0), data: fragment(head, part, from, from + part.length < body, 1) }));
      }
      return answer;
    };
    expect([run(false, 65515), run(false, 65516)]).toEqual(["NEW", "fragment-too-large"]);
    expect([run(false, 65507, 8), run(false, 65508, 8)]).toEqual(["NEW", "fragment-too-large"]);
    expect([run(true, 65535), run(true, 65527, 8), run(true, 65528, 8)]).toEqual(["NEW", "NEW", "fragment-too-large"]);
  });

  test("IPv6 headers before the fragment header: long ones are kept, behind 256 bytes the kernel stumbles", () => {
    const run = (...sizes: number[]) => {
      const engine = open();
      const whole = udp(100, true, { extensions: sizes.map((size) => ({ type: 60, body: new Uint8Array(size - 2) })) });
      return fragments(
        whole,
        [40],
        1,
        sizes.reduce((sum, size) => sum + size, 0),
      )
        .map((data) => said(engine.track({ time: at(0), data })))
        .at(-1);
    };
    expect([run(8), run(208), run(256), run(208, 256), run(200, 8)]).toEqual(["NEW", "NEW", "NEW", "NEW", "NEW"]);
    expect([run(216, 8), run(248, 16), run(256, 8)]).toEqual(["INVALID", "INVALID", "INVALID"]);
  });

  test("a datagram that is not all captured: no checksum, and no guessing", () => {
    const parts = fragments(
      packet({ src: A, dst: B, udp: { sport: 1, dport: 2, payload: 100, checksum: "bad" } }),
      [40],
      1,
    ) as [Uint8Array, Uint8Array];
    const run = (kept: number) => {
      const engine = open();
      const first = { data: parts[0].subarray(0, kept), length: parts[0].length };
      return [parts[1], first]
        .map((part) => engine.track({ time: at(0), ...(part instanceof Uint8Array ? { data: part } : part) }))
        .at(-1) as Decision;
    };
    expect(run(parts[0].length)).toMatchObject({ state: "INVALID", reason: "bad-checksum", trace: { cut: false } });
    expect(run(40)).toMatchObject({ state: "NEW", trace: { cut: true, badChecksum: false, payload: 100 } });
    expect(run(22)).toMatchObject({ state: null, reason: "cut-by-snaplen" });
  });

  test("a rule that exempts or drops applies to the datagram", () => {
    const engine = open();
    const parts = fragments(udp(100), [40], 1);
    expect(parts.map((data) => said(engine.track({ time: at(0), data, notrack: true })))).toEqual([
      "fragment-waiting",
      "UNTRACKED",
    ]);
    const last = parts.map((data) => engine.track({ time: at(0), data, drop: true })).at(-1);
    expect([last?.state, last?.verdict, engine.entries]).toEqual(["NEW", "DROP", 0]);
  });

  test("a flood fills the memory as the thresholds say; time makes room, old datagrams are refused as well", () => {
    const { engine, core } = inspect(wasm, { seed: 1 });
    const [own, last] = fragments(udp(100), [40], 1) as [Uint8Array, Uint8Array];
    engine.track({ time: at(0), data: own });
    const reasons = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const v6 = i % 2 === 1;
      // the worst ratio of our memory to the kernel's: 16 bytes across two blocks, a source each
      const src = v6 ? `2001:db8::${(i >> 8).toString(16)}:${(i & 255).toString(16)}` : `10.1.${i >> 8}.${i & 255}`;
      const head = udp(0, v6, { src }).subarray(0, v6 ? 40 : 20);
      const name = said(
        engine.track({ time: at(1), data: fragment(head, new Uint8Array(16), 504, true, i) }),
      ) as string;
      reasons.set(name, (reasons.get(name) ?? 0) + 1);
    }
    expect(fragmentCheck(core)).toBe(0);
    // 4 MiB over 704 + 200, and 768 + 184
    expect(reasons.get("fragment-waiting")).toBe(Math.floor((4 << 20) / 904) + Math.floor((4 << 20) / 952) + 1);
    expect(said(engine.track({ time: at(2), data: last }))).toBe("fragment-memory");
    expect(said(engine.track({ time: at(29.999), data: last }))).toBe("fragment-memory");
    expect(said(engine.track({ time: at(30), data: last }))).toBe("fragment-waiting"); // its first half has gone, and made room
    expect(said(engine.track({ time: at(31), data: own }))).toBe("NEW");
    expect(fragmentCheck(core)).toBe(0);
  });

  test("thresholds beyond the region: its end is the limit, and nothing breaks", () => {
    const { engine, core } = inspect(wasm, { seed: 1, sysctl: { ipfrag_high_thresh: 0x7fffffff, ipfrag_max_dist: 0 } });
    const random = new Random(3);
    const seen = new Set<string | null>();
    for (let i = 0; i < 30_000; i++) {
      const head = udp(0, false, { src: `10.1.${i >> 8}.${i & 255}` }).subarray(0, 20);
      const data = fragment(
        head,
        new Uint8Array(8 * random.between(1, 900)),
        8 * random.below(8000),
        true,
        random.below(65536),
      );
      seen.add(said(engine.track({ time: at(0), data })));
    }
    expect(seen).toEqual(new Set(["fragment-waiting", "fragment-memory"]));
    expect(fragmentCheck(core)).toBe(0);
    expect(said(engine.track({ time: at(31), data: fragments(udp(100), [40], 1)[0] as Uint8Array }))).toBe(
      "fragment-waiting",
    );
    expect(fragmentCheck(core)).toBe(0);
  });

  test("a snapshot holds what waits: the restored engine goes on alike, also when it is restored in the middle again", async () => {
    const random = new Random(77);
    const packets = mutated(random, randomTrains(random, { count: 6000, abreast: 20, ids: 12, hosts: 4 }));
    const timed = packets.map((data, i): TimedPacket => ({ time: START + BigInt(i) * 5_000_000n, data }));
    const whole = open();
    let restored = open();
    const expected = timed.map((p) => whole.track(p));
    for (const [i, p] of timed.entries()) {
      if (i % 700 === 350) restored = await Conntrack.restore(restored.snapshot(), { wasm });
      expect(restored.track(p)).toEqual(expected[i]);
    }
    expect(restored.snapshot().length).toBe(whole.snapshot().length);
    expect(restored.flows()).toEqual(whole.flows());
  });

  test("a snapshot stores no fragments when none waits", () => {
    const engine = open();
    const empty = engine.snapshot().length;
    const [first, second] = fragments(udp(100), [40], 1) as [Uint8Array, Uint8Array];
    engine.track({ time: at(0), data: first });
    expect(engine.snapshot().length).toBeGreaterThan(empty + 1000);
    engine.advance(at(30));
    expect(engine.snapshot().length).toBe(empty);
    engine.track({ time: at(31), data: first });
    engine.track({ time: at(31), data: second, drop: true });
    expect(engine.snapshot().length).toBe(empty);
  });

  test("blocks of any size: the bytes of earlier calls are not needed", () => {
    const random = new Random(5);
    const timed = randomTrains(random, { count: 5000 }).map(
      (data, i): TimedPacket => ({ time: START + BigInt(i) * 1000n, data }),
    );
    const run = (size: number) => {
      const blocks = [];
      for (let i = 0; i < timed.length; i += size) blocks.push(recordBlock(timed.slice(i, i + size)));
      return runBlocks(open(), blocks).words;
    };
    const reference = run(timed.length);
    for (const size of [1, 7, 64, 1000]) expect(run(size)).toEqual(reference);
  });

  test("anything at all: 250000 broken fragments", { timeout: 120_000 }, () => {
    const { engine, core } = inspect(wasm, {
      seed: 1,
      trace: true,
      sysctl: { ipfrag_high_thresh: 400_000, nf_conntrack_frag6_high_thresh: 400_000 },
    });
    const random = new Random(2024);
    let time = START;
    for (let round = 0; round < 50; round++) {
      let packets = randomTrains(random, { count: 5000, abreast: 30, ids: 50, hosts: 5, dirt: 0.8 });
      for (let i = round % 3; i > 0; i--) packets = mutated(random, packets);
      const timed = packets.map((data): TimedPacket => {
        time += BigInt(random.below(5_000_000));
        if (random.chance(0.2)) return { time, data: wild(random) };
        return random.chance(0.2)
          ? { time, data: data.subarray(0, random.between(0, data.length)), length: data.length }
          : { time, data };
      });
      runBlocks(engine, [recordBlock(timed)]);
      expect(fragmentCheck(core)).toBe(0);
    }
    expect(selfcheck(core)).toBe(0);
    expect(engine.totals().packets).toBe(250_000);
  });

  test("anything at all, with checksums off and lengths left to the card", () => {
    const { engine, core } = inspect(wasm, { seed: 1, sysctl: { nf_conntrack_checksum: 0, "capture.offload": 1 } });
    const random = new Random(99);
    for (let i = 0; i < 3000; i++) {
      const { whole } = randomDatagram(random, 4, 3);
      const data = new Uint8Array(random.chance(0.05) ? 200_000 : whole.length);
      data.set(whole);
      data[2] = data[3] = 0;
      data[6] = random.below(64);
      data[7] = random.below(256);
      engine.track({ time: at(0), data, length: random.chance(0.1) ? 0xffffffff : data.length });
    }
    expect(fragmentCheck(core)).toBe(0);
  });
});

/** An IP header that looks like a fragment, and noise. */
function wild(random: Random): Uint8Array {
  const bytes = random.bytes(random.between(20, 200));
  if (random.chance(0.5)) {
    const header = Math.min(4 * random.between(5, 15), bytes.length & ~3);
    const head = packet({ src: A, dst: B, protocol: random.pick([6, 17, 1, 253]), payload: 0 }).subarray(0, 20);
    const options = new Uint8Array(header).fill(1);
    options.set(head);
    options[0] = 0x40 | (header >> 2);
    return fragment(options, bytes.subarray(header), 8 * random.below(8192), random.chance(0.7), random.below(3));
  }
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  if (bytes.length > 48) {
    view.setUint16(4, bytes.length - 40);
    bytes[6] = random.pick([44, 44, 60, 43, 0, 51]);
    for (let at = 40; at + 8 <= bytes.length; at += 8) {
      if (random.chance(0.5)) bytes[at] = random.pick([44, 60, 43, 17, 6, 58]);
      if (random.chance(0.7)) bytes[at + 1] = random.below(3);
    }
    bytes.fill(1, 8, 40);
  }
  return bytes;
}
