// All scripts.

import type { OutputScript } from "../script.js";
import { datagrams } from "./datagrams.js";
import { expiry } from "./expiry.js";
import { helpers } from "./helpers.js";
import { rules } from "./rules.js";
import { tcp } from "./tcp.js";

export const OUTPUT_SCRIPTS: readonly OutputScript[] = [
  ...tcp(),
  ...datagrams(),
  ...rules(),
  ...expiry(),
  ...helpers(),
];
