// `-o none --workers`: packets counted by several engines, each of which reads the captures itself. Nothing goes from thread
// to thread but where the reading stops, and in the end what each has counted of its own packets.
import { open, stat } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { ConntrackError, type ConntrackErrorCode, type PoolReport } from "conntrack-wasm";
import { estimateOffload, sampleOf } from "./checksum.js";
import { Input, type InputOptions } from "./input.js";
import type { PlacedOptions } from "./options.js";
import type { TallyCounts } from "./summary.js";

/** What a worker is told. */
export interface CountTask {
  readonly options: PlacedOptions;
  readonly input: Omit<InputOptions, "window">;
  readonly ignoring: boolean;
  readonly shard: number;
  readonly shards: number;
  readonly board: SharedArrayBuffer;
}

/** What a worker says in the end; of the input every worker knows the same. */
export interface ShardCount {
  readonly tally: TallyCounts;
  readonly badHeaders: number;
  readonly entries: number;
  readonly now: bigint;
  readonly totals: PoolReport["totals"];
  readonly packets: number;
  readonly first: bigint | null;
  readonly failures: readonly string[];
}

export type FromCounter = ShardCount | { readonly error: { code: ConntrackErrorCode | null; text: string } };

/**
 * What the threads share: how far the reading has come, for the progress line, and the gate.
 *
 *   │ blocks begun, CLOSED │ packets │ position f64 │ size f64, 0: not known │
 */
export class Board {
  static readonly SIZE = 24;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;

  constructor(readonly memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#numbers = new Float64Array(memory);
  }

  /**
   * Whether a worker may track block `number`, from 1 on. All see the same blocks; once the gate is closed, each goes on as
   * far as the one that had come furthest, so that they stop at the same packet.
   */
  mayBegin(number: number): boolean {
    for (;;) {
      const begun = Atomics.load(this.#words, 0);
      if (number <= (begun & ~CLOSED)) return true;
      if (begun & CLOSED) return false;
      if (Atomics.compareExchange(this.#words, 0, begun, number) === begun) return true;
    }
  }

  close(): void {
    Atomics.or(this.#words, 0, CLOSED);
  }

  show({ packets, position, size }: Pick<Input, "packets" | "position" | "size">): void {
    Atomics.store(this.#words, 1, packets);
    this.#numbers[1] = position;
    this.#numbers[2] = size ?? 0;
  }

  get packets(): number {
    return Atomics.load(this.#words, 1) >>> 0;
  }
  get position(): number {
    return this.#numbers[1] as number;
  }
  get size(): number | null {
    return this.#numbers[2] || null;
  }
}

const CLOSED = 1 << 31;
const GZIP = 0x8b1f;
const ZSTD = 0xb528;

/** True for captures that every worker can read by itself: files, and nothing to unpack. */
export async function canReadAlone(files: readonly string[]): Promise<boolean> {
  const each = await Promise.all(files.map((file) => isPlainFile(file).catch(() => true))); // the error is told when it is read
  return each.every(Boolean);
}

async function isPlainFile(file: string): Promise<boolean> {
  if (file === "-" || !(await stat(file)).isFile()) return false;
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(new Uint8Array(2), 0, 2, 0);
    const magic = (buffer[0] as number) | ((buffer[1] as number) << 8);
    return magic !== GZIP && magic !== ZSTD;
  } finally {
    await handle.close();
  }
}

/** Several engines in workers that read by themselves. */
export class SharedCount {
  readonly board = new Board(new SharedArrayBuffer(Board.SIZE));
  ignoring = false;

  constructor(
    private readonly options: PlacedOptions,
    private readonly input: Omit<InputOptions, "window">,
    private readonly workers: number,
  ) {}

  /** Reads the captures to their end, or to where `board.close()` stops it. */
  async run(): Promise<ShardCount[]> {
    const { options, input, board } = this;
    if (options.checksum === "auto") {
      const beginning = new Input(input);
      this.ignoring = await estimateOffload((await sampleOf(beginning.blocks())).blocks);
      await beginning.interrupt();
    }
    const running = Array.from({ length: this.workers }, (_, shard) => {
      const { ignoring, workers: shards } = this;
      const workerData: CountTask = { options, input, ignoring, shard, shards, board: board.memory };
      return new Worker(new URL("./shared-count-worker.js", import.meta.url), { workerData });
    });
    try {
      return await Promise.all(running.map(answerOf));
    } finally {
      await Promise.all(running.map((worker) => worker.terminate()));
    }
  }
}

function answerOf(worker: Worker): Promise<ShardCount> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (answer: FromCounter) => {
      if (!("error" in answer)) resolve(answer);
      else if (answer.error.code === null) reject(new Error(answer.error.text));
      else reject(new ConntrackError(answer.error.code, answer.error.text));
    });
  });
}
