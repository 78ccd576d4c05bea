// The module that writes lines against json.ts, byte for byte.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openFile } from "conntrack-capture/node";
import { Conntrack, type PacketBlock } from "conntrack-wasm";
import { expect, test } from "vitest";
import { packet } from "../../../packages/conformance/src/packets.js";
import { NS, recordBlock, START, type TimedPacket } from "../../../packages/core/test/support/blocks.js";
import { Random } from "../../../packages/core/test/support/random.js";
import { randomTraffic } from "../../../packages/core/test/support/traffic.js";
import { Headers } from "../dist/headers.js";
import { JsonLines } from "../dist/json.js";
import { FastLines } from "../dist/lines.js";
import { CAPTURES, SAMPLES } from "./fixture.js";

const folders = [SAMPLES, CAPTURES].filter((folder) => existsSync(folder));
const captures = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(pcap|pcapng|cap)$/.test(name))
    .map((name) => join(folder, name)),
);

/** The lines of both; every block is given to both. */
class Both {
  readonly #json = new JsonLines();
  readonly #expected: Buffer[] = [];
  readonly #written: Buffer[] = [];

  constructor(
    private readonly engine: Conntrack,
    private readonly lines: FastLines,
  ) {}

  async track(block: PacketBlock & { count?: number }): Promise<void> {
    const whole = { count: 0, offset: 0, ...block } as ConstructorParameters<typeof Headers>[0];
    const [one, other] = [new Headers(whole), new Headers(whole)];
    for (const results of this.engine.trackBlock(block)) {
      for (let i = 0; i < results.count; i++) {
        one.advance();
        this.#json.add(results, one, i);
      }
      this.#expected.push(Buffer.from(this.#json.lines));
      this.#json.clear();
      await this.lines.add(results, other, async (bytes) => void this.#written.push(Buffer.from(bytes)));
    }
  }

  /** The number of lines; throws at the first that differs. */
  compare(): number {
    const [expected, written] = [Buffer.concat(this.#expected), Buffer.concat(this.#written)];
    if (!expected.equals(written)) expect(written.toString().split("\n")).toEqual(expected.toString().split("\n"));
    return expected.toString().split("\n").length - 1;
  }
}

const open = async (options = {}) =>
  new Both(await Conntrack.open({ seed: 1, trace: true, ...options }), await FastLines.open());

test("all captures", async () => {
  for (const file of captures) {
    const both = await open({ sysctl: { nf_conntrack_helper: 1 } });
    try {
      const capture = await openFile(file);
      for await (const block of capture.blocks()) await both.track(block);
    } catch {
      // a damaged file: what could be read is compared
    }
    both.compare();
  }
  expect(captures.length).toBeGreaterThan(10);
});

test("random traffic of every protocol, fragments among it", async () => {
  const both = await open();
  await both.track(recordBlock(randomTraffic(new Random(11), { count: 20_000, hosts: 40, fragmented: true })));
  expect(both.compare()).toBe(20_000);
});

test("IPv6 addresses in every form, numbers of every length, times to the nanosecond and behind 2106", async () => {
  const random = new Random(5);
  const group = () => random.pick([0, 0, 0, 1, 0xf, 0x10, 0xff, 0x100, 0xfff, 0x1000, 0xffff]).toString(16);
  const address = () => Array.from({ length: 8 }, group).join(":");
  const special = ["::", "::1", "::ffff:1.2.3.4", "::1.2.3.4", "1::", "0:0:1::", "::ffff:0:0", "0:0:0:0:0:ffff:0:1"];
  const times = [START, START + 1n, START + 999_999_999n, (2n ** 32n + 5n) * NS + 7n];
  const packets = Array.from({ length: 4000 }, (_, i): TimedPacket => {
    const [src, dst] = [random.chance(0.2) ? random.pick(special) : address(), address()];
    const ends = { src, dst };
    const port = random.pick([0, 1, 9, 10, 99, 100, 999, 1000, 9999, 10_000, 65_535]);
    const data = random.chance(0.3)
      ? packet({ ...ends, icmpv6: { type: 128, id: port, seq: 1, payload: 8 } })
      : packet({ ...ends, udp: { sport: port, dport: random.below(65_536), payload: 8 } });
    return { time: (times[i < 3000 ? i % 3 : 3] as bigint) + BigInt(i), data };
  });
  const both = await open();
  for (let at = 0; at < packets.length; at += 1000) await both.track(recordBlock(packets.slice(at, at + 1000)));
  expect(both.compare()).toBe(4000);
});
