// Standard output in large pieces, waiting when the reader is slow.
import { EXIT_DONE, EXIT_INPUT, messageOf } from "./exit.js";

/** `ctrack … | head` ends quietly: nobody reads any more. */
export function watchStdout(): void {
  process.stderr.on("error", () => {}); // nobody reads remarks: no reason to stop
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT_DONE);
    process.stderr.write(`ctrack: cannot write: ${messageOf(error)}\n`);
    process.exit(EXIT_INPUT);
  });
}

const PIECE = 1 << 16;

/** Text for standard output. `write` collects, `flush` hands over and waits. */
export class Output {
  #text = "";

  write(text: string): void {
    this.#text += text;
  }

  line(text = ""): void {
    this.#text += `${text}\n`;
  }

  /** True when enough has come together to be worth a system call. */
  get full(): boolean {
    return this.#text.length >= PIECE;
  }

  async flush(): Promise<void> {
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    await writeOut(text);
  }
}

/** Writes and waits until it is taken. */
export function writeOut(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    // an error arrives as an event: watchStdout() ends the program
    process.stdout.write(data, (error) => {
      if (!error) resolve();
    });
  });
}

/** A remark for people, beside the data. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
