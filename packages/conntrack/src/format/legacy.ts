// /proc/net/ip_conntrack of Linux 2.4 and 2.6
import type { Flow } from "../types.js";
import { assuranceWord, directionWords, greWord } from "./flow-words.js";
import { line, nameAndNumber, procTuple, wholeSeconds } from "./words.js";

export interface LegacyOptions {
  /** Which kernel's file; default "2.4". */
  readonly kernel?: "2.4" | "2.6";
  /**
   * The bytes of Linux 2.4, which writes every field with a blank behind it, the last one too. Left out by default:
   * documents, scripts and exercises quote these lines trimmed. Linux 2.6 has no such blank.
   */
  readonly exact?: boolean;
}

/**
 * A line of `/proc/net/ip_conntrack`. `use` is the reference count without the reader: 1 for an idle connection. That
 * file lists IPv4 only. Linux 2.6 adds counters, when counting, and the mark.
 */
export function formatLegacy(flow: Flow, { kernel = "2.4", exact = false }: LegacyOptions = {}): string {
  const later = kernel === "2.6";
  const text = line(
    nameAndNumber(flow.protocol, flow.l4proto),
    `${wholeSeconds(flow.timeout)}`,
    greWord(flow) || flow.protocolState,
    ...directionWords(flow, (direction) => procTuple(flow.l4proto, flow[direction]), later ? flow.counters : null),
    assuranceWord(flow),
    later && `mark=${flow.mark}`,
    `use=${flow.use}`,
  );
  return exact && !later ? `${text} ` : text;
}
