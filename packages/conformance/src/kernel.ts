// The kernel, as something to ask: a fresh network namespace, packets in, decisions out.
//
//   await withKernel({ sysctls: { nf_conntrack_tcp_loose: 0 } }, async (kernel) => {
//     for (const { state, dir, after } of await kernel.track(packets)) …
//   });

import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { DecisionReader } from "./decision.js";
import { type DumpedFlow, readDumped } from "./netlink.js";
import {
  compileOracle,
  FLAG_AFTER,
  FLAG_COUNTERS,
  FLAG_EVENTS,
  FLAG_OUTPUT,
  FLAG_REALTIME,
  type Injection,
  type Observation,
  Oracle,
  OracleError,
} from "./oracle.js";
import { packet } from "./packets.js";
import { lines, parseExpectation, parseFlow } from "./procfs.js";
import type { RecordedEvent, RecordedExpectation, RecordedFlow, RecordedPacket } from "./recording.js";
import { policyRequest } from "./timeout-policy.js";
import {
  deviceScript,
  earlySysctls,
  INPUT_DEVICE,
  type Mode,
  OUTPUT_DEVICE,
  type Rules,
  ruleScript,
  watchScript,
} from "./topology.js";

export interface KernelOptions extends Rules {
  /** bridge (every valid IP packet passes), route (a router), input (local delivery). Default: bridge. */
  readonly mode?: Mode;
  /** `nf_conntrack_…`, with or without `net.netfilter.` */
  readonly sysctls?: Readonly<Record<string, number | string>>;
  /** route: packets with TTL 1 get through all the same. Default: true. */
  readonly ttlFix?: boolean;
}

/** A frame as it was captured. */
export interface EngineFrame {
  /** LINKTYPE_ number. */
  readonly link: number;
  readonly data: Uint8Array;
  /** Bytes on the wire. */
  readonly length: number;
}

export interface TimedPacket {
  /** Milliseconds after the start; fractions allowed. */
  readonly time: number;
  /** From the IP header on. */
  readonly data: Uint8Array;
  /** Default: by the version of the IP header. */
  readonly etherType?: number;
  /** What the engine gets in its place. */
  readonly frame?: EngineFrame;
}

export interface TrackOptions {
  /** Send each packet at its time; otherwise back to back. */
  readonly realtime?: boolean;
  /** Ask for the entry after each packet. Default: true. */
  readonly after?: boolean;
  /** Collect events; {@link Kernel.takeEvents}. */
  readonly events?: boolean;
  /** Say why packets are dropped that the kernel has no words for. */
  readonly counters?: boolean;
  /** Keep what comes out at the far side. */
  readonly output?: boolean;
  /** Note when each packet was sent (`t`). Default: with `realtime`. */
  readonly times?: boolean;
  /** Only {@link Kernel.track}: sysctls that change on the way, in the order of the packets. */
  readonly changes?: readonly Change[] | undefined;
}

/** Sysctls that hold from a packet on. */
export interface Change {
  /** Number of the first packet they hold for. */
  readonly before: number;
  readonly sysctls: Readonly<Record<string, number | string>>;
}

/** Packets per request: large enough to keep the helper busy, small enough to answer soon. */
const BATCH = 1024;
const BATCH_BYTES = 4 << 20;
/** Milliseconds: the longest time one request may sleep. */
const BATCH_SPAN = 20_000;
/** Milliseconds: how much slower than thought a request may be. */
const SLACK = 30_000;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;

const SYSCTLS = "/proc/sys/net/netfilter";

/** Where a sysctl is written: `nf_conntrack_…` with or without `net.netfilter.`, or a whole name, `net.ipv4.ipfrag_time`. */
function pathOf(name: string): string {
  const short = name.replace(/^net[./]netfilter[./]/, "");
  return /^net[./]/.test(short) ? `/proc/sys/${short.replaceAll(".", "/")}` : `${SYSCTLS}/${short}`;
}

export class Kernel {
  readonly oracle: Oracle;
  readonly mode: Mode;
  #reader = new DecisionReader();
  #changed = new Map<string, string>(); // path of a sysctl → its value before we changed it

  private constructor(oracle: Oracle, mode: Mode) {
    this.oracle = oracle;
    this.mode = mode;
  }

  static async open(options: KernelOptions = {}): Promise<Kernel> {
    const mode = options.mode ?? "bridge";
    const kernel = new Kernel(new Oracle(), mode);
    try {
      await kernel.#prepare(options);
    } catch (error) {
      await kernel.close();
      throw error;
    }
    return kernel;
  }

  async #prepare(options: KernelOptions): Promise<void> {
    const { oracle, mode } = this;
    // what is not built in; br_netfilter is the one that nothing else loads
    await oracle.script("modprobe -qa tun br_netfilter nf_conntrack_netlink nfnetlink_log 2>/dev/null || :");
    for (const [path, value] of earlySysctls(mode)) await oracle.writeFile(`/proc/sys/net/${path}`, value);
    await oracle.openTap(INPUT_DEVICE);
    await oracle.openTap(OUTPUT_DEVICE);
    // events first: the helper learns tuples from them, and `-j CT --ctevents` is lost when rules are loaded without
    await oracle.writeFile(`${SYSCTLS}/nf_conntrack_events`, "1");
    for (const policy of options.timeoutPolicies ?? []) await oracle.request(policyRequest(policy));
    await oracle.script(
      `set -e\n${deviceScript(mode)}${watchScript(mode, options.ttlFix ?? true)}${ruleScript(options)}`,
    );
    await oracle.writeFile(`${SYSCTLS}/nf_conntrack_log_invalid`, "255");
    await this.setSysctls(options.sysctls ?? {});
    await oracle.listen();
    await this.reset();
    if (ruleScript(options) === "") await this.#selfCheck();
  }

  /** Without rules any packet must be seen, confirmed and let through. */
  async #selfCheck(): Promise<void> {
    const data = packet({ src: "10.255.255.1", dst: "10.255.255.2", protocol: 253, payload: 1 });
    const [decision] = await this.track([{ time: 0, data }]);
    if (decision?.state !== "NEW" || decision.verdict !== "accept" || !decision.after)
      throw new OracleError(
        `this kernel does not answer as it should (is br_netfilter there?): ${JSON.stringify(decision)}`,
      );
    await this.reset();
  }

  /** The namespace, its devices, rules and table go with it. Never throws. */
  async close(): Promise<void> {
    await this.oracle.close();
  }

  /** Sets these and takes back what an earlier call set and this one does not. */
  async setSysctls(sysctls: Readonly<Record<string, number | string>>): Promise<void> {
    const wanted = new Set(Object.keys(sysctls).map(pathOf));
    for (const [path, before] of this.#changed) {
      if (wanted.has(path)) continue;
      await this.oracle.writeFile(path, before);
      this.#changed.delete(path);
    }
    await this.changeSysctls(sysctls);
  }

  /** Sets these besides what is set. */
  async changeSysctls(sysctls: Readonly<Record<string, number | string>>): Promise<void> {
    for (const [name, value] of Object.entries(sysctls)) {
      const path = pathOf(name);
      const before = (await this.oracle.readFile(path)).trim();
      await this.oracle.writeFile(path, String(value));
      if (!this.#changed.has(path)) this.#changed.set(path, before);
    }
  }

  /** `nf_conntrack_*` as they are. */
  async sysctls(): Promise<Record<string, string>> {
    const text = await this.oracle.script(`cd ${SYSCTLS} && grep -H . nf_conntrack_*`);
    return Object.fromEntries(lines(text).map((line) => line.split(/:(.*)/s).slice(0, 2) as [string, string]));
  }

  /** An empty table, no expectations, connections counted from 1, the clock at 0. Fragment queues stay. */
  async reset(): Promise<void> {
    await this.oracle.forget();
    await this.startClock();
    this.#reader = new DecisionReader(await this.counterFiles());
  }

  async counterFiles(): Promise<string> {
    const files = ["/proc/net/snmp", "/proc/net/netstat", "/proc/net/snmp6", "/proc/net/stat/nf_conntrack"];
    return (await Promise.all(files.map((path) => this.oracle.readFile(path)))).join("");
  }

  /** Sends packets one after the other; `first` is the number of the first one. */
  async track(packets: readonly TimedPacket[], options: TrackOptions = {}, first = 0): Promise<RecordedPacket[]> {
    const decisions: RecordedPacket[] = [];
    const send = async (end: number) => {
      const part = packets.slice(decisions.length, end);
      const source = batches(part, options.realtime ?? false);
      for await (const batch of this.trackStream(source, options, first + decisions.length)) decisions.push(...batch);
    };
    for (const { before, sysctls } of options.changes ?? []) {
      await send(before - first);
      await this.changeSysctls(sysctls);
    }
    await send(packets.length);
    return decisions;
  }

  /** The same for any number of packets: one list of decisions for each list of packets, one request ahead. */
  async *trackStream(
    source: Iterable<readonly TimedPacket[]> | AsyncIterable<readonly TimedPacket[]>,
    options: TrackOptions = {},
    first = 0,
  ): AsyncGenerator<RecordedPacket[]> {
    let flags = 0;
    if (options.realtime) flags |= FLAG_REALTIME;
    if (options.after ?? true) flags |= FLAG_AFTER;
    if (options.events) flags |= FLAG_EVENTS;
    if (options.counters) flags |= FLAG_COUNTERS;
    if (options.output) flags |= FLAG_OUTPUT;

    const times = options.times ?? options.realtime ?? false;
    let next = first;
    let ahead: { packets: readonly TimedPacket[]; answer: Promise<Observation[]> } | null = null;
    const decide = async ({ packets, answer }: NonNullable<typeof ahead>): Promise<RecordedPacket[]> =>
      (await answer).map((observation, i) => this.#reader.read(observation, packets[i] as TimedPacket, times));

    for await (const packets of source) {
      const left = () => (packets[0]?.time ?? 0) - this.elapsed();
      if (options.realtime && left() > BATCH_SPAN / 4) {
        if (ahead) yield decide(ahead);
        ahead = null;
        await this.#sleep(left() - 1000);
      }
      const span = options.realtime ? BATCH_SPAN * 2 : 0;
      const injections = packets.map((packet) => injection(packet, next++));
      const answer = this.oracle.inject(injections, flags, span + SLACK);
      answer.catch(() => {}); // it is awaited below, perhaps after another error
      const before = ahead;
      ahead = { packets, answer };
      if (before) yield decide(before);
    }
    if (ahead) yield decide(ahead);
  }

  #started = performance.now();
  /** Milliseconds since the clock was started. */
  elapsed(): number {
    return performance.now() - this.#started;
  }

  /** Starts the clock that `realtime` packets go by; the moment in nanoseconds since the epoch. */
  async startClock(): Promise<bigint> {
    const zero = await this.oracle.startClock();
    this.#started = performance.now();
    return zero;
  }

  /** Events collected since the last reset or the last call. */
  takeEvents(): RecordedEvent[] {
    return this.#reader.events.splice(0);
  }

  /** The helper ends when it hears nothing for long, so we go on talking. */
  async #sleep(milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    for (let left = milliseconds; left > 0; left = until - performance.now()) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, 30_000)));
      await this.release();
    }
  }

  async table(): Promise<RecordedFlow[]> {
    return lines(await this.oracle.readFile("/proc/net/nf_conntrack")).map(parseFlow);
  }

  /** The table as netlink tells it, which is more than `/proc` does. */
  async dump(): Promise<DumpedFlow[]> {
    return (await this.oracle.dump()).map(readDumped);
  }

  async expectations(): Promise<RecordedExpectation[]> {
    return lines(await this.oracle.readFile("/proc/net/nf_conntrack_expect")).map(parseExpectation);
  }

  async release(): Promise<string> {
    return (await this.oracle.readFile("/proc/sys/kernel/osrelease")).trim();
  }
}

function injection({ time, data, etherType }: TimedPacket, index: number): Injection {
  return {
    index,
    due: Math.max(0, Math.round(time * 1000)),
    etherType: etherType ?? ((data[0] ?? 0) >> 4 === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4),
    data,
  };
}

function* batches(packets: readonly TimedPacket[], realtime: boolean): Generator<readonly TimedPacket[]> {
  for (let start = 0; start < packets.length; ) {
    const from = (packets[start] as TimedPacket).time;
    let end = start;
    let bytes = 0;
    do bytes += (packets[end++] as TimedPacket).data.length;
    while (
      end < packets.length &&
      end - start < BATCH &&
      bytes < BATCH_BYTES &&
      !(realtime && (packets[end] as TimedPacket).time - from > BATCH_SPAN / 4)
    );
    yield packets.slice(start, end);
    start = end;
  }
}

/** Opens a kernel, hands it to `use`, and closes it whatever happens. */
export async function withKernel<T>(options: KernelOptions, use: (kernel: Kernel) => Promise<T>): Promise<T> {
  const kernel = await Kernel.open(options);
  try {
    return await use(kernel);
  } finally {
    await kernel.close();
  }
}

/** Whether this machine lets us ask its kernel, and if not, why. */
export function kernelAvailable(): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
  const no = (reason: string) => ({ ok: false as const, reason });
  if (process.platform !== "linux") return no(`needs Linux, this is ${process.platform}`);
  if (process.getuid?.() !== 0) return no("needs root");
  if (!existsSync("/dev/net/tun")) return no("needs /dev/net/tun");
  for (const program of ["ip", "nft"]) if (!inPath(program)) return no(`needs the program ${program}`);
  let helper: string;
  try {
    helper = compileOracle();
  } catch (error) {
    return no(`the helper does not compile (gcc and the kernel's headers are needed): ${(error as Error).message}`);
  }
  // without commands it enters a namespace and leaves again
  const probe = spawnSync(helper, ["5"], { input: "", timeout: 10_000 });
  if (probe.status !== 0)
    return no(`no network namespaces: ${probe.stdout?.toString("latin1", 5) || probe.error?.message}`);
  return { ok: true };
}

function inPath(program: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export { OracleError };
