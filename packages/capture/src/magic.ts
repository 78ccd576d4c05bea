// What the first bytes of a file say it is.

import { CaptureError } from "./error.js";
import { isPcap } from "./pcap.js";
import type { Window } from "./window.js";

type FileKind = "pcap" | "pcapng" | "gzip" | "zstd";

/** Files people try that are not read, and what to do about it. */
const FOREIGN: [bytes: number[], what: string][] = [
  [[0x04, 0x22, 0x4d, 0x18], "an LZ4 file; unpack it first: lz4 -d"],
  [[0x02, 0x21, 0x4c, 0x18], "an LZ4 file; unpack it first: lz4 -d"],
  [[0x42, 0x5a, 0x68], "a bzip2 file; unpack it first: bunzip2"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "an xz file; unpack it first: unxz"],
  [[0x50, 0x4b, 0x03, 0x04], "a zip archive; unpack it first: unzip"],
  [[0x73, 0x6e, 0x6f, 0x6f, 0x70, 0x00], "a snoop capture; convert it first: editcap -F pcapng"],
  [[0x47, 0x4d, 0x42, 0x55], "a Network Monitor capture; convert it first: editcap -F pcapng"],
  [[0x52, 0x54, 0x53, 0x53], "a Network Monitor capture; convert it first: editcap -F pcapng"],
  [[0xa1, 0x2b, 0x3c, 0x4d], "Navtel's variant of pcap, whose records are not documented; convert it with their tools"],
  [[0x4d, 0x3c, 0x2b, 0xa1], "Navtel's variant of pcap, whose records are not documented; convert it with their tools"],
  [[0xa1, 0xb2, 0x34, 0xcd], "a variant of pcap that was reserved and never documented"],
  [[0xcd, 0x34, 0xb2, 0xa1], "a variant of pcap that was reserved and never documented"],
];

const LONGEST = 6;

/** Looks at the window's first bytes and consumes nothing. */
export async function detect(window: Window): Promise<FileKind> {
  await window.fill(LONGEST);
  const head = window.bytes.subarray(window.start, window.start + Math.min(LONGEST, window.size));
  if (head.length === 0) {
    throw new CaptureError("empty", window.offset, "the capture is empty: there is no byte to read");
  }
  if (begins(head, [0x0a, 0x0d, 0x0d, 0x0a])) return "pcapng";
  if (isPcap(head)) return "pcap";
  if (begins(head, [0x1f, 0x8b])) return "gzip";
  if (begins(head, [0x28, 0xb5, 0x2f, 0xfd]) || isSkippableFrame(head)) return "zstd";

  const found = Array.from(head.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const foreign = FOREIGN.find(([bytes]) => begins(head, bytes));
  throw new CaptureError(
    "format",
    window.offset,
    `this is not a capture that can be read: it begins with the bytes ${found}` +
      (foreign ? `, which is ${foreign[1]}` : ". Read are pcap and pcapng files, also when compressed by gzip or zstd"),
  );
}

/** A zstd file may begin with a frame of metadata, as pzstd writes it: 184d2a50 to 184d2a5f. */
function isSkippableFrame(head: Uint8Array): boolean {
  return head.length >= 4 && ((head[0] as number) & 0xf0) === 0x50 && begins(head.subarray(1), [0x2a, 0x4d, 0x18]);
}

function begins(head: Uint8Array, bytes: readonly number[]): boolean {
  return bytes.every((byte, i) => head[i] === byte);
}
