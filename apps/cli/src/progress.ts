// One line on a terminal while a long file is read.
import type { Input } from "./input.js";

const INTERVAL = 200;
/** Nothing is shown for what is done in a moment. */
const PATIENCE = 600;

export class Progress {
  readonly #input: Pick<Input, "packets" | "position" | "size">;
  readonly #on: boolean;
  #due = Date.now() + PATIENCE;
  #shown = false;

  constructor(input: Pick<Input, "packets" | "position" | "size">, wanted: boolean) {
    this.#input = input;
    this.#on = wanted && process.stderr.isTTY === true;
  }

  update(): void {
    if (!this.#on) return;
    const now = Date.now();
    if (now < this.#due) return;
    this.#due = now + INTERVAL;
    this.#shown = true;
    const { packets, position, size } = this.#input;
    const part = size === null ? "" : `${Math.floor((position / size) * 100)}%  `;
    process.stderr.write(`\r\x1b[K${part}${packets.toLocaleString("en")} packets`);
  }

  clear(): void {
    if (this.#shown) process.stderr.write("\r\x1b[K");
    this.#shown = false;
  }
}
