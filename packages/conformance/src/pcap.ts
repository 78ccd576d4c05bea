// Classic pcap files, as far as recordings and golden files need them: one block in memory, raw IP or Ethernet.

import type { TimedPacket } from "./kernel.js";

export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;

const MAGIC_MICRO = 0xa1b2c3d4;
const MAGIC_NANO = 0xa1b23c4d;
const ETHERNET_HEADER = 14;

/** Packets of a file, from the IP header on (behind the EtherType); times in milliseconds after the first. */
export function readPcap(bytes: Buffer): TimedPacket[] {
  const little = [MAGIC_MICRO, MAGIC_NANO].includes(bytes.readUInt32LE(0));
  const u32 = (at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const magic = u32(0);
  if (magic !== MAGIC_MICRO && magic !== MAGIC_NANO) throw new Error("not a pcap file");
  const perSecond = magic === MAGIC_NANO ? 1e9 : 1e6;
  const link = u32(20) & 0xffff;
  if (link !== LINKTYPE_RAW && link !== LINKTYPE_ETHERNET) throw new Error(`link type ${link}`);

  const packets: TimedPacket[] = [];
  let first: { seconds: number; fraction: number } | null = null;
  for (let at = 24; at + 16 <= bytes.length; ) {
    const [seconds, fraction, length] = [u32(at), u32(at + 4), u32(at + 8)];
    const data = bytes.subarray(at + 16, at + 16 + length);
    first ??= { seconds, fraction };
    const time = (seconds - first.seconds) * 1000 + ((fraction - first.fraction) / perSecond) * 1000;
    if (link === LINKTYPE_RAW) packets.push({ time, data });
    else if (length >= ETHERNET_HEADER)
      packets.push({ time, data: data.subarray(ETHERNET_HEADER), etherType: data.readUInt16BE(12) });
    at += 16 + length;
  }
  return packets;
}

/** A file of raw IP packets; `start`: seconds since the epoch. */
export function writePcap(packets: readonly TimedPacket[], start = 1_700_000_000): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(MAGIC_MICRO, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(262_144, 16);
  head.writeUInt32LE(LINKTYPE_RAW, 20);
  const parts: Uint8Array[] = [head];
  for (const { time, data } of packets) {
    const micros = Math.round(time * 1000);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(start + Math.floor(micros / 1e6), 0);
    record.writeUInt32LE(micros % 1e6, 4);
    record.writeUInt32LE(data.length, 8);
    record.writeUInt32LE(data.length, 12);
    parts.push(record, data);
  }
  return Buffer.concat(parts);
}
