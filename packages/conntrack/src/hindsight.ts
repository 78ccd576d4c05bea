// What helpers would have made of a run, and why nothing came of an announcement. A second engine sees the same packets,
// with every helper at its usual port besides those the run has; where it says RELATED and the run NEW, a helper was missing.
import * as abi from "@conntrack-wasm/core/abi";
import type { Conntrack, PacketBlock } from "./engine.js";
import { RecordCursor } from "./records.js";
import type { Results } from "./results.js";
import type { PacketTrace } from "./trace.js";
import type { State } from "./types.js";

/** A packet a helper read: where one is (or would be) told what connection comes next. */
export interface Announcement {
  /** Number of the packet, from 1. */
  readonly frame: number;
  /** The helper that read it. */
  readonly helper: string;
  /** The line of its payload that tells, 120 characters at most; null when it is no text, or not in this frame. */
  readonly text: string | null;
  /** Name and text of the reason the helper gave (see {@link REASONS}). */
  readonly reason: string;
  readonly reasonText: string;
  /** Destination port of the control connection. */
  readonly controlPort: number;
}

/** A connection that is NEW, and would have been RELATED if its control connection had had a helper. */
export interface HelperHint {
  /** The packet that opens the connection. */
  readonly frame: number;
  readonly helper: string;
  readonly announcement: Announcement;
  /** The whole in a sentence, with the rule that would have helped. */
  readonly text: string;
}

/** Why a connection was not expected though a packet before it looks like its announcement. */
export interface NotExpected {
  readonly announcement: Announcement;
  /** `no-helper`, the reason of the announcement, or `gone`: it was expected, but not from here, or not any more. */
  readonly why: string;
  readonly text: string;
}

/** Of the packet that opens a connection: what there is to know, as {@link Decision} and {@link PacketTrace} have it. */
export interface Opening extends Pick<PacketTrace, "src" | "dst" | "dport" | "before"> {
  readonly frame: number;
  readonly state: State | null;
}

interface Heard extends Announcement {
  readonly hosts: readonly (string | null)[];
  /** Ports it announced, or seems to. */
  readonly ports: readonly number[];
  /** Cut or broken off: it may be about any connection between its hosts. */
  readonly unreadable: boolean;
  readonly made: boolean;
}

/** Announcements kept; of longer runs the latest. */
const MOST = 65_536;
/** Reasons given for one connection, at most. */
const MOST_REASONS = 3;
const TEXT = 120;
const RELATED: number = abi.STATE_RELATED;

const isRefusal = (reason: number): boolean =>
  (reason >= abi.REASON_EXPECT_BUSY && reason <= abi.REASON_HELPER_NOT_ESTABLISHED) ||
  (reason >= abi.REASON_SIP_CSEQ && reason <= abi.REASON_H323_FRAMING) ||
  (reason >= abi.REASON_H323_FAMILY && reason <= abi.REASON_BROADCAST);
/** What was announced cannot be read from these: any connection between the same hosts may be meant. */
const UNREADABLE: readonly number[] = [abi.REASON_HELPER_CUT, abi.REASON_HELPER_PARTIAL];

export class Hindsight {
  readonly #heard = new Map<number, Heard>();
  readonly #foreseen = new Map<number, number>();

  /**
   * `engine` is to be opened as the run's is, with `trace: true`, and serves nothing else from here on: it gets the helpers'
   * usual ports (`nf_conntrack_helper`).
   */
  constructor(readonly engine: Conntrack) {
    engine.setSysctl("nf_conntrack_helper", 1);
  }

  /** Takes a block; after that, its packets can be asked about. */
  follow(block: PacketBlock): void {
    const records = new RecordCursor(block);
    let first = 0;
    for (const results of this.engine.trackBlock(block)) {
      for (let i = 0; i < results.count; i++) this.#see(results, i, records, first);
      first += results.count;
    }
  }

  #see(results: Results, i: number, records: RecordCursor, first: number): void {
    const reason = results.reasonCode(i);
    if (reason < abi.REASON_EXPECT_MADE) return;
    const frame = results.firstFrame + i;
    const trace = results.trace(i);
    if (reason === abi.REASON_EXPECT_MADE || isRefusal(reason)) {
      if (trace.helper !== null) this.#hear(results, i, trace, records.frame(first + i));
    }
    if (results.stateCode(i) === RELATED && trace.before === null && trace.announced !== null)
      keep(this.#foreseen, frame, trace.announced);
  }

  #hear(results: Results, i: number, trace: PacketTrace, bytes: Uint8Array | null): void {
    const code = results.reasonCode(i);
    const row = results.reason(i);
    const named = row.numbers?.indexOf("port") ?? -1;
    const port = named < 0 ? null : (trace.numbers[named] ?? null);
    const frame = results.firstFrame + i;
    keep(this.#heard, frame, {
      frame,
      helper: trace.helper as string,
      text: tellingLine(payloadText(trace, bytes), port),
      reason: row.name,
      reasonText: row.text(trace.numbers, trace.l4proto),
      controlPort: (results.direction(i) === "reply" ? trace.sport : trace.dport) ?? 0,
      hosts: [trace.src, trace.dst],
      ports: [...(port === null ? [] : [port]), ...portsIn(payloadText(trace, bytes))],
      unreadable: UNREADABLE.includes(code),
      made: code === abi.REASON_EXPECT_MADE,
    });
  }

  /** What a helper would have changed for this packet of the run; null when nothing. */
  hint({ frame, state }: Pick<Opening, "frame" | "state">): HelperHint | null {
    const announced = state === "NEW" ? this.#foreseen.get(frame) : undefined;
    const announcement = announced === undefined ? undefined : this.#heard.get(announced);
    if (announcement === undefined) return null;
    const { helper } = announcement;
    return {
      frame,
      helper,
      announcement: shown(announcement),
      text: `with \`-j CT --helper ${helper}\` this connection would have been RELATED, announced by packet ${announced}`,
    };
  }

  /** Hints of a part of the run, in order. */
  *hints(results: Results): Generator<HelperHint, void> {
    for (const frame of this.#foreseen.keys()) {
      const i = frame - results.firstFrame;
      const hint = i >= 0 && i < results.count ? this.hint({ frame, state: results.state(i) }) : null;
      if (hint !== null) yield hint;
    }
  }

  /**
   * Why the connection this packet opens was not expected: announcements before it that name its port, or that could not be
   * read and come from the same hosts, latest first. Empty when nothing announced it.
   */
  notExpected(opening: Opening): NotExpected[] {
    if (opening.state !== "NEW" || opening.before !== null || opening.dport === null) return [];
    const hint = this.hint(opening);
    if (hint !== null) {
      const { announcement } = hint;
      const text = `its control connection (port ${announcement.controlPort}) has no helper`;
      return [{ announcement, why: "no-helper", text }];
    }
    const found: NotExpected[] = [];
    for (const heard of [...this.#heard.values()].reverse()) {
      if (found.length === MOST_REASONS) break;
      if (heard.frame < opening.frame && isAbout(heard, opening)) found.push(judge(heard));
    }
    return found;
  }
}

function judge(heard: Heard): NotExpected {
  const announcement = shown(heard);
  if (!heard.made) return { announcement, why: heard.reason, text: heard.reasonText };
  const text =
    "it was expected from another address, or is not any more: it came already, its time was up, another announcement took its " +
    "place, or its control connection ended";
  return { announcement, why: "gone", text };
}

function isAbout({ hosts, ports, unreadable }: Heard, { src, dst, dport }: Opening): boolean {
  const shared = Number(hosts.includes(src)) + Number(hosts.includes(dst));
  return ports.includes(dport as number) ? shared > 0 : unreadable && shared === 2;
}

const shown = ({ frame, helper, text, reason, reasonText, controlPort }: Heard): Announcement => ({
  frame,
  helper,
  text,
  reason,
  reasonText,
  controlPort,
});

function keep<Value>(map: Map<number, Value>, frame: number, value: Value): void {
  map.set(frame, value);
  if (map.size <= MOST) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

// ---- what the payload says

const PAYLOAD = 4096;
const MOST_PORTS = 16;

function payloadText({ data, payload }: PacketTrace, bytes: Uint8Array | null): string {
  if (data === null || bytes === null || data >= bytes.length) return "";
  return String.fromCharCode(...bytes.subarray(data, data + Math.min(payload, PAYLOAD)));
}

// As numbers, and as FTP writes them: six bytes, the last two of which are the port.
function portsIn(text: string): number[] {
  const ports = Array.from(text.matchAll(/\b\d{4,5}\b/g), ([digits]) => Number(digits));
  for (const [, high, low] of text.matchAll(/\b(?:\d{1,3},){4}(\d{1,3}),(\d{1,3})\b/g))
    ports.unshift(Number(high) * 256 + Number(low));
  return ports.filter((port) => port >= 1 && port <= 65_535).slice(0, MOST_PORTS);
}

// The line that names the port, or the first one; null where it is no text.
function tellingLine(text: string, port: number | null): string | null {
  const lines = text.split(/[\r\n]+/).filter((line) => line !== "");
  const line = lines.find((one) => port !== null && portsIn(one).includes(port)) ?? lines[0];
  // an IRC client puts 01 around its DCC request, TFTP 00 behind its words
  const printable = line?.replaceAll("\0", " ").replaceAll("\u0001", " ").trim();
  return printable && /^[\t -~\x80-\xff]+$/.test(printable) ? printable.slice(0, TEXT) : null;
}
