// Random traffic, and what is printed of it: episodes of the hunt for decisions, read at the end and flushed.

import { episodeOf } from "../hunt.js";
import type { Episode } from "../random.js";
import { asTest, shrink } from "../shrink.js";
import { askOutputs } from "./ask.js";
import { compareOutputs } from "./compare.js";
import { flush, type OutputScript, read, send } from "./script.js";

const EPISODE = 120;
const SHOWN = 4;
/** A try takes a second. */
const TRIES = 150;

/** Whether packets are counted and connections timed is a matter of the seed. */
function scriptOf({ name, packets, options }: Episode, seed: number): OutputScript {
  const switches = { nf_conntrack_acct: seed & 1, nf_conntrack_timestamp: (seed >> 1) & 1 };
  return {
    name,
    steps: [send(packets), read, flush],
    sysctls: { ...(options.sysctls as Record<string, number>), ...switches },
    ...(options.iptables !== undefined && { ruled: true as const }),
  };
}

/** `count` packets in episodes whose seeds begin at `seed`; what differs, ready to paste. */
export async function huntOutputs(
  count: number,
  seed: number,
  progress: (packets: number) => void = () => {},
): Promise<{ readonly packets: number; readonly found: readonly string[] }> {
  const found: string[] = [];
  let packets = 0;
  for (let next = seed; packets < count; next++) {
    const candidate = episodeOf(next, EPISODE);
    const differences = async (episode: Episode) => {
      const script = scriptOf(episode, next);
      return compareOutputs(script, await askOutputs(script));
    };
    packets += candidate.packets.length;
    const report = await differences(candidate);
    progress(packets);
    if (report.length === 0) continue;
    const differs = async (episodes: readonly Episode[]) => {
      const answers: boolean[] = [];
      for (const episode of episodes) answers.push((await differences(episode)).length > 0);
      return answers;
    };
    const minimal = await shrink(candidate, differs, TRIES);
    found.push(`${report.slice(0, SHOWN).join("\n")}\n${asTest(minimal)}`);
  }
  return { packets, found };
}
