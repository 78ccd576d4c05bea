// A mix as a pcap file.
import { closeSync, openSync, writeSync } from "node:fs";
import { type Mix, mixChunks } from "./mix.js";

/** Records end behind the headers; that is what a link of Ethernet was cut to. */
const SNAPLEN = 128;

/** Writes the file and returns how many packets are in it, and its size. */
export function writeCapture(path: string, mix: Mix): { packets: number; bytes: number } {
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, 0xa1b2c3d4, true);
  header.setUint16(4, 2, true);
  header.setUint16(6, 4, true);
  header.setUint32(16, SNAPLEN, true);
  header.setUint32(20, 1, true);
  const file = openSync(path, "w");
  let packets = 0;
  let bytes = 24;
  try {
    writeSync(file, new Uint8Array(header.buffer));
    for (const chunk of mixChunks(mix, 8192)) {
      for (let at = 0; at < chunk.bytes.length; ) at += writeSync(file, chunk.bytes, at);
      packets += chunk.packets;
      bytes += chunk.bytes.length;
    }
  } finally {
    closeSync(file);
  }
  return { packets, bytes };
}
