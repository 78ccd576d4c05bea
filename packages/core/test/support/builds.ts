// The two builds of the engine, compiled once per test file: release as it ships, debug with asserts and selfcheck().
import { readFileSync } from "node:fs";
import { Conntrack, type OpenOptions } from "../../../conntrack/src/index.js";
import type { Core } from "../../../conntrack/src/instantiate.js";

const read = (name: string) => readFileSync(new URL(`../../build/${name}`, import.meta.url));

export const releaseBytes = read("conntrack.wasm");
export const release = new WebAssembly.Module(releaseBytes);
export const debug = new WebAssembly.Module(read("conntrack.debug.wasm"));

/** For `describe.each`. */
export const BUILDS = [
  { name: "release", wasm: release },
  { name: "debug", wasm: debug },
] as const;

/** The exports of the debug build that the release has not. */
export interface DebugCore extends Core {
  /** 0, or the code of the first broken promise: assembly/selfcheck.ts. */
  selfcheck(): number;
  rekey(): void;
}

export interface Inspected {
  readonly engine: Conntrack;
  readonly core: DebugCore;
}

/** Until `stop`, keeps the exports of the module that is instantiated: the wrapper keeps them to itself. */
function watchInstances(): { core: () => DebugCore; stop: () => void } {
  const { Instance } = WebAssembly;
  let core: unknown;
  WebAssembly.Instance = class extends Instance {
    constructor(...args: ConstructorParameters<typeof Instance>) {
      super(...args);
      core = this.exports;
    }
  };
  return {
    core: () => core as DebugCore,
    stop: () => {
      WebAssembly.Instance = Instance;
    },
  };
}

/** An engine together with its module's exports. */
export function inspect(wasm: WebAssembly.Module, options: Omit<OpenOptions, "wasm"> = {}): Inspected {
  const watch = watchInstances();
  try {
    const engine = Conntrack.openSync(wasm, options);
    return { engine, core: watch.core() };
  } finally {
    watch.stop();
  }
}

/** The same of an engine restored from a snapshot. */
export async function inspectRestored(wasm: WebAssembly.Module, snapshot: Uint8Array): Promise<Inspected> {
  const watch = watchInstances();
  try {
    const engine = await Conntrack.restore(snapshot, { wasm });
    return { engine, core: watch.core() };
  } finally {
    watch.stop();
  }
}

/** selfcheck() where there is one, else 0. */
export const selfcheck = (core: DebugCore): number => core.selfcheck?.() ?? 0;
