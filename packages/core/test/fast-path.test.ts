// The fast path of TCP against the exact way, which is the reference: the same answers, events, entries, totals and
// counters, over random conversations, the bundled samples, recordings of the kernel and real captures.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EVENT_ASSURED } from "@conntrack-wasm/core/abi";
import { describe, expect, test } from "vitest";
import { openFile } from "../../capture/src/node.js";
import { packet } from "../../conformance/src/packets.js";
import { readPcap } from "../../conformance/src/pcap.js";
import type { PacketBlock } from "../../conntrack/src/index.js";
import { ethernet, NS, pcapBlock, recordBlock, START, type TimedPacket, tagged } from "./support/blocks.js";
import { BUILDS, inspect } from "./support/builds.js";
import { Random } from "./support/random.js";
import { type Outcome, runBlocks, text } from "./support/run.js";
import { randomTraffic } from "./support/traffic.js";

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const filesIn = (path: string) =>
  existsSync(path) ? readdirSync(path).flatMap((name) => (/\.pcap(ng)?(\.gz)?$/.test(name) ? [path + name] : [])) : [];
const SAMPLES = filesIn(folder("../../../samples/"));
const GOLDEN = filesIn(folder("../../../../shared/golden/"));
const CAPTURES = filesIn(folder("../../../../shared/captures/"));

const frame = (ip: Uint8Array) => ethernet(ip).subarray(0, 14 + ip.length);

interface Side {
  next: number;
  acked: number;
}

/** Long connections near every bound of the window check: data, ACKs, repetitions, gaps, window updates, odd options. */
function conversations(random: Random, count: number): TimedPacket[] {
  const packets: TimedPacket[] = [];
  let now = START;
  const connections = Array.from({ length: 8 }, (_, i) => {
    // sequence numbers that wrap around, too
    const isn = () => (random.chance(0.5) ? 0xffff_ff00 : random.u32());
    const sides: [Side, Side] = [
      { next: isn(), acked: 0 },
      { next: isn(), acked: 0 },
    ];
    return { port: 1024 + i, sides, opened: 0 };
  });
  while (packets.length < count) {
    const connection = random.pick(connections);
    const dir = random.below(2) as 0 | 1;
    const [mine, other] = [connection.sides[dir], connection.sides[1 - dir]] as [Side, Side];
    const [src, dst, sport, dport] = dir
      ? (["10.0.0.2", "10.0.0.1", 80, connection.port] as const)
      : (["10.0.0.1", "10.0.0.2", connection.port, 80] as const);
    now += BigInt(random.below(random.chance(0.002) ? 400e9 : 50e6));
    const send = (flags: string, seq: number, ack: number, payload = 0, options = "", win = 500) =>
      packets.push({
        time: now,
        link: 1,
        data: frame(
          packet({ src, dst, tcp: { sport, dport, flags, seq: seq >>> 0, ack: ack >>> 0, win, payload, options } }),
        ),
      });
    if (connection.opened < 3) {
      const [a, b] = connection.sides;
      const want = (["S", "SA", "A"] as const)[connection.opened] as string;
      if ((want === "SA") !== (dir === 1)) continue;
      send(want, mine.next, want === "S" ? 0 : other.next, 0, want === "A" ? "" : random.chance(0.5) ? "ws=7" : "");
      if (want !== "A") mine.next = (mine.next + 1) >>> 0;
      connection.opened++;
      if (connection.opened === 3) [a.acked, b.acked] = [b.next, a.next];
      continue;
    }
    const options = random.pick([
      "",
      "nop nop ts=1:2",
      "nop nop ts=9:9",
      `nop nop sack=${other.next}-${other.next + 10}`,
    ]);
    const win = random.pick([500, 500, 500, 0, 65535, 20]);
    const size = random.pick([0, 0, 1, 10, 499, 500, 501, 1460]);
    switch (random.below(10)) {
      case 0: // repeated
        send("PA", mine.next - size, other.next, size, options, win);
        break;
      case 1: // out of bounds, one way or another, now and then by one
        send("A", mine.next + random.pick([-70_000, -501, -1, 1, 500, 501, 66_000]), other.next, size, options, win);
        break;
      case 2:
        send("A", mine.next, other.next + random.pick([-66_001, -66_000, -1, 1, 2000]), size, options, win);
        break;
      case 3: // the same ACK over and over
        for (let i = 0; i < 5; i++) send("A", mine.next, other.next, 0, options, win);
        break;
      case 4:
        send(random.pick(["PA", "AU", "FA", "R", "RA", "S", "SA", "AEC"]), mine.next, other.next, 0, options, win);
        if (random.chance(0.3)) connection.opened = 0;
        break;
      default:
        send("PA", mine.next, other.next, size, options, win);
        mine.next = (mine.next + size) >>> 0;
    }
  }
  return packets;
}

/** All recordings one after the other, an hour apart; as Ethernet, since the fast decoder takes nothing else. */
const golden = (): PacketBlock[] =>
  GOLDEN.map((path, i) =>
    recordBlock(
      readPcap(readFileSync(path)).map(({ time, data }) => ({
        time: START + BigInt(i) * 3600n * NS + BigInt(Math.round(time * 1e6)),
        link: 1,
        data: frame(data),
      })),
    ),
  );

async function blocksOf(path: string): Promise<PacketBlock[]> {
  const blocks: PacketBlock[] = [];
  try {
    const capture = await openFile(path);
    for await (const block of capture.blocks()) blocks.push({ ...block, bytes: block.bytes.slice() });
  } catch (error) {
    expect(error).toMatchObject({ code: "corrupt" }); // one file is damaged at its end
  }
  return blocks;
}

/** Every protocol, both families, fragments and errors, few hosts so that conversations last; as plain Ethernet frames. */
const conversing = (random: Random, count: number): TimedPacket[] =>
  randomTraffic(random, { count, hosts: 3, ports: 2, gap: 4_000_000, fragmented: true, resolution: 1000n }).map(
    ({ time, data }) => ({ time, data: frame(data), link: 1, length: data.length + 14 + random.below(2) }),
  );

/** The same with what only records carry, tags, other link types, and frames cut short. */
const assorted = (random: Random, packets: readonly TimedPacket[]): TimedPacket[] =>
  packets.map((packet) => {
    const way = random.below(20);
    const data = way === 0 ? tagged(packet.data, 7) : way === 1 ? packet.data.subarray(14) : packet.data;
    const kept = random.chance(0.1) ? 34 + random.below(30) : data.length;
    return {
      time: packet.time,
      data: data.slice(0, kept),
      length: data.length,
      link: way === 1 ? 101 : 1,
      zone: random.pick([0, 0, 0, 0, 0, 5]),
      notrack: random.chance(0.01),
      drop: random.chance(0.02),
    };
  });

/** Blocks of random sizes. */
function split(random: Random, packets: readonly TimedPacket[], block: typeof recordBlock): PacketBlock[] {
  const blocks: PacketBlock[] = [];
  for (let at = 0; at < packets.length; ) {
    const size = random.pick([1, 2, 63, 64, 65, 200, 5000]);
    blocks.push(block(packets.slice(at, at + size)));
    at += size;
  }
  return blocks;
}

const SETTINGS = [
  {},
  { nf_conntrack_checksum: 0, nf_conntrack_acct: 1 },
  { nf_conntrack_checksum: 0, "capture.offload": 1, nf_conntrack_tcp_be_liberal: 1, nf_conntrack_timestamp: 1 },
  { nf_conntrack_tcp_max_retrans: 0, nf_conntrack_tcp_timeout_unacknowledged: 5 },
  { nf_conntrack_tcp_timeout_established: 100 }, // below the others: the short way has to stand aside
];

describe.each(BUILDS)("$name build", ({ wasm }) => {
  const run = (blocks: readonly PacketBlock[], sysctl: object, fast: boolean): Outcome & { counters: string } => {
    const { engine, core } = inspect(wasm, { max: 5000, seed: 7, events: true, sysctl: { ...sysctl } });
    core.setFastPath(fast);
    const outcome = runBlocks(engine, blocks);
    engine.advance(engine.now + 20n * NS);
    return { ...outcome, flows: engine.flows(), counters: text([engine.totals(), engine.stats()]) };
  };

  function compare(blocks: readonly PacketBlock[], sysctl: object): Outcome {
    const [fast, exact] = [run(blocks, sysctl, true), run(blocks, sysctl, false)];
    const differs = fast.words.findIndex((word, i) => word !== exact.words[i]);
    expect({ packets: fast.words.length, differs }).toEqual({ packets: exact.words.length, differs: -1 });
    expect(text(fast.events)).toBe(text(exact.events));
    expect(text(fast.flows)).toBe(text(exact.flows));
    expect(fast.counters).toBe(exact.counters);
    return fast;
  }

  test.each(SETTINGS.map((sysctl, i) => ({ sysctl, i })))("random conversations, $sysctl", ({ sysctl, i }) => {
    const { words } = compare([recordBlock(conversations(new Random(i + 1), 8000))], sysctl);
    const states = words.filter((_, at) => at % 2 === 0).map((word) => word & 0xff);
    const share = (state: number) => states.filter((each) => each === state).length / states.length;
    expect(share(2)).toBeGreaterThan(0.5); // ESTABLISHED
    if (!("nf_conntrack_tcp_be_liberal" in sysctl)) expect(share(4)).toBeGreaterThan(0.02); // INVALID
  });

  test.each(SETTINGS.map((sysctl, i) => ({ sysctl, i })))(
    "every protocol, zones, tags, splits, $sysctl",
    ({ sysctl, i }) => {
      const random = new Random(100 + i);
      const plain = conversing(random, 4000);
      const mixed = assorted(random, plain);
      const inFile = (packets: readonly TimedPacket[]) => pcapBlock(packets, { link: 1 });
      for (const [packets, block] of [
        [plain, inFile],
        [mixed, recordBlock],
      ] as const) {
        const whole = compare([block(packets)], sysctl);
        const parts = compare(split(random, packets, block), sysctl);
        expect(text([...parts.words])).toBe(text([...whole.words]));
        expect(text(parts.events)).toBe(text(whole.events));
        expect(text(parts.flows)).toBe(text(whole.flows));
        const streams = whole.events.filter(({ flow, bits }) => flow.protocol === "udp" && bits & EVENT_ASSURED);
        expect(streams.length).toBeGreaterThan(0);
      }
    },
  );

  test("the bundled samples", async () => {
    for (const path of SAMPLES) compare(await blocksOf(path), {});
  });

  test.skipIf(GOLDEN.length === 0)("recordings of the kernel", () => {
    for (const sysctl of SETTINGS) compare(golden(), sysctl);
  });

  test.skipIf(CAPTURES.length === 0)("real captures", async () => {
    for (const path of CAPTURES) compare(await blocksOf(path), { nf_conntrack_checksum: 0, "capture.offload": 1 });
  });
});
