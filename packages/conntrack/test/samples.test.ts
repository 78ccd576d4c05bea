// The bundled samples against what the kernel said while they were recorded: state and direction of every frame, the
// events, and the table at the end. SAMPLES=FOLDER takes another recording: samples/record.sh -o FOLDER.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { openCapture } from "../../capture/src/index.js";
import { Conntrack, formatEvent, formatExpectEvent, formatProc } from "../src/index.js";

const samples = process.env.SAMPLES
  ? `${process.env.SAMPLES}/`
  : fileURLToPath(new URL("../../../samples/", import.meta.url));
const wasm = readFileSync(fileURLToPath(new URL("../../core/build/conntrack.wasm", import.meta.url)));

/** Entries the router never confirmed: their packets' TTL ran out on it (docs/conformance.md, Routing). */
const NEVER_CONFIRMED: Record<string, RegExp> = { "port-unreachable-and-traceroute": /dport=33434/ };
/** Recorded with a helper assigned by `-j CT --helper`. */
const helperOf = (name: string) => /^(ftp|tftp)\b/.exec(name)?.[1];

interface Recorded {
  readonly packets: readonly { readonly frame: number; readonly state: string; readonly direction: string }[];
  readonly events: readonly string[];
  readonly expectations: readonly string[];
  readonly table: readonly string[];
  readonly tableTime: bigint;
}

function readRecorded(name: string): Recorded {
  const sections = new Map<string, string[]>();
  let title = "";
  for (const line of readFileSync(`${samples}${name}.kernel.txt`, "utf8").split("\n")) {
    if (line.startsWith("## ")) {
      title = line.slice(3).split(/[:, ]/)[0] ?? "";
      sections.set(title, [line]);
    } else if (line !== "") sections.get(title)?.push(line);
  }
  const body = (section: string) => sections.get(section)?.slice(1) ?? [];
  const [, seconds = "0", fraction = "0"] = /(\d+)\.(\d+)$/.exec(sections.get("table")?.[0] ?? "") ?? [];
  return {
    packets: body("packets").map((line) => {
      const [frame = "", state = "", direction = ""] = line.trim().split(/\s+/);
      return { frame: Number(frame), state, direction };
    }),
    events: body("events").map((line) => line.replace(/^\[[\d.]+\]\s*/, "")),
    expectations: body("expectations").map((line) => line.replace(/^\[[\d. ]+\]\s*/, "")),
    table: body("table"),
    tableTime: BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0")),
  };
}

/** Seconds left in a record or event; -1 without. The kernel counts in ticks of its own, so that one second may differ. */
const secondsOf = (line: string) => Number(/^(?:\[\w+\] )?(?:ipv\d +\d+ )?\S+ +\d+ (\d+) /.exec(line)?.[1] ?? -1);
const withoutSeconds = (line: string) => line.replace(/^((?:\[\w+\] )?(?:ipv\d +\d+ )?\S+ +\d+) \d+ /, "$1 ");

/** A record without what depends on the moment of reading. */
const timeless = (line: string) => withoutSeconds(line).replace(/ use=\d+/, "");

const names = readdirSync(samples)
  .filter((file) => file.endsWith(".kernel.txt"))
  .map((file) => file.slice(0, -".kernel.txt".length));

describe.each(names)("%s", (name) => {
  const recorded = readRecorded(name);

  async function replay() {
    const helper = helperOf(name);
    const ct = Conntrack.openSync(wasm, { seed: 1, events: true, helpers: helper ? [{ name: helper }] : [] });
    const decisions: { state: string; direction: string }[] = [];
    const capture = await openCapture(readFileSync(`${samples}${name}.pcap`));
    for await (const block of capture.blocks()) {
      for (const results of ct.trackBlock(block)) {
        for (let i = 0; i < results.count; i++) {
          decisions.push({ state: results.state(i) ?? "-", direction: results.direction(i) ?? "-" });
        }
      }
    }
    return { ct, decisions };
  }

  test("every frame has the kernel's state and direction", async () => {
    const { decisions } = await replay();
    expect(recorded.packets.length).toBeGreaterThan(0);
    for (const { frame, state, direction } of recorded.packets) {
      if (/NEW|ESTABLISHED|RELATED|INVALID|UNTRACKED/.test(state)) {
        expect({ frame, ...decisions[frame - 1] }).toEqual({ frame, state, direction });
      }
    }
  });

  test("the events are the kernel's", async () => {
    const { ct } = await replay();
    const unconfirmed = NEVER_CONFIRMED[name];
    const ours = ct.takeEvents().map((event) => formatEvent(event));
    const kept = unconfirmed ? ours.filter((line) => !unconfirmed.test(line)) : ours;
    const lines = kept.map((line) => line.trim());
    const theirs = recorded.events.map((line) => line.trim());
    expect(lines.map(withoutSeconds)).toEqual(theirs.map(withoutSeconds));
    for (const [i, line] of lines.entries()) {
      expect(Math.abs(secondsOf(line) - secondsOf(theirs[i] as string)), line).toBeLessThanOrEqual(1);
    }
  });

  test("the events of expectations are the kernel's", async () => {
    const { ct } = await replay();
    const ours = ct.takeExpectEvents().map(({ type, expectation }) => formatExpectEvent(type, expectation).trim());
    const left = (line: string) => Number(/\] (\d+) /.exec(line)?.[1]);
    const rest = (line: string) => line.replace(/\] \d+ /, "] ");
    expect(ours.map(rest)).toEqual(recorded.expectations.map(rest));
    for (const [i, line] of ours.entries()) {
      expect(Math.abs(left(line) - left(recorded.expectations[i] as string)), line).toBeLessThanOrEqual(1);
    }
  });

  test("the table at the end is the kernel's", async () => {
    const { ct } = await replay();
    ct.advance(recorded.tableTime);
    const unconfirmed = NEVER_CONFIRMED[name];
    const ours = ct.flows().map(formatProc);
    const kept = unconfirmed ? ours.filter((line) => !unconfirmed.test(line)) : ours;
    expect(kept.map(timeless).sort()).toEqual(recorded.table.map(timeless).sort());
  });
});
