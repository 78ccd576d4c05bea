// A recording: what the kernel decided about a sequence of packets. Plain data, kept as gzipped JSON.

import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Mode, Rules } from "./topology.js";

export type State = "NEW" | "ESTABLISHED" | "RELATED" | "INVALID" | "UNTRACKED";
export type Direction = "original" | "reply";

/** The conn in the table, right after the packet. */
export interface RecordedEntry {
  /** Whole seconds left, truncated. */
  readonly timeout: number;
  /** Status bits without CONFIRMED, SRC_NAT_DONE and DST_NAT_DONE. */
  readonly status: number;
  readonly assured: boolean;
  readonly seen_reply: boolean;
  readonly tcp?: string;
  readonly sctp?: string;
  /** SCTP: the tags packets of each direction must carry, as the kernel prints them (hex). */
  readonly vtag?: readonly [string, string];
  readonly wscale?: readonly [number, number];
  readonly tflags?: readonly [readonly string[], readonly string[]];
  readonly helper?: string;
  readonly seqadj_orig?: { readonly pos: number; readonly before: number; readonly after: number };
  readonly seqadj_reply?: { readonly pos: number; readonly before: number; readonly after: number };
  readonly mark?: number;
  readonly zone?: number;
  readonly zoneOrig?: number;
  readonly zoneReply?: number;
  readonly labels?: readonly number[];
  /** With accounting: of each direction. */
  readonly counters?: readonly [
    { readonly packets: number; readonly bytes: number },
    { readonly packets: number; readonly bytes: number },
  ];
}

export interface RecordedPacket {
  /** From 0. */
  readonly i: number;
  /** False: connection tracking never saw it. */
  readonly seen: boolean;
  readonly state: State | null;
  readonly dir: Direction | null;
  /** As a rule right behind connection tracking sees them. */
  readonly assured?: boolean;
  readonly seen_reply?: boolean;
  readonly confirmed?: boolean;
  /** Status names, when there is one besides the three above. */
  readonly status?: readonly string[];
  /** Number of the connection, in order of creation. */
  readonly ct?: number;
  /** queued: a fragment waits for the rest of its datagram. */
  readonly verdict: "accept" | "drop" | "queued";
  /** The kernel's words for INVALID, or what became of a packet that was not seen. */
  readonly why?: string;
  /** Counters that rose with a drop behind connection tracking. */
  readonly drop_why?: Readonly<Record<string, number>>;
  /** null: the connection is not in the table; absent: the packet has none. */
  readonly after?: RecordedEntry | null;
  /** The packet as it was sent on (hex, from the IP header), where it was changed or cut into fragments. */
  readonly output?: readonly string[];
  /** Packets the kernel sent of its own because of this one (hex, from the IP header). */
  readonly own?: readonly string[];
  /** Seconds after the start at which it was sent (in realtime). */
  readonly t?: number;
  /** What the packet is, for people. */
  readonly proto?: string;
  readonly sum?: string;
}

export interface RecordedEvent {
  /** The packet that caused it; for an expiry, the packet before which it was seen. */
  readonly at: number;
  readonly type: "NEW" | "UPDATE" | "DESTROY" | "EXP_NEW" | "EXP_DESTROY";
  readonly ct?: number;
  readonly t?: number;
  readonly [field: string]: unknown;
}

/** A line of `/proc/net/nf_conntrack`, taken apart. */
export interface RecordedFlow {
  readonly line: string;
  readonly l3: string;
  readonly l4: string;
  readonly l4num: number;
  readonly timeout: number;
  readonly state: string | null;
  readonly mark: number;
  readonly zone: number;
  readonly use: number;
  readonly flags: readonly string[];
  readonly orig: Readonly<Record<string, string | number>>;
  readonly reply: Readonly<Record<string, string | number>>;
  readonly [field: string]: unknown;
}

/** A line of `/proc/net/nf_conntrack_expect`, taken apart. */
export interface RecordedExpectation {
  readonly line: string;
  readonly timeout: number;
  readonly l3proto: number;
  readonly proto: number;
  readonly flags: readonly string[];
  readonly helper: string;
  readonly [field: string]: unknown;
}

export interface Recording {
  /** Version of the format. */
  readonly oracle: 1;
  /** `uname -r` */
  readonly kernel: string;
  readonly options: Rules & { readonly mode: Mode; readonly realtime: boolean; readonly [option: string]: unknown };
  /** `nf_conntrack_*` as they were. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** What the sequence added to `/proc/net/stat/nf_conntrack`. */
  readonly counters: Readonly<Record<string, number>>;
  /** What it added to the error counters of the IP layer; only those that rose. */
  readonly ip_drops: Readonly<Record<string, number>>;
  readonly packets: readonly RecordedPacket[];
  readonly table: readonly RecordedFlow[];
  readonly expectations: readonly RecordedExpectation[];
  readonly events: readonly RecordedEvent[];
  readonly run?: { readonly packets: number; readonly seconds: number };
  readonly [extra: string]: unknown;
}

export function readRecording(path: string): Recording {
  const bytes = readFileSync(path);
  const text = path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
  const recording = JSON.parse(text.toString("utf8")) as Recording;
  if (recording.oracle !== 1 || !Array.isArray(recording.packets)) throw new Error(`${path} is not a recording`);
  return recording;
}

export function writeRecording(path: string, recording: Recording): void {
  const text = Buffer.from(`${JSON.stringify(recording)}\n`);
  writeFileSync(path, path.endsWith(".gz") ? gzipSync(text, { level: 9 }) : text);
}
