// Packets as blocks of records, in every framing the engine reads.
import { RECORD_DROP, RECORD_HEADER, RECORD_NOTRACK } from "@conntrack-wasm/core/abi";
import type { PacketBlock } from "../../../conntrack/src/index.js";

export interface TimedPacket {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  readonly data: Uint8Array;
  /** Bytes on the wire, when `data` is cut. */
  readonly length?: number;
  /** Default 101, raw IP. */
  readonly link?: number;
  // what only records carry
  readonly zone?: number;
  readonly notrack?: boolean;
  readonly drop?: boolean;
}

export const NS = 1_000_000_000n;
/** 2023-11-14 22:13:20. */
export const START = 1_700_000_000n * NS;

const recordSize = ({ data }: TimedPacket) => (RECORD_HEADER + data.length + 7) & ~7;

export function recordBlock(packets: readonly TimedPacket[]): PacketBlock {
  const bytes = new Uint8Array(packets.reduce((sum, packet) => sum + recordSize(packet), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const packet of packets) {
    const { time, data, length = data.length, link = 101, zone = 0, notrack = false, drop = false } = packet;
    view.setBigUint64(at, time, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, data.length, true);
    view.setUint16(at + 16, link, true);
    view.setUint16(at + 20, (notrack ? RECORD_NOTRACK : 0) | (drop ? RECORD_DROP : 0), true);
    view.setUint16(at + 22, zone, true);
    bytes.set(data, at + RECORD_HEADER);
    at += recordSize(packet);
  }
  return { framing: "records", bytes };
}

export interface PcapOptions {
  readonly link: number;
  readonly swapped?: boolean;
  readonly nanoseconds?: boolean;
}

/** pcap records without the file header; all packets must be of one link type. */
export function pcapBlock(packets: readonly TimedPacket[], options: PcapOptions): PacketBlock {
  const { swapped = false, nanoseconds = false } = options;
  const bytes = new Uint8Array(packets.reduce((sum, { data }) => sum + 16 + data.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { time, data, length = data.length } of packets) {
    view.setUint32(at, Number(time / NS), !swapped);
    view.setUint32(at + 4, Number((time % NS) / (nanoseconds ? 1n : 1000n)), !swapped);
    view.setUint32(at + 8, data.length, !swapped);
    view.setUint32(at + 12, length, !swapped);
    bytes.set(data, at + 16);
    at += 16 + data.length;
  }
  return { framing: "pcap", bytes, ...options };
}

const MACS = Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1);

/** A frame with a VLAN tag (IEEE 802.1Q) in it. */
export function tagged(frame: Uint8Array, vlan: number): Uint8Array {
  const out = new Uint8Array(frame.length + 4);
  out.set(frame.subarray(0, 12));
  out.set([0x81, 0, vlan >> 8, vlan & 255], 12);
  out.set(frame.subarray(12), 16);
  return out;
}

/** An IP packet as an Ethernet frame, padded to 60 bytes as the card does. */
export function ethernet(ip: Uint8Array): Uint8Array {
  const frame = new Uint8Array(Math.max(60, 14 + ip.length));
  frame.set(MACS);
  const v6 = (ip[0] ?? 0) >> 4 === 6;
  frame.set(v6 ? [0x86, 0xdd] : [8, 0], 12);
  frame.set(ip, 14);
  return frame;
}
