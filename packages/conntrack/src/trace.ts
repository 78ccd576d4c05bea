// From a trace record in linear memory to plain data.
import * as abi from "@conntrack-wasm/core/abi";
import { ipv4Text, ipv6Text } from "./address.js";
import { helperByNumber } from "./helper.js";
import { hasPorts, isIcmp, protocolName, stateName } from "./protocol.js";

/** The entry of a packet before or after it. */
export interface EntryView {
  /** Name of the TCP or SCTP state, null for other protocols. */
  readonly protocolState: string | null;
  readonly status: number;
  /** Nanoseconds left. */
  readonly timeout: bigint;
}

/** What tracing adds to a decision. */
export interface PacketTrace {
  /** "tcp", …, "unknown", or null when the frame holds no IP packet. */
  readonly protocol: string | null;
  readonly l3num: 0 | 2 | 10;
  readonly l4proto: number;
  readonly src: string | null;
  readonly dst: string | null;
  readonly sport: number | null;
  readonly dport: number | null;
  /** ICMP. */
  readonly type: number | null;
  readonly code: number | null;
  readonly id: number | null;
  /** TCP: flag byte, raw sequence, acknowledgement and window. */
  readonly flags: number | null;
  readonly seq: number | null;
  readonly ack: number | null;
  readonly window: number | null;
  /** Bytes of the IP packet, and of transport payload. */
  readonly length: number;
  readonly payload: number;
  /**
   * Where the transport payload begins, in bytes from the first one of the frame. null for ICMP, where there is no
   * transport header to go by, and when the packet was put together from fragments.
   */
  readonly data: number | null;
  /** The helper that read the packet. */
  readonly helper: string | null;
  /** The capture does not hold the whole packet. */
  readonly cut: boolean;
  readonly badChecksum: boolean;
  readonly before: EntryView | null;
  readonly after: EntryView | null;
  /** The numbers of the reason, in the order of its row. */
  readonly numbers: readonly number[];
  /** The packet (from 1) that set what this one fell foul of. */
  readonly cause: number | null;
  readonly master: number | null;
  /** The packet (from 1) that announced this connection; with `master`. */
  readonly announced: number | null;
  /** The packet (from 1) whose datagram this fragment belongs to. */
  readonly datagram: number | null;
}

function readEntry(view: DataView, at: number): EntryView | null {
  if (view.getUint8(at + 13) === 0) return null;
  return {
    protocolState: stateName(view.getUint8(at + 14), view.getUint8(at + 12)),
    status: view.getUint32(at + 8, true),
    timeout: view.getBigUint64(at, true),
  };
}

export function readTrace(bytes: Uint8Array, view: DataView, at: number): PacketTrace {
  const l3num = (bytes[at + abi.TRACE_L3NUM] ?? 0) as 0 | 2 | 10;
  const l4proto = bytes[at + abi.TRACE_L4PROTO] ?? 0;
  const notes = bytes[at + abi.TRACE_NOTES] ?? 0;
  const text = l3num === abi.L3_IPV4 ? ipv4Text : l3num === abi.L3_IPV6 ? ipv6Text : () => null;
  const transport = (notes & abi.NOTE_TRANSPORT) !== 0;
  const ports = transport && hasPorts(l4proto);
  const icmp = transport && isIcmp(l4proto);
  const tcp = transport && l4proto === abi.IPPROTO_TCP;
  const sport = view.getUint16(at + abi.TRACE_SPORT, true);
  const dport = view.getUint16(at + abi.TRACE_DPORT, true);
  const numbers: number[] = [];
  for (let i = 0; i < 10; i++) numbers.push(view.getUint32(at + abi.TRACE_NUMBERS + 4 * i, true));
  return {
    protocol: l3num === 0 ? null : protocolName(l4proto),
    l3num,
    l4proto,
    src: text(bytes, at + abi.TRACE_SRC),
    dst: text(bytes, at + abi.TRACE_DST),
    sport: ports ? sport : null,
    dport: ports ? dport : null,
    type: icmp ? dport >> 8 : null,
    code: icmp ? dport & 255 : null,
    id: icmp ? sport : null,
    flags: tcp ? (bytes[at + abi.TRACE_TCP_FLAGS] ?? 0) : null,
    seq: tcp ? view.getUint32(at + abi.TRACE_SEQ, true) : null,
    ack: tcp ? view.getUint32(at + abi.TRACE_ACK, true) : null,
    window: tcp ? view.getUint16(at + abi.TRACE_WINDOW, true) : null,
    length: view.getUint32(at + abi.TRACE_LENGTH, true),
    payload: view.getUint32(at + abi.TRACE_PAYLOAD, true),
    data: transport && !icmp ? view.getUint32(at + abi.TRACE_DATA, true) || null : null,
    helper: helperByNumber(bytes[at + abi.TRACE_HELPER] ?? 0)?.name ?? null,
    cut: (notes & abi.NOTE_CUT) !== 0,
    badChecksum: (notes & abi.NOTE_BAD_CHECKSUM) !== 0,
    before: readEntry(view, at + abi.TRACE_BEFORE),
    after: readEntry(view, at + abi.TRACE_AFTER),
    numbers,
    cause: view.getUint32(at + abi.TRACE_CAUSE, true) || null,
    master: view.getUint32(at + abi.TRACE_MASTER, true) || null,
    announced: view.getUint32(at + abi.TRACE_ANNOUNCED, true) || null,
    datagram: view.getUint32(at + abi.TRACE_DATAGRAM, true) || null,
  };
}
