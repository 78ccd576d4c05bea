import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { CaptureError, openCapture } from "../src/index.js";
import { openCapture as openInNode } from "../src/node.js";
import {
  BIG,
  block,
  bytes,
  concat,
  endOfOptions,
  enhanced,
  type Fields,
  interfaceBlock,
  LITTLE,
  option,
  padded,
  pcapHeader,
  pcapRecord,
  pieces,
  random,
  section,
  text,
} from "./bytes.js";
import { ZSTD_SAMPLE, zstdStored } from "./zstd.js";

function pcapng(f: Fields): Uint8Array {
  return concat(
    section(f, option(f, 1, text("comment")), endOfOptions),
    interfaceBlock(f, 1, 0, option(f, 2, text("eth0")), option(f, 9, Uint8Array.of(9)), endOfOptions),
    enhanced(f, 0, 1n, bytes(33), 60, option(f, 1, text("hm")), option(f, 2, f.u32(1)), endOfOptions),
    block(f, 3, f.u32(7), padded(bytes(7))),
    block(f, 2, f.u16(0, 0), f.u32(0, 3, 2, 60), padded(bytes(2))),
    block(f, 0xbad, bytes(12)),
    interfaceBlock(f, 101, 64),
    enhanced(f, 1, 2n, bytes(64)),
  );
}

const plain: [name: string, file: Uint8Array][] = [
  ["pcap", concat(pcapHeader(LITTLE), pcapRecord(LITTLE, 1, 2, bytes(40)), pcapRecord(LITTLE, 3, 4, bytes(60)))],
  ["pcap, big-endian", concat(pcapHeader(BIG, { magic: 0xa1b23c4d }), pcapRecord(BIG, 1, 2, bytes(40)))],
  ["pcap of Kuznetzov's libpcap", concat(pcapHeader(LITTLE, { magic: 0xa1b2cd34 }), LITTLE.u32(1, 2, 4, 4, 0, 0, 9))],
  ["pcapng", pcapng(LITTLE)],
  ["pcapng, both byte orders", concat(pcapng(BIG), pcapng(LITTLE))],
];
const corpus: [name: string, file: Uint8Array][] = [
  ...plain,
  ...plain.map(([name, file]): [string, Uint8Array] => [`${name} in gzip`, gzipSync(file)]),
  ["zstd", ZSTD_SAMPLE],
  ["pcapng in zstd, stored", zstdStored(pcapng(BIG), 100)],
];

const openers: [name: string, open: typeof openCapture][] = [
  ["conntrack-capture", openCapture],
  ["conntrack-capture/node", openInNode],
];

/** Changes a few bytes, and now and then the length: bits, bytes, fields of 32 bits, pieces cut out or doubled. */
function mutate(file: Uint8Array, next: () => number): Uint8Array {
  let mutant: Uint8Array = new Uint8Array(file); // a Buffer would check ranges
  const below = (limit: number) => Math.floor(next() * limit);
  for (let i = 0; i <= below(4); i++) {
    const at = below(mutant.length);
    switch (below(6)) {
      case 0:
        mutant[at] = (mutant[at] as number) ^ (1 << below(8));
        break;
      case 1:
        mutant[at] = below(256);
        break;
      case 2: {
        const value = [0, 1, 4, 12, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff, below(2 ** 32)][
          below(9)
        ] as number;
        mutant.set(LITTLE.u32(value).subarray(0, mutant.length - at), at);
        break;
      }
      case 3:
        mutant = concat(mutant.subarray(0, at), mutant.subarray(at + below(20)));
        break;
      case 4:
        mutant = concat(mutant.subarray(0, at), mutant.subarray(Math.max(0, at - below(40))));
        break;
      default:
        mutant.fill(below(2) * 255, at, at + below(16));
    }
    if (mutant.length === 0) return mutant;
  }
  return mutant;
}

/** Reads it every way there is; anything but a CaptureError is a fault of ours. */
async function read(mutant: Uint8Array, open: typeof openCapture): Promise<void> {
  const counts: number[] = [];
  for (const way of ["packets", "auto", "records"] as const) {
    let count = 0;
    try {
      const capture = await open(way === "packets" ? mutant : pieces(mutant, 50), { windowSize: 4096 });
      if (way === "packets") {
        for await (const packet of capture.packets()) {
          count++;
          expect(packet.interface).toBeLessThan(capture.interfaces.length);
          expect(packet.data.length).toBeLessThanOrEqual(mutant.length * 1040);
        }
      } else {
        for await (const each of capture.blocks({ framing: way, maxPackets: 3 })) count += each.count;
      }
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      expect(error.offset).toBeGreaterThanOrEqual(0);
      expect(error.message).not.toMatch(/undefined|NaN/);
    }
    counts.push(count);
  }
  if (open === openCapture) expect(new Set(counts).size).toBe(1);
}

const ROUNDS = Number(process.env.FUZZ_ROUNDS ?? 300);

describe.each(openers)(
  "whatever the bytes, there are packets, at most one CaptureError, and an end (%s)",
  (_, open) => {
    test.each(corpus)("every prefix of %s", async (_name, file) => {
      for (let length = 0; length < file.length; length++) await read(file.slice(0, length), open);
    });

    test.each(corpus)("mutants of %s", async (_name, file) => {
      const next = random(file.length);
      for (let round = 0; round < ROUNDS; round++) await read(mutate(file, next), open);
    });
  },
);
