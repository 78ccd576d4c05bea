// All connections of a capture, put together from its packets.
import { statusNames } from "conntrack-wasm";
import { endpoint, icmpText, protocolText } from "ctrack/parts";
import { type Columns, NOTE, PROTOCOL_STATES } from "../worker/columns";
import { rowAt } from "./row";

export interface Conn {
  readonly conn: number;
  readonly protocol: string;
  readonly original: string;
  readonly reply: string;
  /** Packets and bytes in both directions, ICMP errors about it left out as the kernel does. */
  readonly packets: readonly [number, number];
  readonly bytes: readonly [number, number];
  readonly state: string | null;
  readonly status: readonly string[];
  /** Nanoseconds since the first packet. */
  readonly start: number;
  readonly last: number;
  readonly deadline: number;
  readonly gone: boolean;
  readonly invalid: number;
  /** The connection that announced it. */
  readonly master: number | null;
  /** Places of its packets in the columns. */
  readonly frames: readonly number[];
}

export function collectConns(columns: Columns): Conn[] {
  const { data } = columns;
  const byConn = new Map<number, number[]>();
  for (let i = 0; i < columns.count; i++) {
    const conn = data.conn[i] as number;
    if (conn === 0) continue;
    const frames = byConn.get(conn);
    if (frames) frames.push(i);
    else byConn.set(conn, [i]);
  }
  return [...byConn].sort(([a], [b]) => a - b).map(([conn, frames]) => summarize(columns, conn, frames));
}

function summarize(columns: Columns, conn: number, frames: number[]): Conn {
  const { data } = columns;
  const packets: [number, number] = [0, 0];
  const bytes: [number, number] = [0, 0];
  let invalid = 0;
  let lastKept = -1;
  let gone = false;
  for (const i of frames) {
    const decision = data.decision[i] as number;
    const direction = (decision >>> 8) & 255;
    const state = decision & 255;
    if (state === 4) invalid++;
    const isError = state === 3 && (data.l4proto[i] === 1 || data.l4proto[i] === 58);
    if (direction > 0 && !isError) {
      packets[direction - 1] = (packets[direction - 1] as number) + 1;
      bytes[direction - 1] = (bytes[direction - 1] as number) + (data.length[i] as number);
    }
    const notes = data.notes[i] as number;
    if (notes & NOTE.after) lastKept = i;
    gone = (notes & NOTE.before) !== 0 && (notes & NOTE.after) === 0 && state !== 4;
  }
  const first = rowAt(columns, frames[0] as number);
  const from = endpoint(first.src, first.sport);
  const to = endpoint(first.dst, first.dport);
  const kind =
    first.type === null ? "" : ` ${icmpText(first.protocol ?? "", first.type, first.code ?? 0)} id ${first.id}`;
  const last = frames.at(-1) as number;
  const at = lastKept < 0 ? last : lastKept;
  return {
    conn,
    protocol: protocolText(first.view.trace),
    original: `${from} → ${to}${kind}`,
    reply: `${to} → ${from}`,
    packets,
    bytes,
    state: lastKept < 0 ? null : PROTOCOL_STATES[data.after[at] as number] || null,
    status: lastKept < 0 ? [] : statusNames(data.status[at] as number),
    start: data.time[frames[0] as number] as number,
    last: data.time[last] as number,
    deadline: (data.time[at] as number) + (data.timeout[at] as number),
    gone,
    invalid,
    master: data.master[frames[0] as number] || null,
    frames,
  };
}
