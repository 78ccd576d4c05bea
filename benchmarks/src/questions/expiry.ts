// Entries that end: time passes all at once, an entry after the other goes; with and without a reader of events. And
// what it costs to have a reader while nothing ends.
import { fillSyns, MAX_RECORD } from "../packets.js";
import { type Lane, paired } from "../paired.js";
import type { Row } from "../row.js";
import { CHUNK, contenders, rowsOf, type Settings, withEvents } from "./common.js";

const ENTRIES = 16 * CHUNK;
/** Seconds; longer than any contender keeps anything. */
const LATER = 500_000;

export async function* expiry(settings: Settings): AsyncGenerator<Row, void> {
  const lanes: Lane[] = [];
  for (const contender of contenders(settings, withEvents)) {
    const bytes = new Uint8Array(CHUNK * MAX_RECORD);
    const tracker = await contender.open(ENTRIES);
    let second = 1;
    lanes.push({
      contender: contender.name,
      variant: contender.variant ?? false,
      prepare() {
        for (let first = 0; first < ENTRIES; first += CHUNK) {
          const chunk = fillSyns(bytes, first, CHUNK, second);
          tracker.track(chunk.bytes, chunk.packets);
        }
      },
      run() {
        second += LATER;
        tracker.advance(second);
        if (tracker.entries !== 0) throw new Error(`${contender.name}: ${tracker.entries} entries are left`);
        return ENTRIES;
      },
    });
  }
  yield* rowsOf("expiry", ENTRIES, paired(lanes, { turn: 2, budget: settings.budget, warmup: 8 }), "entry");
}
