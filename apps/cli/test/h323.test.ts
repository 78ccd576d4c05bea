// H.323 in `ctrack explain`: what docs/h323.md shows of a capture, and says of the messages of a call.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { H323_DIALOGUES } from "../../../packages/core/test/support/h323-dialogues.js";
import { CAPTURES, ctrack, pcap, Scratch } from "./fixture.js";

const HELPERS = ["--helper", "RAS", "--helper", "Q.931"];
const document = readFileSync(fileURLToPath(new URL("../../../docs/h323.md", import.meta.url)), "utf8");
const capture = `${CAPTURES}nDPI__h323.pcap`;
const why = existsSync(capture) ? "" : " (without ../shared/captures)";

const scratch = new Scratch();
afterAll(() => scratch.remove());

test.skipIf(why !== "")(`the document shows what the command prints${why}`, async () => {
  const [, frame, shown] = /\$ npx ctrack explain h323\.pcap (\d+) .*\n([\s\S]*?)\n```/.exec(document) ?? [];
  const { stdout } = await ctrack(["explain", capture, frame as string, ...HELPERS]);
  expect(stdout.trimEnd()).toBe(shown);
});

describe("lines of explain", () => {
  /** Packet `frame` of a dialogue, without the labels. */
  async function explained(name: string, frame: number, ...more: string[]): Promise<string[]> {
    const packets = H323_DIALOGUES.find((dialogue) => dialogue.name === name)?.packets ?? [];
    const timed = packets.map(({ data }, i) => ({ at: i / 100, data: Buffer.from(data as Uint8Array) }));
    const file = scratch.write("dialogue.pcap", pcap(timed));
    const { stdout } = await ctrack(["explain", file, String(frame), ...HELPERS, ...more]);
    return stdout.split("\n").map((line) => line.replace(/^.{0,13} {2}(?=\S)/, ""));
  }

  test("a registration: calls from the gatekeeper, or from anyone; the confirmation renews the flow", async () => {
    const calls = "10.0.1.2:1720, within 240.000 s, any number of times";
    expect(await explained("RAS: registration", 1)).toContain(`tcp 10.0.2.2 → ${calls}`);
    const anyone = await explained("RAS: registration", 1, "--sysctl", "nf_conntrack_h323.gkrouted_only=0");
    expect(anyone).toContain(`tcp anyone → ${calls}`);
    expect(await explained("RAS: registration", 2)).toContain(
      "29.990 s left, renewed to 300.000 s (by its helper, RAS)",
    );
  });

  test("another gatekeeper; a second one in a row is not followed", async () => {
    const name = "RAS: discovery, another gatekeeper, and one more";
    expect(await explained(name, 2)).toContain("udp 10.0.1.2 → 10.0.2.33:1719, within 240.000 s");
    expect((await explained(name, 5)).join("\n")).toMatch(/second in a row: no expectation/);
  });

  test("a fast start: RTP and RTCP of each channel; of an address nobody believes, why", async () => {
    const ports = (await explained("Q.931: fast start", 4)).flatMap(
      (line) => /^udp 10\.0\.2\.2 → 10\.0\.1\.2:(\d+), within 240\.000 s$/.exec(line)?.[1] ?? [],
    );
    expect(ports).toEqual(["6000", "6001", "6002", "6003"]);
    const multicast = (await explained("Q.931: fast start: odd, foreign, multicast, port 0", 6)).join("\n");
    expect(multicast).toMatch(/not a unicast one of this connection's family: no expectation/);
    expect(multicast).not.toContain("within");
  });

  test("T.120 for any number of connections", async () => {
    expect(await explained("Q.931: T.120", 4)).toContain(
      "tcp 10.0.1.2 → 10.0.2.2:1503, within 240.000 s, any number of times",
    );
  });
});
