// Ways to feed an engine, and everything it says.
import type { Conntrack, Flow, FlowEvent, PacketBlock } from "../../../conntrack/src/index.js";
import { recordBlock, type TimedPacket } from "./blocks.js";

export interface Outcome {
  /** Two words per packet, as Results.words. */
  readonly words: Uint32Array;
  readonly events: readonly FlowEvent[];
  readonly flows: readonly Flow[];
}

const STATES = [null, "NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];

/** Whole blocks; `blocks` in order. */
export function runBlocks(engine: Conntrack, blocks: Iterable<PacketBlock>): Outcome {
  const parts: Uint32Array[] = [];
  const events: FlowEvent[] = [];
  for (const block of blocks) {
    for (const results of engine.trackBlock(block)) {
      parts.push(results.words.slice());
      events.push(...engine.takeEvents());
    }
  }
  events.push(...engine.takeEvents());
  return { words: joined(parts), events, flows: engine.flows() };
}

export const runRecords = (engine: Conntrack, packets: readonly TimedPacket[], size = packets.length): Outcome =>
  runBlocks(engine, chunks(packets, size).map(recordBlock));

/** One call per packet; the reason is left out, since a decision names it instead of giving its number. */
export function runSingly(engine: Conntrack, packets: readonly TimedPacket[]): Outcome {
  const words = new Uint32Array(packets.length * 2);
  const events: FlowEvent[] = [];
  packets.forEach((packet, i) => {
    const { state, direction, verdict, conn } = engine.track(packet);
    const way = direction === null ? 0 : direction === "original" ? 1 : 2;
    words[i * 2] = STATES.indexOf(state) | (way << 8) | (verdict === "DROP" ? 1 << 24 : 0);
    words[i * 2 + 1] = conn ?? 0;
    events.push(...engine.takeEvents());
  });
  return { words, events, flows: engine.flows() };
}

export const withoutReasons = ({ words, ...rest }: Outcome): Outcome => ({
  words: words.map((word, i) => (i % 2 ? word : word & ~0xff0000)),
  ...rest,
});

export const withoutIds = ({ words, events, flows }: Outcome): Outcome => ({
  words,
  events: events.map((event) => ({ ...event, flow: { ...event.flow, id: 0 } })),
  flows: flows.map((flow) => ({ ...flow, id: 0 })),
});

export function chunks<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < items.length; at += size) parts.push(items.slice(at, at + size));
  return parts;
}

export function joined(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Readable and comparable: toEqual on ten thousand flows takes seconds, a string comparison none. */
export const text = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part));
