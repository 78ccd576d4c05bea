// npm run bench: established(F), contenders in turns within one process; a table, or JSON lines with --json.
import { engine } from "./contenders/engine.js";
import { mapString } from "./contenders/map-string.js";
import { Established, MAX_RECORD } from "./packets.js";
import { type Lane, paired, type Row } from "./tool.js";

const CHUNK = 1024;
const SIZES = [1, 1_000, 100_000];
const json = process.argv.includes("--json");

async function established(flows: number): Promise<Row[]> {
  const bytes = new Uint8Array(CHUNK * MAX_RECORD);
  const input = new Established(flows, false, "uniform", CHUNK);
  let chunk = input.fill(bytes, CHUNK);
  const lanes: Lane[] = [];
  for (const contender of [engine, mapString].filter(({ maxFlows }) => maxFlows >= flows)) {
    const tracker = await contender.open(Math.max(flows, 16));
    for (const part of new Established(flows, false, "uniform", CHUNK).setup(CHUNK))
      tracker.track(part.bytes, part.packets);
    if (tracker.entries !== flows) throw new Error(`${contender.name}: ${tracker.entries} of ${flows} flows`);
    lanes.push({
      contender: contender.name,
      run() {
        tracker.track(chunk.bytes, chunk.packets);
        return chunk.packets;
      },
    });
  }
  const prepareChunk = () => {
    chunk = input.fill(bytes, CHUNK);
  };
  return paired(lanes, { turn: 20, budget: 8_000, prepareChunk }).map(({ contender, ns, ratio }) => ({
    question: "established",
    contender,
    flows,
    nsPerPacket: ns,
    bytesPerFlow: null,
    runtime: `node ${process.versions.node}`,
    per: "packet",
    ratio,
  }));
}

for (const flows of SIZES) {
  for (const row of await established(flows)) {
    if (json) console.log(JSON.stringify(row));
    else {
      const { p10 = 0, p50 = 0, p90 = 0 } = row.nsPerPacket ?? {};
      const times = [p10, p50, p90].map((time) => time.toFixed(0).padStart(6)).join("");
      console.log(
        `established ${String(flows).padStart(8)}  ${row.contender.padEnd(16)}${times} ns  x${row.ratio?.toFixed(2)}`,
      );
    }
  }
}
