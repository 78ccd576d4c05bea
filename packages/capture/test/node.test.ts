import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFile, openFile, PcapngWriter } from "../src/node.js";
import { bytes, captureError, concat, LITTLE, pcapHeader, pcapRecord } from "./bytes.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "capture-"));
});
afterAll(() => rm(folder, { recursive: true }));

const file = concat(
  pcapHeader(LITTLE),
  ...Array.from({ length: 5000 }, (_, i) => pcapRecord(LITTLE, i, 0, bytes(i % 700))),
);

async function count(path: string | URL): Promise<number> {
  const capture = await openFile(path, { windowSize: 65_536 });
  let packets = 0;
  for await (const _ of capture.packets()) packets++;
  return packets;
}

async function openFiles(): Promise<string[]> {
  return (await readdir("/proc/self/fd")).filter((fd) => Number(fd) > 2);
}

describe("openFile", () => {
  test("reads a file by its path or URL, plain or compressed, whatever its name", async () => {
    const path = join(folder, "a.txt");
    await writeFile(path, file);
    expect(await count(path)).toBe(5000);
    expect(await count(pathToFileURL(path))).toBe(5000);
    await writeFile(path, gzipSync(file));
    expect(await count(path)).toBe(5000);
  });

  test("leaves errors of the file system as they are", async () => {
    await expect(openFile(join(folder, "none.pcap"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(openFile(folder)).rejects.toMatchObject({ code: "EISDIR" });
  });

  test("gives every sound packet of a damaged gzip file, though zlib keeps some to itself", async () => {
    const path = join(folder, "damaged.gz");
    const packed = gzipSync(file);
    packed[packed.length - 8] = (packed[packed.length - 8] as number) ^ 1;
    await writeFile(path, packed);
    const capture = await openFile(path);
    let packets = 0;
    const error = await (async () => {
      for await (const _ of capture.packets()) packets++;
    })().catch((caught: unknown) => caught);
    expect(captureError(error)).toMatchObject({ code: "compression", offset: packed.length - 8 });
    expect(packets).toBe(5000);
  });

  test.runIf(process.platform === "linux")("closes its files: at the end, after an error, by close()", async () => {
    const path = join(folder, "b.pcap");
    const before = (await openFiles()).length;
    await writeFile(path, file.slice(0, -1));
    await expect(count(path)).rejects.toThrow("cut off");
    await writeFile(path, bytes(99));
    await expect(count(path)).rejects.toThrow("not a capture");
    await writeFile(path, file);
    await count(path);
    await (await openFile(path)).close();
    expect((await openFiles()).length).toBe(before);
  });
});

describe("openFile('-')", () => {
  const module = join(dirname(fileURLToPath(import.meta.url)), "../dist/node.js");

  test.skipIf(!existsSync(module))(
    "reads standard input, and closes it without waiting (left out before a build)",
    async () => {
      const program = `
      import { openFile } from ${JSON.stringify(pathToFileURL(module).href)};
      const capture = await openFile("-");
      let packets = 0;
      for await (const _ of capture.packets()) if (++packets === 4000) break;
      await capture.close();
      console.log(packets);
    `;
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      child.stdin.on("error", () => {}); // it goes away in the middle
      child.stdin.write(file); // and never ended: as a live capture
      const output = await child.stdout.toArray();
      expect(Buffer.concat(output).toString()).toBe("4000\n");
    },
  );
});

describe("createFile", () => {
  test("writes what openFile reads", async () => {
    const path = join(folder, "written.pcapng");
    const output = await createFile(path);
    const writer = new PcapngWriter(output.write, { application: "test" });
    writer.addInterface({ link: 1, name: "eth0" });
    for (let i = 0; i < 3000; i++) await writer.write({ time: BigInt(i), data: bytes(i % 300) });
    await writer.end();
    await output.close();
    expect(await count(path)).toBe(3000);
    expect((await readFile(path)).length).toBeGreaterThan(3000 * 32);
  });
});
