// What helpers would have made of a run that has none: a second engine sees the same packets, with every helper at its
// usual port, and remembers which connections it knew beforehand.
import { Conntrack, type PacketBlock, STATE_NAMES } from "conntrack-wasm";

/** A connection a helper would have announced. */
export interface Foreseen {
  readonly helper: string;
  /** The packet that opened it, and the one that announced it. */
  readonly frame: number;
  readonly announced: number;
}

const RELATED = STATE_NAMES.indexOf("RELATED");
/** More are counted, but not looked up. */
const MOST = 1000;

export class Hindsight {
  readonly #foreseen: Foreseen[] = [];

  private constructor(private readonly engine: Conntrack) {}

  static async open(max: number, seed: bigint): Promise<Hindsight> {
    return new Hindsight(await Conntrack.open({ max, seed, sysctl: { nf_conntrack_helper: 1 } }));
  }

  /** Sees a block as the engine of the run is about to see it. */
  follow(block: PacketBlock, run: Conntrack): void {
    const { engine } = this;
    engine.setSysctl("nf_conntrack_checksum", run.sysctl("nf_conntrack_checksum"));
    for (const results of engine.trackBlock(block)) {
      for (let i = 0; i < results.count && this.#foreseen.length < MOST; i++) {
        if (results.stateCode(i) === RELATED && results.reason(i).name === "expected")
          this.#note(results.firstFrame + i, results.conn(i));
      }
    }
  }

  #note(frame: number, conn: number): void {
    const flow = this.engine.flow(conn);
    const helper = flow?.master ? this.engine.flow(flow.master)?.helper : null;
    if (helper && flow?.announced) this.#foreseen.push({ helper, frame, announced: flow.announced });
  }

  /** What helpers would have announced, in the order of the packets that opened it. */
  get foreseen(): readonly Foreseen[] {
    return this.#foreseen;
  }

  /** A line for each helper that would have had something to say. */
  remarks(): string[] {
    const byHelper = new Map<string, Foreseen[]>();
    for (const foreseen of this.#foreseen) {
      const list = byHelper.get(foreseen.helper);
      if (list === undefined) byHelper.set(foreseen.helper, [foreseen]);
      else list.push(foreseen);
    }
    return [...byHelper].map(([helper, [first, ...more]]) => {
      const { frame, announced } = first as Foreseen;
      const others = more.length === 0 ? "" : `, and ${more.length} more`;
      return `with \`-j CT --helper ${helper}\` (here: --helper ${helper}) the connection of packet ${frame} would have been RELATED, announced by packet ${announced}${others}`;
    });
  }

  /** The same of one packet; null when there is nothing to say. */
  remarkOn(frame: number): string | null {
    const foreseen = this.#foreseen.find((candidate) => candidate.frame === frame);
    if (foreseen === undefined) return null;
    const { helper, announced } = foreseen;
    return `with \`-j CT --helper ${helper}\` (here: --helper ${helper}) this connection would have been RELATED, announced by packet ${announced}`;
  }
}
