// From the engine's results to chunks of columns: the trace records are read as they lie in the engine's memory, since an
// object for each of a million packets is what would take longest.
import { type Results, stateName } from "conntrack-wasm";
import { type Headers, raw } from "ctrack/parts";
import { type Chunk, COLUMN_NAMES, emptyColumns, NOTE, NUMBERS, PROTOCOL_STATES } from "./columns";

const IPV4 = 2;
const ICMP = 1;
const TCP = 6;
const ICMPV6 = 58;
const TWO_32 = 0x1_0000_0000;

/** Place in PROTOCOL_STATES by protocol and state code. */
const stateCodes: number[] = [];
function stateCode(l4proto: number, state: number): number {
  const key = (l4proto << 8) | state;
  let code = stateCodes[key];
  if (code === undefined) {
    code = Math.max(0, PROTOCOL_STATES.indexOf(stateName(l4proto, state) ?? ""));
    stateCodes[key] = code;
  }
  return code;
}

export class Gatherer {
  /** Places of the addresses seen: of IPv4 by the address itself, of IPv6 by its bytes as characters. */
  readonly #addresses = new Map<number | string, number>();
  #fresh: string[] = [];
  #reasons = 0;
  #memory: raw.RawTraces | null = null;
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
    const numbers: number[] = [];
    this.#fresh = [];
    this.#memory ??= new raw.RawTraces(results);
    const { bytes, words, base } = this.#memory;
    const { words: decisions } = results;
    for (let i = 0; i < count; i++) {
      headers.advance();
      this.#origin ??= { seconds: headers.seconds, nanoseconds: headers.nanoseconds };
      const at = base + i * raw.TRACE_SIZE;
      const word = (offset: number) => words[(at + offset) >>> 2] as number;
      const half = (offset: number) => (bytes[at + offset] as number) | ((bytes[at + offset + 1] as number) << 8);
      const l4proto = bytes[at + raw.L4PROTO] as number;
      const l3num = bytes[at + raw.L3NUM] as number;
      const notes = bytes[at + raw.NOTES] as number;
      const transport = (notes & raw.NOTE_TRANSPORT) !== 0 && knowsTransport(l4proto);
      const before = bytes[at + raw.BEFORE + raw.ENTRY_PRESENT] !== 0;
      const after = bytes[at + raw.AFTER + raw.ENTRY_PRESENT] !== 0;
      columns.time[i] = (headers.seconds - this.#origin.seconds) * 1e9 + headers.nanoseconds - this.#origin.nanoseconds;
      columns.decision[i] = decisions[2 * i] as number;
      columns.conn[i] = decisions[2 * i + 1] as number;
      columns.cause[i] = word(raw.CAUSE);
      columns.master[i] = word(raw.MASTER);
      columns.rule[i] = results.rule(i);
      if (l3num !== 0) {
        columns.src[i] = this.#address(results, i, l3num, at + raw.SRC, "src");
        columns.dst[i] = this.#address(results, i, l3num, at + raw.DST, "dst");
      }
      if (transport) {
        columns.sport[i] = half(raw.SPORT);
        columns.dport[i] = half(raw.DPORT);
        if (l4proto === TCP) columns.flags[i] = bytes[at + raw.TCP_FLAGS] as number;
      }
      columns.length[i] = l3num === 0 ? headers.length : word(raw.LENGTH);
      columns.payload[i] = word(raw.PAYLOAD);
      columns.l3num[i] = l3num;
      columns.l4proto[i] = l4proto;
      columns.notes[i] =
        (transport ? NOTE.transport : 0) |
        (notes & raw.NOTE_CUT ? NOTE.cut : 0) |
        (notes & raw.NOTE_BAD_CHECKSUM ? NOTE.badChecksum : 0) |
        (before ? NOTE.before : 0) |
        (after ? NOTE.after : 0);
      if (before) {
        columns.before[i] = entryState(bytes, at + raw.BEFORE);
        columns.status[i] = word(raw.BEFORE + raw.ENTRY_STATUS);
      }
      if (after) {
        columns.after[i] = entryState(bytes, at + raw.AFTER);
        columns.status[i] = word(raw.AFTER + raw.ENTRY_STATUS);
        columns.timeout[i] = word(raw.AFTER + 4) * TWO_32 + word(raw.AFTER);
      }
      if (results.reasonCode(i) !== 0) {
        columns.why[i] = ++this.#reasons;
        for (let k = 0; k < NUMBERS; k++) numbers.push(word(raw.NUMBERS + 4 * k));
      }
    }
    return { count, columns, addresses: this.#fresh, numbers: Uint32Array.from(numbers) };
  }

  #address(results: Results, i: number, l3num: number, at: number, which: "src" | "dst"): number {
    const { words, bytes } = this.#memory as raw.RawTraces;
    const key = l3num === IPV4 ? (words[at >>> 2] as number) : String.fromCharCode(...bytes.subarray(at, at + 16));
    let place = this.#addresses.get(key);
    if (place === undefined) {
      place = this.#addresses.size + 1;
      this.#addresses.set(key, place);
      this.#fresh.push(results.trace(i)[which] ?? "");
    }
    return place;
  }
}

/** Ports, or type, code and id. */
const knowsTransport = (l4proto: number) =>
  l4proto === TCP || l4proto === 17 || l4proto === ICMP || l4proto === ICMPV6 || l4proto === 132 || l4proto === 136;

const entryState = (bytes: Uint8Array, at: number) =>
  stateCode(bytes[at + raw.ENTRY_L4PROTO] as number, bytes[at + raw.ENTRY_STATE] as number);

/** What can be handed over without a copy. */
export function transferOf({ columns, numbers }: Chunk): ArrayBuffer[] {
  return [...COLUMN_NAMES.map((name) => columns[name].buffer as ArrayBuffer), numbers.buffer as ArrayBuffer];
}
