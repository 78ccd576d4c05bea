// A capture file from beginning to end, as a user does it: each program in a process of its own, start included. They take
// turns; what is not installed is left out, and said.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeCapture } from "../capture-file.js";
import { median, percentiles } from "../percentiles.js";
import type { Row } from "../row.js";
import { runtime } from "../runtime.js";
import type { Settings } from "./common.js";

const CTRACK = fileURLToPath(new URL("../../apps/cli/bin/ctrack.js", import.meta.url));
const FLOWS = 100_000;
/** The whole capture, 662 MB. */
const WHOLE = 8_500_000;
/** What the slower ones get in the short form. Times are per packet, the start of the program included. */
const PART = 1_000_000;

/** Without what makes Node read certificates before anything else, which takes it longer than to start: 60 ms. */
const { NODE_EXTRA_CA_CERTS: _, ...ENVIRONMENT } = process.env;

interface Program {
  readonly name: string;
  /** Command and arguments; a function of the captures, plain and packed. */
  readonly command: (files: Files) => string[];
  /** Takes so long that it is asked once. */
  readonly slow?: boolean;
}

interface Files {
  readonly whole: string;
  readonly part: string;
  readonly gzip: string;
  readonly zstd: string;
  readonly scratch: string;
}

const ctrack = (...args: string[]) => ["node", CTRACK, "track", "-q", ...args];

const PROGRAMS: readonly Program[] = [
  { name: "ctrack -o none", command: ({ whole }) => ctrack(whole, "-o", "none") },
  { name: "ctrack -o none, 2 workers", command: ({ whole }) => ctrack(whole, "-o", "none", "--workers", "2") },
  { name: "ctrack -o none, gzip", command: ({ gzip }) => ctrack(gzip, "-o", "none") },
  { name: "ctrack -o none, zstd", command: ({ zstd }) => ctrack(zstd, "-o", "none") },
  { name: "ctrack -o json", command: ({ part }) => ctrack(part, "-o", "json") },
  { name: "nfpcapd", command: ({ part, scratch }) => ["nfpcapd", "-r", part, "-w", scratch], slow: true },
  { name: "tcptrace", command: ({ part }) => ["tcptrace", "-n", part], slow: true },
  {
    name: "tshark -z conv,tcp",
    command: ({ part }) => ["tshark", "-n", "-q", "-r", part, "-z", "conv,tcp"],
    slow: true,
  },
];

export async function* capture({ full, budget }: Settings): AsyncGenerator<Row, void> {
  const scratch = mkdtempSync(join(tmpdir(), "conntrack-bench-"));
  const remove = () => rmSync(scratch, { recursive: true, force: true });
  const leave = () => {
    remove();
    process.exit(130);
  };
  process.once("SIGINT", leave).once("SIGTERM", leave);
  try {
    const whole = join(scratch, "mix.pcap");
    const part = full ? whole : join(scratch, "part.pcap");
    const packets = new Map([[whole, writeCapture(whole, { flows: FLOWS, packets: WHOLE, seed: 1 }).packets]]);
    if (!full) packets.set(part, writeCapture(part, { flows: FLOWS, packets: PART, seed: 1 }).packets);
    const files = { whole, part, gzip: `${part}.gz`, zstd: `${part}.zst`, scratch };
    const there = PROGRAMS.filter((program) => isThere(program, files));
    // at least three runs of each but the slow ones, more while the budget lasts
    const times = there.map((): number[] => []);
    const resident = there.map(() => 0);
    const end = performance.now() + budget;
    for (let turn = 0; turn < 3 || (performance.now() < end && turn < 9); turn++) {
      for (const [index, { command, slow, name }] of there.entries()) {
        if (slow && turn > 0) continue;
        const line = command(files);
        const read = packets.get(line.includes(whole) ? whole : part) as number;
        const run = await timed(line, name);
        (times[index] as number[]).push((run.milliseconds * 1e6) / read);
        resident[index] = Math.max(resident[index] as number, run.resident);
      }
    }
    const reference = times[0] as number[];
    for (const [index, { name }] of there.entries()) {
      const own = times[index] as number[];
      yield {
        question: "capture",
        contender: name,
        flows: FLOWS,
        nsPerPacket: percentiles(own),
        bytesPerFlow: Math.round((resident[index] as number) / FLOWS),
        runtime: runtime(),
        per: "packet",
        ratio: median(own.map((time, turn) => time / (reference[turn] as number))),
        variant: name.startsWith("ctrack"),
      };
    }
  } finally {
    process.off("SIGINT", leave).off("SIGTERM", leave);
    remove();
  }
}

// Packs the capture on first use, with the tools of the system.
function isThere({ name, command }: Program, files: Files): boolean {
  const [program = "", ...args] = command(files);
  const packed = [files.gzip, files.zstd].find((file) => args.includes(file));
  const tool = packed === undefined ? program : packed === files.gzip ? "gzip" : "zstd";
  const known = spawnSync("which", [tool]).status === 0;
  if (!known) console.error(`capture: ${name} is left out: ${tool} is not installed`);
  else if (packed !== undefined && !existsSync(packed)) spawnSync(tool, ["-1", "-q", "-k", files.part]);
  return known;
}

/** Runs a program with its output thrown away; its time, and the most memory it had resident, in bytes. */
async function timed(
  [program = "", ...args]: string[],
  name: string,
): Promise<{ milliseconds: number; resident: number }> {
  const start = performance.now();
  const executable = program === "node" ? process.execPath : program;
  const child = spawn(executable, args, { stdio: ["ignore", "ignore", "ignore"], env: ENVIRONMENT });
  let resident = 0;
  const timer = setInterval(() => {
    resident = Math.max(resident, residentOf(child.pid));
  }, 20);
  const code = await new Promise<number | null>((resolve, reject) => child.on("exit", resolve).on("error", reject));
  clearInterval(timer);
  if (code !== 0) throw new Error(`capture: ${name} ended with ${code}`);
  return { milliseconds: performance.now() - start, resident };
}

// Linux: the high-water mark; 0 elsewhere.
function residentOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  } catch {
    return 0; // gone, or no /proc
  }
}
