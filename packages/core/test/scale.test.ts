// Ten million connections in one engine, with a reader of events. Takes minutes and 3 GB: only with CTRACK_SCALE=1.
import { describe, expect, test } from "vitest";
import { NS } from "./support/blocks.js";
import { inspect, release } from "./support/builds.js";

const FLOWS = 10_000_000;
const BLOCK = 4000;
const RECORD = 16 + 14 + 28;
/** What an engine of this size reserves, IPv6 addresses and all; pages nobody touched cost nothing. */
const MOST_RESERVED = 270;

/** UDP packets of the flows from `first` on, as pcap records; a flow is its number in the source address. */
class Writer {
  readonly bytes = new Uint8Array(BLOCK * RECORD);
  readonly #view = new DataView(this.bytes.buffer);

  constructor() {
    for (let i = 0; i < BLOCK; i++) {
      const at = i * RECORD;
      this.#view.setUint32(at + 8, RECORD - 16, true);
      this.#view.setUint32(at + 12, RECORD - 16, true);
      this.bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], at + 16);
      this.bytes.set([0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17], at + 30);
      this.bytes.set([0, 8], at + 54); // UDP length
    }
  }

  fill(first: number, second: number, reply: boolean): Uint8Array {
    for (let i = 0; i < BLOCK; i++) {
      const at = i * RECORD;
      this.#view.setUint32(at, second, true);
      this.#view.setUint32(at + (reply ? 46 : 42), 0x0a000000 + first + i);
      this.#view.setUint32(at + (reply ? 42 : 46), 0xc0a80001);
      this.#view.setUint16(at + (reply ? 52 : 50), 5000);
      this.#view.setUint16(at + (reply ? 50 : 52), 53);
    }
    return this.bytes;
  }
}

describe.skipIf(process.env.CTRACK_SCALE !== "1")("10 million connections (CTRACK_SCALE=1)", () => {
  test("all enter, are found, and end in order; nothing is lost of their events", { timeout: 1_800_000 }, () => {
    const { engine, core } = inspect(release, {
      max: FLOWS,
      sizing: "exact",
      seed: 1,
      events: true,
      sysctl: {
        nf_conntrack_acct: 1,
        nf_conntrack_checksum: 0,
        nf_conntrack_udp_timeout: 600,
        "capture.offload": 1, // headers have no checksum
      },
    });
    expect(core.memory.buffer.byteLength / FLOWS).toBeLessThan(MOST_RESERVED);
    const writer = new Writer();
    let born = 0;
    for (let first = 0; first < FLOWS; first += BLOCK) {
      for (const results of engine.trackBlock({ framing: "pcap", link: 1, bytes: writer.fill(first, 1, false) })) {
        for (const { type, flow } of engine.takeEvents()) {
          if (type !== "NEW" || flow.conn !== ++born) throw new Error(`${type} of ${flow.conn}, after ${born}`);
        }
        expect(results.conn(results.count - 1)).toBe(born);
      }
    }
    expect([born, engine.entries, engine.stats().early_drop]).toEqual([FLOWS, FLOWS, 0]);
    for (const first of [0, 3_332_000, FLOWS - BLOCK]) {
      for (const results of engine.trackBlock({ framing: "pcap", link: 1, bytes: writer.fill(first, 2, true) }))
        for (let i = 0; i < results.count; i++) {
          if (results.conn(i) !== first + i + 1 || results.state(i) !== "ESTABLISHED")
            throw new Error(`flow ${first + i}`);
        }
    }
    engine.takeEvents();
    let ended = 0;
    let last = 0n;
    for (let finished = false; !finished; ) {
      finished = engine.advanceStep(2000n * NS);
      const events = engine.takeEvents();
      expect(events.length).toBeLessThanOrEqual(4096);
      for (const { type, time } of events) {
        if (type !== "DESTROY" || time < last) throw new Error(`${type} at ${time}, after ${last}`);
        last = time;
      }
      ended += events.length;
    }
    expect([ended, engine.entries]).toEqual([FLOWS, 0]);
  });
});
