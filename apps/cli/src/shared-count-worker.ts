// One worker of shared-count.ts: reads the captures, and counts the packets of its shard.
import { parentPort, workerData } from "node:worker_threads";
import type { ConntrackError } from "conntrack-wasm";
import { countBadHeaders } from "./checksum.js";
import { ignoreChecksums, openEngine } from "./engine.js";
import { Input } from "./input.js";
import { Board, type CountTask, type FromCounter, type ShardCount } from "./shared-count.js";
import { Tally } from "./summary.js";
import { WINDOW } from "./window.js";

async function count({ options, input, ignoring, shard, shards, board }: CountTask): Promise<ShardCount> {
  const opens = () => {
    throw new Error("engines that count share no helper");
  };
  const engine = await openEngine(options, { windowSize: WINDOW, shard: { index: shard, count: shards, opens } });
  if (ignoring) ignoreChecksums(engine);
  const reading = new Input({ ...input, window: engine.window });
  const shown = new Board(board);
  const tally = new Tally();
  let badHeaders = 0;
  let packets = 0;
  let number = 0;
  for await (const block of reading.blocks()) {
    if (!shown.mayBegin(++number)) break;
    for (const results of engine.trackBlock(block)) {
      tally.addAll(results);
      badHeaders += countBadHeaders(results);
    }
    packets = reading.packets;
    if (shard === 0) shown.show(reading);
  }
  engine.advance(0n); // to the last packet, whosever it is
  const { entries, now } = engine;
  const { first, failures } = reading;
  return { tally: tally.counts, badHeaders, entries, now, totals: engine.totals(), packets, first, failures };
}

let answer: FromCounter;
try {
  answer = await count(workerData as CountTask);
} catch (error) {
  // of an error that crosses the border only the message is kept
  const { code = null, message } = error as Partial<ConntrackError>;
  answer = { error: { code, text: message ?? String(error) } };
}
parentPort?.postMessage(answer);
