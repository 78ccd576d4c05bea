// The lab's engine: packets one at a time, and the table after each.
import { type Conntrack, formatExpectProc, formatProc, statusNames } from "conntrack-wasm";
import type { LabDecision, LabResult, Settings } from "./messages";
import { openEngine, programOf } from "./setup";

const START = 1_700_000_000n * 1_000_000_000n;
const MILLISECOND = 1_000_000n;

export class Lab {
  #time = START;

  private constructor(private readonly engine: Conntrack) {
    engine.advance(START);
  }

  static async open(settings: Settings, max: number | undefined): Promise<Lab> {
    return new Lab(await openEngine(settings, false, await programOf(settings.rules), max ?? 1024));
  }

  /** A packet a millisecond after whatever was last. */
  send(data: Uint8Array): LabResult {
    this.#time += MILLISECOND;
    const { state, direction, reasonText, conn, verdict, trace } = this.engine.track({ time: this.#time, data });
    const before = trace?.before?.protocolState ?? null;
    const after = trace?.after?.protocolState ?? null;
    const change =
      before === after ? "" : `${before ?? "no entry"} → ${trace?.after === null ? "gone" : (after ?? "gone")}`;
    return this.result({ state, direction, reason: reasonText, conn, verdict, change });
  }

  wait(seconds: number): LabResult {
    this.#time += BigInt(Math.round(seconds * 1000)) * MILLISECOND;
    this.engine.advance(this.#time);
    return this.result(null);
  }

  result(decision: LabDecision | null): LabResult {
    const flows = this.engine.flows();
    return {
      decision,
      seconds: Number(this.#time - START) / 1e9,
      lines: flows.map((flow) => formatProc(flow)),
      expected: this.engine.expectations().map((expectation) => formatExpectProc(expectation)),
      records: flows.map(({ conn, protocol, protocolState, status, timeout, helper, master }) => ({
        conn,
        protocol,
        state: protocolState,
        status: statusNames(status),
        timeout: Number(timeout) / 1e9,
        helper,
        master,
      })),
    };
  }
}
