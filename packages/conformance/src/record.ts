// Recordings of whole sequences: each starts with an empty table; those that can share a namespace do.

import { describePacket } from "./describe.js";
import { type Change, Kernel, type KernelOptions, type TimedPacket } from "./kernel.js";
import { lines, parseCounters, risen } from "./procfs.js";
import type { RecordedPacket, Recording } from "./recording.js";

export interface RecordOptions extends KernelOptions {
  /** Send packets at their times; otherwise only their order counts. */
  readonly realtime?: boolean;
  /** Numbers of packets (from 0) after which the table is noted, too. */
  readonly dumpAt?: readonly number[];
  /** Sysctls that change on the way. */
  readonly changes?: readonly Change[];
}

export interface RecordJob {
  readonly packets: readonly TimedPacket[];
  readonly options?: RecordOptions;
}

/** Realtime sequences mostly sleep: this many at once. */
const SLEEPERS = 8;

/** Records one sequence in a namespace of its own. */
export async function recordSequence(packets: readonly TimedPacket[], options: RecordOptions = {}): Promise<Recording> {
  const [recording] = await recordSequences([{ packets, options }]);
  return recording as Recording;
}

/** Records many, in order; `done` hears of each as it is finished. */
export async function recordSequences(
  jobs: readonly RecordJob[],
  done: (index: number, recording: Recording) => void = () => {},
): Promise<Recording[]> {
  const recordings: Recording[] = new Array(jobs.length);
  const finish = (index: number, recording: Recording) => {
    recordings[index] = recording;
    done(index, recording);
  };

  const sleepers = jobs.map((job, index) => ({ job, index })).filter(({ job }) => job.options?.realtime);
  await Promise.all(
    Array.from({ length: Math.min(SLEEPERS, sleepers.length) }, async () => {
      for (let next = sleepers.shift(); next; next = sleepers.shift()) {
        const kernel = await Kernel.open(next.job.options);
        try {
          finish(next.index, await record(kernel, next.job));
        } finally {
          await kernel.close();
        }
      }
    }),
  );

  let kernel: Kernel | null = null;
  let setup = "";
  try {
    for (const [index, job] of jobs.entries()) {
      if (job.options?.realtime) continue;
      const wanted = setupKey(job.options ?? {});
      if (kernel && (wanted !== setup || wanted !== "bridge")) {
        await kernel.close();
        kernel = null;
      }
      kernel ??= await Kernel.open(job.options);
      setup = wanted;
      const recording = await record(kernel, job);
      finish(index, recording);
      // a fragment that still waits would meet those of the next sequence
      if (recording.packets.some(({ verdict }) => verdict === "queued")) setup = "used";
    }
  } finally {
    await kernel?.close();
  }
  return recordings;
}

/** Sequences without rules on a bridge share a namespace; rules have counters and state of their own. */
function setupKey(options: RecordOptions): string {
  const {
    mode = "bridge",
    ttlFix,
    helpers,
    helperMethod,
    ipset,
    iptables,
    ip6tables,
    legacy,
    nft,
    timeoutPolicies,
  } = options;
  const rest = [ttlFix, helpers, helperMethod, ipset, iptables, ip6tables, legacy, nft, timeoutPolicies].filter(
    (part) => part !== undefined,
  );
  return rest.length === 0 ? mode : JSON.stringify([mode, ...rest]);
}

async function record(kernel: Kernel, { packets, options = {} }: RecordJob): Promise<Recording> {
  const { realtime = false, dumpAt = [], changes = [] } = options;
  await kernel.setSysctls(options.sysctls ?? {});
  await kernel.reset();
  const before = await kernel.counterFiles();
  await kernel.startClock();
  const started = performance.now();

  const decisions: RecordedPacket[] = [];
  const dumps: unknown[] = [];
  const track = { realtime, events: true, counters: true, output: kernel.mode !== "input" };
  for (const end of [...[...dumpAt].sort((a, b) => a - b).map((at) => at + 1), packets.length]) {
    const first = decisions.length;
    const due = changes.filter(({ before }) => before >= first && before < end);
    decisions.push(...(await kernel.track(packets.slice(first, end), { ...track, changes: due }, first)));
    if (dumpAt.includes(end - 1))
      dumps.push({ after: end - 1, table: await kernel.table(), expect: await kernel.expectations() });
  }
  const seconds = (performance.now() - started) / 1000;

  const [was, is] = [parseCounters(before), parseCounters(await kernel.counterFiles())];
  const counters = Object.fromEntries(
    Object.entries(is.ct).map(([name, value]) => [name, value - (was.ct[name] ?? 0)]),
  );
  const { mode = "bridge", sysctls, dumpAt: _, realtime: __, ...rest } = options;
  return {
    oracle: 1,
    kernel: await kernel.release(),
    options: { mode, realtime, ...rest, ...(sysctls ? { sysctl: sysctls } : {}) },
    sysctls: await kernel.sysctls(),
    counters,
    ip_drops: risen(was.ip, is.ip),
    packets: decisions.map((decision, i) => ({ ...decision, ...described(packets[i] as TimedPacket) })),
    table: await kernel.table(),
    expectations: await kernel.expectations(),
    events: kernel.takeEvents(),
    ...(dumps.length > 0 ? { dumps } : {}),
    ...(await ruleCounters(kernel, options)),
    run: { packets: packets.length, seconds: Math.round(seconds * 1e4) / 1e4 },
  };
}

/** What the packet is, for people. */
function described({ data, etherType }: TimedPacket): { proto: string; sum: string } {
  const ip = etherType === undefined || etherType === 0x0800 || etherType === 0x86dd;
  const sum = ip ? describePacket(data) : `EtherType 0x${etherType.toString(16).padStart(4, "0")}`;
  return { proto: ip ? (sum.split(" ")[0] as string) : "ether", sum };
}

interface RuleCounter {
  readonly table: string;
  readonly chain: string;
  readonly policy?: string;
  readonly rule?: string;
  readonly packets: number;
  readonly bytes: number;
  readonly family: "ipv4" | "ipv6";
}

/** Counters of the rules under test: `iptables` taken apart, `nft` as JSON; the sets as `ipset save` prints them. */
async function ruleCounters(
  kernel: Kernel,
  options: RecordOptions,
): Promise<{ iptables?: RuleCounter[]; nft?: unknown; ipset?: string }> {
  const flavor = options.legacy ? "legacy" : "nft";
  const counters: RuleCounter[] = [];
  for (const [program, family] of [
    ["iptables", "ipv4"],
    ["ip6tables", "ipv6"],
  ] as const) {
    if (!options[program]) continue;
    counters.push(...parseSave(await kernel.oracle.script(`${program}-${flavor}-save -c`), family));
  }
  return {
    ...(counters.length > 0 ? { iptables: counters } : {}),
    ...(options.ipset ? { ipset: await kernel.oracle.script("ipset save") } : {}),
    ...(options.nft ? { nft: JSON.parse(await kernel.oracle.script("nft -j list ruleset")) } : {}),
  };
}

/** `iptables-save -c` */
export function parseSave(text: string, family: "ipv4" | "ipv6"): RuleCounter[] {
  const counters: RuleCounter[] = [];
  let table = "";
  for (const line of lines(text)) {
    const chain = /^:(\S+) (\S+) \[(\d+):(\d+)\]/.exec(line);
    const rule = /^\[(\d+):(\d+)\] -A (\S+) ?(.*)$/.exec(line);
    if (line.startsWith("*")) table = line.slice(1).trim();
    else if (chain)
      counters.push({
        table,
        chain: chain[1] as string,
        policy: chain[2] as string,
        packets: Number(chain[3]),
        bytes: Number(chain[4]),
        family,
      });
    else if (rule)
      counters.push({
        table,
        chain: rule[3] as string,
        rule: rule[4] as string,
        packets: Number(rule[1]),
        bytes: Number(rule[2]),
        family,
      });
  }
  return counters;
}
