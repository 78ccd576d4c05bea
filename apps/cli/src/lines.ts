// The lines of `-o json` by a module of WebAssembly: common packets in a tenth of the time JavaScript takes. It has the results
// and traces copied into its memory, and asks for the texts it does not know; what is not common, json.ts writes between.
// packages/core/assembly/lines/ has the module, test/lines.test.ts holds it against json.ts.
import { readFile } from "node:fs/promises";
import type { Results } from "conntrack-wasm";
import type { Headers } from "./headers.js";
import { connectionText, DIRECTIONS, entryText, JsonLines, STATES, TEXTS } from "./json.js";
import { RawTraces, TRACE_SIZE } from "./raw-trace.js";

/** What the module exports: functions, and its layout as constants. */
interface LineWriter {
  readonly memory: WebAssembly.Memory;
  write(i: number, count: number, firstFrame: number): number;
  stopReason(): number;
  linesEnd(): number;
  setLinesEnd(at: number): void;
  missingEntry(): number;
  entryAt(wanted: number): number;
  connectionAt(conn: number, kind: number): number;
}

type Layout = Readonly<Record<string, number>>;

const utf8 = new TextEncoder();
const TWO_32 = 0x1_0000_0000;

/** Takes bytes; they are valid until it is done. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

export class FastLines {
  readonly #writer: LineWriter;
  readonly #layout: Layout;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #times: Uint32Array;
  readonly #json = new JsonLines();
  #traces: RawTraces | null = null;

  static async open(): Promise<FastLines> {
    const module = await WebAssembly.compile(await readFile(new URL("./lines.wasm", import.meta.url)));
    return new FastLines(new WebAssembly.Instance(module).exports);
  }

  private constructor(exports: WebAssembly.Exports) {
    this.#writer = exports as unknown as LineWriter;
    const constants = Object.entries(exports).filter(([, value]) => value instanceof WebAssembly.Global);
    const layout: Layout = Object.fromEntries(
      constants.map(([name, value]) => [name, (value as WebAssembly.Global).value >>> 0]),
    );
    const { buffer } = this.#writer.memory;
    this.#layout = layout;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#times = new Uint32Array(buffer, layout.TIMES_AT, 2 * (layout.PACKETS as number));
    this.#setPieces();
  }

  #setPieces(): void {
    const { PIECES_AT = 0, TEXT_SIZE = 0, PIECE_STATES = 0 } = this.#layout;
    const set = (piece: number, text: string) => this.#setText(PIECES_AT + piece * TEXT_SIZE, 0, 0, text);
    for (const [name, text] of Object.entries(TEXTS)) {
      set(this.#layout[`PIECE_${name.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()}`] as number, text);
    }
    for (const [state, stateText] of STATES.entries()) {
      for (const [direction, directionText] of DIRECTIONS.entries()) {
        const text = `,"state":${stateText},"direction":${directionText},"conn":`;
        set(PIECE_STATES + state * DIRECTIONS.length + direction, text);
      }
    }
  }

  // A text of the module's: whose it is, its size, its bytes.
  #setText(at: number, first: number, second: number, text: string): void {
    const { TEXT_AT = 0, MOST_TEXT = 0, NO_TEXT = 0 } = this.#layout;
    const place = this.#bytes.subarray(at + TEXT_AT, at + TEXT_AT + MOST_TEXT);
    const { read, written } = utf8.encodeInto(text, place);
    this.#words.set([first, second, read === text.length ? written : NO_TEXT], at >>> 2);
  }

  /** Writes the lines of a part; the headers stand before its first packet. */
  async add(results: Results, headers: Headers, sink: Sink): Promise<void> {
    const { PACKETS = 0 } = this.#layout;
    if (this.#traces?.source !== results) this.#traces = new RawTraces(results);
    for (let first = 0; first < results.count; first += PACKETS) {
      await this.#addSome(results, headers, first, Math.min(results.count - first, PACKETS), sink);
    }
    await this.#flush(sink);
  }

  async #addSome(results: Results, headers: Headers, first: number, count: number, sink: Sink): Promise<void> {
    const { STOP_DONE, STOP_CONNECTION, STOP_ENTRY, STOP_FULL } = this.#layout;
    const representable = this.#load(results, headers, first, count);
    const firstFrame = results.firstFrame + first;
    for (let i = 0; i < count; ) {
      const reached = representable ? this.#writer.write(i, count, firstFrame) >>> 0 : i;
      const reason = representable ? this.#writer.stopReason() : null;
      i = reached;
      if (reason === STOP_DONE) return;
      if (reason === STOP_FULL) await this.#flush(sink);
      else if (reason === STOP_CONNECTION) this.#giveConnection(results, first + i);
      else if (reason === STOP_ENTRY) this.#giveEntry();
      else {
        await this.#addUncommon(results, first, i, sink);
        i++;
      }
    }
  }

  // Copies what the module wants to know. False when a time is later than 2106, for which it has no room.
  #load(results: Results, headers: Headers, first: number, count: number): boolean {
    const { RESULTS_AT = 0, TRACES_AT = 0 } = this.#layout;
    const { bytes, base } = this.#traces as RawTraces;
    this.#words.set(results.words.subarray(2 * first, 2 * (first + count)), RESULTS_AT >>> 2);
    this.#bytes.set(bytes.subarray(base + first * TRACE_SIZE, base + (first + count) * TRACE_SIZE), TRACES_AT);
    const times = this.#times;
    let latest = 0;
    this.#late = [];
    for (let k = 0; k < 2 * count; k += 2) {
      headers.advance();
      times[k] = headers.seconds;
      times[k + 1] = headers.nanoseconds;
      if (headers.seconds > latest) latest = headers.seconds;
      if (headers.seconds >= TWO_32) this.#late[k >>> 1] = headers.seconds;
    }
    return latest < TWO_32;
  }

  /** Seconds that do not fit `#times`, by packet. */
  #late: number[] = [];

  async #addUncommon(results: Results, first: number, i: number, sink: Sink): Promise<void> {
    const seconds = this.#late[i] ?? (this.#times[2 * i] as number);
    this.#json.clear();
    this.#json.add(results, { seconds, nanoseconds: this.#times[2 * i + 1] as number }, first + i);
    const { lines } = this.#json;
    const { LINES_AT = 0, LINES_SIZE = 0 } = this.#layout;
    if ((this.#writer.linesEnd() >>> 0) + lines.length > LINES_AT + LINES_SIZE) await this.#flush(sink);
    const end = this.#writer.linesEnd() >>> 0;
    this.#bytes.set(lines, end);
    this.#writer.setLinesEnd(end + lines.length);
  }

  #giveConnection(results: Results, i: number): void {
    const conn = results.conn(i);
    const kind = (results.words[2 * i] as number) & 0xffff;
    this.#setText(this.#writer.connectionAt(conn, kind) >>> 0, conn, kind, connectionText(results, i, conn));
  }

  #giveEntry(): void {
    const wanted = this.#writer.missingEntry() >>> 0;
    const entry = wanted >>> 8;
    const text = entryText(entry & 1 ? "after" : "before", wanted & 255, (entry >>> 1) & 15, entry >>> 5);
    this.#setText(this.#writer.entryAt(wanted) >>> 0, wanted + 1, 0, text);
  }

  async #flush(sink: Sink): Promise<void> {
    const { LINES_AT = 0 } = this.#layout;
    const end = this.#writer.linesEnd() >>> 0;
    if (end > LINES_AT) await sink(this.#bytes.subarray(LINES_AT, end));
    this.#writer.setLinesEnd(LINES_AT);
  }
}
