// H.323 against the kernel's own helpers: state, verdict, timeout and the table of expectations after every packet.
// What Linux 6.18 said to the dialogues is in golden/h323.kernel.json.gz; RECORD_HELPERS=1 asks the kernel here anew.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { kernelAvailable } from "../../conformance/src/kernel.js";
import { readPcap } from "../../conformance/src/pcap.js";
import { NS, START } from "./support/blocks.js";
import { BUILDS, debug, inspectRestored, release } from "./support/builds.js";
import type { Dialogue } from "./support/dialogues.js";
import { H323_DIALOGUES } from "./support/h323-dialogues.js";
import { askKernel, differences, engineFor, expectationLines, type Told } from "./support/helper-golden.js";

const golden = new URL("./golden/h323.kernel.json.gz", import.meta.url);
const available = kernelAvailable();
const why = available.ok ? "" : ` (${available.reason})`;
const captures = fileURLToPath(new URL("../../../../shared/captures/", import.meta.url));

if (process.env.RECORD_HELPERS)
  writeFileSync(golden, gzipSync(JSON.stringify(await askKernel(H323_DIALOGUES)), { level: 9 }));

const recorded = new Map(
  (JSON.parse(gunzipSync(readFileSync(golden)).toString()) as Told[]).map((dialogue) => [dialogue.name, dialogue]),
);

describe.each(BUILDS)("dialogues as Linux 6.18 took them, $name build", ({ wasm }) => {
  test.each(H323_DIALOGUES)("$name", (dialogue) => {
    expect(differences(wasm, dialogue, recorded.get(dialogue.name) as Told)).toEqual([]);
  });
});

test("the dialogues make expectations of every helper, and drops", () => {
  const packets = [...recorded.values()].flatMap((dialogue) => dialogue.packets);
  const lines = packets.flatMap((packet) => packet.expect ?? []);
  for (const kind of [
    " RAS",
    "PERMANENT RAS",
    " Q.931",
    "proto=17 .* Q.931",
    " H.245",
    "proto=17 .* H.245",
    "PERMANENT H.245",
    "l3proto = 10 .* Q.931",
  ])
    expect(lines.filter((line) => new RegExp(kind).test(line)).length, kind).toBeGreaterThan(2);
  expect(packets.filter(({ verdict }) => verdict === "drop").length).toBeGreaterThan(2);
  expect(packets.filter(({ state }) => state === "RELATED").length).toBeGreaterThan(20);
});

const named = (name: string) => H323_DIALOGUES.find((dialogue) => dialogue.name === name) as Dialogue;

function play(wasm: WebAssembly.Module, name: string, sysctl: Readonly<Record<string, number>> = {}) {
  const { packets, helpers } = named(name);
  const inspected = engineFor(wasm, helpers, sysctl);
  const decisions = packets.map(({ data }, i) =>
    inspected.engine.track({ time: START + BigInt(i) * 1_000_000n, data }),
  );
  return { inspected, decisions, lines: expectationLines(inspected).sort() };
}

describe.each(BUILDS)("beyond the dialogues, $name build", ({ wasm }) => {
  test("gkrouted_only=0: calls from anywhere, for as long as the registration lasts", () => {
    expect(play(wasm, "RAS: registration", { gkrouted_only: 0 }).lines).toEqual([
      "300 l3proto = 2 proto=6 src=0.0.0.0 dst=10.0.1.2 sport=0 dport=1720 PERMANENT RAS",
    ]);
  });

  test("default_rrq_ttl: how long a registration lasts that does not say it", () => {
    const { decisions } = play(wasm, "RAS: registration", { default_rrq_ttl: 77 });
    expect(decisions.at(-1)?.trace?.after?.timeout).toBe(77n * NS);
  });

  test("a snapshot keeps what was announced", async () => {
    const { packets, helpers } = named("Q.931: header and message apart");
    const { engine } = engineFor(wasm, helpers);
    const timed = packets.map(({ data }, i) => ({ time: START + BigInt(i) * 1_000_000n, data }));
    // the header of the first message is the fourth packet, the message the fifth
    for (const packet of timed.slice(0, 4)) engine.track(packet);
    const restored = await inspectRestored(wasm, engine.snapshot());
    restored.engine.track(timed[4] as (typeof timed)[0]);
    expect(expectationLines(restored)).toEqual([
      "240 l3proto = 2 proto=6 src=10.0.1.2 dst=10.0.2.2 sport=0 dport=5001 Q.931",
    ]);
  });

  test("a message cut by the snaplen is not guessed at", () => {
    const { engine } = engineFor(wasm, "RAS:1719");
    const data = named("RAS: registration").packets[0]?.data as Uint8Array;
    expect(engine.track({ time: START, data: data.slice(0, 60), length: data.length }).reason).toBe(
      "helper-cut-by-snaplen",
    );
  });

  test("why nothing was expected", () => {
    const reasons = (name: string) => new Set(play(wasm, name).decisions.map(({ reason }) => reason));
    expect(reasons("Q.931: H.245 address: foreign, port 0, other family")).toEqual(
      new Set([null, "helper-other-address", "helper-bad-port", "h323-other-family"]),
    );
    expect(reasons("RAS: kinds nobody reads")).toContain("h323-unreadable");
    expect(reasons("Q.931: header and message apart")).toContain("h323-framing");
    expect(reasons("RAS: admission of the called party")).toContain("h323-answering-party");
    expect(reasons("RAS: discovery")).toContain("h323-same-gatekeeper");
  });
});

describe.skipIf(!available.ok)(`the kernel here${why}`, () => {
  test("some dialogues again", { timeout: 60_000 }, async () => {
    const some = H323_DIALOGUES.filter((_, i) => i % 20 === 0);
    const answers = await askKernel(some);
    expect(some.flatMap((dialogue, i) => differences(debug, dialogue, answers[i] as Told))).toEqual([]);
  });

  test.skipIf(!existsSync(captures))("nDPI__h323.pcap", { timeout: 60_000 }, async () => {
    const packets = readPcap(readFileSync(`${captures}nDPI__h323.pcap`)).slice(0, 1000);
    const dialogue = { name: "nDPI__h323.pcap", helpers: "RAS:1719,Q.931:1720", packets };
    const [answer] = await askKernel([dialogue]);
    expect(differences(release, dialogue, answer as Told)).toEqual([]);
  });
});
