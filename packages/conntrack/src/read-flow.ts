// From a conn in linear memory, or its copy in an event, to a Flow.
import * as abi from "@conntrack-wasm/core/abi";
import { ipv4Text, ipv6Text } from "./address.js";
import { helperByNumber } from "./helper.js";
import { hasPorts, isIcmp, protocolName, replyType, stateName } from "./protocol.js";
import type { Counter, Flow, Tuple } from "./types.js";

/** Where the parts of a conn lie, and the moment of reading. */
export interface ConnSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly conn: number;
  readonly addr6: number;
  readonly ext: number;
  /** Nanoseconds left, already worked out. */
  readonly timeout: bigint;
  /** The moment of the copy, nanoseconds since the epoch. */
  readonly time: bigint;
  readonly id: (serial: number) => number;
}

/** What a tuple is read from. */
export type TupleSource = Pick<ConnSource, "bytes" | "view" | "conn" | "addr6">;

/** The tuple of one direction: side A first unless swapped. */
export function readTuple(source: TupleSource, swapped: boolean, isReply: boolean): Tuple {
  const { bytes, view, conn } = source;
  const l4proto = bytes[conn + 12] ?? 0;
  const isV4 = bytes[conn + 13] === abi.L3_IPV4;
  const a = isV4 ? ipv4Text(bytes, conn) : ipv6Text(bytes, source.addr6);
  const b = isV4 ? ipv4Text(bytes, conn + 4) : ipv6Text(bytes, source.addr6 + 16);
  const [src, dst] = swapped ? [b, a] : [a, b];
  if (isIcmp(l4proto)) {
    const type = bytes[conn + 10] ?? 0;
    return {
      src,
      dst,
      type: isReply ? replyType(l4proto, type) : type,
      code: bytes[conn + 11] ?? 0,
      id: view.getUint16(conn + 8),
    };
  }
  const partA = view.getUint16(conn + 8);
  const partB = view.getUint16(conn + 10);
  const [from, to] = swapped ? [partB, partA] : [partA, partB];
  if (hasPorts(l4proto)) return { src, dst, sport: from, dport: to };
  if (l4proto === abi.IPPROTO_GRE) return { src, dst, srckey: from, dstkey: to };
  return { src, dst };
}

function readCounter(view: DataView, at: number): Counter {
  const word = view.getBigUint64(at, true);
  return { packets: BigInt(view.getUint32(at + 8, true)) + ((word >> 48n) << 32n), bytes: word & 0xffffffffffffn };
}

function readLabels(view: DataView, at: number): number[] {
  const labels: number[] = [];
  for (let bit = 0; bit < 128; bit++) if ((view.getUint8(at + (bit >> 3)) >> (bit & 7)) & 1) labels.push(bit);
  return labels;
}

export function readFlow(source: ConnSource): Flow {
  const { bytes, view, conn } = source;
  const raw = view.getUint32(conn + abi.CONN_STATUS, true);
  const l4proto = bytes[conn + 12] ?? 0;
  const serial = view.getUint32(conn + abi.CONN_SERIAL, true);
  const swapped = (raw & abi.STATUS_SWAPPED) !== 0;
  const ext = raw & abi.STATUS_EXT ? source.ext : null;
  const zoneDirections = ["both", "original", "reply"] as const;
  const start = ext === null ? 0n : view.getBigUint64(ext + 32, true);
  return Object.freeze({
    conn: serial,
    id: source.id(serial),
    l3num: bytes[conn + 13] === abi.L3_IPV4 ? 2 : 10,
    l4proto,
    protocol: protocolName(l4proto),
    protocolState: stateName(l4proto, bytes[conn + abi.CONN_STATE] ?? 0),
    timeout: source.timeout,
    status: raw & abi.STATUS_PUBLIC,
    original: readTuple(source, swapped, false),
    reply: readTuple(source, !swapped, true),
    mark: view.getUint32(conn + abi.CONN_MARK, true),
    zone: view.getUint16(conn + 14, true),
    zoneDirection: zoneDirections[ext === null ? 0 : (bytes[ext + 9] ?? 0)] ?? "both",
    use: 1 + (ext === null ? 0 : view.getUint16(ext + 10, true)),
    counters:
      raw & abi.STATUS_ACCT
        ? {
            original: readCounter(view, conn + abi.CONN_COUNTERS),
            reply: readCounter(view, conn + abi.CONN_COUNTERS + 12),
          }
        : null,
    helper: ext === null ? null : (helperByNumber(bytes[ext + 8] ?? 0)?.name ?? null),
    master: (ext === null ? 0 : view.getUint32(ext + 4, true)) || null,
    greTimeouts:
      l4proto === abi.IPPROTO_GRE
        ? { unreplied: view.getUint32(conn + 32, true), stream: view.getUint32(conn + 36, true) }
        : null,
    vtags:
      l4proto === abi.IPPROTO_SCTP
        ? { original: view.getUint32(conn + 32, true), reply: view.getUint32(conn + 36, true) }
        : null,
    windows:
      l4proto === abi.IPPROTO_TCP
        ? {
            original: { scale: bytes[conn + 28] ?? 0, flags: bytes[conn + 30] ?? 0 },
            reply: { scale: bytes[conn + 29] ?? 0, flags: bytes[conn + 31] ?? 0 },
          }
        : null,
    announced: (ext === null ? 0 : view.getUint32(ext + 60, true)) || null,
    start: start || null,
    stop: null,
    time: source.time,
    labels: ext === null ? [] : readLabels(view, ext + 40),
  });
}
