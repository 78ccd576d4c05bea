// What a ruleset costs: N rules no packet matches, of which every one has to be ruled out; as compiled, one by one as they
// are written, and with `RELATED,ESTABLISHED` on top; and rules as tools write them. Traffic of connections that stand, and first
// packets.
import { compileRules, parseRuleset } from "conntrack-iptables";
import { Conntrack } from "conntrack-wasm";
import { EngineTracker, SYSCTL } from "../contenders/engine.js";
import { Established, fillSyns, MAX_RECORD } from "../packets.js";
import { type Lane, paired } from "../paired.js";
import type { Row } from "../row.js";
import { rulesetText, STYLES } from "../ruleset.js";
import { rowsOf, type Settings } from "./common.js";

const FLOWS = 10_000;
/** Two batches of the engine: with 10,000 rules a packet may take as long as a chunk elsewhere. */
const CHUNK = 128;
const SIZES = [10, 100, 1_000, 10_000];

export async function* rules(settings: Settings): AsyncGenerator<Row, void> {
  for (const size of SIZES) {
    const variants: Variant[] = [
      ["rules", rulesetText(size, false), true],
      ["rules, RELATED,ESTABLISHED on top", rulesetText(size, true), true],
      ["rules, one by one", rulesetText(size, false), false],
    ];
    yield* await ofBoth(`${size} rules`, variants, settings);
  }
  for (const [style, write] of Object.entries(STYLES)) {
    const size = style === "raw" ? 10 : 1_000;
    for (const rules of settings.full && size === 1_000 ? [size, 10 * size] : [size]) {
      const text = write(rules);
      const variants: Variant[] = [
        ["rules", text, true],
        ["rules, one by one", text, false],
      ];
      yield* await ofBoth(`${rules} rules, ${style}`, variants, settings);
    }
  }
}

/** A contender's name, its rules, and whether trees are made of them. */
type Variant = readonly [name: string, text: string | null, optimise: boolean];

async function* ofBoth(question: string, variants: readonly Variant[], settings: Settings): AsyncGenerator<Row, void> {
  const all: Variant[] = [["no rules", null, true], ...variants];
  yield* await ofEstablished(question, all, settings);
  yield* await ofNewFlows(question, all, settings);
}

async function open(text: string | null, optimise: boolean, wasm: Uint8Array | null): Promise<EngineTracker> {
  const options = { seed: 1, max: 2 * FLOWS, sysctl: SYSCTL, ...(wasm === null ? {} : { wasm }) };
  if (text === null) return new EngineTracker(await Conntrack.open(options));
  const { ruleset, errors } = parseRuleset(text);
  if (errors.length > 0) throw new Error(`rules: ${errors[0]?.message}`);
  const { bytes } = compileRules(ruleset, { optimise });
  const engine = await Conntrack.open({ ...options, programSize: bytes.length });
  engine.loadProgram(bytes);
  return new EngineTracker(engine);
}

/** With another build: both of every variant, except those without trees. */
function trackers(variants: readonly Variant[], against: Uint8Array | null): Promise<[string, EngineTracker][]> {
  const builds = variants.flatMap(([name, text, optimise]): [string, Promise<EngineTracker>][] => {
    if (against === null) return [[name, open(text, optimise, null)]];
    if (!optimise) return [];
    return [
      [name, open(text, true, null)],
      [`${name}, other build`, open(text, true, against)],
    ];
  });
  return Promise.all(builds.map(async ([name, tracker]): Promise<[string, EngineTracker]> => [name, await tracker]));
}

async function ofEstablished(
  question: string,
  variants: readonly Variant[],
  { budget, against }: Settings,
): Promise<Row[]> {
  const bytes = new Uint8Array(CHUNK * MAX_RECORD);
  const input = new Established(FLOWS, false, "uniform", CHUNK);
  let chunk = input.fill(bytes, CHUNK);
  const lanes: Lane[] = [];
  for (const [contender, tracker] of await trackers(variants, against)) {
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
  return rowsOf(`${question}, established`, FLOWS, measured);
}

async function ofNewFlows(
  question: string,
  variants: readonly Variant[],
  { budget, against }: Settings,
): Promise<Row[]> {
  const bytes = new Uint8Array(CHUNK * MAX_RECORD);
  const lanes: Lane[] = [];
  for (const [contender, tracker] of await trackers(variants, against)) {
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
  return rowsOf(`${question}, new flows`, FLOWS, paired(lanes, { turn: 4, budget: budget / 2, warmup: 40 }));
}
