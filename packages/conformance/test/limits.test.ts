// Full tables, live: nf_conntrack_max and nf_conntrack_expect_max low for a moment, which a namespace's own entries are
// compared with. Which entry goes to make room is chance in the kernel (docs/conformance.md); that only unassured ones go,
// one event for each, and that every packet is let in or counted as dropped, is not.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Conntrack } from "conntrack-wasm";
import { describe, expect, test } from "vitest";
import { Random } from "../src/dice.js";
import { runEngine } from "../src/engine.js";
import { inTime, PATIENCE, whyNoGlobalLimit, withGlobalLimit } from "../src/global-limit.js";
import { Kernel, kernelAvailable, type TimedPacket, withKernel } from "../src/kernel.js";
import { differences, type Outcome, outcomeOf } from "../src/outcome.js";
import { packet, type TcpFields } from "../src/packets.js";
import { parseStat } from "../src/procfs.js";

const available = kernelAvailable();
const why = available.ok ? whyNoGlobalLimit("nf_conntrack_max") : available.reason;

/** More than other tests of ours have in a namespace: they do not notice. */
const FULL = 2000;
/** More than FULL: the engine's limit before and after. */
const ROOM = 4096;

const at = (fields: Parameters<typeof packet>[0], i: number): TimedPacket => ({ time: i * 0.01, data: packet(fields) });
const host = (n: number) => `10.0.${n >> 8}.${n & 255}`;
const SERVER = "192.0.2.1";

const tcp = (n: number, reply: boolean, fields: Omit<TcpFields, "sport" | "dport">) => {
  const [src, dst, sport, dport] = reply ? [SERVER, host(n), 80, 1024] : [host(n), SERVER, 1024, 80];
  return { src, dst, tcp: { sport, dport, ...fields } };
};
const established = (n: number) => [
  tcp(n, false, { flags: "S", seq: 1 }),
  tcp(n, true, { flags: "SA", seq: 1, ack: 2 }),
  tcp(n, false, { flags: "A", seq: 2, ack: 2 }),
];
const query = (n: number) => ({ src: host(n), dst: SERVER, udp: { sport: 1024, dport: 53, payload: 8 } });
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

/** So long that nothing ends on the busiest machine. */
const LASTING = { nf_conntrack_udp_timeout: 1000, nf_conntrack_icmp_timeout: 1000 };

type Packets = readonly TimedPacket[];

/** All of `before`, then `under` while no more than FULL entries may be, then `after`. */
const both = (before: Packets, under: Packets, after: Packets) => inTime(() => askBoth(before, under, after));

async function askBoth(before: Packets, under: Packets, after: Packets) {
  const packets = [...before, ...under, ...after];
  let times: number[] = [];
  const kernel = await withKernel({ sysctls: LASTING }, async (open): Promise<Outcome> => {
    const stat = async () => parseStat(await open.oracle.readFile("/proc/net/stat/nf_conntrack"));
    const was = await stat();
    // "realtime" without waits: with priority, for the limit holds for others, too
    const track = (part: readonly TimedPacket[], first: number) =>
      open.track(part, { events: true, realtime: true }, first);
    const decisions = await track(before, 0);
    decisions.push(...(await withGlobalLimit("nf_conntrack_max", FULL, () => track(under, before.length))));
    decisions.push(...(await track(after, decisions.length)));
    const is = await stat();
    const counters = Object.fromEntries(Object.entries(is).map(([name, value]) => [name, value - (was[name] ?? 0)]));
    times = decisions.map(({ t = 0 }) => t * 1000);
    return outcomeOf({ packets: decisions, events: open.takeEvents(), table: await open.dump(), counters }, false);
  });
  const sent = packets.map((one, i) => ({ ...one, time: times[i] as number }));
  const engine = runEngine(sent, {
    sysctls: { ...LASTING, nf_conntrack_max: ROOM },
    changes: [
      { before: before.length, sysctls: { nf_conntrack_max: FULL } },
      { before: before.length + under.length, sysctls: { nf_conntrack_max: ROOM } },
    ],
  });
  return { kernel, engine };
}

/** Without the seconds left: a busy machine reads an entry a while after its packet, the table a while after the last one. */
const timeless = (outcome: Outcome): Outcome => {
  const strip = (text: string) => text.replace(/ \d+(?=( [rae]+)?( \|.*)?$)/, "");
  return { ...outcome, packets: outcome.packets.map(strip), table: outcome.table.map(strip) };
};

const assured = (text: string) => / [re]*a[re]*$/.test(text.replace(/ \|.*/, ""));

/** What holds of a table that was full, whoever had to go. */
function account({ packets, events, table, counters }: Outcome) {
  const gone = events.filter((text) => text.startsWith("DESTROY"));
  const born = events.filter((text) => text.startsWith("NEW"));
  expect(packets.filter((text) => text === "unseen")).toHaveLength(counters.drop as number);
  expect(gone).toHaveLength(counters.early_drop as number);
  expect(gone.filter(assured)).toEqual([]);
  expect(table).toHaveLength(born.length - gone.length);
  return { born: born.length, gone: gone.length, refused: counters.drop as number, left: table };
}

describe.skipIf(why !== "")(`a full table${why && ` (${why})`}`, () => {
  test("of ASSURED entries: every new one is refused, all others go on", { timeout: PATIENCE }, async () => {
    const before = range(0, FULL).flatMap(established).map(at);
    const under = [
      ...range(FULL, 40).map(query),
      ...range(0, 40).map((n) => tcp(n, true, { flags: "PA", seq: 2, ack: 2, payload: 5 })),
      tcp(FULL, false, { flags: "S", seq: 9 }),
      { src: host(5), dst: SERVER, icmp: { type: 8, id: 5, payload: 8 } },
      { src: SERVER, dst: host(0), icmp: { type: 3, code: 3, quote: packet(tcp(0, false, { flags: "S", seq: 1 })) } },
      { src: host(1), dst: SERVER, icmp: { type: 8, id: 5, payload: 8, checksum: "bad" as const } },
    ].map(at);
    const after = range(FULL, 10).map(query).map(at);
    const { kernel, engine } = await both(before, under, after);
    expect(differences(timeless(engine), timeless(kernel))).toEqual([]);
    expect(kernel.counters).toMatchObject({ drop: 42, early_drop: 0 });
  });

  test("of unreplied entries: a new one takes the place of some, or is refused", { timeout: PATIENCE }, async () => {
    const before = range(0, FULL).map(query).map(at);
    const under = range(FULL, 500).map(query).map(at);
    const { kernel, engine } = await both(before, under, []);
    for (const outcome of [kernel, engine]) {
      const { born, gone, refused, left } = account(outcome);
      expect(born + refused).toBe(FULL + 500);
      expect(gone).toBeGreaterThan(0);
      expect(left.length).toBeLessThanOrEqual(FULL);
    }
  });

  test("of both: the ASSURED ones stay", { timeout: PATIENCE }, async () => {
    const half = FULL / 2;
    const before = [...range(0, half).flatMap(established), ...range(half, half).map(query)].map(at);
    const under = range(FULL, 500).map(query).map(at);
    const after = range(0, half)
      .map((n) => tcp(n, true, { flags: "A", seq: 2, ack: 2 }))
      .map(at);
    const { kernel, engine } = await both(before, under, after);
    for (const outcome of [kernel, engine]) {
      const { left } = account(outcome);
      expect(left.filter(assured)).toHaveLength(half);
      const lively = outcome.packets.slice(-half).filter((text) => text.startsWith("ESTABLISHED< "));
      expect(lively).toHaveLength(half);
    }
  });

  test.each([1, 2])("nearly full, random traffic, seed %i: the account holds", { timeout: PATIENCE }, async (seed) => {
    const random = new Random(seed);
    const half = FULL / 2;
    const answer = (n: number) => ({ src: SERVER, dst: host(n), udp: { sport: 53, dport: 1024, payload: 8 } });
    const call = (n: number) => tcp(n, false, { flags: "S", seq: 1 });
    const before = [...range(0, half).flatMap(established), ...range(half, half - 20).map(query)].map(at);
    const under = range(0, 1500)
      .map(() => random.pick([query, query, answer, call])(half + random.below(FULL)))
      .map(at);
    const { kernel, engine } = await both(before, under, []);
    for (const outcome of [kernel, engine]) {
      const { gone, left } = account(outcome);
      expect(gone).toBeGreaterThan(0);
      expect(left.length).toBeLessThanOrEqual(FULL);
      expect(left.filter(assured)).toHaveLength(half);
    }
  });
});

/** More expectations than other tests have at a time. */
const ANNOUNCED = 300;

const wasm = readFileSync(createRequire(import.meta.url).resolve("conntrack-wasm/conntrack.wasm"));

describe.skipIf(why !== "")(`full of expectations${why && ` (${why})`}`, () => {
  test("no expectations at all is not a limit that can be set", { timeout: PATIENCE }, async () => {
    const engine = Conntrack.openSync(wasm, { seed: 1, max: ROOM });
    const name = "nf_conntrack_expect_max";
    // at its end the old value comes back, should the kernel take one of these
    await withGlobalLimit(name, ROOM, async () => {
      for (const value of [0, -1]) {
        expect(() => writeFileSync(`/proc/sys/net/netfilter/${name}`, String(value))).toThrow(/EINVAL/);
        expect(() => engine.setSysctl(name, value)).toThrow(/is not a whole number from 1 to/);
      }
    });
  });

  test("the packet that announces one more is dropped", { timeout: PATIENCE }, async () => {
    const control = (n: number, reply: boolean, fields: Omit<TcpFields, "sport" | "dport">) => {
      const [src, dst, sport, dport] = reply ? [SERVER, host(n), 21, 1024] : [host(n), SERVER, 1024, 21];
      return { src, dst, tcp: { sport, dport, ...fields } };
    };
    const command = (n: number) => `PORT ${host(n).replaceAll(".", ",")},8,${n & 255}\r\n`;
    const announce = (n: number) => [
      control(n, false, { flags: "S", seq: 1 }),
      control(n, true, { flags: "SA", seq: 1, ack: 2 }),
      control(n, false, { flags: "A", seq: 2, ack: 2 }),
      control(n, false, { flags: "PA", seq: 2, ack: 2, payload: "USER a\r\n" }), // where lines begin shows with the first one
      control(n, false, { flags: "PA", seq: 10, ack: 2, payload: command(n) }),
    ];
    const before = range(0, ANNOUNCED).flatMap(announce).map(at);
    const under = range(ANNOUNCED, 3).flatMap(announce).map(at);
    const { verdicts, expectations } = await inTime(async () => {
      const kernel = await Kernel.open({ helpers: "ftp:21" });
      try {
        const decisions = await kernel.track(before);
        const limited = () => kernel.track(under, { realtime: true }, before.length);
        decisions.push(...(await withGlobalLimit("nf_conntrack_expect_max", ANNOUNCED, limited)));
        return {
          verdicts: decisions.map(({ verdict }) => verdict.toUpperCase()),
          expectations: (await kernel.expectations()).length,
        };
      } finally {
        await kernel.close();
      }
    });

    const engine = Conntrack.openSync(wasm, { seed: 1, max: ROOM, helpers: [{ name: "ftp" }] });
    engine.setSysctl("nf_conntrack_expect_max", ANNOUNCED);
    const mine = [...before, ...under].map(({ data }, i) => engine.track({ time: BigInt(i), data }).verdict);
    expect(mine).toEqual(verdicts);
    expect(verdicts.filter((verdict) => verdict === "DROP")).toHaveLength(3);
    expect(expectations).toBe(ANNOUNCED);
    expect(engine.expectations()).toHaveLength(ANNOUNCED);
  });
});
