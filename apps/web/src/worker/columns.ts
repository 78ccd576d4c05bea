// What is kept of every packet: 68 bytes in typed arrays, filled by the worker chunk by chunk, read by all views.
import type { RuleRows } from "./messages";

/** Names of tracker states; columns hold places in this list, 0 for none. */
export const PROTOCOL_STATES: readonly string[] = [
  "",
  ..."NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2".split(" "),
  ..."CLOSED COOKIE_WAIT COOKIE_ECHOED SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT HEARTBEAT_SENT".split(" "),
];

export const NOTE = { transport: 1, cut: 2, badChecksum: 4, before: 8, after: 16 } as const;
export const NUMBERS = 10;

const LAYOUT = {
  /** Nanoseconds since the first packet. */
  time: Float64Array,
  /** Nanoseconds the entry has left after the packet. */
  timeout: Float64Array,
  /** state | direction << 8 | reason << 16 | verdict << 24 */
  decision: Uint32Array,
  conn: Uint32Array,
  cause: Uint32Array,
  /** Places in `addresses`, 0 for none. */
  src: Uint32Array,
  dst: Uint32Array,
  sport: Uint16Array,
  dport: Uint16Array,
  length: Uint32Array,
  payload: Uint16Array,
  status: Uint16Array,
  /** 1-based place of the reason's numbers in `numbers`, 0 for none. */
  why: Uint32Array,
  master: Uint32Array,
  /** Number of the deciding rule, with its undecided bit; 0 for none. */
  rule: Uint32Array,
  l3num: Uint8Array,
  l4proto: Uint8Array,
  flags: Uint8Array,
  notes: Uint8Array,
  before: Uint8Array,
  after: Uint8Array,
} as const;

type Layout = typeof LAYOUT;
export type ColumnName = keyof Layout;
export type ColumnArrays = { [Name in ColumnName]: InstanceType<Layout[Name]> };
export const COLUMN_NAMES = Object.keys(LAYOUT) as ColumnName[];

export interface Chunk {
  readonly count: number;
  readonly columns: ColumnArrays;
  /** Addresses not seen before. */
  readonly addresses: readonly string[];
  readonly numbers: Uint32Array;
}

export function emptyColumns(size: number): ColumnArrays {
  return Object.fromEntries(COLUMN_NAMES.map((name) => [name, new LAYOUT[name](size)])) as unknown as ColumnArrays;
}

/** All packets so far. Packet `i` has frame number `i + 1`. */
export class Columns {
  count = 0;
  /** What the numbers of the rule column stand for; there when the capture is read. */
  rules: RuleRows = [];
  data = emptyColumns(4096);
  readonly addresses: string[] = [""];
  numbers = new Uint32Array(1024);
  #numbersUsed = 0;

  append({ count, columns, addresses, numbers }: Chunk): void {
    const size = this.data.time.length;
    if (this.count + count > size) this.#grow(Math.max(size * 2, this.count + count));
    for (const name of COLUMN_NAMES) this.data[name].set(columns[name], this.count);
    this.addresses.push(...addresses);
    if (this.#numbersUsed + numbers.length > this.numbers.length) {
      const larger = new Uint32Array(Math.max(this.numbers.length * 2, this.#numbersUsed + numbers.length));
      larger.set(this.numbers);
      this.numbers = larger;
    }
    this.numbers.set(numbers, this.#numbersUsed);
    this.#numbersUsed += numbers.length;
    this.count += count;
  }

  #grow(size: number): void {
    const larger = emptyColumns(size);
    for (const name of COLUMN_NAMES) larger[name].set(this.data[name]);
    this.data = larger;
  }
}
