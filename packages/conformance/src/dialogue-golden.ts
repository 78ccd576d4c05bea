// The recorded answers of a kernel to dialogues: golden/dialogues.json.gz.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Dialogue } from "./dialogue.js";
import { askKernel, type Told } from "./dialogue-answer.js";

interface Stored extends Told {
  /** Of the packets and settings: a dialogue that has changed must be recorded again. */
  readonly sum: string;
}

const path = new URL("../golden/dialogues.json.gz", import.meta.url);

function sumOf({ helpers, packets, sysctls, realtime, loose, expectMax }: Dialogue): string {
  const settings = [helpers, sysctls, realtime, loose, ...(expectMax === undefined ? [] : [expectMax])];
  const hash = createHash("sha256").update(JSON.stringify(settings));
  for (const { time, data } of packets) hash.update(`${time} ${data.length}`).update(data);
  return hash.digest("hex").slice(0, 16);
}

const stored = (): Map<string, Stored> =>
  new Map(
    existsSync(path)
      ? (JSON.parse(gunzipSync(readFileSync(path)).toString("utf8")) as Stored[]).map((told) => [told.name, told])
      : [],
  );

/** Records what is new or has changed; with `all`, everything. */
export async function recordDialogues(dialogues: readonly Dialogue[], all = false): Promise<void> {
  const known = all ? new Map<string, Stored>() : stored();
  const asked = dialogues.filter((dialogue) => known.get(dialogue.name)?.sum !== sumOf(dialogue));
  const answers = await askKernel(asked);
  for (const [i, dialogue] of asked.entries())
    known.set(dialogue.name, { sum: sumOf(dialogue), ...(answers[i] as Told) });
  const kept = dialogues.map(({ name }) => known.get(name));
  writeFileSync(path, gzipSync(`${JSON.stringify(kept)}\n`, { level: 9 }));
}

/** What was recorded of each; one that is missing or has changed is an error. */
export function recordedDialogues(dialogues: readonly Dialogue[]): Map<string, Told> {
  const known = stored();
  for (const dialogue of dialogues)
    if (known.get(dialogue.name)?.sum !== sumOf(dialogue))
      throw new Error(`"${dialogue.name}" is not what was recorded: RECORD_DIALOGUES=1 npx vitest run dialogues`);
  return known;
}
