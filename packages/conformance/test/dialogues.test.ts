// FTP, IRC, TFTP, Amanda and SANE against the kernel's own helpers, packet by packet, as recorded and live.
// RECORD_DIALOGUES=1 asks the kernel here what is new, RECORD_DIALOGUES=all everything (ten minutes: of some the end by
// time is waited for).
import { describe, expect, test } from "vitest";
import type { Dialogue } from "../src/dialogue.js";
import { askKernel, differences, type Told } from "../src/dialogue-answer.js";
import { recordDialogues, recordedDialogues } from "../src/dialogue-golden.js";
import { DIALOGUES } from "../src/dialogues/index.js";
import { kernelAvailable } from "../src/kernel.js";

const available = kernelAvailable();
const { RECORD_DIALOGUES } = process.env;

if (RECORD_DIALOGUES) await recordDialogues(DIALOGUES, RECORD_DIALOGUES === "all");

const recorded = recordedDialogues(DIALOGUES);
const helperOf = ({ name }: Dialogue) => name.slice(0, name.indexOf(":"));
const HELPERS = [...new Set(DIALOGUES.map(helperOf))];
const of = (helper: string) => DIALOGUES.filter((dialogue) => helperOf(dialogue) === helper);

describe("as recorded", () => {
  test.each(HELPERS)("%s", (helper) => {
    const dialogues = of(helper);
    expect(dialogues.length).toBeGreaterThan(20);
    expect(dialogues.flatMap((dialogue) => differences(dialogue, recorded.get(dialogue.name) as Told))).toEqual([]);
  });

  test.each(HELPERS)("%s: there were announcements, and connections that kept them", (helper) => {
    const packets = of(helper).flatMap(({ name }) => recorded.get(name)?.packets ?? []);
    expect(packets.filter(({ expect }) => expect?.length).length).toBeGreaterThan(20);
    expect(packets.filter(({ state }) => state === "RELATED").length).toBeGreaterThan(8);
  });

  test("every dialogue has a name of its own", () => {
    expect(new Set(DIALOGUES.map(({ name }) => name)).size).toBe(DIALOGUES.length);
  });
});

/** Live, all but what takes minutes and what changes the whole machine. */
const live = DIALOGUES.filter(({ realtime, loose, expectMax }) => !realtime && !loose && expectMax === undefined);

describe.skipIf(!available.ok)(`the kernel that runs here${available.ok ? "" : ` (${available.reason})`}`, () => {
  test("every dialogue again", { timeout: 60_000 }, async () => {
    const answers = await askKernel(live);
    expect(live.flatMap((dialogue, i) => differences(dialogue, answers[i] as Told))).toEqual([]);
  });
});
