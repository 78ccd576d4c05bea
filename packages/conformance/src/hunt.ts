// Looking for differences in random traffic.

import { getPriority, setPriority } from "node:os";
import { type Comparison, compare } from "./agree.js";
import { ask, askTimed, rulesOf } from "./ask.js";
import type { EngineOptions } from "./engine.js";
import { Kernel } from "./kernel.js";
import { oddEpisode } from "./odd.js";
import { type Episode, episode } from "./random.js";
import { asTest, type Differs, shrink } from "./shrink.js";
import { MAY_BE_LATE, timedEpisode } from "./timed.js";

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
const ODD_EPISODES_PER_NAMESPACE = 20;
const SHRINKS = 3;
/** Namespaces at a time. */
const CROWD = 12;
/** Niceness of work in real time. */
const PUNCTUAL = -15;

/** The episode a seed names: in every second hundred rules act on the connections. */
export const episodeOf = (seed: number, length = EPISODE): Episode => episode(seed, length, { ruled: isRuled(seed) });

const isRuled = (seed: number): boolean => Math.floor(seed / EPISODES_PER_NAMESPACE) % 2 === 1;

/** `count` packets, in episodes whose seeds begin at `seed`. */
export const hunt = (count: number, seed: number, options: HuntOptions = {}): Promise<Hunt> =>
  huntBy(episodeOf, EPISODES_PER_NAMESPACE, count, seed, options);

/** The same with traffic of the rarer kind, which has many more fragments that wait. */
export const huntOdd = (count: number, seed: number, options: HuntOptions = {}): Promise<Hunt> =>
  huntBy(oddEpisode, ODD_EPISODES_PER_NAMESPACE, count, seed, options);

async function huntBy(
  make: (seed: number, length: number) => Episode,
  perNamespace: number,
  count: number,
  seed: number,
  { progress, engine }: HuntOptions,
): Promise<Hunt> {
  const tally = new Tally(engine);
  const home = (of: number) => Math.floor(of / perNamespace);
  for (let next = seed; tally.packets < count; ) {
    const here = home(next);
    const kernel = await Kernel.open(rulesOf(make(next, 1).options));
    try {
      while (home(next) === here && tally.packets < count) {
        const candidate = make(next++, Math.min(EPISODE, count - tally.packets));
        await tally.add(candidate, compare(candidate, await ask(kernel, candidate), engine));
      }
    } finally {
      await kernel.close();
    }
    progress?.(tally.packets);
  }
  return tally;
}

/** The same in real time, with waits: many episodes next to each other. In every second one rules act. */
export async function huntTimed(count: number, seed: number, { progress, engine }: HuntOptions = {}): Promise<Hunt> {
  const tally = new Tally(engine);
  for (let next = seed; tally.packets < count; next += CROWD) {
    const candidates: Episode[] = [];
    for (let [i, packets] = [0, tally.packets]; i < CROWD && packets < count; i++) {
      const candidate = timedEpisode(next + i, { ruled: (next + i) % 2 === 1 });
      candidates.push(candidate);
      packets += candidate.packets.length;
    }
    for (const [i, comparison] of (await askTogether(candidates, engine)).entries())
      await tally.add(candidates[i] as Episode, comparison);
    progress?.(tally.packets);
  }
  return tally;
}

class Tally implements Hunt {
  packets = 0;
  wrong = 0;
  readonly found: string[] = [];
  readonly #engine: EngineOptions | undefined;

  constructor(engine: EngineOptions | undefined) {
    this.#engine = engine;
  }

  /** A difference counts if it is there again in a namespace of its own: fragments of earlier episodes may wait in this one. */
  async add(candidate: Episode, shared: Comparison): Promise<void> {
    const isAlone = shared.report.length === 0 || candidate.options.realtime;
    const comparison = isAlone ? shared : ((await askTogether([candidate], this.#engine))[0] as Comparison);
    this.packets += candidate.packets.length;
    this.wrong += comparison.wrong.length;
    if (comparison.report.length === 0) return;
    const differs: Differs = async (episodes) =>
      (await askTogether(episodes, this.#engine)).map(({ report }) => report.length > 0);
    const minimal = this.found.length < SHRINKS ? await shrink(candidate, differs) : candidate;
    this.found.push(`${comparison.report[0]}\n${asTest(minimal)}`);
  }
}

/** Milliseconds: when its last packet is due; where time does not count, never too late. */
const lastOf = ({ packets, options }: Episode): number =>
  options.realtime ? (packets.at(-1)?.time ?? 0) : Number.POSITIVE_INFINITY;

/** With priority, as the helpers have that send the packets: who waits for them must not keep them waiting. */
async function punctually<T>(work: () => Promise<T>): Promise<T> {
  const before = getPriority();
  setPriority(PUNCTUAL);
  try {
    return await work();
  } finally {
    setPriority(before);
  }
}

/** Each in a namespace of its own, many at a time. What the machine sent too late is asked again. */
export async function askTogether(subjects: readonly Episode[], engine?: EngineOptions): Promise<Comparison[]> {
  const outcomes: Awaited<ReturnType<typeof askTimed>>["outcome"][] = new Array(subjects.length);
  const waiting = [...subjects.keys()];
  let lateness = 0;
  const work = async () => {
    for (let i = waiting.shift(); i !== undefined; i = waiting.shift()) {
      const subject = subjects[i] as Episode;
      const kernel = await Kernel.open(rulesOf(subject.options));
      try {
        const { outcome, late, end } = await askTimed(kernel, subject);
        if (late <= MAY_BE_LATE && end - lastOf(subject) <= MAY_BE_LATE) outcomes[i] = outcome;
        else if (++lateness > CROWD * 4) throw new Error("packets go out too late; is the machine busy?");
        else waiting.push(i);
      } finally {
        await kernel.close();
      }
    }
  };
  const timed = subjects.some(({ options }) => options.realtime);
  const all = () => Promise.all(Array.from({ length: Math.min(CROWD, subjects.length) }, work));
  await (timed ? punctually(all) : all());
  return subjects.map((subject, i) => compare(subject, outcomes[i] as (typeof outcomes)[number], engine));
}
