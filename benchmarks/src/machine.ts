// The machine a run had: what it is, and how much of it others used meanwhile.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";

/** More than this share of a processor used by others, and the run was not on a quiet machine. */
const QUIET = 0.1;
/** Ticks of /proc/stat and /proc/self/stat per second, on every Linux of today. */
const TICKS = 100;

export interface Conditions {
  /** Day, as YYYY-MM-DD. */
  readonly date: string;
  /** Short hash; "+" when files have changed since. */
  readonly commit: string;
  readonly machine: string;
  /** Processors that others kept busy on average; null where that cannot be told. */
  readonly others: number | null;
  readonly state: "quiet" | "busy" | "unknown";
}

/** Watches from its making to `conditions`. */
export class Watch {
  readonly #start = { at: performance.now(), busy: busyTicks(), own: ownTicks() };

  conditions(): Conditions {
    const others = this.#others();
    return {
      date: new Date().toISOString().slice(0, 10),
      commit: commit(),
      machine: `${os.cpus()[0]?.model ?? "unknown processor"}, ${os.cpus().length} processors, ${os.type()} ${os.release().split("-")[0]}`,
      others: others === null ? null : Math.round(others * 100) / 100,
      state: others === null ? "unknown" : others < QUIET ? "quiet" : "busy",
    };
  }

  #others(): number | null {
    const [busy, own] = [busyTicks(), ownTicks()];
    const { at, busy: busyThen, own: ownThen } = this.#start;
    if (busy === null || own === null || busyThen === null || ownThen === null) return null;
    const seconds = (performance.now() - at) / 1000;
    return Math.max(0, (busy - busyThen - (own - ownThen)) / TICKS / seconds);
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null; // not Linux
  }
}

// All processors: user, nice, system, irq, softirq and steal, not idle and iowait.
function busyTicks(): number | null {
  const text = read("/proc/stat");
  return text === null ? null : busyOf(text);
}

// This process and the children it has waited for.
function ownTicks(): number | null {
  const text = read("/proc/self/stat");
  return text === null ? null : ownOf(text);
}

export function busyOf(stat: string): number | null {
  const [, user, nice, system, , , irq, softirq, steal] = (stat.split("\n")[0] ?? "").split(/\s+/).map(Number);
  const sum = (user ?? NaN) + (nice ?? 0) + (system ?? NaN) + (irq ?? 0) + (softirq ?? 0) + (steal ?? 0);
  return Number.isNaN(sum) ? null : sum;
}

export function ownOf(stat: string): number | null {
  // the name in brackets may hold blanks; utime, stime, cutime and cstime are the 14th to 17th field
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const sum = fields.slice(11, 15).reduce((all, ticks) => all + ticks, 0);
  return fields.length < 15 || Number.isNaN(sum) ? null : sum;
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const changed = git("status", "--porcelain", "--", ":/packages", ":/apps", ":/benchmarks/src");
    return git("rev-parse", "--short", "HEAD") + (changed === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
