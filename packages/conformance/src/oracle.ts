// The process that asks the kernel (kernel/oracle.c): compiled when first needed, spoken to in frames, ended with its
// namespace. This file knows the frames and the layout of a record, not what they mean; that is kernel.ts.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

// record.seen
export const ARRIVED = 1;
export const LABELED = 2;
export const LEFT = 4;
const AFTER = 8;

/** What to do with each packet of a batch. */
export const FLAG_REALTIME = 1;
export const FLAG_OUTPUT = 2;
export const FLAG_EVENTS = 4;
export const FLAG_COUNTERS = 8;
export const FLAG_AFTER = 16;

const EXTRA_WORDS = 1;
const EXTRA_EVENT = 2;
const EXTRA_OUTPUT = 3;
const EXTRA_CONN = 4;
const EXTRA_COUNTERS = 5;

const RECORD_SIZE = 120;
const PACKET_HEADER = 20;

/** A conn as it stands in the table. */
export interface ConnView {
  readonly id: number;
  readonly status: number;
  readonly timeout: number;
  readonly mark: number;
  readonly zone: number;
  /** In dumps. */
  readonly zoneOrig?: number;
  readonly zoneReply?: number;
  /** 6 (TCP) or 132 (SCTP) and the number of its state; 0 for protocols without one. */
  readonly tracker: number;
  readonly state: number;
  readonly scale: readonly [number, number];
  readonly flags: readonly [number, number];
  readonly vtag: readonly [number, number];
  readonly use: number;
  /** Packets and bytes of each direction; null without accounting. */
  readonly counters: readonly [Counted, Counted] | null;
  /** Numbers of the label bits. */
  readonly labels: readonly number[];
}

export interface Counted {
  readonly packets: number;
  readonly bytes: number;
}

/** What the kernel said while one packet went through. */
export interface Observation {
  readonly index: number;
  readonly seen: number;
  /** E e R r N n I U: state and direction right behind conntrack; "" when the packet did not come that far. */
  readonly label: string;
  /** The conn then attached: status bits as a rule there sees them, and id. */
  readonly status: number;
  readonly id: number;
  /** That conn in the table after the packet; null if it is not there. */
  readonly after: ConnView | null;
  /** Microseconds after zero at which it was sent. */
  readonly sent: number;
  /** Packets the kernel sent of its own because of this one. */
  readonly owns: number;
  readonly extras: Extras;
}

export interface Extras {
  /** The kernel's words (nf_conntrack_log_invalid). */
  readonly words: readonly string[];
  /** conntrack and expectation events: raw netlink messages. */
  readonly events: readonly Buffer[];
  /** Ethernet frames that came out at the far side. */
  readonly output: readonly Buffer[];
  /** All attributes of the conn, when it has unusual ones; the last one is the newest. */
  readonly conns: readonly Buffer[];
  readonly counters: string | null;
}

const NO_EXTRAS: Extras = { words: [], events: [], output: [], conns: [], counters: null };

/** A packet on its way in: what stands behind the EtherType of its frame. */
export interface Injection {
  readonly index: number;
  /** Microseconds after zero. */
  readonly due: number;
  readonly etherType: number;
  readonly data: Uint8Array;
}

export class OracleError extends Error {
  override name = "OracleError";
}

interface Pending {
  readonly kind: number;
  readonly resolve: (payload: Buffer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class Oracle {
  readonly #child: ChildProcess;
  readonly #input: Writable;
  readonly #pending: Pending[] = [];
  #received: Buffer[] = [];
  #receivedLength = 0;
  #error: Error | null = null;
  #stderr = "";

  /** Starts the helper in a namespace of its own. `patience`: seconds it lives on without hearing from us. */
  constructor(patience = 120) {
    const child = spawn(compileOracle(), [String(patience)], { stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    this.#input = child.stdin as Writable;
    this.#input.on("error", () => {}); // the exit says it better
    (child.stdout as Readable).on("data", (chunk: Buffer) => this.#receive(chunk));
    (child.stderr as Readable).on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-2000);
    });
    child.on("error", (error) => this.#die(error));
    child.on("close", (code, signal) =>
      this.#die(new OracleError(`the oracle ended (${signal ?? code}) ${this.#stderr}`)),
    );
  }

  /** Ends the helper; its namespace, devices and rules go with it. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    this.#error ??= new OracleError("the oracle was closed");
    child.kill("SIGKILL");
    await ended;
  }

  /** Runs a shell script inside the namespace; throws unless it succeeds. */
  async script(text: string): Promise<string> {
    const answer = await this.#ask("x", Buffer.from(`${text}\0`), 70_000);
    const output = answer.toString("utf8", 4);
    const code = answer.readUInt32LE(0);
    if (code !== 0) throw new OracleError(`script failed (${code}): ${output.trim()}\n${text}`);
    return output;
  }

  async openTap(name: string): Promise<void> {
    await this.#ask("t", Buffer.from(`${name}\0`));
  }

  async listen(): Promise<void> {
    await this.#ask("l", Buffer.alloc(0));
  }

  /** Time is counted from now on; resolves with this moment, in nanoseconds since the epoch. */
  async startClock(): Promise<bigint> {
    return (await this.#ask("s", Buffer.alloc(0))).readBigUInt64LE(0);
  }

  /** Sends packets one after the other. `limit`: milliseconds after which we stop believing in an answer. */
  async inject(packets: readonly Injection[], flags: number, limit: number): Promise<Observation[]> {
    let length = 5;
    for (const packet of packets) length += PACKET_HEADER + packet.data.length;
    const message = Buffer.allocUnsafe(length);
    message[0] = flags;
    message.writeUInt32LE(packets.length, 1);
    let at = 5;
    for (const { index, due, etherType, data } of packets) {
      message.writeUInt32LE(index, at);
      message.writeUInt32LE((due % 2 ** 32) >>> 0, at + 4);
      message.writeUInt32LE(Math.floor(due / 2 ** 32), at + 8);
      message.writeUInt16LE(etherType, at + 12);
      message.writeUInt16LE(0, at + 14);
      message.writeUInt32LE(data.length, at + 16);
      message.set(data, at + PACKET_HEADER);
      at += PACKET_HEADER + data.length;
    }
    const answer = await this.#ask("p", message, limit);
    return readRecords(answer, packets.length);
  }

  /** Waits, then hands out the events that came in between packets. */
  async drain(milliseconds: number): Promise<Extras> {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(milliseconds);
    const answer = await this.#ask("d", payload, milliseconds + 10_000);
    return readExtras(answer, 0, answer.length);
  }

  /** Sends a netlink request; throws unless the kernel acknowledges it. */
  async request(message: Buffer): Promise<void> {
    const error = (await this.#ask("n", message)).readInt32LE(0);
    if (error !== 0) throw new OracleError(`netlink request: error ${error}`);
  }

  /** The conntrack table: a netlink message for each conn. */
  async dump(): Promise<readonly Buffer[]> {
    const answer = await this.#ask("g", Buffer.alloc(0), 60_000);
    return readExtras(answer, 0, answer.length).events;
  }

  /** Empties the conntrack table and removes all expectations. */
  async forget(): Promise<void> {
    await this.#ask("f", Buffer.alloc(0), 60_000);
  }

  async readFile(path: string): Promise<string> {
    const answer = await this.#ask("r", Buffer.from(`${path}\0`), 60_000);
    const error = answer.readInt32LE(0);
    if (error !== 0) throw new OracleError(`${path}: error ${error}`);
    return answer.toString("latin1", 4);
  }

  async writeFile(path: string, text: string): Promise<void> {
    const answer = await this.#ask("w", Buffer.from(`${path}\0${text}`));
    const error = answer.readInt32LE(0);
    if (error !== 0) throw new OracleError(`${path} = ${text}: error ${error}`);
  }

  #ask(kind: string, payload: Buffer, limit = 10_000): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#error) {
        reject(this.#error);
        return;
      }
      const timer = setTimeout(() => {
        this.#die(new OracleError(`no answer to "${kind}" within ${limit} ms`));
        this.#child.kill("SIGKILL");
      }, limit);
      this.#pending.push({ kind: kind.charCodeAt(0), resolve, reject, timer });
      const head = Buffer.alloc(5);
      head.writeUInt32LE(payload.length + 1, 0);
      head[4] = kind.charCodeAt(0);
      this.#input.write(head);
      this.#input.write(payload);
    });
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#receivedLength += chunk.length;
    while (this.#receivedLength >= 4) {
      if ((this.#received[0] as Buffer).length < 4) this.#received = [Buffer.concat(this.#received)];
      const length = (this.#received[0] as Buffer).readUInt32LE(0) + 4;
      if (this.#receivedLength < length) return;
      const all = this.#received.length === 1 ? (this.#received[0] as Buffer) : Buffer.concat(this.#received);
      this.#received = all.length > length ? [all.subarray(length)] : [];
      this.#receivedLength -= length;
      this.#answer(all.subarray(4, length));
    }
  }

  #answer(frame: Buffer): void {
    if (frame[0] === "e".charCodeAt(0)) {
      this.#die(new OracleError(frame.toString("utf8", 1)));
      return;
    }
    const asked = this.#pending.shift();
    if (asked === undefined || asked.kind !== frame[0]) {
      this.#die(new OracleError("an answer nobody asked for"));
      return;
    }
    clearTimeout(asked.timer);
    asked.resolve(frame.subarray(1));
  }

  #die(error: Error): void {
    this.#error ??= error;
    for (const { reject, timer } of this.#pending.splice(0)) {
      clearTimeout(timer);
      reject(this.#error);
    }
  }
}

function readRecords(answer: Buffer, count: number): Observation[] {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const records: Observation[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const seen = answer[at + 4] as number;
    const extra = view.getUint32(at + 112, true);
    const next = at + RECORD_SIZE + extra;
    records.push({
      index: view.getUint32(at, true),
      seen,
      label: seen & LABELED ? String.fromCharCode(answer[at + 5] as number) : "",
      status: view.getUint16(at + 6, true),
      id: view.getUint32(at + 8, true),
      sent: view.getUint32(at + 12, true),
      after: seen & AFTER ? readConn(view, at + 16) : null,
      owns: view.getUint32(at + 104, true),
      extras: extra === 0 ? NO_EXTRAS : readExtras(answer, at + RECORD_SIZE, next),
    });
    at = next;
  }
  if (at !== answer.length) throw new OracleError("records do not fill the answer");
  return records;
}

function readConn(view: DataView, at: number): ConnView {
  const counted = (dir: 0 | 8): Counted => ({
    packets: Number(view.getBigUint64(at + 40 + dir, true)),
    bytes: Number(view.getBigUint64(at + 56 + dir, true)),
  });
  return {
    id: view.getUint32(at, true),
    status: view.getUint32(at + 4, true),
    timeout: view.getUint32(at + 8, true),
    mark: view.getUint32(at + 12, true),
    zone: view.getUint16(at + 16, true),
    tracker: view.getUint8(at + 18),
    state: view.getUint8(at + 19),
    scale: [view.getUint8(at + 20), view.getUint8(at + 21)],
    flags: [view.getUint8(at + 22), view.getUint8(at + 23)],
    vtag: [view.getUint32(at + 24, true), view.getUint32(at + 28, true)],
    use: view.getUint32(at + 32, true),
    counters: view.getUint32(at + 36, true) === 0 ? null : [counted(0), counted(8)],
    labels: labelBits((i) => view.getUint8(at + 72 + i)),
  };
}

/** The bits set in 16 bytes, lowest first. */
export function labelBits(byte: (i: number) => number): number[] {
  const bits: number[] = [];
  for (let i = 0; i < 16; i++) {
    const value = byte(i);
    for (let bit = 0; value >> bit !== 0; bit++) if ((value >> bit) & 1) bits.push(i * 8 + bit);
  }
  return bits;
}

function readExtras(answer: Buffer, start: number, end: number): Extras {
  const words: string[] = [];
  const events: Buffer[] = [];
  const output: Buffer[] = [];
  const conns: Buffer[] = [];
  let counters: string | null = null;
  for (let at = start; at < end; ) {
    const type = answer.readUInt16LE(at);
    const length = answer.readUInt32LE(at + 2);
    const bytes = answer.subarray(at + 6, at + 6 + length);
    if (type === EXTRA_WORDS) words.push(bytes.toString("latin1"));
    else if (type === EXTRA_EVENT) events.push(bytes);
    else if (type === EXTRA_OUTPUT) output.push(bytes);
    else if (type === EXTRA_CONN) conns.push(bytes);
    else if (type === EXTRA_COUNTERS) counters = bytes.toString("latin1");
    at += 6 + length;
  }
  return { words, events, output, conns, counters };
}

/** Path of the compiled helper; compiles it when it is missing or its source has changed. Needs gcc. */
export function compileOracle(): string {
  const home = join(dirname(fileURLToPath(import.meta.url)), "..");
  const source = join(home, "kernel", "oracle.c");
  const name = `oracle-${createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12)}`;
  const program = join(home, "build", name);
  if (existsSync(program)) return program;
  mkdirSync(dirname(program), { recursive: true });
  const draft = `${program}.${process.pid}`;
  execFileSync("gcc", ["-O2", "-Wall", "-o", draft, source], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 60_000,
  });
  renameSync(draft, program);
  return program;
}
