// Bytes of resident memory a connection costs, table and all: what a process of its own grows by from nothing to a full
// table.
import { spawnSync } from "node:child_process";
import { engineWith } from "../contenders/engine.js";
import { Established } from "../packets.js";
import type { Row } from "../row.js";
import { runtime } from "../runtime.js";
import { CHUNK, CONTENDERS, type Settings } from "./common.js";

/** Events are read as records: as objects, V8 keeps 24 MB of young generation after them, whatever the number of connections. */
const MEASURED = [
  engineWith("engine, exact fit, events", { sizing: "exact", events: true }, "records"),
  engineWith("engine, power of two, events", { events: true }, "records"),
  ...CONTENDERS.slice(1),
];
const IN_CHILD = "--memory-of";

export async function* memory({ full }: Settings): AsyncGenerator<Row, void> {
  for (const flows of full ? [100_000, 1_000_000, 10_000_000] : [100_000, 1_000_000]) {
    for (const { name, maxFlows } of MEASURED) if (maxFlows >= flows) yield ask(name, flows);
  }
}

function ask(contender: string, flows: number): Row {
  const script = process.argv[1] as string;
  const child = spawnSync(process.execPath, [...process.execArgv, script, IN_CHILD, contender, String(flows)], {
    encoding: "utf8",
  });
  const bytes = Number(child.stdout);
  if (child.status !== 0 || !(bytes > 0)) throw new Error(`memory, ${contender}: ${child.stderr}`);
  return {
    question: "memory",
    contender,
    flows,
    nsPerPacket: null,
    bytesPerFlow: Math.round(bytes / flows),
    runtime: runtime(),
    per: "flow",
    ratio: null,
    variant: false,
  };
}

/** In the process of its own: fills a table and prints what that took. False when this is not such a process. */
export async function measureMemory(args: readonly string[]): Promise<boolean> {
  const [mode, name, size] = args;
  if (mode !== IN_CHILD) return false;
  const contender = MEASURED.find((one) => one.name === name);
  if (contender === undefined) throw new Error(`no contender "${name}"`);
  const flows = Number(size);
  // the same into a small table first, so that code and garbage do not count
  const small = await contender.open(CHUNK);
  for (const part of new Established(flows, false, "uniform", CHUNK).setup(CHUNK))
    small.track(part.bytes, part.packets);
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const tracker = await contender.open(flows);
  for (const part of new Established(flows, false, "uniform", CHUNK).setup(CHUNK))
    tracker.track(part.bytes, part.packets);
  globalThis.gc?.();
  if (tracker.entries !== flows) throw new Error(`${tracker.entries} of ${flows} flows`);
  console.log(process.memoryUsage().rss - before);
  return true;
}
