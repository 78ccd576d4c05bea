// All questions by name: those any runtime can be asked, and those that need processes and files.
import type { Question } from "./questions/common.js";
import { established } from "./questions/established.js";
import { expiry } from "./questions/expiry.js";
import { features } from "./questions/features.js";
import { helpers } from "./questions/helpers.js";
import { latency } from "./questions/latency.js";
import { mixed } from "./questions/mix.js";
import { newFlows } from "./questions/new-flows.js";
import { rules } from "./questions/rules.js";
import { startUp } from "./questions/start-up.js";
import { styles } from "./questions/styles.js";

export type Questions = Readonly<Record<string, Question>>;

/** Nothing but the language and the engine: also in a page. */
export const PORTABLE: Questions = {
  established,
  "new-flows": newFlows,
  expiry,
  mix: mixed,
  latency,
  features,
  helpers,
  rules,
  styles,
  "start-up": startUp,
};
