// zstd frames without a compressor: blocks that are stored as they are.

import { concat, LITTLE } from "./bytes.js";

/** One frame, in blocks of `size` bytes, with a window of 128 KiB and no checksum. */
export function zstdStored(data: Uint8Array, size: number): Uint8Array {
  const parts = [LITTLE.u32(0xfd2fb528), Uint8Array.of(0x00, 0x38)];
  for (let at = 0; at === 0 || at < data.length; at += size) {
    const content = data.subarray(at, at + size);
    const last = at + size >= data.length ? 1 : 0;
    parts.push(LITTLE.u32((content.length << 3) | last).subarray(0, 3), content);
  }
  return concat(...parts);
}

export function zstdSkippable(data: Uint8Array): Uint8Array {
  return concat(LITTLE.u32(0x184d2a53, data.length), data);
}

/** A capture of 12 packets of 88 bytes, by `zstd -19 --check`: compressed blocks, matches, a checksum. */
export const ZSTD_SAMPLE = Uint8Array.from(
  atob(
    "KLUv/QRo9QQAFAbUw7KhAgAEAP//AAABAPFTZQBYR0VUIC9pbmRleDAwIEhUVFAvMS4xDQpIb3N0OiBleGFtcGxlLm9yZw0KDQoBATECAjIDAzME" +
      "BDQFBTUGBjYHBzcICDgJCTkKCjEwCwsxMajh6AqFYf8NgDsdUQWFCL/Cxd8LfXuDs20uo3Ruvcgp7g0ijmt+QKWp7CNJTlGvaejZsxI8df2PogYj" +
      "Px6g",
  ),
  (character) => character.charCodeAt(0),
);
