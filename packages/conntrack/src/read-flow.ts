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
  /** The connection ended then. */
  readonly ended?: boolean;
  readonly id: (serial: number) => number;
}

/** What a tuple is read from. */
export type TupleSource = Pick<ConnSource, "bytes" | "view" | "conn" | "addr6">;

function addressText({ bytes, conn, addr6 }: TupleSource, side: 0 | 1): string {
  return bytes[conn + 13] === abi.L3_IPV4 ? ipv4Text(bytes, conn + 4 * side) : ipv6Text(bytes, addr6 + 16 * side);
}

/** The tuple of one direction: side A first unless swapped. */
export function readTuple(source: TupleSource, swapped: boolean, isReply: boolean): Tuple {
  return tupleOf(source, swapped, isReply, addressText(source, 0), addressText(source, 1));
}

// `a` and `b`: the addresses of the sides; texts are what a flow's tuples cost most.
function tupleOf({ bytes, view, conn }: TupleSource, swapped: boolean, isReply: boolean, a: string, b: string): Tuple {
  const l4proto = bytes[conn + 12] ?? 0;
  const src = swapped ? b : a;
  const dst = swapped ? a : b;
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
  const from = view.getUint16(conn + (swapped ? 10 : 8));
  const to = view.getUint16(conn + (swapped ? 8 : 10));
  if (hasPorts(l4proto)) return { src, dst, sport: from, dport: to };
  if (l4proto === abi.IPPROTO_GRE) return { src, dst, srckey: from, dstkey: to };
  return { src, dst };
}

const TWO_32 = 0x1_0000_0000;
const ZONE_DIRECTIONS = ["both", "original", "reply"] as const;

// Most counters are small, and a BigInt made of a number takes a call into the runtime.
const SMALL = Array.from({ length: 2048 }, (_, n) => BigInt(n));
const bigInt = (n: number): bigint => SMALL[n] ?? BigInt(n);

function readCounter(view: DataView, at: number): Counter {
  const low = view.getUint32(at, true);
  const high = view.getUint32(at + 4, true);
  return {
    packets: bigInt((high >>> 16) * TWO_32 + view.getUint32(at + 8, true)),
    bytes: bigInt((high & 0xffff) * TWO_32 + low),
  };
}

function readLabels(view: DataView, at: number): number[] {
  const labels: number[] = [];
  for (let word = 0; word < 4; word++) {
    const bits = view.getUint32(at + 4 * word, true);
    for (let bit = 0; bit < 32 && bits >>> bit !== 0; bit++) if ((bits >>> bit) & 1) labels.push(32 * word + bit);
  }
  return labels;
}

export function readFlow(source: ConnSource): Flow {
  const { bytes, view, conn } = source;
  const raw = view.getUint32(conn + abi.CONN_STATUS, true);
  const l4proto = bytes[conn + 12] ?? 0;
  const serial = view.getUint32(conn + abi.CONN_SERIAL, true);
  const swapped = (raw & abi.STATUS_SWAPPED) !== 0;
  const ext = raw & abi.STATUS_EXT ? source.ext : null;
  const a = addressText(source, 0);
  const b = addressText(source, 1);
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
    original: tupleOf(source, swapped, false, a, b),
    reply: tupleOf(source, !swapped, true, a, b),
    mark: view.getUint32(conn + abi.CONN_MARK, true),
    zone: view.getUint16(conn + 14, true),
    zoneDirection: ZONE_DIRECTIONS[ext === null ? 0 : (bytes[ext + 9] ?? 0)] ?? "both",
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
    stop: source.ended && start ? source.time : null,
    time: source.time,
    labels: ext === null ? [] : readLabels(view, ext + 40),
  });
}
