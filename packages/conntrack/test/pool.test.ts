// ConntrackPool: what several engines say together is what one says alone, packet by packet, number by number.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type PacketBlock as CaptureBlock, openCapture } from "conntrack-capture";
import { expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import { ethernet, NS, pcapBlock, recordBlock, START, type TimedPacket } from "../../core/test/support/blocks.js";
import { Random } from "../../core/test/support/random.js";
import { randomTraffic } from "../../core/test/support/traffic.js";
import { Conntrack, ConntrackPool, type OpenOptions, type PacketBlock, type Results } from "../dist/index.js";

const SAMPLES = new URL("../../../samples/", import.meta.url);
const captures = readdirSync(SAMPLES, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.pcap(ng)?$/.test(name) && statSync(new URL(name, SAMPLES)).size < 4 << 20)
  .sort();

async function blocksOf(name: string): Promise<CaptureBlock[]> {
  const blocks: CaptureBlock[] = [];
  const capture = await openCapture(readFileSync(fileURLToPath(new URL(name, SAMPLES))));
  for await (const block of capture.blocks()) blocks.push({ ...block, bytes: block.bytes.slice() });
  return blocks;
}

function rowsOf(results: Results, traced = true): unknown[] {
  return Array.from({ length: results.count }, (_, i) => [
    results.firstFrame + i,
    results.state(i),
    results.direction(i),
    results.conn(i),
    results.reason(i).name,
    results.verdict(i),
    traced ? results.trace(i) : null,
  ]);
}

async function alone(blocks: readonly PacketBlock[], options: OpenOptions) {
  const engine = await Conntrack.open(options);
  const rows: unknown[] = [];
  for (const block of blocks)
    for (const results of engine.trackBlock(block)) rows.push(...rowsOf(results, options.trace));
  const report = { entries: engine.entries, stats: engine.stats(), totals: engine.totals(), flows: engine.flows() };
  return { rows, ...report, now: engine.now };
}

async function together(blocks: readonly PacketBlock[], options: OpenOptions, workers: number) {
  const pool = await ConntrackPool.open({ ...options, workers });
  try {
    const rows: unknown[] = [];
    for await (const { results } of pool.track(blocks)) rows.push(...rowsOf(results, options.trace));
    return { rows, ...(await pool.report({ flows: true })) };
  } finally {
    await pool.close();
  }
}

const options = { max: 4096, seed: 7, trace: true };

test("three workers say of all captures, one behind the other, what one engine says", async () => {
  expect(captures.length).toBeGreaterThan(0);
  const blocks = (await Promise.all(captures.map(blocksOf))).flat();
  expect(await together(blocks, options, 3)).toEqual(await alone(blocks, options));
});

test("two workers say of a capture with ICMP errors what one engine says", async () => {
  const blocks = await blocksOf("port-unreachable-and-traceroute.pcap");
  expect(await together(blocks, options, 2)).toEqual(await alone(blocks, options));
});

// Without traces and helpers an engine looks at the addresses of other shards' packets and goes on.
const untraced = { ...options, trace: false };

for (const workers of [2, 3, 5]) {
  test(`without traces too: ${workers} workers, all captures`, async () => {
    const blocks = (await Promise.all(captures.map(blocksOf))).flat();
    expect(await together(blocks, untraced, workers)).toEqual(await alone(blocks, untraced));
  });
}

test("random traffic with fragments, errors and damage, as records and as pcap of both byte orders", async () => {
  const raw = randomTraffic(new Random(3), { count: 6000, hosts: 9, fragmented: true, resolution: 1000n });
  const plain = raw.map(({ time, data }): TimedPacket => ({ time, data: ethernet(data), link: 1 }));
  const forms = [
    recordBlock(raw),
    recordBlock(plain),
    pcapBlock(plain, { link: 1 }),
    pcapBlock(plain, { link: 1, swapped: true }),
    pcapBlock(plain, { link: 1, nanoseconds: true }),
  ];
  for (const block of forms) {
    const expected = await alone([block], untraced);
    expect(expected.totals.created).toBeGreaterThan(100);
    expect(await together([block], untraced, 3)).toEqual(expected);
  }
});

test("connections that end at once behind packets of other shards, more of them than a call may end", async () => {
  const opening = (i: number): TimedPacket => ({
    time: START + BigInt(i) * 1000n,
    data: ethernet(packet({ src: `10.${i & 7}.0.1`, dst: "10.9.9.9", udp: { sport: 1000 + i, dport: 53 } })),
    link: 1,
  });
  const many = Array.from({ length: 40_000 }, (_, i) => opening(i));
  const late = { ...opening(0), time: START + 86_400n * NS };
  const blocks = [pcapBlock(many, { link: 1 }), pcapBlock([late], { link: 1 })];
  const roomy = { ...untraced, max: 65_536 };
  const expected = await alone(blocks, roomy);
  expect(expected.entries).toBe(1);
  expect(await together(blocks, roomy, 2)).toEqual(expected);
});

test("blocks in shared memory are read where they are, and several blocks have places of their own", async () => {
  const blocks = await blocksOf("tour.pcap");
  const shared = blocks.map((block) => {
    const bytes = new Uint8Array(new SharedArrayBuffer(block.bytes.length + 24), 24);
    bytes.set(block.bytes);
    return { ...block, bytes };
  });
  const six = Array.from({ length: 6 }, () => shared).flat();
  expect(await together(six, untraced, 2)).toEqual(await alone(six, untraced));
});

test("errors of an engine arrive with their code", async () => {
  const refused = ConntrackPool.open({ workers: 2, max: 64, sysctl: { nf_conntrack_nothing: 1 } });
  await expect(refused).rejects.toMatchObject({ code: "unknown-sysctl" });
  await expect(ConntrackPool.open({ workers: 0 })).rejects.toMatchObject({ code: "bad-option" });
});
