// The oracle against recordings made by another one: the same packets must get the same decisions.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { kernelAvailable } from "../src/kernel.js";
import { readPcap } from "../src/pcap.js";
import { type RecordJob, type RecordOptions, recordSequences } from "../src/record.js";
import { type RecordedEntry, type RecordedPacket, type Recording, readRecording } from "../src/recording.js";

const golden = process.env.GOLDEN ?? fileURLToPath(new URL("../../../../shared/golden", import.meta.url));
const available = kernelAvailable();
const reason = !available.ok ? available.reason : existsSync(golden) ? "" : `no recordings in ${golden}`;

interface Input {
  readonly mode?: "bridge" | "route" | "input";
  readonly realtime?: boolean;
  readonly sysctl?: Record<string, number>;
  readonly helpers?: string;
  readonly helper_method?: "nft" | "ct";
  readonly iptables?: string;
  readonly ip6tables?: string;
  readonly nft?: string;
  readonly legacy?: boolean;
  readonly no_ttl_fix?: boolean;
  readonly dump_at?: number[];
}

function load(name: string): { name: string; job: RecordJob; stored: Recording; input: Input } {
  const input = JSON.parse(readFileSync(join(golden, `${name}.input.json`), "utf8")) as Input;
  const {
    mode = "bridge",
    realtime = false,
    sysctl,
    helpers,
    helper_method,
    iptables,
    ip6tables,
    nft,
    legacy,
    no_ttl_fix,
    dump_at,
  } = input;
  const options: RecordOptions = {
    mode,
    realtime,
    ...(sysctl ? { sysctls: sysctl } : {}),
    ...(helpers ? { helpers } : {}),
    ...(helper_method ? { helperMethod: helper_method } : {}),
    ...(iptables ? { iptables } : {}),
    ...(ip6tables ? { ip6tables } : {}),
    ...(nft ? { nft } : {}),
    ...(legacy ? { legacy } : {}),
    ...(no_ttl_fix ? { ttlFix: false } : {}),
    ...(dump_at ? { dumpAt: dump_at } : {}),
  };
  const packets = readPcap(readFileSync(join(golden, `${name}.pcap`)));
  return { name, job: { packets, options }, stored: readRecording(join(golden, `${name}.kernel.json.gz`)), input };
}

/** Two readings of the clock may fall into different seconds. */
function entryDifference(a: RecordedEntry | null | undefined, b: RecordedEntry | null | undefined): string {
  if (!a || !b) return a === b ? "" : `${JSON.stringify(a)} / ${JSON.stringify(b)}`;
  // these recordings have no counters and no labels
  const { timeout: timeoutA, counters: _, labels: __, ...restA } = a as unknown as Record<string, unknown>;
  const { timeout: timeoutB, ...restB } = b as unknown as Record<string, unknown>;
  if (Math.abs((timeoutA as number) - (timeoutB as number)) > 1) return `timeout ${timeoutA} / ${timeoutB}`;
  const order = (entry: Record<string, unknown>) =>
    JSON.stringify(Object.entries(entry).sort(([x], [y]) => x.localeCompare(y)));
  return order(restA) === order(restB) ? "" : `${order(restA)} / ${order(restB)}`;
}

const FIELDS = [
  "seen",
  "state",
  "dir",
  "verdict",
  "ct",
  "assured",
  "seen_reply",
  "confirmed",
  "status",
  "why",
  "drop_why",
] as const;

function packetDifference(a: RecordedPacket, b: RecordedPacket, noEvents: boolean): string {
  for (const field of FIELDS) {
    const [x, y] = [JSON.stringify(a[field]), JSON.stringify(b[field])];
    if (x !== y) return `packet ${a.i}: ${field} ${x} / ${y}`;
  }
  // These recordings find the entry by its NEW event, which `--ctevents destroy` suppresses; we look into the table then.
  const blind = b.after === null && b.verdict === "accept" && b.dir !== null && noEvents;
  const { kernel_sent, out, out_frames } = b as unknown as {
    kernel_sent?: string[];
    out?: string;
    out_frames?: number;
  };
  const [own, sent] = [a.own?.length ?? 0, kernel_sent?.length ?? 0];
  const linkLocal = b.sum?.startsWith("udp fe80::") ?? false; // our router has no route back to those
  if (own !== sent && !linkLocal) return `packet ${a.i}: the kernel sent ${own} / ${sent} of its own`;
  const changed = a.output !== undefined && !withoutFragmentHeader(a.output);
  if (changed !== (out !== undefined || out_frames !== undefined)) return `packet ${a.i}: output ${a.output} / ${out}`;
  const after = blind ? "" : entryDifference(a.after, b.after);
  return after === "" ? "" : `packet ${a.i}: after ${after}`;
}

/** An IPv6 fragment that was a whole datagram goes on without its fragment header; these recordings do not mention it. */
const withoutFragmentHeader = (output: readonly string[]): boolean =>
  output.length === 1 && /^6.{11}(?!2c)/.test(output[0] as string);

/**
 * Counters of `--ctexpire` left out: the timeout of an entry that is not confirmed yet is relative, and the kernel takes its
 * tick counter off it, which is negative for the first five minutes after boot: first packets count by uptime.
 */
const withoutExpiry = (_: string, value: unknown): unknown =>
  Array.isArray(value) ? value.filter((row) => !String(row?.rule).includes("--ctexpire")) : value;

function differences(mine: Recording, stored: Recording): string[] {
  const noEvents = stored.events.length === 0;
  const found = mine.packets
    .map((packet, i) => packetDifference(packet, stored.packets[i] as RecordedPacket, noEvents))
    .filter((text) => text !== "");
  const events = (recording: Recording) =>
    recording.events.map(({ t: _, timeout: __, mark: ___, labels: ____, packets: _____, bytes: ______, ...event }) =>
      JSON.stringify(event),
    );
  const [x, y] = [events(mine), events(stored)];
  const i = x.findIndex((event, k) => event !== y[k]);
  if (i >= 0 || x.length !== y.length) found.push(`event ${i}: ${x[i]} / ${y[i]} (${x.length} / ${y.length})`);
  for (const part of ["counters", "ip_drops", "iptables"] as const) {
    const [p, q] = [mine[part], stored[part]].map((value) => JSON.stringify(value, withoutExpiry));
    if (p !== q) found.push(`${part}: ${p} / ${q}`);
  }
  const table = (recording: Recording) =>
    recording.table
      .map(({ line: _, timeout: __, ...flow }) => JSON.stringify(flow))
      .sort()
      .join("\n");
  if (table(mine) !== table(stored)) found.push(`table: ${table(mine)} / ${table(stored)}`);
  return found;
}

describe.skipIf(reason !== "")(`recordings made elsewhere${reason && ` (${reason})`}`, () => {
  const names =
    reason === ""
      ? readdirSync(golden)
          .filter((file) => file.endsWith(".pcap"))
          .map((file) => file.slice(0, -5))
      : [];

  // in real time: asked again where the machine was late
  test("the same decisions, entries, events and counters", { timeout: 180_000, retry: 1 }, async () => {
    const cases = names.map(load);
    const recordings = await recordSequences(cases.map(({ job }) => job));
    const report = cases.flatMap(({ name, stored }, i) =>
      differences(recordings[i] as Recording, stored).map((text) => `${name}: ${text}`),
    );
    expect(report).toEqual([]);
  });
});
