// Golden files: the kernel's outcome of many sequences in one gzipped JSON file, one file for each family of sequences.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Outcome } from "./outcome.js";
import type { Sequence } from "./sequence.js";

export interface StoredFamily {
  /** `uname -r` and the day of the recording. */
  readonly kernel: string;
  readonly date: string;
  readonly sequences: Readonly<Record<string, StoredOutcome>>;
}

export interface StoredOutcome extends Outcome {
  /** Of the packets and settings: a sequence that has changed must be recorded again. */
  readonly sum: string;
}

export function sumOf({ packets, options }: Sequence): string {
  const hash = createHash("sha256").update(JSON.stringify(options));
  for (const { time, data, etherType } of packets) hash.update(`${time} ${etherType} ${data.length}`).update(data);
  return hash.digest("hex").slice(0, 16);
}

export function readFamily(path: string): StoredFamily | null {
  return existsSync(path) ? (JSON.parse(gunzipSync(readFileSync(path)).toString("utf8")) as StoredFamily) : null;
}

export function writeFamily(path: string, family: StoredFamily): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, gzipSync(`${JSON.stringify(family)}\n`, { level: 9 }));
}
