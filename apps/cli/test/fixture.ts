// Small captures, byte by byte, and a way to run the built program over them.
import { type ExecFileException, execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const BIN = fileURLToPath(new URL("../bin/ctrack.js", import.meta.url));
export const SAMPLES = fileURLToPath(new URL("../../../samples/", import.meta.url));
export const CAPTURES = fileURLToPath(new URL("../../../../shared/captures/", import.meta.url));

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs ctrack; colours and progress as in a pipe. */
export function ctrack(
  args: readonly string[],
  { env = {}, input }: { env?: NodeJS.ProcessEnv; input?: Uint8Array } = {},
): Promise<Run> {
  const { NO_COLOR: _, FORCE_COLOR: __, ...rest } = process.env;
  return new Promise((resolve) => {
    const done = (error: ExecFileException | null, stdout: string, stderr: string) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    const child = execFile(process.execPath, [BIN, ...args], { env: { ...rest, ...env }, maxBuffer: 1 << 28 }, done);
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

/** A directory for the captures of a test file. */
export class Scratch {
  readonly directory = mkdtempSync(join(tmpdir(), "ctrack-test-"));

  write(name: string, bytes: Uint8Array): string {
    const path = join(this.directory, name);
    writeFileSync(path, bytes);
    return path;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

// ---- packets

function sum(bytes: Buffer, start = 0): number {
  let total = start;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

const address = (text: string) => Buffer.from(text.split(".").map(Number));

/** An IPv4 packet; the transport checksum stands at `checksumAt` of the payload. */
function ipv4(
  src: string,
  dst: string,
  protocol: number,
  payload: Buffer,
  checksumAt: number,
  pseudo: boolean,
): Buffer {
  const head = Buffer.alloc(20);
  head[0] = 0x45;
  head.writeUInt16BE(20 + payload.length, 2);
  head[8] = 64;
  head[9] = protocol;
  address(src).copy(head, 12);
  address(dst).copy(head, 16);
  head.writeUInt16BE(0xffff - sum(head), 10);
  const start = pseudo ? sum(head.subarray(12, 20)) + protocol + payload.length : 0;
  payload.writeUInt16BE(0xffff - sum(payload, start), checksumAt);
  return Buffer.concat([head, payload]);
}

const FLAGS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, A: 16 };

export interface Segment {
  readonly src?: string;
  readonly dst?: string;
  readonly sport: number;
  readonly dport: number;
  /** "SA", "PA", … */
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly data?: string;
}

export function tcp({
  src = "10.0.0.1",
  dst = "10.0.0.2",
  sport,
  dport,
  flags,
  seq = 0,
  ack = 0,
  data = "",
}: Segment): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt16BE(sport, 0);
  head.writeUInt16BE(dport, 2);
  head.writeUInt32BE(seq, 4);
  head.writeUInt32BE(ack, 8);
  head[12] = 0x50;
  head[13] = [...flags].reduce((bits, flag) => bits | (FLAGS[flag] ?? 0), 0);
  head.writeUInt16BE(8192, 14);
  return ipv4(src, dst, 6, Buffer.concat([head, Buffer.from(data)]), 16, true);
}

export function udp(src: string, sport: number, dst: string, dport: number, data = "hello"): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(sport, 0);
  head.writeUInt16BE(dport, 2);
  head.writeUInt16BE(8 + data.length, 4);
  return ipv4(src, dst, 17, Buffer.concat([head, Buffer.from(data)]), 6, true);
}

export function echo(src: string, dst: string, type: number, id: number): Buffer {
  const message = Buffer.alloc(8);
  message[0] = type;
  message.writeUInt16BE(id, 4);
  return ipv4(src, dst, 1, message, 2, false);
}

export interface Timed {
  /** Seconds after START. */
  readonly at: number;
  readonly data: Buffer;
}

export const START = 1_700_000_000;
const RAW_IP = 101;

/** A pcap file; times are kept to the microsecond. */
export function pcap(packets: readonly Timed[], link = RAW_IP): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(262_144, 16);
  head.writeUInt32LE(link, 20);
  const records = packets.map(({ at, data }) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(START + Math.floor(at), 0);
    record.writeUInt32LE(Math.round((at % 1) * 1e6), 4);
    record.writeUInt32LE(data.length, 8);
    record.writeUInt32LE(data.length, 12);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, ...records]);
}

const there = { sport: 1025, dport: 80 };
const back = { src: "10.0.0.2", dst: "10.0.0.1", sport: 80, dport: 1025 };

/** A handshake, data, a segment far outside the window, a ping, a DNS query, and a frame that is not IP. */
export const STORY: readonly Timed[] = [
  { at: 0, data: tcp({ ...there, flags: "S", seq: 100 }) },
  { at: 0.001, data: tcp({ ...back, flags: "SA", seq: 300, ack: 101 }) },
  { at: 0.002, data: tcp({ ...there, flags: "A", seq: 101, ack: 301 }) },
  { at: 0.5, data: tcp({ ...there, flags: "PA", seq: 101, ack: 301, data: "GET /" }) },
  { at: 1, data: tcp({ ...there, flags: "PA", seq: 900_000, ack: 301, data: "far" }) },
  { at: 1.5, data: echo("10.0.0.1", "10.0.0.2", 8, 77) },
  { at: 1.6, data: echo("10.0.0.2", "10.0.0.1", 0, 77) },
  { at: 2, data: udp("10.0.0.1", 5353, "10.0.0.3", 53) },
  { at: 2.5, data: Buffer.from("00112233", "hex") },
];
