// Real captures, and what capinfos and tshark say of them. The folder lies beside the repository; without it, or without
// the programs, the tests say that they are left out.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type BlockPacket, type CapturePacket, packetsOfBlock } from "../src/index.js";
import { openFile } from "../src/node.js";
import { captureError } from "./bytes.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../../../shared/captures");
const files = existsSync(folder) ? readdirSync(folder).filter((name) => /\.pcap/.test(name)) : [];
const manifest = files.length > 0 ? readFileSync(join(folder, "MANIFEST.md"), "utf8") : "";
const hasWireshark =
  spawnSync("capinfos", ["--version"]).status === 0 && spawnSync("tshark", ["--version"]).status === 0;

/** The one file whose last record is damaged. */
const DAMAGED = "suricata__tls_DER-incomplete-header.pcap";
/** tshark counts its three custom blocks as packets, and so does the manifest; capinfos and we do not. */
const CUSTOM_BLOCKS: Record<string, number> = { "gopacket__be-test202.pcapng": 3 };

async function read(name: string): Promise<{ packets: CapturePacket[]; error: unknown }> {
  const packets: CapturePacket[] = [];
  try {
    const capture = await openFile(join(folder, name));
    for await (const packet of capture.packets()) packets.push({ ...packet, data: packet.data.slice() });
    return { packets, error: null };
  } catch (error) {
    return { packets, error };
  }
}

/** A packet on one line: thousands of them are compared. */
function line({ time, link, interface: index, length, flags, data }: BlockPacket): string {
  const digest = createHash("sha1").update(data).digest("hex");
  return `${time} link ${link} interface ${index} length ${length} flags ${flags} ${data.length} ${digest}`;
}

describe.skipIf(files.length === 0)("real captures (left out: no ../shared/captures)", () => {
  test.each(files)("%s has the packets its manifest says", async (name) => {
    const { packets, error } = await read(name);
    const row = manifest.split("\n").find((each) => each.startsWith(`| ${name} |`));
    expect(packets.length + (CUSTOM_BLOCKS[name] ?? 0)).toBe(Number(row?.split("|")[3]));
    if (name === DAMAGED) expect(captureError(error)).toMatchObject({ code: "corrupt", offset: 5035 });
    else expect(error).toBeNull();
  });

  test.each(files)("%s has the same packets in blocks of both framings", async (name) => {
    const { packets } = await read(name);
    const expected = packets.map(line);
    for (const framing of ["auto", "records"] as const) {
      const found: string[] = [];
      try {
        const capture = await openFile(join(folder, name), { windowSize: 65_536 });
        for await (const block of capture.blocks({ framing, maxPackets: 100 })) {
          for (const packet of packetsOfBlock(block)) found.push(line(packet));
        }
      } catch (error) {
        captureError(error);
      }
      expect(found).toEqual(expected);
    }
  });

  test.skipIf(!hasWireshark).each(files)(
    "%s has the count of capinfos, and tshark's times and lengths",
    async (name) => {
      const { packets } = await read(name);
      const path = join(folder, name);
      const counted = spawnSync("capinfos", ["-c", "-M", path], { encoding: "utf8" });
      if (name !== DAMAGED) {
        expect(Number(/Number of packets:\s+(\d+)/.exec(counted.stdout)?.[1])).toBe(packets.length);
      }
      if (name in CUSTOM_BLOCKS) return;

      const fields = ["frame.time_epoch", "frame.len", "frame.cap_len"].flatMap((field) => ["-e", field]);
      const shown = spawnSync("tshark", ["-n", "-r", path, "-c", "500", "-T", "fields", ...fields], {
        encoding: "utf8",
      });
      const lines = shown.stdout.trimEnd().split("\n");
      expect(lines).toHaveLength(Math.min(500, packets.length));
      for (const [i, shownLine] of lines.entries()) {
        const { time, length, data } = packets[i] as CapturePacket;
        const seconds = `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, "0")}`;
        expect([seconds, String(length), String(data.length)]).toEqual(shownLine.split("\t"));
      }
    },
  );
});
