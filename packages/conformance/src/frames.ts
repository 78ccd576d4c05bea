// An IP packet in a frame of some link layer.

import type { Random } from "./dice.js";
import type { EngineFrame } from "./kernel.js";

export interface Framed {
  /** What the kernel's side calls it: the EtherType of its version. */
  readonly etherType: number;
  readonly frame: EngineFrame;
}

const ETHERTYPE = { 4: "0800", 6: "86dd" } as const;
const PPP = { 4: "0021", 6: "0057" } as const;
const FAMILY = { 4: "02", 6: "1e" } as const;
const MACS = "020000000002020000000001";
const SNAP = "aaaa03000000";

/** Headers in hex by LINKTYPE_ number; a family decides what is said of the packet. */
// biome-ignore format: a table
const HEADERS: readonly (readonly [link: number, header: (family: 4 | 6) => string])[] = [
  [1, (f) => `${MACS}${ETHERTYPE[f]}`],
  [1, (f) => `${MACS}81000001${ETHERTYPE[f]}`],
  [1, (f) => `${MACS}88a8000181000002${ETHERTYPE[f]}`],
  [1, (f) => `${MACS}9100000181000002810000038100e004${ETHERTYPE[f]}`],
  [1, () => `${MACS}8847000102ff000103ff`],
  [1, () => `${MACS}884800002140`],
  [1, (f) => `${MACS}8864110000010030${PPP[f]}`],
  [1, (f) => `${MACS}810000058864110000010030${PPP[f]}`],
  [1, (f) => `${MACS}0100${SNAP}${ETHERTYPE[f]}`],
  [113, (f) => `0004000100060200000000010000${ETHERTYPE[f]}`],
  [113, (f) => `00040001000602000000000100008100${"0007"}${ETHERTYPE[f]}`],
  [276, (f) => `${ETHERTYPE[f]}000000000003000104060200000000010000`],
  [101, () => ""],
  [12, () => ""],
  [14, () => ""],
  [0, (f) => `${FAMILY[f]}000000`],
  [0, (f) => `000000${FAMILY[f]}`],
  [108, (f) => `000000${FAMILY[f]}`],
  [9, (f) => PPP[f]],
  [9, (f) => `ff03${PPP[f]}`],
  [50, (f) => `ff03${PPP[f]}`],
  [50, (f) => PPP[f].slice(2)],
  [51, (f) => `110000010030${PPP[f]}`],
  [104, (f) => `0f00${ETHERTYPE[f]}`],
  [105, (f) => `08010000${"02".repeat(18)}0000${SNAP}${ETHERTYPE[f]}`],
  [105, (f) => `88010000${"02".repeat(18)}00000000${SNAP}${ETHERTYPE[f]}`],
  [127, (f) => `000008000000000008020000${"02".repeat(18)}0000${SNAP}${ETHERTYPE[f]}`],
  [6, (f) => `1040${MACS}${SNAP}${ETHERTYPE[f]}`],
  [6, (f) => `1040020000000002820000000001c830001100a20ab0${SNAP}${ETHERTYPE[f]}`],
  [10, (f) => `57${MACS}${SNAP}${ETHERTYPE[f]}`],
  [107, (f) => `184103${f === 4 ? "cc" : "8e"}`],
  [107, (f) => `1841030080000000${ETHERTYPE[f]}`],
  [107, (f) => `1841${ETHERTYPE[f]}`],
  [109, (f) => `000000${FAMILY[f]}0000100100000001`],
  [117, (f) => `3d${FAMILY[f]}${"00".repeat(62)}`],
  [119, (f) => `44000000900000${"00".repeat(137)}08010000${"02".repeat(18)}0000${SNAP}${ETHERTYPE[f]}`],
  [163, (f) => `8021100100000040${"00".repeat(56)}08010000${"02".repeat(18)}0000${SNAP}${ETHERTYPE[f]}`],
  [192, (f) => `000008006900000008020000${"02".repeat(18)}0000${SNAP}${ETHERTYPE[f]}`],
  [239, (f) => `${f === 4 ? "02" : "0a"}00000005000a0061000000`],
];

/** The packet in a frame that a seed picks. Its family is the one its bytes say, or IPv4. */
export function framed(random: Random, data: Uint8Array): Framed {
  const family = (data[0] ?? 0) >> 4 === 6 ? 6 : 4;
  const etherType = family === 6 ? 0x86dd : 0x0800;
  const [link, header] = random.pick(HEADERS);
  let head = header(family);
  if (link === 239) {
    // the packet is a value of type 9, whose length counts its four bytes of header
    const length = Buffer.alloc(2);
    length.writeUInt16LE(Math.min(data.length + 4, 0xffff));
    head += `${length.toString("hex")}0900`;
  }
  const bytes = Buffer.concat([Buffer.from(head, "hex"), data]);
  return { etherType, frame: { link, data: bytes, length: bytes.length } };
}
