// A packet of the columns in the shape the shared code reads: the same object for all, moved from packet to packet.
import { DIRECTION_NAMES, program, protocolName, REASONS, type ReasonRow, STATE_NAMES } from "conntrack-wasm";
import type { PacketView } from "ctrack/parts";
import { type Columns, NOTE, NUMBERS, PROTOCOL_STATES } from "../worker/columns";
import type { RuleRow } from "../worker/messages";

const reasons = new Map<number, ReasonRow>(REASONS.map((row) => [row.code, row]));
const RULE_NUMBER = ~program.RULE_UNDECIDED;
const PORTS = new Set([6, 17, 132, 136]);
const ICMP = new Set([1, 58]);

export class Row {
  index = 0;

  constructor(readonly columns: Columns) {}

  /** As what the shared code takes. */
  get view(): PacketView {
    return this as unknown as PacketView;
  }
  get frame() {
    return this.index + 1;
  }
  get #decision() {
    return this.columns.data.decision[this.index] as number;
  }
  get state() {
    return STATE_NAMES[this.#decision & 255] ?? null;
  }
  get direction() {
    return DIRECTION_NAMES[(this.#decision >>> 8) & 255] ?? null;
  }
  get verdict() {
    return this.#decision >>> 24 === 1 ? "DROP" : "ACCEPT";
  }
  /** The rule that decided; null when none was asked. */
  get rule(): RuleRow | null {
    return this.columns.rules[(this.columns.data.rule[this.index] as number) & RULE_NUMBER] ?? null;
  }
  get undecided(): boolean {
    return (this.columns.data.rule[this.index] as number) >>> 31 === 1;
  }
  get reason(): ReasonRow | null {
    return reasons.get((this.#decision >>> 16) & 255) ?? null;
  }
  get reasonText(): string | null {
    return this.reason?.text(this.numbers, this.l4proto) ?? null;
  }
  get entry(): number | null {
    return this.columns.data.conn[this.index] || null;
  }
  get conn(): number | null {
    return this.direction === null ? null : this.entry;
  }
  /** The trace's fields are the row's own. */
  get trace() {
    return this;
  }
  /** Nanoseconds since the first packet. */
  get since(): number {
    return this.columns.data.time[this.index] as number;
  }
  get l4proto(): number {
    return this.columns.data.l4proto[this.index] as number;
  }
  get l3num(): number {
    return this.columns.data.l3num[this.index] as number;
  }
  get protocol(): string | null {
    return this.l3num === 0 ? null : protocolName(this.l4proto);
  }
  get src(): string | null {
    return this.columns.addresses[this.columns.data.src[this.index] as number] || null;
  }
  get dst(): string | null {
    return this.columns.addresses[this.columns.data.dst[this.index] as number] || null;
  }
  get #notes() {
    return this.columns.data.notes[this.index] as number;
  }
  #transport(protocols: ReadonlySet<number>): boolean {
    return (this.#notes & NOTE.transport) !== 0 && protocols.has(this.l4proto);
  }
  get sport(): number | null {
    return this.#transport(PORTS) ? (this.columns.data.sport[this.index] as number) : null;
  }
  get dport(): number | null {
    return this.#transport(PORTS) ? (this.columns.data.dport[this.index] as number) : null;
  }
  get id(): number | null {
    return this.#transport(ICMP) ? (this.columns.data.sport[this.index] as number) : null;
  }
  get type(): number | null {
    return this.#transport(ICMP) ? (this.columns.data.dport[this.index] as number) >> 8 : null;
  }
  get code(): number | null {
    return this.#transport(ICMP) ? (this.columns.data.dport[this.index] as number) & 255 : null;
  }
  get flags(): number | null {
    return (this.#notes & NOTE.transport) !== 0 && this.l4proto === 6
      ? (this.columns.data.flags[this.index] as number)
      : null;
  }
  get length(): number {
    return this.columns.data.length[this.index] as number;
  }
  get payload(): number {
    return this.columns.data.payload[this.index] as number;
  }
  get badChecksum(): boolean {
    return (this.#notes & NOTE.badChecksum) !== 0;
  }
  get before() {
    return (this.#notes & NOTE.before) === 0 ? null : { protocolState: stateAt(this.columns.data.before[this.index]) };
  }
  get after() {
    return (this.#notes & NOTE.after) === 0 ? null : { protocolState: stateAt(this.columns.data.after[this.index]) };
  }
  get cause(): number | null {
    return this.columns.data.cause[this.index] || null;
  }
  get master(): number | null {
    return this.columns.data.master[this.index] || null;
  }
  get numbers(): readonly number[] {
    const why = this.columns.data.why[this.index] as number;
    return why === 0 ? [] : Array.from(this.columns.numbers.subarray((why - 1) * NUMBERS, why * NUMBERS));
  }
}

function stateAt(code: number | undefined): string | null {
  return PROTOCOL_STATES[code ?? 0] || null;
}

export function rowAt(columns: Columns, index: number): Row {
  const row = new Row(columns);
  row.index = index;
  return row;
}

/** `FORWARD:3`, `FORWARD policy`; tables other than filter by name. */
export function rulePlace({ table, chain, position }: Pick<RuleRow, "table" | "chain" | "position">): string {
  const name = table === "filter" ? chain : `${table}/${chain}`;
  return position === 0 ? `${name} policy` : `${name}:${position}`;
}
