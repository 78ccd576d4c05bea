// What a ruleset costs: N rules no packet matches, of which every one has to be ruled out; as compiled, one by one as they
// are written, and with `RELATED,ESTABLISHED` on top. Traffic of connections that stand, and first packets.
import { compileRules, parseRuleset } from "conntrack-iptables";
import { Conntrack } from "conntrack-wasm";
import { EngineTracker, SYSCTL } from "../contenders/engine.js";
import { Established, fillSyns, MAX_RECORD } from "../packets.js";
import { type Lane, paired } from "../paired.js";
import type { Row } from "../row.js";
import { rulesetText } from "../ruleset.js";
import { rowsOf, type Settings } from "./common.js";

const FLOWS = 10_000;
/** Two batches of the engine: with 10,000 rules a packet may take as long as a chunk elsewhere. */
const CHUNK = 128;
const SIZES = [10, 100, 1_000, 10_000];

export async function* rules(settings: Settings): AsyncGenerator<Row, void> {
  for (const size of SIZES) {
    yield* await ofEstablished(size, settings);
    yield* await ofNewFlows(size, settings);
  }
}

async function open(text: string | null, optimise: boolean): Promise<EngineTracker> {
  if (text === null) return new EngineTracker(await Conntrack.open({ seed: 1, max: 2 * FLOWS, sysctl: SYSCTL }));
  const { ruleset, errors } = parseRuleset(text);
  if (errors.length > 0) throw new Error(`rules: ${errors[0]?.message}`);
  const { bytes } = compileRules(ruleset, { optimise });
  const engine = await Conntrack.open({ seed: 1, max: 2 * FLOWS, sysctl: SYSCTL, programSize: bytes.length });
  engine.loadProgram(bytes);
  return new EngineTracker(engine);
}

function trackers(size: number): Promise<[string, EngineTracker][]> {
  const named = [
    ["no rules", null, true],
    ["rules", rulesetText(size, false), true],
    ["rules, RELATED,ESTABLISHED on top", rulesetText(size, true), true],
    ["rules, one by one", rulesetText(size, false), false],
  ] as const;
  return Promise.all(
    named.map(async ([name, text, optimise]): Promise<[string, EngineTracker]> => [name, await open(text, optimise)]),
  );
}

async function ofEstablished(size: number, { budget }: Settings): Promise<Row[]> {
  const bytes = new Uint8Array(CHUNK * MAX_RECORD);
  const input = new Established(FLOWS, false, "uniform", CHUNK);
  let chunk = input.fill(bytes, CHUNK);
  const lanes: Lane[] = [];
  for (const [contender, tracker] of await trackers(size)) {
    for (const part of input.setup(CHUNK)) tracker.track(part.bytes);
    lanes.push({
      contender,
      variant: true,
      run() {
        tracker.track(chunk.bytes);
        return chunk.packets;
      },
    });
  }
  const prepareChunk = () => {
    chunk = input.fill(bytes, CHUNK);
  };
  const measured = paired(lanes, { turn: 4, budget: budget / 2, warmup: 40, prepareChunk });
  return rowsOf(`${size} rules, established`, FLOWS, measured);
}

async function ofNewFlows(size: number, { budget }: Settings): Promise<Row[]> {
  const bytes = new Uint8Array(CHUNK * MAX_RECORD);
  const lanes: Lane[] = [];
  for (const [contender, tracker] of await trackers(size)) {
    let next = 0;
    let chunk = fillSyns(bytes, next, CHUNK, 1);
    lanes.push({
      contender,
      variant: true,
      prepare() {
        if (tracker.entries + CHUNK > FLOWS) tracker.reset();
        next += CHUNK;
        chunk = fillSyns(bytes, next, CHUNK, 1);
      },
      run() {
        tracker.track(chunk.bytes);
        return chunk.packets;
      },
    });
  }
  return rowsOf(`${size} rules, new flows`, FLOWS, paired(lanes, { turn: 4, budget: budget / 2, warmup: 40 }));
}
