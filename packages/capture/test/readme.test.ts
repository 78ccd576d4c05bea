// The programs of the README run, and print what it says.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openFile, PcapngWriter } from "../src/node.js";
import { bytes, concat, LITTLE, pcapHeader, pcapRecord } from "./bytes.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const isBuilt = existsSync(join(root, "dist/node.js"));

/** Fenced blocks: language and text. */
const fences = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```(\w*)\n([\s\S]*?)```/g)].map(
  ([, language, text]) => ({ language, text: text as string }),
);
const programs = fences.flatMap(({ language, text }, i) => {
  const after = fences[i + 1];
  return language === "js" ? [{ text, shown: after?.language === "" ? after.text : null }] : [];
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "capture-readme-"));
  const chunks: Uint8Array[] = [];
  const writer = new PcapngWriter((chunk) => void chunks.push(chunk));
  writer.addInterface({ link: 1, name: "eth0" });
  await writer.write({ time: 1_700_000_000_123_456_789n, data: bytes(342) });
  await writer.write({ time: 1_700_000_000_123_999_000n, data: bytes(60), comments: ["the one that was dropped"] });
  await writer.end();
  await writeFile(join(folder, "capture.pcapng.gz"), gzipSync(concat(...chunks)));
  const record = (count: number) => pcapRecord(LITTLE, 1, 0, bytes(count));
  await writeFile(
    join(folder, "cut.pcap"),
    concat(pcapHeader(LITTLE), record(60), record(68), record(80)).slice(0, 200),
  );
});
afterAll(() => rm(folder, { recursive: true }));

/** In the package's own folder, where its name means itself. */
function run(program: string): string {
  const placed = program.replace(
    /(openFile|createFile)\("([^"]+)"\)/g,
    (_, call, name) => `${call}(${JSON.stringify(join(folder, name))})`,
  );
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", placed], {
    cwd: root,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return stdout;
}

describe.skipIf(!isBuilt)("the README (left out before a build)", () => {
  test.each(programs)("program %#", ({ text, shown }) => {
    const printed = run(text);
    if (shown !== null) expect(printed).toBe(shown);
  });

  test("its copy has what it promises", async () => {
    const capture = await openFile(join(folder, "long.pcapng"));
    const comments: (readonly string[])[] = [];
    for await (const packet of capture.packets()) comments.push(packet.comments);
    expect(comments).toEqual([["long"]]);
    expect(capture.interfaces).toMatchObject([{ name: "eth0" }]);
  });
});
