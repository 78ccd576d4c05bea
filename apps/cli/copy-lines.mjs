// The module that src/lines.ts runs, beside what tsc makes of it.
import { copyFileSync } from "node:fs";

copyFileSync("../../packages/core/build/lines.wasm", "dist/lines.wasm");
