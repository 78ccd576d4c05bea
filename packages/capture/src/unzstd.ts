// zstd where there is no native decoder: fzstd, block by block. Loaded only when a zstd file is opened.

import { Decompress } from "fzstd";
import type { Window } from "./window.js";
import { damaged, zstdPieces } from "./zstd-frame.js";

export async function* unzstd(packed: Window): AsyncGenerator<Uint8Array, void> {
  let ready: Uint8Array[] = [];
  let decoder = new Decompress();
  for await (const piece of zstdPieces(packed)) {
    if (piece.first) decoder = new Decompress((bytes) => ready.push(bytes));
    try {
      decoder.push(piece.bytes.slice(), piece.last); // it keeps what it cannot use yet
    } catch (error) {
      throw damaged(piece.offset, `the decoder says ${error instanceof Error ? error.message : error}`, error);
    }
    yield* ready;
    ready = [];
  }
}
