// What /proc and conntrack(8) print of the same packets, byte for byte: as recorded, on any machine; live, where the kernel
// can be asked and the tool is there.

import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { kernelAvailable } from "../src/kernel.js";
import type { Printed, PrintedStep } from "../src/outputs/ask.js";
import { compareOutputs } from "../src/outputs/compare.js";
import { EVENT_FORMS, EXPECT_EVENT_FORMS, READINGS } from "../src/outputs/forms.js";
import { compareOutputsLive, recordedOutputs } from "../src/outputs/golden.js";
import { OUTPUT_SCRIPTS } from "../src/outputs/scripts/index.js";

describe("as recorded", () => {
  test.each(OUTPUT_SCRIPTS)("$name", (script) => {
    expect(compareOutputs(script, recordedOutputs(script))).toEqual([]);
  });
});

/** The last digit of the first row another one. */
const changed = (text: string): string =>
  text.replace(/^(?!<\?xml)(.*)(\d)(?=\D*$)/m, (_, before, digit) => `${before}${(Number(digit) + 1) % 10}`);

/** What is said of the first recording in which a form has a row, with that row changed. */
function tampered(name: string): string[] {
  const at = READINGS.findIndex((reading) => reading.name === name);
  for (const script of OUTPUT_SCRIPTS) {
    const { steps, events } = recordedOutputs(script);
    let isDone = false;
    const edit = (text: string): string => {
      const edited = isDone ? text : changed(text);
      isDone ||= edited !== text;
      return edited;
    };
    const [baseline, ...rest] = steps as [PrintedStep, ...PrintedStep[]];
    const edited: Printed = {
      steps: [
        baseline,
        ...rest.map((step) => ({
          ...step,
          ...(step.readings && {
            readings: step.readings.map((reading, i) =>
              i === at ? { ...reading, text: edit(reading.text) } : reading,
            ),
          }),
        })),
      ],
      events: at < 0 ? { ...events, [name]: edit(events[name] ?? "") } : events,
    };
    if (isDone) return compareOutputs(script, edited);
  }
  throw new Error(`nothing was printed by ${name}`);
}

describe("a difference is seen", () => {
  const forms = [...READINGS, ...EVENT_FORMS, ...EXPECT_EVENT_FORMS].map(({ name }) => name);
  test.each(forms)("%s", (name) => {
    expect(tampered(name)).not.toEqual([]);
  });
});

const available = kernelAvailable();
const hasTool = spawnSync("conntrack", ["--version"]).status === 0;
const missing = available.ok ? (hasTool ? "" : "needs the program conntrack") : available.reason;

describe.skipIf(missing !== "")(`the kernel that runs here${missing && ` (${missing})`}`, () => {
  // npm run conformance -- --outputs asks about all
  test("every other script", { timeout: 240_000 }, async () => {
    expect(await compareOutputsLive(OUTPUT_SCRIPTS.filter((_, i) => i % 2 === 0))).toEqual([]);
  });
});
