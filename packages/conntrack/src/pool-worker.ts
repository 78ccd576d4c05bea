// One shard of a ConntrackPool: an engine in a worker. It sees every packet and writes what it says of those of its
// shard into the memory it shares with the pool.
import * as abi from "@conntrack-wasm/core/abi";
import { Conntrack } from "./engine.js";
import type { ConntrackError } from "./error.js";
import { type FromWorker, openPort, type ToWorker, TRACES_AT } from "./pool-port.js";

const port = await openPort();
let engine: Conntrack | null = null;

function opened(): Conntrack {
  if (engine === null) throw new Error("the shard is not open");
  return engine;
}

function track({ block, input, length, memory, traced, owners }: ToWorker & { kind: "track" }, shard: number): number {
  const bytes = new Uint8Array(input, 0, length);
  const words = new Uint32Array(memory, 0, TRACES_AT / 4);
  const owner = new Uint8Array(owners);
  const traces = traced ? new Uint8Array(memory, TRACES_AT) : null;
  let first = 0;
  for (const part of opened().trackBlock({ ...block, bytes })) {
    const own = part.words;
    for (let i = 0; i < part.count; i++) {
      const word = own[2 * i] as number;
      if ((word & 0xff) === abi.RESULT_FOREIGN) continue;
      const at = first + i;
      words[2 * at] = word;
      words[2 * at + 1] = own[2 * i + 1] as number;
      owner[at] = shard;
      traces?.set(part.traceBytes(i), at * abi.TRACE_SIZE);
    }
    first += part.count;
  }
  return first;
}

let shard = 0;

function answer(message: ToWorker): unknown {
  switch (message.kind) {
    case "open":
      shard = message.shard;
      engine = Conntrack.openSync(message.module, { ...message.options, shard: [message.shard, message.shards] });
      return null;
    case "track":
      return track(message, shard);
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
    // of an error that crosses the border only the message is kept
    const { code = "engine-dead", message: text } = error as Partial<ConntrackError>;
    reply = { id: message.id, error: { code, text: text ?? String(error) } };
  }
  port.post(reply);
});
