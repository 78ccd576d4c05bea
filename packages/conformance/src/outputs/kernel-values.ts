// What only one machine can know of a flow is taken over from the kernel, and then printed by us: its id, by the order of
// the NEW events, and the stamps of its beginning and end, if they lie near ours.

import type { Flow, FlowEvent } from "conntrack-wasm";
import type { Printed } from "./ask.js";
import { CLOCK } from "./tolerance.js";

const STAMPED = /<id>(\d+)<\/id>.*?<start>(\d+)<\/start>(?:<stop>(\d+)<\/stop>)?/g;

export class KernelValues {
  /** By number of our conn. */
  readonly #ids = new Map<number, number>();
  /** By the kernel's id, which a later conn in the same memory may have again. */
  readonly #starts = new Map<number, Set<bigint>>();
  readonly #stops = new Map<number, Set<bigint>>();

  constructor(events: readonly FlowEvent[], { steps, events: streams }: Printed) {
    const theirs = [...(streams["-E -o id"] ?? "").matchAll(/^ {4}\[NEW\].* id=(\d+)$/gm)].map(([, id]) => Number(id));
    const ours = events.filter(({ type }) => type === "NEW");
    ours.forEach(({ flow }, i) => {
      const id = theirs[i];
      if (id !== undefined) this.#ids.set(flow.conn, id);
    });
    const readings = steps.flatMap((step) => step.readings?.map(({ text }) => text) ?? []);
    for (const text of [...readings, ...Object.values(streams)])
      for (const [, id, start, stop] of text.matchAll(STAMPED)) {
        put(this.#starts, Number(id), start);
        put(this.#stops, Number(id), stop);
      }
  }

  /** `span`: how long the moment may have taken in which it ended. */
  flow(flow: Flow, span = 0n): Flow {
    const id = this.#ids.get(flow.conn) ?? flow.id;
    const start = flow.start && nearest(flow.start, this.#starts.get(id), CLOCK);
    const stop = flow.stop && nearest(flow.stop, this.#stops.get(id), CLOCK + span);
    return { ...flow, id, start, stop };
  }
}

function put(into: Map<number, Set<bigint>>, id: number, stamp: string | undefined): void {
  if (stamp === undefined) return;
  const stamps = into.get(id) ?? new Set();
  into.set(id, stamps.add(BigInt(stamp)));
}

/** The one of theirs that lies nearest to ours; ours, if none is near enough. */
function nearest(ours: bigint, theirs: Iterable<bigint> = [], tolerance: bigint): bigint {
  let best = ours;
  let least = tolerance + 1n;
  for (const time of theirs) {
    const distance = time < ours ? ours - time : time - ours;
    if (distance < least) [best, least] = [time, distance];
  }
  return best;
}
