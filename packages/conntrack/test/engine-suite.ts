// The wrapper's suite, over the built package: the same tests run in Node and in a browser.
import { expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import { Conntrack, ConntrackError, formatProc, type OpenOptions, type PacketInput } from "../dist/index.js";

const NS = 1_000_000_000n;
const START = 1_700_000_000n * NS;
const A = "10.0.0.1";
const B = "10.0.0.2";

const tcp = (ms: number, back: boolean, flags: string, seq: number, ack: number, payload = 0): PacketInput => {
  const [src, dst, sport, dport] = back ? ([B, A, 80, 1025] as const) : ([A, B, 1025, 80] as const);
  const data = packet({ src, dst, tcp: { sport, dport, flags, seq, ack, win: 8192, payload } });
  return { time: START + BigInt(ms) * 1_000_000n, data };
};
const HANDSHAKE = [tcp(0, false, "S", 100, 0), tcp(1, true, "SA", 300, 101), tcp(2, false, "A", 101, 301)];
const udp = (ms: number, sport: number): PacketInput => ({
  time: START + BigInt(ms) * 1_000_000n,
  data: packet({ src: A, dst: B, udp: { sport, dport: 53, payload: 4 } }),
});

/** The packets as pcap records of link type raw IP. */
function pcapRecords(packets: readonly PacketInput[]): Uint8Array {
  const bytes = new Uint8Array(packets.reduce((sum, { data }) => sum + 16 + data.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { time, data } of packets) {
    view.setUint32(at, Number(time / NS), true);
    view.setUint32(at + 4, Number((time % NS) / 1000n), true);
    view.setUint32(at + 8, data.length, true);
    view.setUint32(at + 12, data.length, true);
    bytes.set(data, at + 16);
    at += 16 + data.length;
  }
  return bytes;
}

/** `wasm`: the module's bytes, `url`: where it lies for a server or the file system. */
export function engineSuite(wasm: () => Promise<Uint8Array<ArrayBuffer>>, url: URL): void {
  const open = (options: OpenOptions = {}) => Conntrack.open({ seed: 1, max: 1000, ...options });

  test("the module is found beside the package, at a URL, in bytes, compiled, in a response", async () => {
    const bytes = await wasm();
    const response = () => new Response(bytes, { headers: { "content-type": "application/wasm" } });
    const sources = [
      undefined,
      url,
      bytes,
      bytes.buffer,
      await WebAssembly.compile(bytes),
      response(),
      Promise.resolve(response()),
    ];
    for (const source of sources) {
      const engine = await Conntrack.open(source === undefined ? {} : { wasm: source });
      expect(engine.track(HANDSHAKE[0] as PacketInput).state).toBe("NEW");
    }
    expect(Conntrack.openSync(bytes).entries).toBe(0);
  });

  test("a module that is not there, or none: no-wasm", async () => {
    for (const source of [new URL("missing.wasm", url), new Uint8Array([1, 2, 3]), new Response("", { status: 404 })]) {
      await expect(Conntrack.open({ wasm: source })).rejects.toMatchObject({ code: "no-wasm" });
    }
  });

  test("options and sysctls are checked once, with the way out", async () => {
    await expect(open({ max: 0 })).rejects.toMatchObject({ code: "bad-option" });
    await expect(open({ inputSize: 1 })).rejects.toMatchObject({ code: "bad-option" });
    await expect(open({ profile: "linux-5" as "linux-6" })).rejects.toThrow(/linux-6, linux-2.4/);
    await expect(open({ sysctl: { nf_conntrack_tcp_lose: 1 } })).rejects.toThrow(/nf_conntrack_tcp_loose/);
    const engine = await open();
    expect(() => engine.setSysctl("nf_conntrack_udp_timeout", -1)).toThrow(ConntrackError);
    engine.setSysctl("net.netfilter.nf_conntrack_udp_timeout", 7);
    expect(engine.sysctl("nf_conntrack_udp_timeout")).toBe(7);
    engine.track(udp(0, 1));
    expect(engine.flows()[0]?.timeout).toBe(7n * NS);
    expect(engine.sysctl("nf_conntrack_count")).toBe(1);
    expect(engine.sysctl("net.netfilter.nf_conntrack_buckets")).toBeGreaterThanOrEqual(1000);
    expect(() => engine.setSysctl("nf_conntrack_buckets", 1)).toThrow(/only be read/);
    expect(() => engine.setSysctl("nf_conntrack_max", 0)).toThrow(/0 is not a whole number from 1 to/);
    expect(() => engine.setSysctl("nf_conntrack_expect_max", 0)).toThrow(/0 is not a whole number from 1 to 16384/);
    engine.setSysctl("nf_conntrack_expect_max", 1);
    expect(engine.sysctl("nf_conntrack_expect_max")).toBe(1);
  });

  test("packet by packet: state, direction, connection; a bad packet is INVALID with a reason", async () => {
    const engine = await open();
    expect(HANDSHAKE.map((each) => engine.track(each))).toMatchObject([
      { frame: 1, state: "NEW", direction: "original", conn: 1, reason: null, verdict: "ACCEPT", trace: null },
      { frame: 2, state: "ESTABLISHED", direction: "reply", conn: 1 },
      { frame: 3, state: "ESTABLISHED", direction: "original", conn: 1 },
    ]);
    const far = engine.track(tcp(3, false, "A", 90_000_101, 301, 5));
    expect(far).toMatchObject({ state: "INVALID", reason: "tcp-seq-over-upper-bound" });
    expect(far.reasonText).toMatch(/upper bound/);
    expect(engine.track({ time: START, data: new Uint8Array(3) })).toMatchObject({ state: null, conn: null });
    expect(formatProc(engine.flows()[0] as never)).toBe(
      "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1025 dport=80 src=10.0.0.2 dst=10.0.0.1 sport=80 dport=1025 [ASSURED] mark=0 zone=0 use=2",
    );
  });

  test("a trace: the entry before and after, the numbers, the frame that is to blame", async () => {
    const engine = await open({ trace: true });
    for (const each of HANDSHAKE) engine.track(each);
    const { trace, reasonText } = engine.track(tcp(3, false, "A", 90_000_101, 301, 5));
    expect(trace).toMatchObject({ before: { protocolState: "ESTABLISHED" } });
    expect(reasonText).toContain("90000101");
    expect(trace?.cause).toBeGreaterThan(0);
  });

  test("blocks: the same as packet by packet, the same results object every time", async () => {
    const packets = [...HANDSHAKE, tcp(3, true, "PA", 301, 101, 100), udp(4, 9), tcp(5, false, "A", 101, 401)];
    const [singly, block] = [await open(), await open()];
    const expected = packets.map((each) => singly.track(each));
    const seen: object[] = [];
    let i = 0;
    for (const results of block.trackBlock({ framing: "pcap", link: 101, bytes: pcapRecords(packets) })) {
      seen.push(results);
      for (let k = 0; k < results.count; k++, i++) {
        expect([results.state(k), results.direction(k), results.conn(k) || null, results.verdict(k)]).toEqual([
          expected[i]?.state,
          expected[i]?.direction,
          expected[i]?.conn,
          expected[i]?.verdict,
        ]);
      }
    }
    expect([i, new Set(seen).size]).toEqual([packets.length, 1]);
    expect(block.flows()).toEqual(singly.flows());
    const cut = pcapRecords(packets).subarray(0, 70);
    const half = await open();
    expect(() => [...half.trackBlock({ framing: "pcap", link: 101, bytes: cut })]).toThrow(ConntrackError);
    expect(half.totals().packets).toBe(1);
  });

  test("no event is lost, however many: 20,000 connections in one block", async () => {
    const engine = await open({ max: 20_000, events: true });
    const packets = Array.from({ length: 20_000 }, (_, i) => udp(0, i + 1));
    let count = 0;
    for (const results of engine.trackBlock({ framing: "pcap", link: 101, bytes: pcapRecords(packets) }))
      count += results.count;
    expect(count).toBe(20_000);
    const born = engine.takeEvents();
    expect(born.map(({ type, flow }) => `${type} ${flow.original.sport}`)).toEqual(
      packets.map((_, i) => `NEW ${i + 1}`),
    );
    engine.advance(START + 31n * NS);
    expect(engine.takeEvents().map(({ type }) => type)).toEqual(packets.map(() => "DESTROY"));
    expect([engine.entries, engine.totals().expired]).toEqual([0, 20_000]);
  });

  test("events as records: the same in columns, and objects when asked for; the next call has its own", async () => {
    const options = { events: true, sysctl: { nf_conntrack_timestamp: 1, nf_conntrack_acct: 1 } };
    const [one, other] = [await open(options), await open(options)];
    for (const engine of [one, other]) {
      for (const each of HANDSHAKE) engine.track(each);
      engine.setLabels(1, [0, 31, 32, 127]);
      engine.track(udp(5, 1));
      engine.advance(START + 500n * NS);
    }
    const events = one.takeEvents();
    const records = other.takeEventRecords();
    const columns = Array.from({ length: records.count }, (_, i) => [
      records.type(i),
      records.bits(i),
      records.time(i),
      records.frame(i),
      records.conn(i),
    ]);
    expect(columns).toEqual(events.map(({ type, bits, time, frame, flow }) => [type, bits, time, frame, flow.conn]));
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(["NEW", "UPDATE", "DESTROY"]));
    for (const engine of [one, other]) engine.flush();
    expect(records.events()).toEqual(events);
    expect([...records]).toEqual(events);
    expect(events.find(({ type }) => type === "DESTROY")?.flow).toMatchObject({
      conn: 2,
      start: START + 5_000_000n,
      stop: START + 5_000_000n + 30n * NS,
      counters: { original: { packets: 1n }, reply: { packets: 0n } },
    });
    expect(events.findLast(({ flow }) => flow.conn === 1)?.flow.labels).toEqual([0, 31, 32, 127]);
    expect(other.takeEventRecords().events()).toEqual(one.takeEvents());
    expect(other.takeEventRecords().count).toBe(0);
  });

  test("marks, labels, deletion, flush, each with its event", async () => {
    const engine = await open({ events: true });
    for (const each of HANDSHAKE) engine.track(each);
    engine.track(udp(5, 1));
    engine.takeEvents();
    expect([engine.setMark(1, 7), engine.setLabels(1, [0, 127]), engine.setMark(99, 7)]).toEqual([true, true, false]);
    expect(engine.flow(1)).toMatchObject({ mark: 7, labels: [0, 127] });
    expect(() => engine.setLabels(1, [128])).toThrow(/128/);
    expect([engine.delete(2), engine.delete(2)]).toEqual([true, false]);
    engine.flush();
    expect(engine.takeEvents().map(({ type, flow }) => `${type} ${flow.conn}`)).toEqual([
      "UPDATE 1",
      "UPDATE 1",
      "DESTROY 2",
      "DESTROY 1",
    ]);
  });

  test("zones, NOTRACK, drops and timeout policies come with the packet", async () => {
    const engine = await open();
    const first = udp(0, 1);
    expect(engine.track({ ...first, notrack: true }).state).toBe("UNTRACKED");
    expect(engine.track({ ...first, drop: true })).toMatchObject({ state: "NEW", verdict: "DROP" });
    expect(engine.entries).toBe(0);
    engine.setTimeoutPolicy(3, { nf_conntrack_udp_timeout: 5 });
    engine.track({ ...first, zone: 1, timeoutPolicy: 3 });
    engine.track({ ...first, zone: 2 });
    expect(engine.flows().map(({ zone, timeout }) => [zone, timeout / NS])).toEqual([
      [1, 5n],
      [2, 30n],
    ]);
  });

  test("a snapshot goes on exactly where it was taken; a damaged one is refused", async () => {
    const engine = await open({ events: true, trace: true });
    for (const each of HANDSHAKE) engine.track(each);
    engine.takeEvents();
    const bytes = engine.snapshot();
    const restored = await Conntrack.restore(bytes);
    const rest = [
      tcp(3, true, "PA", 301, 101, 9),
      tcp(4, false, "FA", 101, 310),
      udp(5, 1),
      tcp(6, true, "FA", 310, 102),
    ];
    for (const each of rest) expect(restored.track(each)).toEqual(engine.track(each));
    expect(restored.flows()).toEqual(engine.flows());
    expect(restored.takeEvents()).toEqual(engine.takeEvents());
    expect(restored.stats()).toEqual(engine.stats());
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    await expect(Conntrack.restore(bytes)).rejects.toThrow(ConntrackError);
  });

  test("batches make nothing per packet on this side: 100,000 packets, one results object, no growth of the memory", async () => {
    const engine = await open();
    const packets = [...HANDSHAKE, ...Array.from({ length: 997 }, (_, i) => tcp(3 + i, false, "A", 101, 301, 1))];
    const bytes = pcapRecords(packets);
    const results = new Set<object>();
    const words = new Set<ArrayBufferLike>();
    for (let round = 0; round < 100; round++) {
      for (const part of engine.trackBlock({ framing: "pcap", link: 101, bytes })) {
        results.add(part);
        words.add(part.words.buffer);
      }
    }
    expect([engine.totals().packets, results.size, words.size]).toEqual([100_000, 1, 1]);
  });
}
