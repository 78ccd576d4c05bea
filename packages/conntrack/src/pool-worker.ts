// One shard of a ConntrackPool: an engine in a worker. It sees every packet and writes what it says of those of its
// shard into the memory it shares with the pool. Where a packet of another shard fits an expectation, it waits for what
// that shard says of it; nobody waits for a packet that comes later, so all get on.
import * as abi from "@conntrack-wasm/core/abi";
import { Conntrack } from "./engine.js";
import type { ConntrackError } from "./error.js";
import { type FromWorker, OPENED, openPort, type ToWorker, TRACES_AT, type Tracked } from "./pool-port.js";

const port = await openPort();
let engine: Conntrack | null = null;
let shard = 0;
/** Packets each shard is done with; behind them whether one has failed. */
let progress: Int32Array<ArrayBufferLike> = new Int32Array(1);
/** Owners of the block under way, and how many of its packets the calls before this one did. */
let owners: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
let first = 0;

const WAIT_MS = 500;
const isForeign = (word: number) => (word & 0xff) === abi.RESULT_FOREIGN;
const opensHere = (word: number) => ((word >>> 8) & abi.RESULT_OPENED) !== 0;

function opened(): Conntrack {
  if (engine === null) throw new Error("the shard is not open");
  return engine;
}

/** Shows the owners of packets, then says that all of them up to `frame` are done. */
function publish(words: Uint32Array, frame: number): void {
  for (let i = 0; 2 * i < words.length; i++) {
    const word = words[2 * i] as number;
    if (!isForeign(word)) owners[first + i] = shard | (opensHere(word) ? OPENED : 0);
  }
  Atomics.store(progress, shard, frame | 0);
  Atomics.notify(progress, shard);
}

function fail(): void {
  Atomics.store(progress, progress.length - 1, 1);
  for (let i = 0; i < progress.length; i++) Atomics.notify(progress, i);
}

function opensElsewhere(index: number, frame: number, owner: number, before: Uint32Array): boolean {
  publish(before, frame - 1);
  for (;;) {
    const done = Atomics.load(progress, owner);
    if (((done - frame) | 0) >= 0) return ((owners[first + index] as number) & OPENED) !== 0;
    if (Atomics.load(progress, progress.length - 1) !== 0) throw new Error("another shard has failed");
    Atomics.wait(progress, owner, done, WAIT_MS);
  }
}

function track({ block, input, length, memory, traced, owners: shared }: ToWorker & { kind: "track" }): Tracked {
  const bytes = new Uint8Array(input, 0, length);
  const words = new Uint32Array(memory, 0, TRACES_AT / 4);
  const traces = traced ? new Uint8Array(memory, TRACES_AT) : null;
  const copies: number[] = [];
  owners = new Uint8Array(shared);
  first = 0;
  for (const part of opened().trackBlock({ ...block, bytes })) {
    const own = part.words;
    for (let i = 0; i < part.count; i++) {
      const word = own[2 * i] as number;
      const conn = own[2 * i + 1] as number;
      const at = first + i;
      if (isForeign(word)) {
        if (conn !== 0) copies.push(at, conn);
        continue;
      }
      words[2 * at] = word & ~(abi.RESULT_OPENED << 8);
      words[2 * at + 1] = conn;
      traces?.set(part.traceBytes(i), at * abi.TRACE_SIZE);
    }
    publish(own, part.firstFrame + part.count - 1);
    first += part.count;
  }
  return { count: first, copies };
}

function answer(message: ToWorker): unknown {
  switch (message.kind) {
    case "open": {
      const { options, shards: count } = message;
      shard = message.shard;
      progress = new Int32Array(message.progress);
      engine = Conntrack.openSync(message.module, {
        ...options,
        shard: { index: shard, count, opens: opensElsewhere },
      });
      return null;
    }
    case "track":
      return track(message);
    case "sysctl":
      return opened().setSysctl(message.name, message.value);
    case "advance":
      return opened().advance(message.time);
    case "report": {
      const shown = opened();
      return {
        entries: shown.entries,
        now: shown.now,
        stats: shown.stats(),
        totals: shown.totals(),
        flows: message.flows ? shown.flows() : [],
      };
    }
  }
}

port.listen((message) => {
  let reply: FromWorker;
  try {
    reply = { id: message.id, value: answer(message) };
  } catch (error) {
    if (message.kind === "track") fail();
    // of an error that crosses the border only the message is kept
    const { code = "engine-dead", message: text } = error as Partial<ConntrackError>;
    reply = { id: message.id, error: { code, text: text ?? String(error) } };
  }
  port.post(reply);
});
