// Why a connection was not expected: each reason with the packet and the text that did it.
import { expect, test } from "vitest";
import { Conntrack, Hindsight, type NotExpected } from "../dist/index.js";

const TIME = 1_700_000_000_000_000_000n;
type Flags = "S" | "SA" | "A" | "R";
const FLAGS: Record<Flags, number> = { S: 2, SA: 18, A: 24, R: 4 };
const CLIENT = [10, 0, 0, 1] as const;
const SERVER = [10, 0, 0, 2] as const;
type Host = readonly [number, number, number, number];

interface Segment {
  from: Host;
  to: Host;
  ports: readonly [number, number];
  seq: number;
  ack?: number;
  flags: Flags;
  text?: string;
  kept?: number;
}

function bytesOf({ from, to, ports, seq, ack = 0, flags, text = "" }: Segment): Uint8Array {
  const bytes = new Uint8Array(40 + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, bytes.length);
  bytes.set([64, 6], 8);
  bytes.set([...from, ...to], 12);
  view.setUint16(20, ports[0]);
  view.setUint16(22, ports[1]);
  view.setUint32(24, seq);
  view.setUint32(28, ack);
  view.setUint16(32, 0x5000 | FLAGS[flags]);
  view.setUint16(34, 65_535);
  bytes.set(new TextEncoder().encode(text), 40);
  return bytes;
}

const there = { from: CLIENT, to: SERVER, ports: [1025, 21] } as const;
const back = { from: SERVER, to: CLIENT, ports: [21, 1025] } as const;
const OPEN: Segment[] = [
  { ...there, seq: 1000, flags: "S" },
  { ...back, seq: 5000, ack: 1001, flags: "SA" },
  { ...there, seq: 1001, ack: 5001, flags: "A" },
  { ...back, seq: 5001, ack: 1001, flags: "A", text: "220 ready\r\n" },
  { ...there, seq: 1001, ack: 5012, flags: "A", text: "USER a\r\n" },
];
const NEXT = 1009;
const command = (text: string, more: Partial<Segment> = {}): Segment => ({
  ...there,
  seq: NEXT,
  ack: 5012,
  flags: "A",
  text,
  ...more,
});
const data = (port = 2000, to: Host = CLIENT, from: Host = SERVER): Segment => ({
  from,
  to,
  ports: [20, port],
  seq: 1,
  flags: "S",
});

/** What is said of the last segment, in a run with the FTP helper. */
async function ask(segments: readonly Segment[], helper = true): Promise<readonly NotExpected[]> {
  const options = { max: 256, seed: 1, trace: true, sysctl: { nf_conntrack_checksum: 0, "capture.offload": 1 } };
  const helpers = helper ? [{ name: "ftp" }] : [];
  const run = await Conntrack.open({ ...options, helpers });
  const hindsight = new Hindsight(await Conntrack.open({ ...options, helpers }));
  const records = [...OPEN, ...segments].map((segment, i) => {
    const packet = bytesOf(segment);
    const kept = segment.kept === undefined ? packet.length : 40 + segment.kept;
    const record = new Uint8Array((24 + kept + 7) & ~7);
    const view = new DataView(record.buffer);
    view.setBigUint64(0, TIME + BigInt(i) * 1_000_000n, true);
    view.setUint32(8, packet.length, true);
    view.setUint32(12, kept, true);
    view.setUint16(16, 101, true);
    record.set(packet.subarray(0, kept), 24);
    return record;
  });
  const block = { bytes: Uint8Array.from(records.flatMap((record) => [...record])), framing: "records" } as const;
  hindsight.follow(block);
  let answer: NotExpected[] = [];
  for (const results of run.trackBlock(block)) {
    const last = results.count - 1;
    answer = hindsight.notExpected({
      ...results.trace(last),
      frame: results.firstFrame + last,
      state: results.state(last),
    });
  }
  return answer;
}

const why = (found: readonly NotExpected[]) => found.map(({ why, announcement }) => [announcement.frame, why]);

test("the address is not the sender's", async () => {
  const found = await ask([command("PORT 10,0,0,9,7,208\r\n"), data()]);
  expect(why(found)).toEqual([[6, "helper-other-address"]]);
  expect(found[0]).toMatchObject({ announcement: { text: "PORT 10,0,0,9,7,208", controlPort: 21, helper: "ftp" } });
});

test("no helper, with a hint", async () => {
  const segments = [command("PORT 10,0,0,1,7,208\r\n"), data()];
  expect(why(await ask(segments, false))).toEqual([[6, "no-helper"]]);
  expect(await ask(segments)).toEqual([]);
});

test("out of sequence: no line end was seen before it", async () => {
  const found = await ask([command("PORT 10,0,0,1,7,208\r\n", { seq: NEXT + 40 }), data()]);
  expect(why(found)).toEqual([[6, "helper-out-of-sequence"]]);
});

test("cut by the snaplen: it may be about any connection between these hosts", async () => {
  expect(why(await ask([command("PORT 10,0,0,1,7,208\r\n", { kept: 6 }), data()]))).toEqual([
    [6, "helper-cut-by-snaplen"],
  ]);
  const elsewhere = data(2000, [10, 0, 0, 7], [10, 0, 0, 8]);
  expect(await ask([command("PORT 10,0,0,1,7,208\r\n", { kept: 6 }), elsewhere])).toEqual([]);
});

test("not a whole command", async () => {
  expect(why(await ask([command("PORT 10,0,0,1,7,208"), data()]))).toEqual([[6, "helper-partial"]]);
});

test("expected, but from somebody else; or once already", async () => {
  expect(why(await ask([command("PORT 10,0,0,1,7,208\r\n"), data(2000, CLIENT, [10, 0, 0, 3])]))).toEqual([
    [6, "gone"],
  ]);
  const again = { ...data(), ports: [22, 2000] } as const;
  expect(why(await ask([command("PORT 10,0,0,1,7,208\r\n"), data(), again]))).toEqual([[6, "gone"]]);
});

test("another port: nothing to say", async () => {
  expect(await ask([command("PORT 10,0,0,9,7,208\r\n"), data(2001)])).toEqual([]);
});
