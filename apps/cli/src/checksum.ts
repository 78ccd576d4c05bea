// Offloaded checksums: a capture on the sending host holds packets whose checksums the network card had yet to fill in.
// Linux never verifies what it sends itself, but a tracker that reads the capture would call all of it INVALID.

import type { PacketBlock } from "conntrack-capture";
import { Conntrack, REASONS, type Results } from "conntrack-wasm";

/** Packets `--checksum auto` looks at first. */
export const OFFLOAD_SAMPLE = 4096;
/** More than a handful. */
const LEAST_BAD = 5;
const IP_CHECKSUM = (REASONS.find(({ name }) => name === "ip-checksum")?.code ?? -1) << 16;

/** Packets that were dropped because of the checksum of their IP header. */
export function countBadHeaders({ words, count }: Results): number {
  let bad = 0;
  for (let i = 0; i < count; i++) if (((words[2 * i] as number) & 0xff0000) === IP_CHECKSUM) bad++;
  return bad;
}

/** The first blocks, as copies, for `estimateOffload`; and those behind them. */
export async function sampleOf<Block extends PacketBlock>(
  blocks: AsyncGenerator<Block, void>,
): Promise<{ blocks: Block[]; rest: AsyncGenerator<Block, void> }> {
  const sample: Block[] = [];
  for (let packets = 0; packets < OFFLOAD_SAMPLE; ) {
    const { value: block } = await blocks.next();
    if (!block) break;
    sample.push({ ...block, bytes: block.bytes.slice() });
    packets += block.count;
  }
  return { blocks: sample, rest: blocks };
}

/**
 * True when at least five packets from one address have a wrong checksum, and they are more than half of what
 * that address sent: one side's checksums were left to the card, which chance or damage does not do.
 */
export async function estimateOffload(blocks: readonly PacketBlock[]): Promise<boolean> {
  const engine = await Conntrack.open({ max: 65_536, seed: 0, trace: true });
  const senders = new Map<string | null, { packets: number; bad: number }>();
  for (const block of blocks) {
    for (const results of engine.trackBlock(block)) {
      for (let i = 0; i < results.count; i++) {
        const { src, protocol, badChecksum, cut } = results.trace(i);
        const badHeader = results.reason(i).name === "ip-checksum";
        if (!badHeader && (src === null || cut || (protocol !== "tcp" && protocol !== "udp"))) continue;
        let sender = senders.get(src);
        if (sender === undefined) {
          sender = { packets: 0, bad: 0 };
          senders.set(src, sender);
        }
        sender.packets++;
        if (badHeader || badChecksum) sender.bad++;
      }
    }
  }
  for (const { packets, bad } of senders.values()) if (bad >= LEAST_BAD && bad * 2 > packets) return true;
  return false;
}

/** What to say once about a run's checksums, or null. */
export function offloadRemark(all: number, bad: number, ignored: boolean): string | null {
  if (ignored) return "most checksums of one side are wrong (offload): they are ignored, as --checksum ignore does";
  if (bad < LEAST_BAD || bad * 10 < all) return null;
  return (
    `${bad} of ${all} checksums are wrong, most likely because the capture was taken before the network card filled them in ` +
    "(offload). Linux refuses such packets only when they arrive so: --checksum ignore takes them as right"
  );
}
