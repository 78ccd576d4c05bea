// Real captures through both: the engine gets the frames as they were captured, the kernel what is in them from the IP
// header on, in the same order.
//
// What the snapshot length cut off is filled with zeros for the kernel, and no checksum is verified in such a capture, by
// either side. Frames the engine says too little was kept of, frames without an IP packet, and those the devices before the
// kernel do not take are left out, each with its reason; of frames without an IP packet the engine must say that it has not
// seen any.
//
// Without a speed only the order counts. With one, frames go out at their times divided by it, timeouts are divided, too,
// and the engine is told when each was really sent.

import { CaptureError, openFile } from "conntrack-capture/node";
import { type Comparison, compare } from "./agree.js";
import { askTimed } from "./ask.js";
import { whyUntellable } from "./cut.js";
import { defaultOf, type EngineOptions, whyUnseen } from "./engine.js";
import { type EngineFrame, withKernel } from "./kernel.js";
import { findIp } from "./link-layers.js";
import type { SequencePacket } from "./sequence.js";
import { TIMEOUTS } from "./timed.js";

/** Packets from one empty table. */
const PART = 100_000;
/** The devices before the kernel take no more. */
const LONGEST = 65_521;
/** Milliseconds between packets, where time does not count. */
const STEP = 0.01;
/** Minutes a capture may take. */
const PATIENCE = 30;
/** At a speed a packet may meet a deadline within the kernel's tick; a difference that is there again is none of that. */
const TRIES = 3;

export interface CaptureOptions {
  /** 1: as fast as it was captured; 60: an hour in a minute. */
  readonly speed?: number | undefined;
}

export interface CaptureComparison {
  readonly parts: readonly Comparison[];
  readonly frames: number;
  /** Frames filled up. */
  readonly filled: number;
  /** Numbers of frames (from 1) by the reason why they were left out. */
  readonly leftOut: ReadonlyMap<string, readonly number[]>;
  /** Frames without an IP packet in which the engine has seen one. */
  readonly seen: readonly string[];
  /** What is wrong with the file behind the last frame. */
  readonly damage: string | null;
}

interface Captured extends SequencePacket {
  readonly etherType: number;
  readonly frame: EngineFrame;
  readonly number: number;
}

export async function compareCapture(path: string, { speed }: CaptureOptions = {}): Promise<CaptureComparison> {
  const { packets, unread, frames, damage } = await readFrames(path, speed);
  const leftOut = new Map<string, number[]>();
  const leave = (why: string, number: number) => {
    const numbers = leftOut.get(why);
    if (numbers) numbers.push(number);
    else leftOut.set(why, [number]);
  };
  const cut = packets.some(({ frame }) => frame.length > frame.data.length);
  const checksums = cut ? { nf_conntrack_checksum: 0 } : {};

  const seen: string[] = [];
  for (const { frame, number, why } of unread) {
    leave(why, number);
    if (whyUnseen(frame) === null) seen.push(`frame ${number}: ${why}, but the engine has seen it`);
  }
  const sent = packets.filter((packet) => {
    const why = whyNotSent(packet, checksums);
    if (why !== null) leave(why, packet.number);
    return why === null;
  });

  const options: EngineOptions = {
    realtime: speed !== undefined,
    sysctls: { ...checksums, ...(speed === undefined ? {} : shortened(speed)) },
  };
  const parts: Comparison[] = [];
  for (let start = 0; start < sent.length; start += PART) {
    const part = sent.slice(start, start + PART);
    parts.push(await comparePart(`${path} from frame ${part[0]?.number}`, part, options));
  }
  const filled = sent.filter(({ frame }) => frame.length > frame.data.length).length;
  return { parts, frames, filled, leftOut, seen, damage };
}

function whyNotSent({ frame, data, etherType }: Captured, checksums: Record<string, number>): string | null {
  if (data.length > LONGEST) return `longer than ${LONGEST} bytes`;
  const missing = frame.length - frame.data.length;
  if (missing <= 0) return null;
  if (whyUnseen(frame, checksums) === "cut-by-snaplen") return "too little was captured to tell what it is (snaplen)";
  return whyUntellable(data.subarray(0, data.length - missing), etherType);
}

async function comparePart(name: string, packets: readonly Captured[], options: EngineOptions): Promise<Comparison> {
  for (let tries = 1; ; tries++) {
    const subject = { name, packets, options };
    const { outcome, times, end } = await withKernel({}, (kernel) => askTimed(kernel, subject));
    const timed = packets.map((packet, i) => ({ ...packet, time: times[i] ?? packet.time }));
    const comparison = compare({ ...subject, packets: timed }, outcome, {
      large: true,
      ...(options.realtime ? { end } : {}),
    });
    if (comparison.report.length === 0 || !options.realtime || tries === TRIES) return comparison;
  }
}

interface Unread {
  readonly frame: EngineFrame;
  readonly number: number;
  readonly why: string;
}

async function readFrames(path: string, speed: number | undefined) {
  const packets: Captured[] = [];
  const unread: Unread[] = [];
  let frames = 0;
  let damage: string | null = null;
  let first: bigint | null = null;
  let latest = 0;
  const capture = await openFile(path);
  try {
    for await (const { data: borrowed, length, time, interface: number } of capture.packets()) {
      frames++;
      const data = borrowed.slice();
      const frame = { link: capture.interfaces[number]?.link ?? -1, data, length: Math.max(length, data.length) };
      const found = findIp(frame.link, data);
      if ("why" in found) {
        const why = found.short && length > data.length ? "cut within its link layer (snaplen)" : found.why;
        unread.push({ frame, number: frames, why });
        continue;
      }
      first ??= time;
      latest = Math.max(latest, Number(time - first) / 1e6 / (speed ?? 1));
      packets.push({
        time: speed === undefined ? packets.length * STEP : latest,
        data: filledUp(data.subarray(found.at), frame.length - found.at),
        etherType: found.etherType,
        expected: null,
        frame,
        number: frames,
      });
    }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    damage = error.message; // all packets before it were read
  }
  if (speed !== undefined && latest > PATIENCE * 60_000)
    throw new Error(`${path}: takes ${Math.round(latest / 60_000)} minutes at this speed; give a larger --speed`);
  return { packets, unread, frames, damage };
}

function filledUp(kept: Uint8Array, length: number): Uint8Array {
  if (kept.length >= length) return kept;
  const whole = new Uint8Array(length);
  whole.set(kept);
  return whole;
}

/** Timeouts at this speed; at least a second, which is the least the kernel knows. */
const shortened = (speed: number): Record<string, number> =>
  Object.fromEntries(TIMEOUTS.map((name) => [name, Math.max(1, Math.round(defaultOf(name) / speed))]));
