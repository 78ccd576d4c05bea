// Interfaces that a capture names, as the firewall's own.
import type { Capture, PacketBlock } from "conntrack-capture";

// offsets in a packet record
const CAPTURED = 12;
const INTERFACE = 18;
const FLAGS = 20;
const RECORD_HEADER = 24;

/** An engine knows no more of them. */
const MOST_NAMES = 30;

/** The names a box may have its interfaces by, each once. */
export function interfaceNames(described: Iterable<Capture["interfaces"][number]>): string[] {
  const names = new Set<string>();
  for (const { name } of described) if (name !== null && /^[^=\s]{1,15}$/.test(name)) names.add(name);
  return [...names].slice(0, MOST_NAMES);
}

/** Each packet brings along the number of the interface the capture names, from 1, and which way it passed it (`program.FLAG_SEEN`). */
export function numberInterfaces(
  { framing, bytes }: PacketBlock,
  described: Capture["interfaces"],
  names: readonly string[],
): void {
  if (framing !== "records" || names.length === 0) return;
  const numbers = described.map(({ name }) => (name === null ? -1 : names.indexOf(name)) + 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + RECORD_HEADER <= bytes.length; ) {
    const number = numbers[view.getUint16(at + INTERFACE, true)] ?? 0;
    const way = view.getUint32(at + FLAGS, true) & 3;
    view.setUint16(at + INTERFACE, number === 0 ? 0 : number | (way << 8), true);
    at = (at + RECORD_HEADER + view.getUint32(at + CAPTURED, true) + 7) & ~7;
  }
}
