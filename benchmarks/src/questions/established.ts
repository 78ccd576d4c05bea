// established(F): data packets of F connections that stand, chosen at random, either way.
import { EngineTracker } from "../contenders/engine.js";
import { Established, MAX_RECORD, type Spread } from "../packets.js";
import { type Lane, paired } from "../paired.js";
import type { Row } from "../row.js";
import { CHUNK, contenders, rowsOf, type Settings } from "./common.js";

interface Variant {
  readonly flows: number;
  readonly v6?: boolean;
  readonly spread?: Spread;
}

const SHORT: readonly Variant[] = [
  { flows: 1 },
  { flows: 1_000 },
  { flows: 100_000 },
  { flows: 1_000_000 },
  { flows: 1_000, v6: true },
  { flows: 100_000, v6: true },
  { flows: 100_000, spread: "zipf" },
];
const FULL: readonly Variant[] = [
  { flows: 1 },
  { flows: 1_000 },
  { flows: 100_000 },
  { flows: 1_000_000 },
  { flows: 10_000_000 },
  { flows: 1_000, v6: true },
  { flows: 100_000, v6: true },
  { flows: 1_000_000, v6: true },
  { flows: 1_000, spread: "zipf" },
  { flows: 100_000, spread: "zipf" },
  { flows: 1_000_000, spread: "zipf" },
  { flows: 1_000_000, v6: true, spread: "zipf" },
];

export async function* established(settings: Settings): AsyncGenerator<Row, void> {
  for (const variant of settings.full ? FULL : SHORT) yield* await ask(variant, settings);
}

async function ask({ flows, v6 = false, spread = "uniform" }: Variant, settings: Settings): Promise<Row[]> {
  const name = `established${v6 ? ", IPv6" : ""}${spread === "zipf" ? ", Zipf" : ""}`;
  let bytes = new Uint8Array(CHUNK * MAX_RECORD);
  const input = new Established(flows, v6, spread, CHUNK);
  let chunk = input.fill(bytes, CHUNK);
  const lanes: Lane[] = [];
  for (const contender of contenders(settings).filter(({ maxFlows }) => maxFlows >= flows)) {
    const tracker = await contender.open(Math.max(flows, 16));
    for (const part of input.setup(CHUNK)) tracker.track(part.bytes, part.packets);
    // packets are made where the engine reads captures to; two builds of it both copy
    if (tracker instanceof EngineTracker && settings.against === null) bytes = tracker.engine.window;
    if (tracker.entries !== flows) throw new Error(`${name}, ${contender.name}: ${tracker.entries} of ${flows} flows`);
    lanes.push({
      contender: contender.name,
      variant: contender.variant ?? false,
      run() {
        tracker.track(chunk.bytes, chunk.packets);
        return chunk.packets;
      },
    });
  }
  const prepareChunk = () => {
    chunk = input.fill(bytes, CHUNK);
  };
  return rowsOf(name, flows, paired(lanes, { turn: 20, budget: settings.budget, prepareChunk }));
}
