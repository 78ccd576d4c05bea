// Payloads for a helper, none of which a peer would send: what the dialogues say, cut, spliced and flipped. The debug build traps on a
// load out of bounds or a broken promise; selfcheck() looks at lists, counts and hashes after each block.
import { expect } from "vitest";
import type { TimedPacket } from "../../../conformance/src/kernel.js";
import { recordBlock, START } from "./blocks.js";
import { debug, inspect } from "./builds.js";
import type { Dialogue } from "./dialogues.js";

const PER_BLOCK = 8192;

export interface FuzzSuite {
  readonly name: string;
  readonly l4proto: number;
  readonly port: number;
  readonly helper: number;
  readonly dialogues: readonly Dialogue[];
}

/** xorshift32 */
function random(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

interface Sample {
  readonly data: Uint8Array;
  /** Where its payload begins. */
  readonly payload: number;
}

function samples(packets: readonly TimedPacket[]): Sample[] {
  return packets.map(({ data }) => {
    const header = data[0] === 0x60 || (data[0] ?? 0) >> 4 === 6 ? 40 : ((data[0] ?? 0) & 15) * 4;
    const protocol = header === 40 ? data[6] : data[9];
    return { data, payload: header + (protocol === 6 ? ((data[header + 12] ?? 0) >> 4) * 4 : 8) };
  });
}

// Same headers, another payload of at most the same length: lengths in the headers stay right often enough.
function mutated({ data, payload }: Sample, other: Sample, pick: (below: number) => number): Uint8Array {
  const bytes = data.slice();
  const room = bytes.length - payload;
  if (room <= 0) return bytes;
  if (pick(4) === 0) {
    const from = payload + pick(room);
    const piece = other.data.subarray(other.payload + pick(Math.max(1, other.data.length - other.payload)));
    bytes.set(piece.subarray(0, bytes.length - from), from);
  }
  for (let flips = pick(5); flips > 0; flips--) bytes[payload + pick(room)] = pick(3) ? 32 + pick(96) : pick(256);
  if (pick(4) !== 0) return bytes;
  const cut = bytes.subarray(0, payload + pick(room));
  if ((cut[0] ?? 0) >> 4 === 4) {
    cut[2] = cut.length >> 8;
    cut[3] = cut.length & 255;
  } else {
    cut[4] = (cut.length - 40) >> 8;
    cut[5] = (cut.length - 40) & 255;
  }
  return cut;
}

/** Feeds the helper `inputs` packets. */
export function fuzzHelper({ l4proto, port, helper, dialogues }: FuzzSuite, inputs: number): void {
  const { engine, core } = inspect(debug, {
    seed: 1,
    max: 4000,
    sysctl: {
      nf_conntrack_checksum: 0,
      "capture.offload": 1,
      nf_conntrack_tcp_be_liberal: 1,
      nf_conntrack_udp_timeout: 2,
    },
  });
  core.assignPort(l4proto, port, helper);
  const pool = samples(dialogues.flatMap(({ packets }) => packets));
  const pick = random(0x5eed + l4proto + port);
  let made = 0;
  for (let done = 0; done < inputs; done += PER_BLOCK) {
    const packets = Array.from({ length: PER_BLOCK }, (_, i) => {
      const sample = pool[(done + i) % pool.length] as Sample;
      const data = i % 3 === 0 ? sample.data : mutated(sample, pool[pick(pool.length)] as Sample, pick);
      return { time: START + BigInt(done + i) * 1_000_000n, data };
    });
    for (const _ of engine.trackBlock(recordBlock(packets)));
    made = engine.stats().expect_create;
    expect(core.selfcheck()).toBe(0);
  }
  expect(made).toBeGreaterThan(1000);
}
