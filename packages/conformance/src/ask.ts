// The kernel's outcome of many sequences, each from an empty table. What can share a namespace does; those that run in
// real time mostly sleep, so many of them run at once. Fragments that wait outlive a reset: sequences with fragments
// must not share identifications.

import { Kernel, type KernelOptions } from "./kernel.js";
import { type Outcome, outcomeOf } from "./outcome.js";
import { parseStat } from "./procfs.js";
import type { Sequence } from "./sequence.js";
import type { Rules } from "./topology.js";

/** Namespaces for sequences in real time. */
const SLEEPERS = 24;
const STAT = "/proc/net/stat/nf_conntrack";

/** Milliseconds: a packet sent later than this after its time may miss an entry that should still have been there. */
const PUNCTUAL = 350;
const TRIES = 4;

/** In the order of the sequences. */
export async function kernelOutcomes(sequences: readonly Sequence[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = new Array(sequences.length);
  const timed = [...sequences.entries()].filter(([, { options }]) => options.realtime);
  await Promise.all(
    Array.from({ length: Math.min(SLEEPERS, timed.length) }, async () => {
      const kernel = await Kernel.open();
      try {
        for (let next = timed.shift(); next; next = timed.shift()) outcomes[next[0]] = await askInTime(kernel, next[1]);
      } finally {
        await kernel.close();
      }
    }),
  );

  let kernel: Kernel | null = null;
  let rules = "";
  try {
    for (const [i, sequence] of sequences.entries()) {
      const wanted = rulesOf(sequence.options);
      if (sequence.options.realtime) continue;
      const key = JSON.stringify(wanted);
      if (kernel && key !== rules) {
        await kernel.close();
        kernel = null;
      }
      kernel ??= await Kernel.open(wanted);
      rules = key;
      outcomes[i] = await ask(kernel, sequence);
    }
  } finally {
    await kernel?.close();
  }
  return outcomes;
}

/** What a namespace is made with; the rest can be changed. */
export function rulesOf({ nft, iptables, ip6tables, timeoutPolicies }: Rules): Rules {
  const rules = { nft, iptables, ip6tables, timeoutPolicies };
  return Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined)) as Rules;
}

type Asked = Pick<Sequence, "packets" | "options">;

/** One sequence in a namespace that is there. */
export async function ask(kernel: Kernel, subject: Asked): Promise<Outcome> {
  return (await askTimed(kernel, subject)).outcome;
}

/** In real time: asked again when the machine was too busy to send its packets when they were due. */
async function askInTime(kernel: Kernel, subject: Asked): Promise<Outcome> {
  for (let tries = 1; ; tries++) {
    const { outcome, late } = await askTimed(kernel, subject);
    if (late <= PUNCTUAL || tries === TRIES) return outcome;
  }
}

interface Answer {
  readonly outcome: Outcome;
  /** When each packet was sent, in milliseconds; empty where time does not count. */
  readonly times: readonly number[];
  /** When the table was read, in milliseconds. */
  readonly end: number;
  /** The most a packet was behind its time, in milliseconds. */
  readonly late: number;
}

export async function askTimed(kernel: Kernel, { packets, options }: Asked): Promise<Answer> {
  const { realtime = false, sysctls = {}, changes } = options;
  await kernel.setSysctls(sysctls as NonNullable<KernelOptions["sysctls"]>);
  await kernel.reset();
  const before = parseStat(await kernel.oracle.readFile(STAT));
  if (realtime) await kernel.startClock();
  const decisions = await kernel.track(packets, { realtime, events: true, changes });
  const table = await kernel.dump();
  const end = kernel.elapsed();
  const after = parseStat(await kernel.oracle.readFile(STAT));
  const counters = Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
  const times = realtime ? decisions.map(({ t = 0 }) => t * 1000) : [];
  const late = times.reduce((most, time, i) => Math.max(most, time - (packets[i] as (typeof packets)[number]).time), 0);
  const outcome = outcomeOf({ packets: decisions, events: kernel.takeEvents(), table, counters }, realtime);
  return { outcome, times, end, late };
}
