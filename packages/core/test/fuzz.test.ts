// More than a million packets that nobody would send: random bytes, cut and mutated conversations, mutated captures, in
// blocks whose records are damaged too. Nothing may trap, every answer has to be one, and in the debug build selfcheck()
// walks table, pool, timers and lists between the blocks.
import { readdirSync, readFileSync } from "node:fs";
import { RECORD_HEADER } from "@conntrack-wasm/core/abi";
import { describe, expect, test } from "vitest";
import { readPcap } from "../../conformance/src/pcap.js";
import { ConntrackError, type PacketBlock } from "../../conntrack/src/index.js";
import { ethernet, NS, START } from "./support/blocks.js";
import { BUILDS, inspect, selfcheck } from "./support/builds.js";
import { Random } from "./support/random.js";
import { randomTraffic } from "./support/traffic.js";

/** Every LINKTYPE_ the decoder knows, and one it does not. */
const LINKS = [
  0, 1, 6, 9, 10, 12, 50, 51, 101, 105, 107, 108, 109, 113, 117, 119, 127, 163, 192, 219, 228, 229, 239, 276, 147,
];
const RAW = 101;
const ETHERNET = 1;
const BLOCK = 2000;

interface Seed {
  readonly data: Uint8Array;
  readonly link: number;
}

/** What is mutated: conversations of every protocol, and the samples, which real programs made. */
function seeds(random: Random): Seed[] {
  const made = randomTraffic(random, { count: 6000, fragmented: true }).map(
    ({ data }): Seed => (random.chance(0.3) ? { data: ethernet(data), link: ETHERNET } : { data, link: RAW }),
  );
  const samples = new URL("../../../samples/", import.meta.url);
  for (const name of readdirSync(samples).filter((file) => file.endsWith(".pcap"))) {
    const file = readFileSync(new URL(name, samples));
    const link = file.readUInt32LE(20);
    for (const { data } of readPcap(file)) made.push({ data, link });
  }
  return made;
}

/** Writes one hostile packet at `at`; returns its captured length. */
function spoil(random: Random, bytes: Uint8Array, at: number, { data }: Seed): number {
  const kind = random.below(10);
  if (kind === 0) {
    const length = random.below(120);
    for (let i = 0; i < length; i++) bytes[at + i] = random.u32();
    return length;
  }
  const length = kind < 3 ? random.below(data.length + 1) : data.length;
  bytes.set(data.subarray(0, length), at);
  if (kind > 2 && kind < 8) {
    // headers mostly: that is where decisions are made
    for (let n = random.between(1, 4); n > 0 && length > 0; n--)
      bytes[at + random.below(Math.min(length, 80))] = random.chance(0.5)
        ? random.u32()
        : random.pick([0, 1, 255, 6, 44]);
  }
  return length;
}

class Mill {
  readonly #random: Random;
  readonly #seeds: readonly Seed[];
  readonly #bytes = new Uint8Array(BLOCK * 2048);
  readonly #view = new DataView(this.#bytes.buffer);
  #time = START;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#seeds = seeds(this.#random);
  }

  #pass(): bigint {
    const random = this.#random;
    this.#time += BigInt(random.below(random.chance(0.01) ? 4_000_000_000 : 3_000_000));
    // now and then the clock of the capture jumps, back too
    return random.chance(0.002) ? this.#time - BigInt(random.below(2 ** 31)) : this.#time;
  }

  records(): PacketBlock {
    const random = this.#random;
    let at = 0;
    for (let i = 0; i < BLOCK; i++) {
      const seed = random.pick(this.#seeds);
      const captured = spoil(random, this.#bytes, at + RECORD_HEADER, seed);
      this.#view.setBigUint64(at, this.#pass(), true);
      this.#view.setUint32(at + 8, random.chance(0.9) ? captured : random.below(70_000), true);
      this.#view.setUint32(at + 12, captured, true);
      this.#view.setUint16(at + 16, random.chance(0.97) ? seed.link : random.pick(LINKS), true);
      this.#view.setUint16(at + 18, random.below(3), true);
      // NOTRACK, DROP, a policy, a zone: what callers may ask for, and bits without a meaning
      this.#view.setUint32(at + 20, random.chance(0.9) ? 0 : random.u32(), true);
      at += (RECORD_HEADER + captured + 7) & ~7;
    }
    return { framing: "records", bytes: this.#bytes.subarray(0, at) };
  }

  pcap(): PacketBlock {
    const random = this.#random;
    const swapped = random.chance(0.5);
    const link = random.pick([ETHERNET, RAW]);
    let at = 0;
    for (let i = 0; i < BLOCK; i++) {
      const captured = spoil(random, this.#bytes, at + 16, random.pick(this.#seeds));
      const time = this.#pass();
      this.#view.setUint32(at, Number(time / NS), !swapped);
      this.#view.setUint32(at + 4, Number((time % NS) / 1000n), !swapped);
      this.#view.setUint32(at + 8, captured, !swapped);
      this.#view.setUint32(at + 12, random.chance(0.9) ? captured : random.below(70_000), !swapped);
      at += 16 + captured;
    }
    if (random.chance(0.1)) this.#bytes[random.below(at)] = random.u32();
    return { framing: "pcap", link, swapped, bytes: this.#bytes.subarray(0, at) };
  }
}

const SETTINGS = [
  {},
  { nf_conntrack_checksum: 0, nf_conntrack_acct: 1, nf_conntrack_timestamp: 1 },
  { nf_conntrack_checksum: 0, "capture.offload": 1, nf_conntrack_tcp_be_liberal: 1 },
  { nf_conntrack_checksum: 0, nf_conntrack_tcp_loose: 0, nf_conntrack_events: 1 },
];
const RUNS = SETTINGS.flatMap((sysctl, i) => [
  { run: i * 2, sysctl, max: 200, profile: "linux-6" as const, trace: false },
  {
    run: i * 2 + 1,
    sysctl,
    max: 20_000,
    profile: i % 2 ? ("linux-2.4" as const) : ("linux-6" as const),
    trace: i === 2,
  },
]);
const PACKETS = { release: 100_000, debug: 50_000 };

describe.each(BUILDS)("$name build", ({ name, wasm }) => {
  test.each(RUNS)("run $run: max $max, $profile, $sysctl", ({ run, sysctl, max, profile, trace }) => {
    const { engine, core } = inspect(wasm, { max, seed: run, events: run % 3 === 0, profile, trace, sysctl });
    const mill = new Mill(run * 7 + name.length);
    let packets = 0;
    const states = new Array<number>(6).fill(0);
    for (let block = 0; packets < PACKETS[name]; block++) {
      try {
        for (const { words, count } of engine.trackBlock(block % 4 === 3 ? mill.pcap() : mill.records())) {
          packets += count;
          for (let i = 0; i < count * 2; i += 2) {
            const word = words[i] as number;
            const state = word & 0xff;
            states[state] = (states[state] ?? 0) + 1;
            // no state and INVALID come with a reason
            if ((state === 0 || state === 4) && (word & 0xff0000) === 0) expect.fail(`packet ${packets}: ${word}`);
          }
          engine.takeEvents();
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ConntrackError);
        expect((error as ConntrackError).code).toBe("bad-packet");
      }
      expect(selfcheck(core)).toBe(0);
    }
    expect(states).toHaveLength(6);
    for (const seen of states.slice(0, 5)) expect(seen).toBeGreaterThan(0);
    engine.flush();
    expect([engine.entries, selfcheck(core)]).toEqual([0, 0]);
  });
});

test("a million packets in all", () => {
  expect((PACKETS.release + PACKETS.debug) * RUNS.length).toBeGreaterThanOrEqual(1_000_000);
});
