// A realistic mix (mix.ts): conversations that begin, carry data and end, TCP, UDP and ICMP, IPv4 and IPv6.
import { type Mix, mixChunks } from "../mix.js";
import { type Lane, paired } from "../paired.js";
import type { Row } from "../row.js";
import type { Tracker } from "../tool.js";
import { CHUNK, contenders, rowsOf, type Settings } from "./common.js";

const TURN = 20;

export async function* mixed(settings: Settings): AsyncGenerator<Row, void> {
  const mix: Mix = { flows: 100_000, packets: 1_500_000, seed: 1 };
  const trackers: Tracker[] = [];
  const chunks: { bytes: Uint8Array; packets: number }[] = [];
  let at = 0;
  let source = mixChunks(mix, CHUNK);
  // The next packets for all lanes; behind the last ones the mix begins again, with empty tables.
  const prepareTurn = () => {
    chunks.length = 0;
    while (chunks.length < TURN) {
      const { value, done } = source.next();
      if (done === true) {
        source = mixChunks(mix, CHUNK);
        chunks.length = 0;
        for (const tracker of trackers) tracker.reset();
      } else chunks.push({ bytes: value.bytes.slice(), packets: value.packets });
    }
  };
  const lanes: Lane[] = [];
  for (const contender of contenders(settings)) {
    const tracker = await contender.open(mix.flows);
    trackers.push(tracker);
    lanes.push({
      contender: contender.name,
      variant: contender.variant ?? false,
      run() {
        const { bytes, packets } = chunks[at] as (typeof chunks)[number];
        tracker.track(bytes, packets);
        return packets;
      },
    });
  }
  const prepareChunk = (chunk: number) => {
    at = chunk;
  };
  const measured = paired(lanes, { turn: TURN, budget: settings.budget, prepareTurn, prepareChunk });
  yield* rowsOf("mix", mix.flows, measured);
}
