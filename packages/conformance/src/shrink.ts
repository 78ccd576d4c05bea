// What is left of a difference when everything that does not matter is taken away, and how it is written down.

import { describePacket } from "./describe.js";
import type { Episode } from "./random.js";
import { RULED } from "./ruled.js";

const TRIES = 1000;

/** Which of these still differ. Many are asked about at once: in real time one takes as long as all. */
export type Differs = (episodes: readonly Episode[]) => Promise<readonly boolean[]>;

/**
 * The fewest packets that still differ: halves, quarters, … single ones are left out as long as the difference stays;
 * single ones again until none can go. Then settings that do not matter, and changes of them.
 */
export async function shrink(candidate: Episode, differs: Differs, tries = TRIES): Promise<Episode> {
  let left = tries;
  let best = candidate;
  const still: Differs = async (episodes) => {
    left -= episodes.length;
    return left < 0 ? episodes.map(() => false) : differs(episodes);
  };
  /** Takes away as many of the parts as can go together; `without` makes an episode that lacks some. */
  const drop = async <T>(parts: readonly T[], without: (parts: readonly T[]) => Episode): Promise<boolean> => {
    const alone = await still(parts.map((part) => without([part])));
    let free = parts.filter((_, i) => alone[i]);
    while (free.length > 1 && !(await still([without(free)]))[0]) free = free.slice(0, free.length >> 1);
    if (free.length > 0) best = without(free);
    return free.length > 0;
  };
  const dropPackets = (size: number): Promise<boolean> => {
    const whole = best;
    const starts = Array.from({ length: Math.ceil(whole.packets.length / size) }, (_, i) => i * size);
    if (starts.length < 2) return Promise.resolve(false);
    return drop(starts, (gone) => withoutPackets(whole, new Set(gone), size));
  };
  for (let size = best.packets.length >> 1; size > 1; size >>= 1) await dropPackets(size);
  while (await dropPackets(1));

  const { sysctls = {} } = best.options;
  const bare = best;
  await drop(Object.keys(sysctls), (gone) => {
    const fewer = Object.entries(sysctls).filter(([name]) => !gone.includes(name));
    return { ...bare, options: { ...bare.options, sysctls: Object.fromEntries(fewer) } };
  });
  const steady = best;
  const changes = steady.options.changes ?? [];
  await drop(changes, (gone) => {
    const fewer = changes.filter((change) => !gone.includes(change));
    return { ...steady, options: { ...steady.options, changes: fewer } };
  });
  return best;
}

/** Without the stretches of `size` packets that begin at these; changes of settings move along. */
function withoutPackets({ packets, options, ...rest }: Episode, starts: ReadonlySet<number>, size: number): Episode {
  const kept = packets.map((_, i) => !starts.has(i - (i % size)));
  const count = (end: number) => kept.slice(0, end).filter(Boolean).length;
  const changes = options.changes?.map((change) => ({ ...change, before: count(change.before) }));
  return { ...rest, packets: packets.filter((_, i) => kept[i]), options: { ...options, ...(changes && { changes }) } };
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
