// Looking for differences in random traffic, and what is left of one when everything that does not matter is taken away.

import { compare } from "./agree.js";
import { ask } from "./ask.js";
import { describePacket } from "./describe.js";
import { Kernel } from "./kernel.js";
import { type Episode, episode } from "./random.js";
import type { SequencePacket } from "./sequence.js";

export interface Hunt {
  readonly packets: number;
  /** Packets that differ. */
  readonly wrong: number;
  /** Ready to paste. */
  readonly found: readonly string[];
}

const EPISODE = 250;
/** Fragments that wait outlive a reset: a new namespace every so many episodes, so that they do not fill its memory. */
const EPISODES_PER_NAMESPACE = 100;
const SHRINKS = 3;
const TRIES = 300;

/** `count` packets, in episodes whose seeds begin at `seed`. */
export async function hunt(count: number, seed: number, progress: (packets: number) => void = () => {}): Promise<Hunt> {
  let [packets, wrong] = [0, 0];
  const found: string[] = [];
  for (let next = seed; packets < count; ) {
    const kernel = await Kernel.open();
    try {
      for (let i = 0; i < EPISODES_PER_NAMESPACE && packets < count; i++) {
        const candidate = episode(next++, Math.min(EPISODE, count - packets));
        const comparison = compare(candidate, await ask(kernel, candidate));
        packets += candidate.packets.length;
        wrong += comparison.wrong.length;
        if (comparison.report.length === 0) continue;
        const minimal = found.length < SHRINKS ? await shrink(candidate) : candidate;
        found.push(`${comparison.report[0]}\n${asTest(minimal)}`);
      }
    } finally {
      await kernel.close();
    }
    progress(packets);
  }
  return { packets, wrong, found };
}

/** The fewest packets that still differ: halves, quarters, … are left out as long as the difference stays. */
async function shrink(candidate: Episode): Promise<Episode> {
  let tries = 0;
  const differs = async (packets: readonly SequencePacket[]): Promise<boolean> => {
    if (packets.length === 0 || tries++ >= TRIES) return false;
    const subject = { ...candidate, packets };
    const kernel = await Kernel.open();
    try {
      return compare(subject, await ask(kernel, subject)).report.length > 0;
    } finally {
      await kernel.close();
    }
  };
  let { packets } = candidate;
  for (let size = packets.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < packets.length; ) {
      const fewer = [...packets.slice(0, at), ...packets.slice(at + size)];
      if (await differs(fewer)) packets = fewer;
      else at += size;
    }
  }
  return { ...candidate, packets };
}

function asTest({ name, packets, options }: Episode): string {
  const rows = packets.map(
    ({ data }) =>
      `  { ms: 0, raw: Buffer.from("${Buffer.from(data).toString("hex")}", "hex") }, // ${describePacket(data)}`,
  );
  return `sequence("${name}", [\n${rows.join("\n")}\n], ${JSON.stringify(options)}),`;
}
