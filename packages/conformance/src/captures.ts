// Real captures through both: link layers taken off, everything from the IP header on, in order.
//
// A capture goes in parts, each from an empty table and in a namespace of its own. Frames that are not IP, that the
// capture has cut, or whose link layer is not read here are left out on both sides, and counted.

import { CaptureError, openFile } from "conntrack-capture/node";
import { type Comparison, compare } from "./agree.js";
import { ask } from "./ask.js";
import { withKernel } from "./kernel.js";
import type { SequencePacket } from "./sequence.js";

/** Fewer than the engine's side has room for connections. */
const PART = 1000;
/** The devices before the kernel take no more. */
const LONGEST = 65_521;
const STEP = 0.01;

export interface CaptureComparison {
  readonly parts: readonly Comparison[];
  readonly frames: number;
  readonly leftOut: number;
  /** What is wrong with the file behind the last frame. */
  readonly damage: string | null;
}

export async function compareCapture(path: string): Promise<CaptureComparison> {
  const packets: Uint8Array[] = [];
  let frames = 0;
  const capture = await openFile(path);
  let damage: string | null = null;
  try {
    for await (const { data, length, interface: number } of capture.packets()) {
      frames++;
      const link = capture.interfaces[number]?.link ?? -1;
      const at = ipOffset(link, data);
      if (at === null || length !== data.length || data.length - at > LONGEST) continue;
      packets.push(data.slice(at));
    }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    damage = error.message; // all packets before it were read
  }
  const parts: Comparison[] = [];
  for (let start = 0; start < packets.length; start += PART) {
    const part = packets
      .slice(start, start + PART)
      .map((data, i): SequencePacket => ({ time: i * STEP, data, expected: null }));
    const subject = { name: `${path} from packet ${start}`, packets: part, options: {} };
    parts.push(compare(subject, await withKernel({}, (kernel) => ask(kernel, subject))));
  }
  return { parts, frames, leftOut: frames - packets.length, damage };
}

const ETHERTYPES: readonly number[] = [0x0800, 0x86dd];
const VLAN: readonly number[] = [0x8100, 0x88a8, 0x9100];

/** Where the IP header begins; null when there is none, or none we look for. */
export function ipOffset(link: number, frame: Uint8Array): number | null {
  const u16 = (at: number) => ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
  const behind = (typeAt: number, at: number): number | null => {
    let [type, offset] = [u16(typeAt), at];
    for (; VLAN.includes(type); offset += 4) type = u16(offset + 2);
    const version = (frame[offset] ?? 0) >> 4;
    return ETHERTYPES.includes(type) && version === (type === 0x0800 ? 4 : 6) ? offset : null;
  };
  const bare = (at: number): number | null => ([4, 6].includes((frame[at] ?? 0) >> 4) ? at : null);
  switch (link) {
    case 1:
      return behind(12, 14);
    case 113:
      return behind(14, 16);
    case 276:
      return behind(0, 20);
    case 12:
    case 14:
    case 101:
    case 228:
    case 229:
      return bare(0);
    case 0:
    case 108:
      return bare(4);
    default:
      return null;
  }
}
