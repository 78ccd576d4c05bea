// The engine through its public API: blocks in, result columns out.
import { Conntrack, type OpenOptions } from "conntrack-wasm";
import type { Contender, Tracker } from "../tool.js";

const NS = 1_000_000_000n;
const CHUNK = 4096;
/** Room for a chunk of any question. */
const WINDOW = 1 << 18;

/** How events are read: an object for each, or type and connection where they lie. */
export type EventReading = "objects" | "records";

export class EngineTracker implements Tracker {
  readonly engine: Conntrack;
  /** Events taken. */
  events = 0;
  /** Connections whose end was among them, where they are read as records. */
  ended = 0;
  readonly #words = new Uint32Array(2 * CHUNK);

  constructor(
    engine: Conntrack,
    private readonly reading: EventReading = "objects",
  ) {
    this.engine = engine;
  }

  #readEvents(): void {
    if (this.reading === "objects") {
      this.events += this.engine.takeEvents().length;
      return;
    }
    const records = this.engine.takeEventRecords();
    this.events += records.count;
    for (let i = 0; i < records.count; i++) {
      if (records.type(i) === "DESTROY" && records.conn(i) !== 0) this.ended++;
    }
  }

  track(records: Uint8Array): void {
    let at = 0;
    for (const results of this.engine.trackBlock({ framing: "pcap", link: 1, bytes: records })) {
      this.#words.set(results.words, at);
      at += 2 * results.count;
      this.#readEvents();
    }
  }

  stateOf(packet: number): number {
    return (this.#words[2 * packet] as number) & 0xff;
  }

  advance(second: number): void {
    this.engine.advance(BigInt(second) * NS);
    this.#readEvents();
  }

  get entries(): number {
    return this.engine.entries;
  }

  reset(): void {
    this.engine.flush();
    this.engine.takeEventRecords();
  }
}

/** Frames of the inputs end behind their headers, so nothing is left to verify; accounting is what the others do as well. */
export const SYSCTL = { nf_conntrack_checksum: 0, "capture.offload": 1, nf_conntrack_acct: 1 };

/** An engine with options of its own, a variant of the one the others are compared with. */
export function engineWith(name: string, options: OpenOptions = {}, reading: EventReading = "objects"): Contender {
  return {
    name,
    maxFlows: 28_000_000,
    variant: true,
    async open(max) {
      const sysctl = { ...SYSCTL, ...options.sysctl };
      const engine = await Conntrack.open({ seed: 1, windowSize: WINDOW, ...options, max: Math.max(max, 16), sysctl });
      return new EngineTracker(engine, reading);
    },
  };
}

/** Accounting on, checksums off, nobody listens to events. */
export const engine: Contender = { ...engineWith("engine"), variant: false };
