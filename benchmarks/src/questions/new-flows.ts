// First packets of connections never seen before: into a table with room, and into a full one (a SYN flood), where each
// pushes out another that is not assured.
import { fillSyns, MAX_RECORD } from "../packets.js";
import { type Lane, paired } from "../paired.js";
import type { Row } from "../row.js";
import { CHUNK, contenders, rowsOf, type Settings, withEvents } from "./common.js";

const ROOM = 200_000;
const FLOODED = 50_000;

export async function* newFlows(settings: Settings): AsyncGenerator<Row, void> {
  yield* await ask("new flows", ROOM, true, settings);
  yield* await ask("SYN flood, table full", FLOODED, false, settings);
}

async function ask(question: string, capacity: number, room: boolean, settings: Settings): Promise<Row[]> {
  const lanes: Lane[] = [];
  for (const contender of contenders(settings, withEvents)) {
    const bytes = new Uint8Array(CHUNK * MAX_RECORD);
    const tracker = await contender.open(capacity);
    let next = 0;
    let chunk = fillSyns(bytes, next, CHUNK, 1);
    if (!room) {
      for (; next < capacity; next += CHUNK) {
        chunk = fillSyns(bytes, next, CHUNK, 1);
        tracker.track(chunk.bytes, chunk.packets);
      }
    }
    lanes.push({
      contender: contender.name,
      variant: contender.variant ?? false,
      prepare() {
        if (room && tracker.entries + CHUNK > capacity) tracker.reset();
        next += CHUNK;
        chunk = fillSyns(bytes, next, CHUNK, 1);
      },
      run() {
        tracker.track(chunk.bytes, chunk.packets);
        return chunk.packets;
      },
    });
  }
  return rowsOf(question, capacity, paired(lanes, { turn: 10, budget: settings.budget }));
}
