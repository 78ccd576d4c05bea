// Rulesets against the live kernel: the same packets through its router and through ours, counter by counter.
import { duels } from "./duel.js";
import { PROGRAMS } from "./programs.js";
import { SAMPLES } from "./rulesets.js";
import { TRAFFIC } from "./traffic.js";

await duels("rules in the kernel", [...SAMPLES.map((sample) => ({ ...sample, packets: TRAFFIC })), ...PROGRAMS]);
