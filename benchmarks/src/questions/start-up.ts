// From nothing to the first packet: compile the module, place the regions, and both.
import { readFile } from "node:fs/promises";
import { Conntrack } from "conntrack-wasm";
import { type Lane, paired, type Row } from "../tool.js";
import { rowsOf, type Settings } from "./common.js";

export async function* startUp({ budget }: Settings): AsyncGenerator<Row, void> {
  const bytes = await readFile(new URL(import.meta.resolve("conntrack-wasm/conntrack.wasm")));
  const module = new WebAssembly.Module(bytes);
  const opened = (source: () => WebAssembly.Module, max: number) => () => {
    Conntrack.openSync(source(), { max, seed: 1 });
    return 1;
  };
  const lanes: Lane[] = [
    { contender: "compile and open, 262144", run: opened(() => new WebAssembly.Module(bytes), 262_144) },
    { contender: "open, 262144", run: opened(() => module, 262_144) },
    { contender: "open, 1000", run: opened(() => module, 1_000) },
  ];
  yield* rowsOf("start-up", 0, paired(lanes, { turn: 1, budget: budget / 2, warmup: 3 }), "start");
}
