// A difference, shrunk and written down: with an engine that is wrong on purpose, so that there is one.

import { describe, expect, test } from "vitest";
import { compare } from "../src/agree.js";
import { runEngine } from "../src/engine.js";
import { askTogether, episodeOf, hunt } from "../src/hunt.js";
import { kernelAvailable } from "../src/kernel.js";
import type { Outcome } from "../src/outcome.js";
import { type Episode, episode } from "../src/random.js";
import { RULED } from "../src/ruled.js";
import { type Sequence, sequence } from "../src/sequence.js";
import { asTest, shrink } from "../src/shrink.js";

const available = kernelAvailable();

/** What a reader of the report does: paste it between the brackets of a family. */
function paste(text: string): Sequence {
  const family = new Function("sequence", "Buffer", "RULED", `return [\n${text}\n];`);
  const [pasted] = family(sequence, Buffer, RULED) as [Sequence];
  return pasted;
}

/** The outcome of an engine in whose table one cell is wrong: a FIN from CLOSE_WAIT leads to CLOSE. */
function lying({ packets, options }: Episode): Outcome {
  const honest = runEngine(packets, options);
  const lie = (text: string) => text.replace(" LAST_ACK ", " CLOSE ");
  return { ...honest, packets: honest.packets.map(lie) };
}

const differs = async (subject: Episode) => compare(subject, lying(subject)).report.length > 0;

test("one wrong cell: what is left leads there and no further, and does so when pasted", async () => {
  const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
  const candidates = seeds.map((seed) => episode(seed, 150));
  const found: Episode[] = [];
  for (const candidate of candidates) if (await differs(candidate)) found.push(candidate);
  const minimal = await shrink(found[0] as Episode, (episodes) => Promise.all(episodes.map(differs)));

  expect(minimal.packets.length).toBeLessThanOrEqual(4);
  for (const i of minimal.packets.keys())
    expect(await differs({ ...minimal, packets: minimal.packets.filter((_, k) => k !== i) })).toBe(false);

  const pasted = paste(asTest(minimal));
  expect(pasted.packets.map(({ data }) => Buffer.from(data))).toEqual(
    minimal.packets.map(({ data }) => Buffer.from(data)),
  );
  expect(await differs(pasted)).toBe(true);
});

test("rules and settings go along", () => {
  const candidate = episodeOf(100, 5);
  const pasted = paste(asTest({ ...candidate, options: { ...candidate.options, sysctls: { nf_conntrack_acct: 1 } } }));
  expect(pasted.options).toEqual({ ...RULED, sysctls: { nf_conntrack_acct: 1 } });
});

describe.skipIf(!available.ok)(`the kernel that runs here${available.ok ? "" : ` (${available.reason})`}`, () => {
  test("a setting that only the engine has is found, shrunk, and found again when pasted", async () => {
    const engine = { sysctls: { nf_conntrack_tcp_loose: 0 } };
    const { found } = await hunt(250, 1, { engine });
    const [report, ...lines] = (found[0] as string).split("\n");
    expect(report).toMatch(/engine INVALID, kernel (NEW|ESTABLISHED)/);
    const pasted = paste(lines.join("\n"));
    expect(pasted.packets.length).toBeLessThanOrEqual(2);
    const reports = async (besides?: typeof engine) => (await askTogether([pasted], besides))[0]?.report;
    expect((await reports(engine))?.length).toBeGreaterThan(0);
    expect(await reports()).toEqual([]);
  });
});
