// One shard of a ConntrackPool: an engine in a worker. It sees every packet and writes what it says of those of its
// shard into the memory it shares with the pool. Where a packet of another shard fits an expectation, it waits for what
// that shard says of it; nobody waits for a packet that comes later, so all get on.
import * as abi from "@conntrack-wasm/core/abi";
import { Conntrack, type PacketBlock } from "./engine.js";
import type { ConntrackError } from "./error.js";
import { type FromWorker, OPENED, openPort, placeFor, type ToWorker, TRACES_AT, type Tracked } from "./pool-port.js";

const port = await openPort();
let engine: Conntrack | null = null;
let shard = 0;
/** Packets each shard is done with; behind them whether one has failed. */
let progress: Int32Array<ArrayBufferLike> = new Int32Array(1);
/** Owners of the block under way, and how many of its packets the calls before this one did. */
let owners: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
let first = 0;

const WAIT_MS = 500;
/** Blocks up to this size are tracked where they are copied to. */
const WINDOW = 1 << 20;
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

/** What the pool lays out once for the blocks that come one after another. */
interface Slot {
  input: Uint8Array<ArrayBufferLike>;
  readonly words: Uint32Array<ArrayBufferLike>;
  readonly traces: Uint8Array<ArrayBufferLike> | null;
  readonly owners: Uint8Array<ArrayBufferLike>;
}

const slots: Slot[] = [];

// The records in the engine's own memory, if they fit.
function inWindow(bytes: Uint8Array, framing: PacketBlock["framing"]): Uint8Array {
  const { window } = opened();
  const start = placeFor(framing, bytes.byteOffset);
  if (start + bytes.length > window.length) return bytes;
  window.set(bytes, start);
  return window.subarray(start, start + bytes.length);
}

function track({ block, slot, start, length }: ToWorker & { kind: "track" }): Tracked {
  const { input, words, traces, owners: shared } = slots[slot] as Slot;
  const bytes = inWindow(input.subarray(start, start + length), block.framing);
  const copies: number[] = [];
  owners = shared;
  first = 0;
  for (const part of opened().trackBlock({ ...block, bytes })) {
    const own = part.words;
    if (part.places !== null) takeOwn(words, part.places, own);
    else {
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
      publish(own, part.firstFrame + part.records - 1);
    }
    first += part.records;
  }
  return { count: first, copies };
}

// No engine asks another: the packets of this shard are all there is to say.
function takeOwn(words: Uint32Array, places: Uint32Array, own: Uint32Array): void {
  const [to, who, base] = [owners, shard, first];
  for (let i = 0, k = 0; k < own.length; i++, k += 2) {
    const word = own[k] as number;
    if (isForeign(word)) continue; // a fragment
    const at = base + (places[i] as number);
    words[2 * at] = word & ~(abi.RESULT_OPENED << 8);
    words[2 * at + 1] = own[k + 1] as number;
    to[at] = who;
  }
}

function answer(message: ToWorker): unknown {
  switch (message.kind) {
    case "open": {
      const { options, shards: count } = message;
      shard = message.shard;
      progress = new Int32Array(message.progress);
      engine = Conntrack.openSync(message.module, {
        ...options,
        windowSize: WINDOW,
        programSize: message.program?.length ?? 0,
        shard: { index: shard, count, opens: opensElsewhere },
      });
      if (message.program !== undefined) engine.loadProgram(message.program);
      return null;
    }
    case "slot": {
      const { slot, memory, traced, owners } = message;
      slots[slot] = {
        input: new Uint8Array(0),
        words: new Uint32Array(memory, 0, TRACES_AT / 4),
        traces: traced ? new Uint8Array(memory, TRACES_AT) : null,
        owners: new Uint8Array(owners),
      };
      return null;
    }
    case "input":
      (slots[message.slot] as Slot).input = new Uint8Array(message.input);
      return null;
    case "track":
      return track(message);
    case "sysctl":
      return opened().setSysctl(message.name, message.value);
    case "advance":
      return opened().advance(message.time);
    case "report": {
      const shown = opened();
      shown.advance(0n); // to the last record, whosever it is
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
