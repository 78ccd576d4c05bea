// json.ts reads the engine's records as they lie in memory; here its lines are held against what the API says.
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFile } from "conntrack-capture/node";
import { Conntrack, statusNames } from "conntrack-wasm";
import { describe, expect, test } from "vitest";
import { CAPTURES, ctrack, SAMPLES } from "./fixture.js";

type EntryView = NonNullable<NonNullable<ReturnType<Conntrack["track"]>["trace"]>["before"]>;

const entry = ({ protocolState, status, timeout }: EntryView) => ({
  protocolState,
  status: statusNames(status),
  timeout: Number(timeout) / 1e9,
});

async function expected(file: string): Promise<object[]> {
  const engine = await Conntrack.open({ trace: true, seed: 0 });
  const rows: object[] = [];
  const capture = await openFile(file);
  try {
    for await (const packet of capture.packets()) {
      const { trace, ...decision } = engine.track(packet);
      if (trace === null) throw new Error("the engine does not trace");
      const { state, direction, reason, reasonText, verdict } = decision;
      const time = String(packet.time)
        .padStart(10, "0")
        .replace(/(.{9})$/, ".$1");
      rows.push({
        frame: decision.frame,
        time,
        protocol: trace.protocol,
        src: trace.src,
        dst: trace.dst,
        sport: trace.sport,
        dport: trace.dport,
        state,
        direction,
        conn: direction === null ? null : decision.conn,
        reason,
        reasonText,
        verdict,
        rule: null,
        ...(trace.type === null ? {} : { type: trace.type, code: trace.code, id: trace.id }),
        ...(trace.before === null ? {} : { before: entry(trace.before) }),
        ...(trace.after === null ? {} : { after: entry(trace.after) }),
        ...(trace.master === null ? {} : { master: trace.master }),
        ...(trace.datagram === null ? {} : { datagram: trace.datagram }),
        ...(reason === null || trace.cause === null ? {} : { cause: trace.cause }),
        ...(trace.cut ? { cut: true } : {}),
        ...(trace.badChecksum ? { checksum: "bad" } : {}),
      });
    }
  } catch {
    // a damaged file: what could be read is compared
  }
  return rows;
}

function captures(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => /\.pcap(ng)?(\.gz|\.zst)?$/.test(name))
    .map((name) => directory + name);
}

describe("every line says what the API says", () => {
  const files = [...captures(SAMPLES), ...captures(CAPTURES)];
  if (files.length === 0) test.skip("neither samples nor the public captures are here", () => {});
  for (const file of files) {
    test(file.slice(file.lastIndexOf("/") + 1), async () => {
      const { stdout, code } = await ctrack([file, "-o", "json", "-q"]);
      const rows = stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line));
      expect([0, 3]).toContain(code);
      const want = await expected(file);
      expect(rows.map(({ hint: _, numbers: __, ...row }) => row)).toEqual(want);
    });
  }
});

test("packets that rules drop belong to no connection, and have addresses of their own", async () => {
  const rules = join(mkdtempSync(join(tmpdir(), "ctrack-json-")), "drop.v4");
  writeFileSync(rules, "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n");
  const lines = ({ stdout }: { stdout: string }) =>
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  const capture = `${SAMPLES}tour.pcap`;
  const dropped = lines(await ctrack(["check", rules, capture, "-o", "json", "-q"]));
  const tracked = lines(await ctrack([capture, "-o", "json", "-q"]));
  const ends = ({ protocol, src, dst, sport, dport }: Record<string, unknown>) => [protocol, src, dst, sport, dport];
  expect(dropped.map(ends)).toEqual(tracked.map(ends));
  expect(dropped.map(({ conn }) => conn)).toEqual(dropped.map(() => null));
});
