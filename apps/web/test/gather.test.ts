// Columns read from the engine's memory: what they say of a packet is what its trace says as plain data.
import { readFileSync } from "node:fs";
import { openCapture } from "conntrack-capture";
import { Conntrack } from "conntrack-wasm";
import { Headers } from "ctrack/parts";
import { expect, test } from "vitest";
import { rowAt } from "../src/lib/row.js";
import { Columns } from "../src/worker/columns.js";
import { Gatherer } from "../src/worker/gather.js";
import { REPOSITORY } from "./browser.js";

test.each(["tour", "ftp-ipv6-eprt", "port-unreachable-and-traceroute", "pings"])("%s", async (name) => {
  const options = { seed: 0, trace: true, helpers: [{ name: "ftp" }] };
  const capture = await openCapture(new Blob([readFileSync(`${REPOSITORY}/samples/${name}.pcap`)]));
  const [engine, plain] = [await Conntrack.open(options), await Conntrack.open(options)];
  const columns = new Columns();
  const gatherer = new Gatherer();
  let frame = 0;
  for await (const block of capture.blocks()) {
    const headers = new Headers(block);
    for (const results of engine.trackBlock(block)) columns.append(gatherer.chunk(results, headers));
    for (const results of plain.trackBlock(block)) {
      for (let i = 0; i < results.count; i++) {
        const row = rowAt(columns, frame++);
        const trace = results.trace(i);
        const { src, dst, sport, dport, type, code, flags, protocol, l3num, payload, badChecksum, cause, master } =
          trace;
        expect(row.state).toBe(results.state(i));
        expect(row.entry).toBe(results.conn(i) || null);
        const seen = {
          src,
          dst,
          sport,
          dport,
          type,
          code,
          flags,
          protocol,
          l3num,
          payload,
          badChecksum,
          cause,
          master,
        };
        expect(Object.fromEntries(Object.keys(seen).map((key) => [key, row[key as keyof typeof row]]))).toEqual(seen);
        expect(row.before).toEqual(trace.before && { protocolState: trace.before.protocolState });
        expect(row.after).toEqual(trace.after && { protocolState: trace.after.protocolState });
        expect(columns.data.timeout[frame - 1]).toBe(Number(trace.after?.timeout ?? 0n));
        expect(columns.data.status[frame - 1]).toBe((trace.after ?? trace.before)?.status ?? 0);
        if (results.reasonCode(i) !== 0) expect(row.numbers).toEqual(trace.numbers);
      }
    }
  }
  expect(frame).toBe(columns.count);
  expect(frame).toBeGreaterThan(5);
});
