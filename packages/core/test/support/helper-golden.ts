// The dialogues of conformance/, played to the builds of the core.
import {
  assignments,
  type Told,
  differences as toEngine,
  toldPacket,
} from "../../../conformance/src/dialogue-answer.js";
import type { Recording } from "../../../conformance/src/recording.js";
import { formatExpectProc } from "../../../conntrack/src/index.js";
import { type Inspected, inspect } from "./builds.js";
import type { Dialogue } from "./dialogues.js";

export { askKernel, type Told } from "../../../conformance/src/dialogue-answer.js";

/** A recording of shared/golden as an answer. */
export function told(name: string, { packets, dumps = [], expectations }: Recording): Told {
  const noted = dumps as readonly { readonly after: number; readonly expect: Recording["expectations"] }[];
  const after = (i: number) =>
    i === packets.length - 1 ? expectations : noted.find((dump) => dump.after === i)?.expect;
  return { name, packets: packets.map((packet, i) => toldPacket(packet, after(i))) };
}

/** An engine that gives the helpers of a dialogue to its ports. */
export const engineFor = (
  wasm: WebAssembly.Module,
  helpers: string,
  sysctl: Readonly<Record<string, number>> = {},
): Inspected => inspect(wasm, { trace: true, seed: 1, max: 1000, sysctl, helpers: assignments(helpers) });

/** The engine's expectations as `/proc/net/nf_conntrack_expect` has them. */
export const expectationLines = ({ engine }: Inspected): string[] => engine.expectations().map(formatExpectProc);

/** Plays a dialogue to an engine; one line for each difference. */
export const differences = (wasm: WebAssembly.Module, dialogue: Dialogue, kernel: Told): string[] =>
  toEngine(dialogue, kernel, engineFor(wasm, dialogue.helpers).engine);
