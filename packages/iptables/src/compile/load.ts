// A compiled ruleset into an engine.
import type { Conntrack } from "conntrack-wasm";
import type { Program } from "./index.js";

/**
 * Loads the program, and the timeout policies its rules name. What a policy does not give is what the engine's sysctl says now. The
 * engine needs room: `programSize` of at least `program.bytes.length`.
 */
export function loadRules(engine: Conntrack, { bytes, timeoutPolicies }: Program): void {
  for (const [i, { timeouts }] of timeoutPolicies.entries()) engine.setTimeoutPolicy(i + 1, timeouts);
  engine.loadProgram(bytes);
}
