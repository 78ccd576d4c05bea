// The questions that need processes, threads and files.
import { capture } from "./questions/capture.js";
import { memory } from "./questions/memory.js";
import { native } from "./questions/native.js";
import { rulesKernel } from "./questions/rules-kernel.js";
import { workers } from "./questions/workers.js";
import { PORTABLE, type Questions } from "./suite.js";

export const ALL: Questions = { ...PORTABLE, native, "rules-kernel": rulesKernel, memory, workers, capture };
