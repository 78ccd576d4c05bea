// The options all commands share: how they are written, and what they mean.
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Profile } from "conntrack-wasm";
import type { ColorMode } from "./color.js";
import { UsageError } from "./exit.js";

export type ChecksumMode = "verify" | "ignore" | "auto";

/** What commander makes of the common options. */
export interface CommonOptions {
  readonly read?: readonly string[];
  readonly sysctl: readonly string[];
  readonly profile: Profile;
  readonly helper: readonly string[];
  readonly checksum: ChecksumMode;
  readonly max?: number;
  readonly seed: bigint;
  readonly link?: number;
  readonly filter?: string;
  readonly count?: number;
  readonly color: ColorMode;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** Of an option that may be repeated. */
export const collect = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];

/** A whole number in a range, decimal or 0x… */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    return value;
  };
}

function seed(text: string): bigint {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw new InvalidArgumentError("Give a whole number.");
  return BigInt.asUintN(64, BigInt(text));
}

/** Adds the common options to a command. */
export function withCommonOptions(command: Command): Command {
  return command
    .option("-r, --read <file>", "a capture to read, as tcpdump has it; repeatable", collect)
    .addOption(
      new Option("--sysctl <name=value>", "kernel setting, with or without net.netfilter.; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(
      new Option("--profile <name>", "whose behaviour: today's kernel or Linux 2.4")
        .choices(["linux-6", "linux-2.4"])
        .default("linux-6"),
    )
    .addOption(
      new Option("--helper <name[:port]>", "connection tracking helper, such as ftp:21; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .addOption(
      new Option(
        "--checksum <mode>",
        "verify as the kernel does; ignore what is wrong (offload); auto: see which the capture needs",
      )
        .choices(["verify", "ignore", "auto"])
        .default("verify"),
    )
    .option("--max <n>", "most connections at a time (default: 262144)", integer(1, 28_000_000))
    .addOption(
      new Option("--seed <n>", "seed of the hash and of ids; same packets and seed, same output")
        .argParser(seed)
        .default(0n, "0"),
    )
    .option("--link <n>", "link type (LINKTYPE_ number) to take instead of what the capture says", integer(0, 65535))
    .option("--filter <expr>", "show only what matches, such as 'state=INVALID and port 21'")
    .option("--count <n>", "stop after so many packets", integer(1, 2 ** 31))
    .addOption(
      new Option("--color <when>", "auto, always or never; NO_COLOR and FORCE_COLOR count too")
        .choices(["auto", "always", "never"])
        .default("auto"),
    )
    .option("-q, --quiet", "data only: no summary, no remarks")
    .option("-v, --verbose", "say on standard error what was read, and with which settings")
    .option("-n, --numeric", "addresses and ports as numbers; they always are");
}

/** `--json`, as other programs call `-o json`. */
export function withJson(command: Command): Command {
  return command.option("--json", "the same as -o json").on("option:json", () => {
    command.setOptionValue("output", "json");
  });
}

/** `-o proc,id` → `["proc", "id"]`; each must be one of `known`. */
export function outputWords(text: string, known: readonly string[]): string[] {
  const words = text.split(",").map((word) => word.trim());
  for (const word of words) {
    if (!known.includes(word)) throw new UsageError(`-o ${text}: "${word}" is not one of ${known.join(", ")}`);
  }
  return words;
}

/** The captures named: arguments, and those of -r. */
export function filesOf(args: readonly string[], options: CommonOptions): string[] {
  const files = [...(options.read ?? []), ...args];
  if (files.length === 0) throw new UsageError("no capture given: name a file, or - for standard input");
  if (files.filter((file) => file === "-").length > 1) throw new UsageError("standard input (-) can be read only once");
  return files;
}

/** Where to stop: a packet or a moment. */
export interface Stop {
  readonly count?: number;
  readonly until?: { readonly time: bigint; readonly relative: boolean };
}

/** `#12` is behind packet 12; `1700000000.5` a time since the epoch; `+3.5` seconds behind the first packet. */
export function parseAt(text: string | undefined): Stop {
  if (text === undefined) return {};
  const frame = /^#(\d+)$/.exec(text);
  if (frame) {
    const count = Number(frame[1]);
    if (count < 1) throw new UsageError(`--at ${text}: packets count from 1`);
    return { count };
  }
  const time = /^(\+?)(\d{1,10})(?:\.(\d{1,9}))?$/.exec(text);
  if (!time) {
    throw new UsageError(
      `--at ${text}: give a time since the epoch (1700000000.5), since the first packet (+3.5), or a packet ('#12')`,
    );
  }
  const nanoseconds = BigInt(time[2] as string) * 1_000_000_000n + BigInt((time[3] ?? "").padEnd(9, "0"));
  return { until: { time: nanoseconds, relative: time[1] === "+" } };
}

/** Those of a command that may know where the box stands. */
export interface PlacedOptions extends CommonOptions {
  readonly iface?: readonly string[];
}

/** Where the box stands, for commands without rules. */
export function withInterfaces(command: Command): Command {
  return command.addOption(
    new Option(
      "--iface <name=address/prefix>",
      "an interface of the box, the first leads to the world: helpers of broadcasts want it; repeatable",
    )
      .argParser(collect)
      .default([], "none"),
  );
}
