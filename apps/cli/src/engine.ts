// The engine the options describe: by itself, or as several in workers.
import { Conntrack, ConntrackError, ConntrackPool, findSysctl, type OpenOptions } from "conntrack-wasm";
import { UsageError } from "./exit.js";
import { assignHelper, parseHelper } from "./helper.js";
import type { PlacedOptions } from "./options.js";

/** What a command wants of the engine beside the options. */
export type EngineWishes = Pick<OpenOptions, "trace" | "events" | "programSize" | "windowSize" | "shard">;

const DEFAULT_MAX = 262_144;
const MAX_SYSCTL = "net.netfilter.nf_conntrack_max";

/** `--sysctl` arguments as names and values. */
function parseSysctls(settings: readonly string[]): { text: string; name: string; value: number }[] {
  return settings.map((setting) => {
    const text = `--sysctl ${setting}`;
    const [, name, value] = /^([^=]+)=(.*)$/.exec(setting) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`${text}: write NAME=VALUE`);
    if (!/^\s*\d+\s*$/.test(value)) throw new UsageError(`${text}: "${value}" is not a whole number`);
    return { text, name: name.trim(), value: Number(value) };
  });
}

/** The engine the options describe. */
export async function openEngine(options: PlacedOptions, wishes: EngineWishes = {}): Promise<Conntrack> {
  const sysctls = parseSysctls(options.sysctl);
  const wanted = sysctls.filter(({ name }) => findSysctl(name)?.name === MAX_SYSCTL).map(({ value }) => value);
  // only a program tells the engine where it stands
  const place =
    wishes.programSize === undefined && (options.iface ?? []).length > 0
      ? await placeProgram(options.iface ?? [])
      : null;
  try {
    const engine = await Conntrack.open({
      max: options.max ?? Math.max(DEFAULT_MAX, ...wanted.filter((value) => value <= 28_000_000)),
      sizing: "growing", // few pages to touch for the first time, which is what short runs spend their time on
      seed: options.seed,
      profile: options.profile,
      trace: wishes.trace ?? false,
      events: wishes.events ?? false,
      programSize: place?.length ?? wishes.programSize ?? 0,
      windowSize: wishes.windowSize ?? 0,
      ...(wishes.shard && { shard: wishes.shard }),
    });
    if (place !== null) engine.loadProgram(place);
    if (options.checksum === "ignore") ignoreChecksums(engine);
    for (const { text, name, value } of sysctls) setSysctl(engine, text, name, value);
    for (const helper of options.helper) giveHelper(engine, helper);
    return engine;
  } catch (error) {
    if (error instanceof ConntrackError && ["bad-option", "no-memory"].includes(error.code)) {
      throw new UsageError(`--${error.message}`);
    }
    throw error;
  }
}

/** No rules, but interfaces. */
async function placeProgram(interfaces: readonly string[]): Promise<Uint8Array> {
  // the parser of rules takes longer to load than all else together
  const { compileRules, PlaceError, parsePlace } = await import("conntrack-iptables");
  try {
    return compileRules([], { place: parsePlace(interfaces) }).bytes;
  } catch (error) {
    if (error instanceof PlaceError) throw new UsageError(error.message);
    throw error;
  }
}

/** The same engine as several, in workers; `openEngine` has found the options in order. */
export async function openPool(
  options: PlacedOptions,
  engine: Conntrack,
  trace: boolean,
  workers: number,
): Promise<ConntrackPool> {
  const sysctl: Record<string, number> = {};
  if (options.checksum === "ignore") Object.assign(sysctl, IGNORING);
  for (const { name, value } of parseSysctls(options.sysctl)) sysctl[name] = value;
  const { seed, profile, iface = [] } = options;
  const helpers = options.helper.map(parseHelper);
  const place = iface.length > 0 ? { program: await placeProgram(iface) } : {};
  return ConntrackPool.open({ workers, max: engine.capacity, seed, profile, trace, sysctl, helpers, ...place });
}

/** What `--checksum ignore` stands for. */
export const IGNORING = { nf_conntrack_checksum: 0, "capture.offload": 1 } as const;

export function ignoreChecksums(engine: Conntrack): void {
  for (const [name, value] of Object.entries(IGNORING)) engine.setSysctl(name, value);
}

function setSysctl(engine: Conntrack, text: string, name: string, value: number): void {
  try {
    engine.setSysctl(name, value);
  } catch (error) {
    if (error instanceof ConntrackError) throw new UsageError(`${text}: ${error.message}`);
    throw error;
  }
}

function giveHelper(engine: Conntrack, text: string): void {
  try {
    assignHelper(engine, text);
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConntrackError)
      throw new UsageError(`--helper ${text}: ${error.message}`);
    throw error;
  }
}
