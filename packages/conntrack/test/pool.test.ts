// ConntrackPool: what several engines say together is what one says alone, packet by packet, number by number.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type PacketBlock as CaptureBlock, openCapture } from "conntrack-capture";
import { expect, test } from "vitest";
import { Conntrack, ConntrackPool, type OpenOptions, type Results } from "../dist/index.js";

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

async function alone(blocks: CaptureBlock[], options: OpenOptions) {
  const engine = await Conntrack.open(options);
  const rows: unknown[] = [];
  for (const block of blocks)
    for (const results of engine.trackBlock(block)) rows.push(...rowsOf(results, options.trace));
  const report = { entries: engine.entries, stats: engine.stats(), totals: engine.totals(), flows: engine.flows() };
  return { rows, ...report, now: engine.now };
}

async function together(blocks: CaptureBlock[], options: OpenOptions, workers: number) {
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

test("without traces too", async () => {
  const blocks = await blocksOf("tour.pcap");
  const untraced = { ...options, trace: false };
  expect(await together(blocks, untraced, 2)).toEqual(await alone(blocks, untraced));
});

test("errors of an engine arrive with their code", async () => {
  const refused = ConntrackPool.open({ workers: 2, max: 64, sysctl: { nf_conntrack_nothing: 1 } });
  await expect(refused).rejects.toMatchObject({ code: "unknown-sysctl" });
  await expect(ConntrackPool.open({ workers: 0 })).rejects.toMatchObject({ code: "bad-option" });
});
