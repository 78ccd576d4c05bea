// What a packet of a text protocol says: the first line of its payload.

import type { PacketTrace } from "conntrack-wasm";
import type { Headers } from "ctrack/parts";

const LONGEST_LINK_HEADER = 96;
const LONGEST_LINE = 120;

/** Where the IP packet begins: behind the link header, which differs from link to link; -1 when it is not found. */
function ipStart(bytes: Uint8Array, { l3num, length }: PacketTrace): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at <= Math.min(LONGEST_LINK_HEADER, bytes.length - 20); at++) {
    const version = (bytes[at] as number) >>> 4;
    if (
      l3num === 2
        ? version === 4 && view.getUint16(at + 2) === length
        : version === 6 && view.getUint16(at + 4) + 40 === length
    )
      return at;
  }
  return -1;
}

/** "PORT 192,168,1,5,171,59"; null for payload that is no text, or none. */
export function saidBy(headers: Headers, trace: PacketTrace): string | null {
  if (trace.payload === 0 || trace.l3num === 0) return null;
  const frame = headers.bytes.subarray(headers.data, headers.data + headers.captured);
  const start = ipStart(frame, trace);
  if (start < 0) return null;
  const payload = frame.subarray(start + trace.length - trace.payload, start + trace.length);
  const [, line = ""] =
    /^([\x20-\x7e]+)(?:[\r\n]|$)/.exec(new TextDecoder("latin1").decode(payload.subarray(0, 2 * LONGEST_LINE))) ?? [];
  if (line.length < 3) return null;
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line;
}
