// What a packet of a text protocol says: the first line of its payload.
import type { PacketTrace } from "conntrack-wasm";
import type { Headers } from "ctrack/parts";

const LONGEST = 120;

/** "PORT 192,168,1,5,171,59"; null for payload that is no text, or none. */
export function saidBy({ bytes, data, captured }: Headers, trace: PacketTrace): string | null {
  if (trace.data === null || trace.data >= captured) return null;
  const from = data + trace.data;
  const payload = bytes.subarray(from, Math.min(from + trace.payload, data + captured, from + 2 * LONGEST));
  const text = new TextDecoder("latin1").decode(payload);
  const [, line = ""] = /^([\x20-\x7e]{3,})(?:[\r\n]|$)/.exec(text) ?? [];
  if (line === "") return null;
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}
