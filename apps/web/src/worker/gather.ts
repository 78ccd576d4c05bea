// From the engine's results to chunks of columns.
import type { Results } from "conntrack-wasm";
import type { Headers } from "ctrack/parts";
import { type Chunk, COLUMN_NAMES, emptyColumns, NOTE, NUMBERS, PROTOCOL_STATES } from "./columns";

const stateCodes = new Map<string | null, number>(PROTOCOL_STATES.map((name, i) => [name, i]));
stateCodes.set(null, 0);

export class Gatherer {
  readonly #addresses = new Map<string, number>();
  #reasons = 0;
  /** Seconds and nanoseconds of the first packet. */
  #origin: { seconds: number; nanoseconds: number } | null = null;

  get origin(): bigint {
    return this.#origin === null
      ? 0n
      : BigInt(this.#origin.seconds) * 1_000_000_000n + BigInt(this.#origin.nanoseconds);
  }

  /** Takes `results.count` headers. */
  chunk(results: Results, headers: Headers): Chunk {
    const { count } = results;
    const columns = emptyColumns(count);
    const fresh: string[] = [];
    const numbers: number[] = [];
    const address = (text: string | null) => {
      if (text === null) return 0;
      let place = this.#addresses.get(text);
      if (place === undefined) {
        place = this.#addresses.size + 1;
        this.#addresses.set(text, place);
        fresh.push(text);
      }
      return place;
    };
    const { words } = results;
    for (let i = 0; i < count; i++) {
      headers.advance();
      this.#origin ??= { seconds: headers.seconds, nanoseconds: headers.nanoseconds };
      const trace = results.trace(i);
      const transport = trace.sport !== null || trace.type !== null;
      columns.time[i] = (headers.seconds - this.#origin.seconds) * 1e9 + headers.nanoseconds - this.#origin.nanoseconds;
      columns.decision[i] = words[2 * i] as number;
      columns.conn[i] = words[2 * i + 1] as number;
      columns.cause[i] = trace.cause ?? 0;
      columns.master[i] = trace.master ?? 0;
      columns.rule[i] = results.rule(i);
      columns.src[i] = address(trace.src);
      columns.dst[i] = address(trace.dst);
      columns.sport[i] = trace.sport ?? trace.id ?? 0;
      columns.dport[i] = trace.dport ?? ((trace.type ?? 0) << 8) | (trace.code ?? 0);
      columns.length[i] = trace.protocol === null ? headers.length : trace.length;
      columns.payload[i] = trace.payload;
      columns.l3num[i] = trace.l3num;
      columns.l4proto[i] = trace.l4proto;
      columns.flags[i] = trace.flags ?? 0;
      columns.notes[i] =
        (transport ? NOTE.transport : 0) |
        (trace.cut ? NOTE.cut : 0) |
        (trace.badChecksum ? NOTE.badChecksum : 0) |
        (trace.before ? NOTE.before : 0) |
        (trace.after ? NOTE.after : 0);
      columns.before[i] = stateCodes.get(trace.before?.protocolState ?? null) ?? 0;
      columns.after[i] = stateCodes.get(trace.after?.protocolState ?? null) ?? 0;
      columns.status[i] = (trace.after ?? trace.before)?.status ?? 0;
      columns.timeout[i] = Number(trace.after?.timeout ?? 0n);
      if (results.reasonCode(i) !== 0) {
        columns.why[i] = ++this.#reasons;
        for (let k = 0; k < NUMBERS; k++) numbers.push(trace.numbers[k] ?? 0);
      }
    }
    return { count, columns, addresses: fresh, numbers: Uint32Array.from(numbers) };
  }
}

/** What can be handed over without a copy. */
export function transferOf({ columns, numbers }: Chunk): ArrayBuffer[] {
  return [...COLUMN_NAMES.map((name) => columns[name].buffer as ArrayBuffer), numbers.buffer as ArrayBuffer];
}
