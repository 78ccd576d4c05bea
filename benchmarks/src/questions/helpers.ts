// Helpers on their own traffic: control channels whose every answer announces a connection. Without the helper, the same
// packets are tracked and nobody reads them.
import { type EngineTracker, engineWith } from "../contenders/engine.js";
import { type Dialogue, ftp, MAX_DIALOGUE_RECORD, sip } from "../dialogue.js";
import { type Lane, paired } from "../paired.js";
import type { Row } from "../row.js";
import { rowsOf, type Settings } from "./common.js";

const FLOWS = 1_000;
const PER_CHUNK = 500;
const TURN = 5;

export async function* helpers({ budget }: Settings): AsyncGenerator<Row, void> {
  for (const dialogue of [ftp, sip]) yield* await ask(dialogue, budget);
}

async function ask(dialogue: Dialogue, budget: number): Promise<Row[]> {
  const { helper } = dialogue;
  const bytes = new Uint8Array(4 * PER_CHUNK * MAX_DIALOGUE_RECORD);
  const view = new DataView(bytes.buffer);
  // both lanes have to see every round, or sequence numbers run away: the lanes of a turn share its chunks
  const chunks: Uint8Array[] = [];
  let chunk: Uint8Array = bytes;
  let next = 0;
  const prepareTurn = () => {
    for (let k = 0; k < TURN; k++) {
      let at = 0;
      for (let i = 0; i < PER_CHUNK; i++, next++) at = dialogue.round(view, at, next % FLOWS, Math.floor(next / FLOWS));
      chunks[k] = bytes.slice(0, at);
    }
  };
  const prepareChunk = (k: number) => {
    chunk = chunks[k] as Uint8Array;
  };
  const variants = [engineWith("no helper"), engineWith(`helper ${helper}`, { helpers: [{ name: helper }] })];
  const trackers: EngineTracker[] = [];
  for (const { open } of variants) {
    const tracker = (await open(16 * FLOWS)) as EngineTracker;
    for (let flow = 0; flow < FLOWS; flow += PER_CHUNK) {
      let at = 0;
      for (let i = 0; i < PER_CHUNK; i++) at = dialogue.open(view, at, flow + i);
      tracker.track(bytes.subarray(0, at));
    }
    trackers.push(tracker);
  }
  const lanes = variants.map(
    ({ name }, index): Lane => ({
      contender: name,
      variant: true,
      run() {
        trackers[index]?.track(chunk);
        return 2 * PER_CHUNK;
      },
    }),
  );
  const measured = paired(lanes, { turn: TURN, budget, warmup: 100, prepareTurn, prepareChunk });
  const announced = trackers[1]?.engine.expectations().length ?? 0;
  if (announced === 0) throw new Error(`helpers: ${helper} announced nothing`);
  return rowsOf(`helper ${helper}, its own traffic`, FLOWS, measured);
}
