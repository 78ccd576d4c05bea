// The kernel as something to ask: what it costs, what it leaves behind, how it fails.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Kernel, kernelAvailable, type TimedPacket, withKernel } from "../src/kernel.js";
import { packet } from "../src/packets.js";
import type { RecordedPacket } from "../src/recording.js";

const available = kernelAvailable();

const query = (port: number): TimedPacket => ({
  time: 0,
  data: packet({ src: "10.0.0.1", dst: "10.0.0.2", udp: { sport: port, dport: 53, payload: 8 } }),
});

/** Our helper processes that run now. */
function helpers(): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/stat`, "latin1").split(" ")[3] === String(process.pid) &&
        readFileSync(`/proc/${pid}/comm`, "latin1").startsWith("oracle-")
      );
    } catch {
      return false; // it ended while we looked
    }
  });
}

describe.skipIf(!available.ok)(`the kernel${available.ok ? "" : ` (${available.reason})`}`, () => {
  test("a stream: decisions in order, numbers of connections", { timeout: 60_000 }, async () => {
    const source = function* () {
      for (let list = 0; list < 20; list++)
        yield Array.from({ length: 500 }, (_, i) => query(1024 + ((list * 500 + i) % 5000)));
    };
    const decisions: RecordedPacket[] = [];
    await withKernel({}, async (kernel) => {
      for await (const list of kernel.trackStream(source())) decisions.push(...list);
    });
    expect(decisions.map(({ i }) => i)).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    expect(
      decisions.every(
        ({ i, state, ct, after }) => state === "NEW" && ct === (i % 5000) + 1 && (after?.timeout ?? 0) >= 29,
      ),
    ).toBe(true);
  });

  test("reset empties the table, sysctls come back", async () => {
    await withKernel({ sysctls: { nf_conntrack_udp_timeout: 7 } }, async (kernel) => {
      expect((await kernel.track([query(1)]))[0]?.after?.timeout).toBeGreaterThanOrEqual(6);
      expect((await kernel.sysctls()).nf_conntrack_udp_timeout).toBe("7");
      expect(await kernel.table()).toHaveLength(1);
      await kernel.setSysctls({});
      await kernel.reset();
      expect(await kernel.table()).toHaveLength(0);
      expect((await kernel.track([query(1)]))[0]).toMatchObject({ state: "NEW", ct: 1, confirmed: false });
      expect((await kernel.sysctls()).nf_conntrack_udp_timeout).toBe("30");
    });
  });

  test("realtime: packets go at their times", async () => {
    const [first, second] = await withKernel({}, async (kernel) => {
      await kernel.reset();
      return kernel.track(
        [
          { ...query(1), time: 50 },
          { ...query(2), time: 400 },
        ],
        { realtime: true },
      );
    });
    expect(first?.t).toBeGreaterThan(0.049);
    expect((second?.t ?? 0) - (first?.t ?? 0)).toBeGreaterThan(0.34);
  });

  test("nothing stays behind, whatever happens", async () => {
    const before = helpers();
    const names = () =>
      execFileSync("ip", ["netns", "list"]).toString() +
      readFileSync("/proc/net/dev", "latin1")
        .match(/^\s*\S+:/gm)
        ?.join();
    const outside = names();
    await expect(withKernel({}, () => Promise.reject(new Error("thrown inside")))).rejects.toThrow("thrown inside");
    await expect(Kernel.open({ nft: "this is not a ruleset" })).rejects.toThrow(/script failed/);
    await expect(Kernel.open({ sysctls: { nf_conntrack_no_such: 1 } })).rejects.toThrow(/no_such/);
    expect(helpers()).toEqual(before);
    expect(names()).toBe(outside);
  });

  test("a helper that dies is an error, not a silence", async () => {
    const kernel = await Kernel.open();
    const waiting = kernel.track([{ ...query(1), time: 5_000 }], { realtime: true });
    const failed = expect(waiting).rejects.toThrow(/closed|ended/);
    await kernel.close();
    await failed;
    await expect(kernel.table()).rejects.toThrow();
  });
});
