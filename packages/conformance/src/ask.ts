// The kernel's outcome of many sequences, each from an empty table. What can share a namespace does; those that run in
// real time mostly sleep, so many of them run at once. Fragments that wait outlive a reset: sequences with fragments
// must not share identifications.

import { Kernel, type KernelOptions } from "./kernel.js";
import { type Outcome, outcomeOf } from "./outcome.js";
import { parseStat } from "./procfs.js";
import type { Sequence } from "./sequence.js";

/** Namespaces for sequences in real time. */
const SLEEPERS = 24;
const STAT = "/proc/net/stat/nf_conntrack";

/** In the order of the sequences. */
export async function kernelOutcomes(sequences: readonly Sequence[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = new Array(sequences.length);
  const timed = [...sequences.entries()].filter(([, { options }]) => options.realtime);
  await Promise.all(
    Array.from({ length: Math.min(SLEEPERS, timed.length) }, async () => {
      const kernel = await Kernel.open();
      try {
        for (let next = timed.shift(); next; next = timed.shift()) outcomes[next[0]] = await ask(kernel, next[1]);
      } finally {
        await kernel.close();
      }
    }),
  );

  let kernel: Kernel | null = null;
  let rules: string | undefined;
  try {
    for (const [i, sequence] of sequences.entries()) {
      const { nft, realtime } = sequence.options;
      if (realtime) continue;
      if (kernel && nft !== rules) {
        await kernel.close();
        kernel = null;
      }
      kernel ??= await Kernel.open(nft === undefined ? {} : { nft });
      rules = nft;
      outcomes[i] = await ask(kernel, sequence);
    }
  } finally {
    await kernel?.close();
  }
  return outcomes;
}

/** One sequence in a namespace that is there. */
export async function ask(
  kernel: Kernel,
  { packets, options }: Pick<Sequence, "packets" | "options">,
): Promise<Outcome> {
  const { realtime = false, sysctls = {} } = options;
  await kernel.setSysctls(sysctls as NonNullable<KernelOptions["sysctls"]>);
  await kernel.reset();
  const before = parseStat(await kernel.oracle.readFile(STAT));
  if (realtime) await kernel.startClock();
  const decisions = await kernel.track(packets, { realtime, events: true, times: false });
  const table = await kernel.table();
  const after = parseStat(await kernel.oracle.readFile(STAT));
  const counters = Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
  return outcomeOf({ packets: decisions, events: kernel.takeEvents(), table, counters }, realtime);
}
