// Looking for differences in random traffic.

import { type Comparison, compare } from "./agree.js";
import { ask, rulesOf } from "./ask.js";
import type { EngineOptions } from "./engine.js";
import { Kernel } from "./kernel.js";
import { type Episode, episode } from "./random.js";
import { asTest, shrink } from "./shrink.js";

export interface Hunt {
  readonly packets: number;
  /** Packets that differ. */
  readonly wrong: number;
  /** Ready to paste. */
  readonly found: readonly string[];
}

export interface HuntOptions {
  readonly progress?: (packets: number) => void;
  /** What the engine is told besides: to see that a difference is found. */
  readonly engine?: EngineOptions;
}

const EPISODE = 250;
/** Fragments that wait outlive a reset: a new namespace every so many episodes, so that they do not fill its memory. */
const EPISODES_PER_NAMESPACE = 100;
const SHRINKS = 3;

/** The episode a seed names: in every second hundred rules act on the connections. */
export const episodeOf = (seed: number, length = EPISODE): Episode => episode(seed, length, { ruled: isRuled(seed) });

const isRuled = (seed: number): boolean => Math.floor(seed / EPISODES_PER_NAMESPACE) % 2 === 1;

/** `count` packets, in episodes whose seeds begin at `seed`. */
export async function hunt(count: number, seed: number, { progress, engine }: HuntOptions = {}): Promise<Hunt> {
  let [packets, wrong] = [0, 0];
  const found: string[] = [];
  for (let next = seed; packets < count; ) {
    const ruled = isRuled(next);
    const kernel = await Kernel.open(rulesOf(episodeOf(next, 0).options));
    try {
      while (isRuled(next) === ruled && packets < count) {
        const candidate = episodeOf(next++, Math.min(EPISODE, count - packets));
        const comparison = compare(candidate, await ask(kernel, candidate), engine);
        packets += candidate.packets.length;
        wrong += comparison.wrong.length;
        if (comparison.report.length === 0) continue;
        const differs = async (fewer: Episode) => (await askAlone(fewer, engine)).report.length > 0;
        const minimal = found.length < SHRINKS ? await shrink(candidate, differs) : candidate;
        found.push(`${comparison.report[0]}\n${asTest(minimal)}`);
      }
    } finally {
      await kernel.close();
    }
    progress?.(packets);
  }
  return { packets, wrong, found };
}

/** An episode in a namespace of its own. */
export async function askAlone(subject: Episode, engine?: EngineOptions): Promise<Comparison> {
  const kernel = await Kernel.open(rulesOf(subject.options));
  try {
    return compare(subject, await ask(kernel, subject), engine);
  } finally {
    await kernel.close();
  }
}
