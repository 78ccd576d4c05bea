// What is left of a difference when everything that does not matter is taken away, and how it is written down.

import { describePacket } from "./describe.js";
import type { Episode } from "./random.js";
import { RULED } from "./ruled.js";
import type { SequencePacket } from "./sequence.js";

const TRIES = 300;

/**
 * The fewest packets that still differ: halves, quarters, … single ones are left out as long as the difference stays;
 * single ones again until none can go. Then settings that do not matter.
 */
export async function shrink(
  candidate: Episode,
  differs: (episode: Episode) => Promise<boolean>,
  tries = TRIES,
): Promise<Episode> {
  let left = tries;
  const still = async (episode: Episode) => episode.packets.length > 0 && left-- > 0 && (await differs(episode));
  let packets = candidate.packets;
  const remove = async (size: number): Promise<boolean> => {
    const before = packets.length;
    for (let at = 0; at < packets.length; ) {
      const fewer: readonly SequencePacket[] = [...packets.slice(0, at), ...packets.slice(at + size)];
      if (await still({ ...candidate, packets: fewer })) packets = fewer;
      else at += size;
    }
    return packets.length < before;
  };
  for (let size = packets.length >> 1; size > 1; size >>= 1) await remove(size);
  while (await remove(1));

  let { sysctls = {} } = candidate.options;
  for (const name of Object.keys(sysctls)) {
    const { [name]: _, ...fewer } = sysctls;
    const options = { ...candidate.options, sysctls: fewer };
    if (await still({ ...candidate, packets, options })) sysctls = fewer;
  }
  return { ...candidate, packets, options: { ...candidate.options, sysctls } };
}

/** Ready to paste into a family of sequences. */
export function asTest({ name, packets, options }: Episode): string {
  const { iptables, ip6tables: _, timeoutPolicies: __, realtime, ...rest } = options;
  const rows = packets.map(
    ({ time, data }) =>
      `  { ms: ${realtime ? time : 0}, raw: Buffer.from("${Buffer.from(data).toString("hex")}", "hex") }, // ${describePacket(data)}`,
  );
  const parts = [
    ...(iptables === RULED.iptables ? ["...RULED"] : []),
    ...(realtime ? ["realtime: true"] : []),
    ...Object.entries(rest).map(([option, value]) => `${option}: ${JSON.stringify(value)}`),
  ];
  return `sequence("${name}", [\n${rows.join("\n")}\n], { ${parts.join(", ")} }),`;
}
