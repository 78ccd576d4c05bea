// Helpers in a pool: what several engines say together is what one says alone, also where a connection of one host pair
// announces one of another.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { openCapture } from "conntrack-capture";
import { describe, expect, test } from "vitest";
import type { Dialogue } from "../../conformance/src/dialogue.js";
import { DIALOGUES } from "../../conformance/src/dialogues/index.js";
import { fragments, packet } from "../../conformance/src/packets.js";
import { recordBlock, START, type TimedPacket } from "../../core/test/support/blocks.js";
import { H323_DIALOGUES } from "../../core/test/support/h323-dialogues.js";
import { PPTP_DIALOGUES } from "../../core/test/support/pptp-dialogues.js";
import { Random } from "../../core/test/support/random.js";
import { SIP_DIALOGUES } from "../../core/test/support/sip-dialogues.js";
import { Conntrack, ConntrackPool, HELPERS, type OpenOptions, type PacketBlock, type Results } from "../dist/index.js";

const EVERY = HELPERS.filter(({ port }) => port !== 0).map(({ name }) => ({ name }));
const SAMPLES = new URL("../../../samples/", import.meta.url);
const CAPTURES = new URL("../../../../shared/captures/", import.meta.url);
const options: OpenOptions = { max: 20_000, seed: 7, trace: true, helpers: EVERY };

const rowsOf = (results: Results): unknown[] =>
  Array.from({ length: results.count }, (_, i) => [
    results.firstFrame + i,
    results.words.slice(2 * i, 2 * i + 2),
    results.trace(i),
  ]);

async function compare(blocks: readonly PacketBlock[], workers: number, more: OpenOptions = {}): Promise<unknown[]> {
  const engine = await Conntrack.open({ ...options, ...more });
  const alone: unknown[] = [];
  for (const block of blocks) for (const results of engine.trackBlock(block)) alone.push(...rowsOf(results));
  const pool = await ConntrackPool.open({ ...options, ...more, workers });
  try {
    const together: unknown[] = [];
    for await (const { results } of pool.track(blocks)) together.push(...rowsOf(results));
    for (const [i, row] of alone.entries()) if (!isDeepStrictEqual(together[i], row)) expect(together[i]).toEqual(row);
    expect(together.length).toBe(alone.length);
    const report = await pool.report({ flows: true });
    expect(report).toEqual({
      entries: engine.entries,
      now: engine.now,
      stats: engine.stats(),
      totals: engine.totals(),
      flows: engine.flows(),
    });
  } finally {
    await pool.close();
  }
  return alone;
}

const related = (rows: readonly unknown[]): number =>
  rows.filter((row) => (((row as [number, Uint32Array])[1][0] as number) & 0xff) === 3).length;

async function blocksOf(folder: URL, names: readonly string[]): Promise<PacketBlock[]> {
  const blocks: PacketBlock[] = [];
  for (const name of names) {
    const capture = await openCapture(readFileSync(new URL(name, folder)));
    for await (const block of capture.blocks()) blocks.push({ ...block, bytes: block.bytes.slice() });
  }
  return blocks;
}

/** Dialogues one behind the other, each a while after the one before. */
function played(dialogues: readonly Dialogue[]): PacketBlock[] {
  let time = START;
  return dialogues.map(({ packets }, i) => {
    time += i % 3 === 0 ? 400_000_000_000n : 20_000_000n;
    const start = time;
    time += BigInt(packets.length) * 1_000_000n;
    return recordBlock(packets.map(({ data }, k) => ({ time: start + BigInt(k) * 1_000_000n, data })));
  });
}

describe.each([2, 3])("%i workers", (workers) => {
  test("the samples with every helper", async () => {
    const names = readdirSync(SAMPLES).filter((name) => name.endsWith(".pcap"));
    expect(related(await compare(await blocksOf(SAMPLES, names), workers))).toBeGreaterThan(10);
  });

  test.skipIf(!existsSync(CAPTURES))("captures of FTP, IRC, SIP, TFTP, PPTP and H.323", async () => {
    const names = readdirSync(CAPTURES).filter((name) => /ftp|irc|sip|pptp|h323|gre|netbios|frag/i.test(name));
    expect(names.length).toBeGreaterThan(8);
    const plain = names.filter((name) => !name.endsWith(".gz"));
    expect(related(await compare(await blocksOf(CAPTURES, plain), workers))).toBeGreaterThan(10);
  });

  test("the dialogues of all helpers", async () => {
    const all = [...DIALOGUES, ...SIP_DIALOGUES, ...PPTP_DIALOGUES, ...H323_DIALOGUES];
    expect(related(await compare(played(all), workers))).toBeGreaterThan(100);
  });

  test("announcements from everywhere to everywhere", { timeout: 60_000 }, async () => {
    const sysctl = {
      "nf_conntrack_ftp.loose": 1,
      "nf_conntrack_sip.sip_direct_media": 0,
      "nf_conntrack_sip.sip_direct_signalling": 0,
    };
    const blocks = [1, 2, 3].map((seed) => recordBlock(crossing(new Random(seed), 6000)));
    expect(related(await compare(blocks, workers, { sysctl }))).toBeGreaterThan(100);
  });
});

test("which ports have helpers is said when a pool is opened", async () => {
  const pool = await ConntrackPool.open({ ...options, workers: 2 });
  await expect(pool.setSysctl("nf_conntrack_helper", 1)).rejects.toMatchObject({ code: "bad-option" });
  await pool.close();
});

// ---- random traffic of a few hosts, in which any announces any

const HOSTS = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "10.0.1.2", "192.168.7.9"];
const PORTS = [2000, 2002, 2004, 2006];

function crossing(random: Random, count: number): TimedPacket[] {
  const packets: TimedPacket[] = [];
  let time = START + BigInt(random.below(1000)) * 1_000_000_000n;
  const seqs = new Map<string, number>();
  const add = (data: Uint8Array) => {
    time += BigInt(random.chance(0.01) ? random.below(200) * 1_000_000_000 : random.below(5_000_000));
    packets.push({ time, data });
  };
  const two = (): [string, string] => {
    const src = random.pick(HOSTS);
    return [src, random.pick(HOSTS.filter((host) => host !== src))];
  };
  // a control connection is opened when it first says something, and says whole lines
  const say = (src: string, dst: string, text: string) => {
    const key = `${src} ${dst}`;
    if (!seqs.has(key) || random.chance(0.02)) {
      add(packet({ src, dst, tcp: { sport: 1025, dport: 21, flags: "S", seq: 1000 } }));
      add(packet({ src: dst, dst: src, tcp: { sport: 21, dport: 1025, flags: "SA", seq: 5000, ack: 1001 } }));
      add(packet({ src, dst, tcp: { sport: 1025, dport: 21, flags: "A", seq: 1001, ack: 5001 } }));
      add(
        packet({ src, dst, tcp: { sport: 1025, dport: 21, flags: "PA", seq: 1001, ack: 5001, payload: "USER a\r\n" } }),
      );
      seqs.set(key, 1009);
    }
    const seq = seqs.get(key) as number;
    add(packet({ src, dst, tcp: { sport: 1025, dport: 21, flags: "PA", seq, ack: 5001, payload: text } }));
    seqs.set(key, seq + text.length);
  };
  const sip = (src: string, dst: string, host: string, port: number) => {
    const body = `v=0\r\no=- 1 1 IN IP4 ${host}\r\ns=-\r\nc=IN IP4 ${host}\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`;
    const text =
      `INVITE sip:b@${dst} SIP/2.0\r\nVia: SIP/2.0/UDP ${src}:5060\r\nFrom: <sip:a@${src}>\r\nTo: <sip:b@${dst}>\r\n` +
      `Call-ID: ${random.below(1000)}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@${src}:5060>\r\n` +
      `Content-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const whole = packet({ src, dst, udp: { sport: 5060, dport: 5060, payload: text } });
    if (random.chance(0.5)) add(whole);
    else for (const piece of fragments(whole, [160, 320], random.below(65_536))) add(piece);
  };
  while (packets.length < count) {
    const [src, dst] = two();
    const port = random.pick(PORTS);
    const kind = random.below(10);
    if (kind < 2)
      say(
        src,
        dst,
        `PORT ${random.pick([src, random.pick(HOSTS)]).replaceAll(".", ",")},${port >> 8},${port & 255}\r\n`,
      );
    else if (kind === 2) sip(src, dst, random.pick(HOSTS), port);
    else if (kind === 3)
      add(packet({ src, dst, udp: { sport: random.pick(PORTS), dport: 69, payload: "\0\x01f\0octet\0" } }));
    else if (kind < 7) add(packet({ src, dst, udp: { sport: random.pick(PORTS), dport: port, payload: 20 } }));
    else {
      const flags = random.pick(["S", "A", "PA", "FA", "R"]);
      const tcp = { sport: random.pick([20, 21, 2000]), dport: port, flags, seq: 1, ack: 1 };
      const segment = packet({ src, dst, tcp });
      add(segment);
      if (random.chance(0.9)) continue;
      const error = packet({
        src: random.pick([dst, "10.9.9.9"]),
        dst: src,
        icmp: { type: 3, code: 3, quote: segment },
      });
      for (const piece of random.chance(0.5) ? [error] : fragments(error, [24], random.below(65_536))) add(piece);
    }
  }
  return packets;
}
