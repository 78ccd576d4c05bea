// Random traffic that lets time pass: many small neighbourhoods, each with sessions of its own, in bursts with real
// waits between them, and timeouts of a few seconds. Between two bursts entries end, are renewed, are made anew; one wait
// does so for all sessions of all neighbourhoods.
//
// A burst comes every three seconds, and no timeout in reach is a multiple of that: whatever was renewed in one burst ends
// a second before or after each of the later ones. Neither the kernel's tick nor a burst that goes out late on a busy
// machine (MAY_BE_LATE) can decide anything.

import { Random } from "./dice.js";
import type { Change } from "./kernel.js";
import { type Episode, type EpisodeOptions, randomSysctls, Weave } from "./random.js";
import { POLICY_TIMEOUTS, RULED } from "./ruled.js";

/** Milliseconds from burst to burst. */
const INTERVAL = 3000;
/** Milliseconds a packet may be behind its time. */
export const MAY_BE_LATE = 800;
const BURSTS = 5;
const NEIGHBOURHOODS = 40;
/** Packets of a neighbourhood in one burst. */
const SHARE = 10;
/** Milliseconds between the packets of a burst. */
const STEP = 0.01;

/** Seconds; the last one is out of reach. None is a multiple of the interval. */
const SPANS = [1, 2, 2, 4, 4, 5, 7, 8, 1000];

/** Sysctls of all timeouts, but those of helpers. */
export const TIMEOUTS = [
  ...POLICY_TIMEOUTS.filter((name) => !name.endsWith("syn_sent2")),
  ...["icmp_timeout", "icmpv6_timeout", "generic_timeout", "frag6_timeout"].map((name) => `nf_conntrack_${name}`),
  "net.ipv4.ipfrag_time",
];

/** What may be set differently from one burst to the next. */
function changed(random: Random): Record<string, number> {
  const sysctls = randomSysctls(random, random);
  for (let i = random.below(4); i > 0; i--) sysctls[random.pick(TIMEOUTS)] = random.pick(SPANS);
  return sysctls;
}

/** About 2000 packets in 12 seconds. */
export function timedEpisode(seed: number, { ruled = false }: EpisodeOptions = {}): Episode {
  const random = new Random(seed);
  const weaves = Array.from({ length: NEIGHBOURHOODS }, (_, i) => {
    const family = random.chance(0.7) ? `10.0.${i}.` : `2001:db8:${i}::`;
    const hosts = [1, 2, 3, 4].map((host) => `${family}${host}`);
    return new Weave(random, random, { hosts, ruled, identification: i << 8 });
  });
  const timeouts = Object.fromEntries(TIMEOUTS.map((name) => [name, random.pick(SPANS)]));
  const sysctls = { ...timeouts, ...randomSysctls(random, random) };
  const packets: Episode["packets"][number][] = [];
  const changes: Change[] = [];
  for (let burst = 0; burst < BURSTS; burst++) {
    if (burst > 0 && random.chance(0.3)) changes.push({ before: packets.length, sysctls: changed(random) });
    const parts = weaves.map((weave) => weave.take(SHARE));
    for (let i = 0; parts.some((part) => i < part.length); i++)
      for (const part of parts) {
        const data = part[i];
        if (data) packets.push({ time: burst * INTERVAL + packets.length * STEP, data, expected: null });
      }
  }
  const options = { realtime: true, sysctls, ...(changes.length > 0 ? { changes } : {}) };
  return { name: `timed ${seed}`, packets, options: ruled ? { ...RULED, ...options } : options };
}
