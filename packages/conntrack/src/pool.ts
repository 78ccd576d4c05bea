// Many cores: share-nothing engines in workers, each with the connections of its host pairs. Every worker reads the whole
// shared input and keeps to its shard; what they say is put together in order, with the numbers one engine would give.
//
//   block ──► shared input ──► worker 0, worker 1, …   each writes the results of its packets
//                                    ▼
//             shared results: │ words │ traces │, and the owner of each packet ──► connections renumbered, given out
import * as abi from "@conntrack-wasm/core/abi";
import { Conntrack, type OpenOptions, type PacketBlock } from "./engine.js";
import { ConntrackError } from "./error.js";
import { compile } from "./instantiate.js";
import {
  type FromWorker,
  MAX_PACKETS,
  OPENED,
  placeFor,
  startWorker,
  type ToWorker,
  TRACES_AT,
  type Tracked,
  type WorkerHandle,
} from "./pool-port.js";
import { recordAt } from "./records.js";
import { Results } from "./results.js";
import { findSysctl } from "./sysctl.js";
import type { Flow, Stats } from "./types.js";

export interface PoolOptions extends Omit<OpenOptions, "shard" | "events" | "programSize" | "windowSize"> {
  /** How many engines; by default as many as there are processors, 8 at most. */
  readonly workers?: number;
  /**
   * A rule program without rules, which tells the engines where they stand (`compileRules([], { place })` of conntrack-iptables). Rules
   * that count or remember would do so in each engine by itself.
   */
  readonly program?: Uint8Array;
}

/** Results of up to 65536 packets, and their records; valid until the next step. */
export interface PoolPart<Block extends PacketBlock = PacketBlock> {
  readonly results: Results;
  readonly block: Block;
}

/** What the engines of a pool amount to together. */
export interface PoolReport {
  readonly entries: number;
  readonly now: bigint;
  readonly stats: Stats;
  readonly totals: ReturnType<Conntrack["totals"]>;
  /** In order of creation, as `Conntrack.flows()` has them; empty unless asked for. */
  readonly flows: Flow[];
}

const MAX_WORKERS = 64;
const AUTO_HELPER = "net.netfilter.nf_conntrack_helper";
const DEFAULT_MOST = 8;
/** Blocks under way at a time, so that no worker waits for another one. */
const IN_FLIGHT = 4;
const PCAP_HEADER = 16;
/** Room for a block as captures give them out; larger ones get more. */
const INPUT_SIZE = 1 << 20;

type Question<K extends ToWorker["kind"]> = Omit<Extract<ToWorker, { kind: K }>, "id">;

/** A worker, and the questions it has not answered. */
class Shard {
  readonly #worker: WorkerHandle;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  #asked = 0;

  constructor(worker: WorkerHandle) {
    this.#worker = worker;
    worker.listen(
      (message) => this.#onAnswer(message),
      (error) => {
        for (const { reject } of this.#waiting.values()) reject(error);
        this.#waiting.clear();
      },
    );
  }

  #onAnswer(message: FromWorker): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ("error" in message) waiting?.reject(new ConntrackError(message.error.code, message.error.text));
    else waiting?.resolve(message.value);
  }

  ask<K extends ToWorker["kind"]>(question: Question<K>): Promise<unknown> {
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.post({ ...question, id } as unknown as ToWorker);
    });
  }

  close(): Promise<void> {
    return this.#worker.close();
  }
}

/** Memory for one block under way, which all workers know. */
class Slot {
  #input: SharedArrayBuffer | null = null;
  #own: SharedArrayBuffer | null = null;
  readonly #memory: SharedArrayBuffer;
  readonly #owners = new SharedArrayBuffer(MAX_PACKETS);
  readonly owners = new Uint8Array(this.#owners);
  readonly words: Uint32Array;
  readonly results: Results;

  constructor(
    readonly number: number,
    readonly traced: boolean,
    readonly tell: <K extends "slot" | "input">(question: Question<K>) => void,
  ) {
    this.#memory = new SharedArrayBuffer(TRACES_AT + (traced ? MAX_PACKETS * abi.TRACE_SIZE : 0));
    this.words = new Uint32Array(this.#memory, 0, MAX_PACKETS * 2);
    this.results = new Results(this.#memory, 0, TRACES_AT, MAX_PACKETS, null);
    tell<"slot">({ kind: "slot", slot: number, memory: this.#memory, traced, owners: this.#owners });
  }

  /** The bytes where all workers see them: copied, unless they are in shared memory. */
  load({ bytes, framing }: PacketBlock): Uint8Array {
    if (isShared(bytes.buffer)) {
      this.#show(bytes.buffer);
      return bytes;
    }
    const start = placeFor(framing, bytes.byteOffset);
    if (this.#own === null || start + bytes.length > this.#own.byteLength) {
      this.#own = new SharedArrayBuffer(Math.max(INPUT_SIZE, start + bytes.length));
    }
    this.#show(this.#own);
    const copy = new Uint8Array(this.#own, start, bytes.length);
    copy.set(bytes);
    return copy;
  }

  #show(input: SharedArrayBuffer): void {
    if (this.#input === input) return;
    this.#input = input;
    this.tell<"input">({ kind: "input", slot: this.number, input });
  }
}

function isShared(buffer: ArrayBufferLike): buffer is SharedArrayBuffer {
  return buffer instanceof SharedArrayBuffer;
}

/** The connections' numbers within the shards, and those that one engine would have given. */
class Numbers {
  readonly #byShard: Uint32Array[];
  #last = 0;

  constructor(shards: number) {
    this.#byShard = Array.from({ length: shards }, () => new Uint32Array(1024));
  }

  /** Connections are met in the order of their creation: the first packet of each is the one that made it. */
  of(shard: number, local: number): number {
    const numbers = this.#byShard[shard] as Uint32Array;
    const known = numbers[local];
    if (known) return known;
    this.setCopy(shard, local, ++this.#last);
    return this.#last;
  }

  /** The same for the words of many results. */
  renumber(words: Uint32Array, owners: Uint8Array, count: number): void {
    for (let i = 0, k = 1; i < count; i++, k += 2) {
      const local = words[k] as number;
      if (local === 0) continue;
      const owner = (owners[i] as number) & ~OPENED;
      words[k] = (this.#byShard[owner] as Uint32Array)[local] || this.of(owner, local);
    }
  }

  /** A connection of another shard that this one follows. */
  setCopy(shard: number, local: number, number: number): void {
    let numbers = this.#byShard[shard] as Uint32Array;
    if (local >= numbers.length) {
      const larger = new Uint32Array(Math.max(local + 1, 2 * numbers.length));
      larger.set(numbers);
      numbers = larger;
      this.#byShard[shard] = larger;
    }
    numbers[local] = number;
  }
}

/** Several engines that share the work of one; see the top of this file for what stays together. */
export class ConntrackPool {
  readonly #shards: readonly Shard[];
  readonly #numbers: Numbers;
  readonly #tracing: boolean;
  /** Never tracks anything: for ids. */
  readonly #ids: Conntrack;
  /** Those of earlier calls of track(). */
  readonly #slots: Slot[] = [];
  #slotCount = 0;
  #frames = 0;

  /** Starts the workers. Rejects as `Conntrack.open` does, and where there is no SharedArrayBuffer. */
  static async open({ workers = processors(), wasm, program, ...rest }: PoolOptions = {}): Promise<ConntrackPool> {
    if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
      throw new ConntrackError("bad-option", `workers: ${workers} is not a whole number from 1 to ${MAX_WORKERS}`);
    }
    if (typeof SharedArrayBuffer === "undefined") {
      throw new ConntrackError(
        "no-memory",
        "workers share memory, which this page may not: it is not cross-origin isolated",
      );
    }
    const module = await compile(wasm);
    const seed = rest.seed ?? (crypto.getRandomValues(new BigUint64Array(1))[0] as bigint);
    const options = { ...rest, seed };
    const ids = Conntrack.openSync(module, { ...options, max: 1, sysctl: {} });
    const file = "./pool-worker.js";
    const url = new URL(/* @vite-ignore */ file, import.meta.url);
    const shards = await Promise.all(Array.from({ length: workers }, async () => new Shard(await startWorker(url))));
    const pool = new ConntrackPool(shards, ids, options.trace ?? false);
    const progress = new SharedArrayBuffer(4 * (workers + 1));
    try {
      await Promise.all(
        shards.map((one, shard) =>
          one.ask<"open">({ kind: "open", module, options, program, shard, shards: workers, progress }),
        ),
      );
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  private constructor(shards: readonly Shard[], ids: Conntrack, tracing: boolean) {
    this.#shards = shards;
    this.#numbers = new Numbers(shards.length);
    this.#ids = ids;
    this.#tracing = tracing;
  }

  get workers(): number {
    return this.#shards.length;
  }

  /**
   * Tracks blocks and yields results in order. Four blocks are under way at a time; what is yielded stands in shared memory
   * and is valid until the next step. Blocks are copied to shared memory, but for those that lie there: they must not change
   * until their results are yielded. Every block is a message to each worker, so blocks of thousands of packets are best.
   */
  async *track<Block extends PacketBlock>(
    blocks: AsyncIterable<Block> | Iterable<Block>,
  ): AsyncGenerator<PoolPart<Block>, void> {
    const tell = (question: Question<"slot" | "input">) => {
      this.#ask(question).catch(() => {}); // a worker that failed says so of the block
    };
    const free = this.#slots.splice(0);
    while (free.length < IN_FLIGHT) free.push(new Slot(this.#slotCount++, this.#tracing, tell));
    const underWay: { slot: Slot; block: Block; done: Promise<Tracked[]> }[] = [];
    try {
      for await (const whole of blocks) {
        for (const part of parts(whole)) {
          if (free.length === 0) {
            const first = underWay.shift() as (typeof underWay)[number];
            yield await this.#finish(first);
            free.push(first.slot);
          }
          const slot = free.shift() as Slot;
          const bytes = slot.load(part);
          const { bytes: _, ...block } = part;
          const { byteOffset: start, length } = bytes;
          const question: Question<"track"> = { kind: "track", block, slot: slot.number, start, length };
          const done = this.#ask(question) as Promise<Tracked[]>;
          done.catch(() => {}); // whoever awaits it gets the error
          underWay.push({ slot, block: { ...part, bytes }, done });
        }
      }
      for (let first = underWay.shift(); first !== undefined; first = underWay.shift()) {
        yield await this.#finish(first);
        free.push(first.slot);
      }
    } finally {
      this.#slots.push(...free);
    }
  }

  async #finish<Block extends PacketBlock>(one: {
    slot: Slot;
    block: Block;
    done: Promise<Tracked[]>;
  }): Promise<PoolPart<Block>> {
    const { slot, block, done } = one;
    const { results, owners, words } = slot;
    const tracked = await done;
    results.count = tracked[0]?.count ?? 0;
    results.firstFrame = this.#frames + 1;
    this.#frames += results.count;
    const followed = tracked.some(({ copies }) => copies.length > 0);
    if (followed || this.#tracing) this.#renumberEach(results, words, owners, copiesByPacket(tracked));
    else this.#numbers.renumber(words, owners, results.count);
    return { results, block };
  }

  #renumberEach(results: Results, words: Uint32Array, owners: Uint8Array, copies: Copies): void {
    for (let i = 0; i < results.count; i++) {
      const local = words[2 * i + 1] as number;
      const owner = (owners[i] as number) & ~OPENED;
      if (local !== 0) words[2 * i + 1] = this.#numbers.of(owner, local);
      for (const [shard, copy] of copies.get(i) ?? []) this.#numbers.setCopy(shard, copy, words[2 * i + 1] as number);
      if (this.#tracing) this.#renumberMaster(results, i, owner);
    }
  }

  // The master stands in the trace, and as a number of the reason.
  #renumberMaster(results: Results, i: number, shard: number): void {
    const trace = results.traceBytes(i);
    const view = new DataView(trace.buffer, trace.byteOffset, trace.byteLength);
    const named = results.reason(i).numbers?.indexOf("master") ?? -1;
    const places = named < 0 ? [abi.TRACE_MASTER] : [abi.TRACE_MASTER, abi.TRACE_NUMBERS + 4 * named];
    for (const at of places) {
      const local = view.getUint32(at, true);
      if (local !== 0) view.setUint32(at, this.#numbers.of(shard, local), true);
    }
  }

  #ask<K extends ToWorker["kind"]>(question: Question<K>): Promise<unknown[]> {
    return Promise.all(this.#shards.map((shard) => shard.ask(question)));
  }

  /** Sets a sysctl of all engines, for the blocks that are tracked from now on. */
  async setSysctl(name: string, value: number): Promise<void> {
    if (findSysctl(name)?.name === AUTO_HELPER) {
      throw new ConntrackError("bad-option", `${name}: which ports have helpers is said when the pool is opened`);
    }
    await this.#ask<"sysctl">({ kind: "sysctl", name, value });
  }

  /** Lets time pass without a packet. */
  async advance(time: bigint): Promise<void> {
    await this.#ask<"advance">({ kind: "advance", time });
  }

  /** What all engines amount to together, and the table if asked for. */
  async report({ flows = false }: { flows?: boolean } = {}): Promise<PoolReport> {
    const reports = (await this.#ask<"report">({ kind: "report", flows })) as PoolReport[];
    const all = withUses(reports.flatMap((report, shard) => report.flows.map((flow) => this.#renumber(flow, shard))));
    return {
      entries: reports.reduce((sum, { entries }) => sum + entries, 0),
      now: reports[0]?.now ?? 0n, // all have seen every packet
      stats: sumOf(reports.map(({ stats }) => stats)),
      totals: { ...sumOf(reports.map(({ totals }) => totals)), packets: this.#frames },
      flows: all.sort((a, b) => a.conn - b.conn),
    };
  }

  #renumber(flow: Flow, shard: number): Flow {
    const conn = this.#numbers.of(shard, flow.conn);
    const master = flow.master === null ? null : this.#numbers.of(shard, flow.master);
    return { ...flow, conn, master, id: this.#ids.idOf(conn) };
  }

  /** Ends the workers. */
  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }
}

/** The connections other shards follow from a packet on, by the packet's place: shard and number there. */
type Copies = ReadonlyMap<number, [shard: number, copy: number][]>;

function copiesByPacket(tracked: readonly Tracked[]): Copies {
  const byPacket = new Map<number, [number, number][]>();
  for (const [shard, { copies }] of tracked.entries()) {
    for (let k = 0; k < copies.length; k += 2) {
      const [at = 0, copy = 0] = copies.slice(k, k + 2);
      const known = byPacket.get(at);
      if (known === undefined) byPacket.set(at, [[shard, copy]]);
      else known.push([shard, copy]);
    }
  }
  return byPacket;
}

/** A connection is in use by those it announced, in whichever shard they are. */
function withUses(flows: readonly Flow[]): Flow[] {
  const children = new Map<number, number>();
  for (const { master } of flows) if (master !== null) children.set(master, (children.get(master) ?? 0) + 1);
  return flows.map((flow) => ({ ...flow, use: 1 + (children.get(flow.conn) ?? 0) }));
}

function processors(): number {
  return Math.min(DEFAULT_MOST, globalThis.navigator?.hardwareConcurrency ?? 4);
}

function sumOf<Row extends { readonly [name in keyof Row]: number }>(rows: readonly Row[]): Row {
  const names = Object.keys(rows[0] as Row) as (keyof Row)[];
  return Object.fromEntries(names.map((name) => [name, rows.reduce((sum, row) => sum + row[name], 0)])) as Row;
}

// Pieces of at most MAX_PACKETS records. What is too short for more is not looked at.
function* parts<Block extends PacketBlock>(block: Block): Generator<Block> {
  const { bytes } = block;
  const least = block.framing === "pcap" ? PCAP_HEADER : abi.RECORD_HEADER;
  if (bytes.length <= MAX_PACKETS * least) {
    if (bytes.length > 0) yield block;
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  let packets = 0;
  for (let at = 0; at < bytes.length; ) {
    const place = recordAt(block, view, at);
    if (place === null || place.data + place.captured > bytes.length) {
      const claim = place === null ? "is not all there" : `claims ${place.captured} bytes, more than the block holds`;
      throw new ConntrackError("bad-packet", `a record ${claim}`);
    }
    at = place.next;
    if (++packets < MAX_PACKETS && at < bytes.length) continue;
    yield start === 0 && at >= bytes.length ? block : { ...block, bytes: bytes.subarray(start, at) };
    start = at;
    packets = 0;
  }
}
