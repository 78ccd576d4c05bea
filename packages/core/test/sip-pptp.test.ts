// SIP and PPTP against the kernel's own helpers: state, verdict, timeout and the table of expectations after every packet.
// What Linux 6.18 said to the dialogues is in golden/sip-pptp.kernel.json.gz; RECORD_HELPERS=1 asks the kernel here anew.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { kernelAvailable } from "../../conformance/src/kernel.js";
import { readPcap } from "../../conformance/src/pcap.js";
import { readRecording } from "../../conformance/src/recording.js";
import { Conntrack } from "../../conntrack/src/index.js";
import { START } from "./support/blocks.js";
import { BUILDS, debug } from "./support/builds.js";
import type { Dialogue } from "./support/dialogues.js";
import { askKernel, differences, engineFor, expectationLines, type Told, told } from "./support/helper-golden.js";
import { PPTP_DIALOGUES } from "./support/pptp-dialogues.js";
import { SIP_DIALOGUES } from "./support/sip-dialogues.js";

const DIALOGUES: readonly Dialogue[] = [...SIP_DIALOGUES, ...PPTP_DIALOGUES];
const golden = new URL("./golden/sip-pptp.kernel.json.gz", import.meta.url);
const available = kernelAvailable();
const why = available.ok ? "" : ` (${available.reason})`;

if (process.env.RECORD_HELPERS)
  writeFileSync(golden, gzipSync(JSON.stringify(await askKernel(DIALOGUES)), { level: 9 }));

const recorded = new Map(
  (JSON.parse(gunzipSync(readFileSync(golden)).toString()) as Told[]).map((dialogue) => [dialogue.name, dialogue]),
);

describe.each(BUILDS)("dialogues as Linux 6.18 took them, $name build", ({ wasm }) => {
  test.each(DIALOGUES)("$name", (dialogue) => {
    expect(differences(wasm, dialogue, recorded.get(dialogue.name) as Told)).toEqual([]);
  });
});

test("the dialogues make expectations of every kind, and drops", () => {
  const packets = [...recorded.values()].flatMap((dialogue) => dialogue.packets);
  const lines = packets.flatMap((packet) => packet.expect ?? []);
  for (const kind of [
    "sip/audio",
    "sip/video",
    "sip/image",
    "PERMANENT,INACTIVE sip/signalling",
    "PERMANENT sip/",
    "pptp",
  ])
    expect(lines.filter((line) => line.includes(kind)).length).toBeGreaterThan(1);
  expect(packets.filter(({ verdict }) => verdict === "drop").length).toBeGreaterThan(20);
  expect(packets.filter(({ state }) => state === "RELATED").length).toBeGreaterThan(20);
});

const named = (name: string) => DIALOGUES.find((dialogue) => dialogue.name === name) as Dialogue;

describe.each(BUILDS)("beyond the dialogues, $name build", ({ wasm }) => {
  test("a snapshot keeps a PPTP call: its GRE packets are RELATED afterwards, too", async () => {
    const call = named("pptp: outgoing call");
    const packets = call.packets.map(({ data }, i) => ({ time: START + BigInt(i) * 1_000_000n, data }));
    const { engine } = engineFor(wasm, call.helpers);
    for (const packet of packets.slice(0, 7)) engine.track(packet);
    const restored = await Conntrack.restore(engine.snapshot(), { wasm });
    const states = packets.slice(7).map((packet) => restored.track(packet).state);
    expect(states[0]).toBe("RELATED");
    expect(states).toEqual(packets.slice(7).map((packet) => engine.track(packet).state));
  });

  test("a PPTP control connection that is removed takes its call with it", () => {
    const call = named("pptp: outgoing call");
    const { engine } = engineFor(wasm, call.helpers);
    for (const { data } of call.packets.slice(0, 8)) engine.track({ time: START, data });
    expect(engine.entries).toBe(2);
    engine.flush();
    expect(engine.entries).toBe(0);
  });

  test("sip_direct_media=0: media of any address, from anywhere", () => {
    const inspected = engineFor(wasm, "sip:5060", { sip_direct_media: 0 });
    for (const { data } of named("sip: foreign address").packets) inspected.engine.track({ time: START, data });
    expect(expectationLines(inspected).sort()).toEqual([
      "180 l3proto = 2 proto=17 src=0.0.0.0 dst=10.0.1.9 sport=0 dport=4000 sip/audio",
      "180 l3proto = 2 proto=17 src=0.0.0.0 dst=10.0.1.9 sport=0 dport=4001 sip/audio",
    ]);
  });

  test("sip_direct_signalling=0: calls from anywhere", () => {
    const inspected = engineFor(wasm, "sip:5060", { sip_direct_signalling: 0 });
    for (const { data } of named("sip REGISTER: refused").packets.slice(0, 1))
      inspected.engine.track({ time: START, data });
    expect(expectationLines(inspected)).toEqual([
      "180 l3proto = 2 proto=17 src=0.0.0.0 dst=10.0.1.2 sport=0 dport=5060 PERMANENT,INACTIVE sip/signalling",
    ]);
  });

  test("a datagram cut by the snaplen is not guessed at", () => {
    const { engine } = engineFor(wasm, "sip:5060");
    const data = named("sip: call").packets[0]?.data as Uint8Array;
    const { reason } = engine.track({ time: START, data: data.slice(0, 200), length: data.length });
    expect(reason).toBe("helper-cut-by-snaplen");
  });
});

const recordings = fileURLToPath(new URL("../../../../shared/golden/", import.meta.url));
test.skipIf(!existsSync(recordings)).each(BUILDS)("the recording sip.tcp, $name build", ({ wasm }) => {
  const { helpers } = JSON.parse(readFileSync(`${recordings}sip.tcp.input.json`, "utf8")) as { helpers: string };
  const packets = readPcap(readFileSync(`${recordings}sip.tcp.pcap`));
  const kernel = told("sip.tcp", readRecording(`${recordings}sip.tcp.kernel.json.gz`));
  expect(differences(wasm, { name: "sip.tcp", helpers, packets }, kernel)).toEqual([]);
});

describe.skipIf(!available.ok)(`the kernel here${why}`, () => {
  test("some dialogues again", { timeout: 60_000 }, async () => {
    const some = DIALOGUES.filter((_, i) => i % 24 === 0);
    const answers = await askKernel(some);
    expect(some.flatMap((dialogue, i) => differences(debug, dialogue, answers[i] as Told))).toEqual([]);
  });
});
