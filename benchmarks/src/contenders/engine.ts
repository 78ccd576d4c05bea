// The engine through its public API: blocks in, result columns out.
import { Conntrack, type OpenOptions } from "conntrack-wasm";
import type { Contender, Tracker } from "../tool.js";

const NS = 1_000_000_000n;
const CHUNK = 4096;
/** Room for a chunk of any question. */
const WINDOW = 1 << 18;

export class EngineTracker implements Tracker {
  readonly engine: Conntrack;
  /** Events taken. */
  events = 0;
  readonly #words = new Uint32Array(2 * CHUNK);

  constructor(engine: Conntrack) {
    this.engine = engine;
  }

  track(records: Uint8Array): void {
    let at = 0;
    for (const results of this.engine.trackBlock({ framing: "pcap", link: 1, bytes: records })) {
      this.#words.set(results.words, at);
      at += 2 * results.count;
      this.events += this.engine.takeEvents().length;
    }
  }

  stateOf(packet: number): number {
    return (this.#words[2 * packet] as number) & 0xff;
  }

  advance(second: number): void {
    this.engine.advance(BigInt(second) * NS);
    this.events += this.engine.takeEvents().length;
  }

  get entries(): number {
    return this.engine.entries;
  }

  reset(): void {
    this.engine.flush();
    this.engine.takeEvents();
  }
}

/** Frames of the inputs end behind their headers, so nothing is left to verify; accounting is what the others do as well. */
export const SYSCTL = { nf_conntrack_checksum: 0, "capture.offload": 1, nf_conntrack_acct: 1 };

/** An engine with options of its own, a variant of the one the others are compared with. */
export function engineWith(name: string, options: OpenOptions = {}): Contender {
  return {
    name,
    maxFlows: 28_000_000,
    variant: true,
    async open(max) {
      const sysctl = { ...SYSCTL, ...options.sysctl };
      const engine = await Conntrack.open({ seed: 1, windowSize: WINDOW, ...options, max: Math.max(max, 16), sysctl });
      return new EngineTracker(engine);
    },
  };
}

/** Accounting on, checksums off, nobody listens to events. */
export const engine: Contender = { ...engineWith("engine"), variant: false };
