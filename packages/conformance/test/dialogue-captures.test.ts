// Real captures with the helpers on, live: the table of expectations after every packet, the kernel's and the engine's.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openFile } from "conntrack-capture/node";
import { describe, expect, test } from "vitest";
import type { Dialogue } from "../src/dialogue.js";
import { askKernel, differences, type Told } from "../src/dialogue-answer.js";
import { kernelAvailable, type TimedPacket } from "../src/kernel.js";
import { findIp } from "../src/link-layers.js";

const HELPERS = "ftp:21,irc:6667,tftp:69,sip:5060,pptp:1723";
const folder = fileURLToPath(new URL("../../../../shared/captures/", import.meta.url));

/** Different lines there were in the table, and packets that were RELATED. */
// biome-ignore format: a table
const CAPTURES: readonly (readonly [file: string, announcements: number, related: number])[] = [
  ["nDPI__sip.pcap",                          6, 0],
  ["suricata__ftp-bounce__test.pcap",         1, 0],
  ["suricata__output-eve-tftp-01__input.pcap", 1, 1],
  ["tcpdump__pptp.pcap",                      2, 1],
  ["zeek__ftp-bigtransfer.pcap",              2, 2],
  ["zeek__ftp-ipv4.pcap",                     4, 4],
  ["zeek__ftp-ipv6.pcap",                     5, 5],
  ["zeek__irc-dcc-send.pcapng",               2, 2],
  ["zeek__irc-starttls.pcap",                 0, 0],
];

async function dialogueOf(file: string): Promise<Dialogue> {
  const packets: TimedPacket[] = [];
  const capture = await openFile(`${folder}${file}`);
  for await (const { data, length, interface: number } of capture.packets()) {
    const found = findIp(capture.interfaces[number]?.link ?? -1, data);
    if ("at" in found && length === data.length) packets.push({ time: packets.length, data: data.slice(found.at) });
  }
  return { name: file, helpers: HELPERS, packets };
}

const available = kernelAvailable();
const why = available.ok ? (existsSync(folder) ? "" : " (the captures are not here)") : ` (${available.reason})`;

describe.skipIf(why !== "")(`the kernel that runs here${why}`, () => {
  test("helpers on real captures", { timeout: 60_000 }, async () => {
    const dialogues = await Promise.all(CAPTURES.map(([file]) => dialogueOf(file)));
    const answers = await askKernel(dialogues);
    expect(dialogues.flatMap((dialogue, i) => differences(dialogue, answers[i] as Told))).toEqual([]);
    const seen = answers.map(({ name, packets }) => {
      const lines = new Set(packets.flatMap(({ expect }) => expect ?? []).map((line) => line.replace(/^\d+ +/, "")));
      return [name, lines.size, packets.filter(({ state }) => state === "RELATED").length];
    });
    expect(seen).toEqual(CAPTURES);
  });
});
