// Dialogues nobody wrote, live: what the kernel's helpers make of them, packet by packet, and the engine.
// DIALOGUES=5000 SEED=7 npx vitest run dialogues-random for more, of each helper, and others.
import { describe, expect, test } from "vitest";
import { H323_DIALOGUES } from "../../core/test/support/h323-dialogues.js";
import { PPTP_DIALOGUES } from "../../core/test/support/pptp-dialogues.js";
import { SIP_DIALOGUES } from "../../core/test/support/sip-dialogues.js";
import type { Dialogue } from "../src/dialogue.js";
import { askKernel, differences, type Told } from "../src/dialogue-answer.js";
import { randomDialogues } from "../src/dialogue-random.js";
import { DIALOGUES } from "../src/dialogues/index.js";
import { kernelAvailable } from "../src/kernel.js";

const available = kernelAvailable();
const COUNT = Number(process.env.DIALOGUES ?? 60);
const SEED = Number(process.env.SEED ?? 1);

// those that want a setting of the whole machine, or minutes, are left out
const all = [...DIALOGUES, ...SIP_DIALOGUES, ...PPTP_DIALOGUES, ...H323_DIALOGUES].filter(
  ({ realtime, loose, expectMax, sysctls }) => !realtime && !loose && expectMax === undefined && !sysctls,
);
const byHelpers = new Map<string, Dialogue[]>();
for (const dialogue of all) byHelpers.set(dialogue.helpers, [...(byHelpers.get(dialogue.helpers) ?? []), dialogue]);

/** A time to live of a second may end within a dialogue on a busy machine; a difference that is there again is none of that. */
const TRIES = 3;

async function different(dialogues: readonly Dialogue[]) {
  let answers = await askKernel(dialogues);
  const related = answers.flatMap(({ packets }) => packets).filter(({ state }) => state === "RELATED").length;
  let left = dialogues;
  for (let tries = 1; ; tries++) {
    const found = left.map((dialogue, i) => differences(dialogue, answers[i] as Told));
    left = left.filter((_, i) => found[i]?.length);
    if (left.length === 0 || tries === TRIES) return { related, report: found.flat() };
    answers = await askKernel(left);
  }
}

describe.skipIf(!available.ok)(`the kernel that runs here${available.ok ? "" : ` (${available.reason})`}`, () => {
  test.each([...byHelpers.keys()])("%s", { timeout: 30_000 + 100 * COUNT }, async (helpers) => {
    const dialogues = randomDialogues(byHelpers.get(helpers) as Dialogue[], SEED, COUNT);
    const { related, report } = await different(dialogues);
    expect(report).toEqual([]);
    expect(related).toBeGreaterThan(0);
  });
});
