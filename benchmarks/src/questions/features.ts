// What features cost when they are on, and that they cost nothing when they are not asked for: established traffic, and
// connections that begin.
import type { OpenOptions } from "conntrack-wasm";
import { type EngineTracker, engineWith } from "../contenders/engine.js";
import { Established, MAX_RECORD } from "../packets.js";
import { type Lane, paired } from "../paired.js";
import type { Row } from "../row.js";
import { CHUNK, rowsOf, type Settings } from "./common.js";

const FLOWS = 10_000;
const HELPERS = ["ftp", "tftp", "irc", "sip", "amanda", "pptp", "Q.931"];

interface Feature {
  readonly name: string;
  readonly options: OpenOptions;
  /** Labels on every tenth connection. */
  readonly labels?: boolean;
}

const bare = { nf_conntrack_checksum: 0, nf_conntrack_acct: 0 };
const FEATURES: readonly Feature[] = [
  // events have no reader here either: nf_conntrack_events is 2, as in the kernel
  { name: "nothing on", options: { sysctl: bare } },
  { name: "accounting", options: { sysctl: { ...bare, nf_conntrack_acct: 1 } } },
  { name: "timestamps", options: { sysctl: { ...bare, nf_conntrack_timestamp: 1 } } },
  { name: "labels", options: { sysctl: bare }, labels: true },
  { name: "events", options: { sysctl: bare, events: true } },
  { name: "helpers, other traffic", options: { sysctl: bare, helpers: HELPERS.map((name) => ({ name })) } },
  { name: "trace", options: { sysctl: bare, trace: true } },
];

export async function* features(settings: Settings): AsyncGenerator<Row, void> {
  yield* await ofEstablished(settings);
  yield* await ofHandshakes(settings);
}

async function open({ name, options }: Feature, capacity: number): Promise<EngineTracker> {
  return (await engineWith(name, options).open(capacity)) as EngineTracker;
}

function fill(tracker: EngineTracker, input: Established): void {
  for (const part of input.setup(CHUNK)) tracker.track(part.bytes);
}

async function ofEstablished({ budget }: Settings): Promise<Row[]> {
  const bytes = new Uint8Array(CHUNK * MAX_RECORD);
  const input = new Established(FLOWS, false, "uniform", CHUNK);
  let chunk = input.fill(bytes, CHUNK);
  const lanes: Lane[] = [];
  for (const feature of FEATURES) {
    const tracker = await open(feature, FLOWS);
    fill(tracker, input);
    if (feature.labels) for (let conn = 1; conn <= FLOWS; conn += 10) tracker.engine.setLabels(conn, [conn % 128]);
    lanes.push({
      contender: feature.name,
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
  return rowsOf("features, established", FLOWS, paired(lanes, { turn: 20, budget, prepareChunk }));
}

async function ofHandshakes({ budget }: Settings): Promise<Row[]> {
  const input = new Established(FLOWS, false, "uniform", CHUNK);
  const chunks: Uint8Array[] = [];
  for (const part of input.setup(CHUNK)) chunks.push(part.bytes.slice());
  const lanes: Lane[] = [];
  for (const feature of FEATURES.filter(({ labels }) => !labels)) {
    const tracker = await open(feature, FLOWS);
    lanes.push({
      contender: feature.name,
      variant: true,
      prepare: () => tracker.reset(),
      run() {
        for (const bytes of chunks) tracker.track(bytes);
        return 3 * FLOWS;
      },
    });
  }
  return rowsOf("features, handshakes", FLOWS, paired(lanes, { turn: 2, budget, warmup: 10 }));
}
