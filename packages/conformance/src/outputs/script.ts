// What the outputs are compared on: packets, and between them moments at which everything is printed.

import { createHash } from "node:crypto";
import type { TimedPacket } from "../kernel.js";
import { RULED } from "../ruled.js";
import type { Sequence } from "../sequence.js";

export interface OutputScript {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly sysctls?: Readonly<Record<string, number>>;
  /** `iptables-save` texts; the engine gets them compiled. */
  readonly iptables?: string;
  readonly ip6tables?: string;
  /** The rules of ruled.ts hold instead: a packet's DSCP picks one. */
  readonly ruled?: true;
  /** Names of label bits, as connlabel.conf gives them. */
  readonly labels?: Readonly<Record<number, string>>;
}

export type Step =
  /** Sent at their times, milliseconds after the start. */
  | { readonly kind: "packets"; readonly packets: readonly TimedPacket[] }
  /** Nothing happens until so many milliseconds after the start. */
  | { readonly kind: "wait"; readonly until: number }
  /** Everything is printed. */
  | { readonly kind: "read" }
  /** `conntrack -F` */
  | { readonly kind: "flush" };

export const read: Step = { kind: "read" };
export const flush: Step = { kind: "flush" };
export const waitUntil = (until: number): Step => ({ kind: "wait", until });

/** Milliseconds between packets whose times do not count. */
const STEP = 0.01;

/** One after the other, from `at` on. */
export function send(packets: readonly (Uint8Array | Pick<TimedPacket, "data">)[], at = 0): Step {
  const timed = packets.map((packet, i) => ({
    time: at + i * STEP,
    data: packet instanceof Uint8Array ? packet : packet.data,
  }));
  return { kind: "packets", packets: timed };
}

/** The packets of sequences, one sequence after the other. */
export const sendAll = (sequences: readonly Sequence[], at = 0): Step =>
  send(
    sequences.flatMap(({ packets }) => packets),
    at,
  );

/** Of everything that decides what comes out: a script that has changed must be recorded again. */
export function sumOf({ steps, ...settings }: OutputScript): string {
  const hash = createHash("sha256").update(JSON.stringify([settings, settings.ruled ? RULED : null]));
  for (const step of steps) {
    if (step.kind !== "packets") hash.update(JSON.stringify(step));
    else for (const { time, data } of step.packets) hash.update(`${time} ${data.length}`).update(data);
  }
  return hash.digest("hex").slice(0, 16);
}
