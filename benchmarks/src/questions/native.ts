// established(F) in native C: the engine and a program of the same design (../native/established.c) take turns with the same kind of
// packets. The program times itself, without the pipe its packets come through.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type EngineTracker, engine } from "../contenders/engine.js";
import { type Chunk, Established, MAX_RECORD } from "../packets.js";
import { median, percentiles } from "../percentiles.js";
import type { Row } from "../row.js";
import { runtime } from "../runtime.js";
import { CHUNK, type Settings } from "./common.js";

const SOURCE = fileURLToPath(new URL("../src/native/established.c", import.meta.url));
const SIZES = [1_000, 100_000, 1_000_000];
const TURN = 20;
const WARMUP = 200;
const ANSWER = 16;

/** One of the two: tracks chunks and says how long each took, in nanoseconds a packet. */
interface Player {
  readonly name: string;
  track(chunks: Iterable<Chunk>): Promise<number[]>;
}

export async function* native({ budget }: Settings): AsyncGenerator<Row, void> {
  const scratch = mkdtempSync(join(tmpdir(), "conntrack-bench-"));
  try {
    const program = compile(scratch);
    if (program !== null) for (const flows of SIZES) yield* await ask(flows, program, budget);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function compile(scratch: string): string | null {
  const program = join(scratch, "established");
  try {
    if (endianness() !== "LE") throw new Error("a little-endian machine is wanted");
    execFileSync("cc", ["-O3", "-march=native", "-o", program, SOURCE], { stdio: "pipe" });
    return program;
  } catch (error) {
    console.error(`native: left out: ${(error as Error).message}`);
    return null;
  }
}

async function ask(flows: number, program: string, budget: number): Promise<Row[]> {
  const child = new NativeTracker(program, flows);
  try {
    const players = [await engineOf(flows), child];
    const bytes = new Uint8Array(CHUNK * MAX_RECORD);
    const input = new Established(flows, false, "uniform", CHUNK);
    for (const chunk of input.setup(CHUNK)) for (const player of players) await player.track([chunk]);
    const times = players.map((): number[] => []);
    const medians = players.map((): number[] => []);
    const takeTurns = async (measuring: boolean): Promise<void> => {
      for (const [index, player] of players.entries()) {
        const turn = await player.track(turnOf(input, bytes));
        if (!measuring) continue;
        (times[index] as number[]).push(...turn);
        (medians[index] as number[]).push(median(turn));
      }
    };
    for (let warmed = 0; warmed < WARMUP; warmed += TURN) await takeTurns(false);
    child.established = 0;
    const end = performance.now() + budget;
    let turns = 0;
    for (; turns < 5 || performance.now() < end; turns++) await takeTurns(true);
    if (child.established !== turns * TURN * CHUNK) {
      throw new Error(`native C: ${child.established} of ${turns * TURN * CHUNK} packets ESTABLISHED`);
    }
    return players.map(({ name }, index) => ({
      question: "established, native",
      contender: name,
      flows,
      nsPerPacket: percentiles(times[index] as number[]),
      bytesPerFlow: null,
      runtime: runtime(),
      per: "packet",
      ratio: median((medians[index] as number[]).map((value, k) => value / (medians[0]?.[k] as number))),
      variant: false,
    }));
  } finally {
    child.close();
  }
}

function* turnOf(input: Established, bytes: Uint8Array): Generator<Chunk, void> {
  for (let i = 0; i < TURN; i++) yield input.fill(bytes, CHUNK);
}

async function engineOf(flows: number): Promise<Player> {
  const tracker = (await engine.open(flows)) as EngineTracker;
  const window = tracker.engine.window;
  return {
    name: "engine",
    async track(chunks) {
      const times: number[] = [];
      for (const { bytes, packets } of chunks) {
        window.set(bytes);
        const records = window.subarray(0, bytes.length);
        const start = performance.now();
        tracker.track(records);
        times.push(((performance.now() - start) * 1e6) / packets);
      }
      return times;
    },
  };
}

class NativeTracker implements Player {
  readonly name = "native C";
  /** Packets it has found ESTABLISHED. */
  established = 0;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<Buffer>;

  constructor(program: string, flows: number) {
    this.#child = spawn(program, [String(flows)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdin?.on("error", () => {}); // the end of its answers says it
    this.#answers = answersOf(this.#child);
  }

  async track(chunks: Iterable<Chunk>): Promise<number[]> {
    const counts: number[] = [];
    const parts: Uint8Array[] = [];
    for (const { bytes, packets } of chunks) {
      counts.push(packets);
      parts.push(wordsOf(packets, bytes.length), bytes.slice());
    }
    const all = Buffer.concat(parts);
    this.#child.stdin?.write(wordsOf(all.length));
    this.#child.stdin?.write(all);
    const times: number[] = [];
    for (const packets of counts) {
      const { value, done } = await this.#answers.next();
      if (done) throw new Error("native C: the program has ended");
      this.established += Number(value.readBigUInt64LE(8));
      times.push(Number(value.readBigUInt64LE(0)) / packets);
    }
    return times;
  }

  close(): void {
    this.#child.stdin?.end();
  }
}

function wordsOf(...words: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(words).buffer);
}

async function* answersOf(child: ChildProcess): AsyncGenerator<Buffer, void> {
  let held = Buffer.alloc(0);
  for await (const part of child.stdout ?? []) {
    held = Buffer.concat([held, part as Buffer]);
    for (; held.length >= ANSWER; held = held.subarray(ANSWER)) yield held.subarray(0, ANSWER);
  }
}
