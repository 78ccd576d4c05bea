// From nothing to the first packet: compile the module, place the regions, and both.
import { Conntrack } from "conntrack-wasm";
import { micro } from "../micro.js";
import type { Row } from "../row.js";
import { wasmBytes } from "../wasm-bytes.js";
import { rowsOf, type Settings } from "./common.js";

export async function* startUp({ budget }: Settings): AsyncGenerator<Row, void> {
  const bytes = await wasmBytes();
  const module = new WebAssembly.Module(bytes);
  const opened = (source: () => WebAssembly.Module, max: number) => () => {
    Conntrack.openSync(source(), { max, seed: 1 });
  };
  const tasks = [
    { name: "compile and open, 262144", run: opened(() => new WebAssembly.Module(bytes), 262_144) },
    { name: "open, 262144", run: opened(() => module, 262_144) },
    { name: "open, 1000", run: opened(() => module, 1_000) },
  ];
  yield* rowsOf("start-up", 0, await micro(tasks, { items: 1, budget: budget / 2 }), "start");
}
