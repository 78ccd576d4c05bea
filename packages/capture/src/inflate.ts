// Deflate (RFC 1951), unpacked piece by piece.
//
// The decoder stops between two symbols when the bytes at hand could run out in the middle of one, and goes on when it is
// called with more; nothing is read twice and no state hangs in closures.
//
//   output  │ 32 KiB history │ new bytes … │       matches copy from history; when full, the tail becomes history

const HISTORY = 32_768;
const OUTPUT = HISTORY + 262_144;

/** Longest match, and what may be written before the next check. */
const MAX_MATCH = 258;

/** Most bytes a symbol pair makes us read: two before each of its four parts. */
const MAX_SYMBOL = 8;
/** Most bytes that wait in `bits`. */
const READ_AHEAD = 4;
/** Most bytes the description of a dynamic block takes: 17 bits, 19 lengths of 3 bits, 320 codes of 7 + 7 bits. */
const MAX_TABLES = 600;

/** Base and extra bits of match lengths 257 … 285 and distances 0 … 29, as in the RFC. */
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** What is wrong with the data. `ended`: nothing but that there are no more. */
export class InflateError extends Error {
  get ended(): boolean {
    return this.message === ENDED;
  }
}

const ENDED = "the data end inside a block";

type Stage = "block" | "stored" | "codes" | "done";

export class Inflate {
  private stage: Stage = "block";
  private last = false;
  private storedLeft = 0;
  private literals: Huffman = FIXED_LITERALS;
  private distances: Huffman = FIXED_DISTANCES;
  private bits = 0;
  private bitCount = 0;
  private readonly output = new Uint8Array(OUTPUT);
  private written = HISTORY;
  private taken = HISTORY;
  private total = 0;
  private input: Uint8Array = new Uint8Array(0);
  private at = 0;

  get done(): boolean {
    return this.stage === "done";
  }

  get used(): number {
    return this.at;
  }

  /** The bytes unpacked since the last call; valid until `run`. */
  take(): Uint8Array {
    const bytes = this.output.subarray(this.taken, this.written);
    this.taken = this.written;
    return bytes;
  }

  /**
   * Unpacks from `input` until it is used up, the output is full, or the data end; `used` says how many bytes of it were
   * used. `final`: no more will come. Throws InflateError; `take` then has what came before.
   */
  run(input: Uint8Array, final: boolean): void {
    this.input = input;
    this.at = 0;
    this.makeRoom();
    while (!this.done && this.written + MAX_MATCH <= OUTPUT && this.step(final)) {}
    this.giveBackBytes();
  }

  /** Each stage does what it can; false when it needs more input. */
  private step(final: boolean): boolean {
    switch (this.stage) {
      case "block":
        return this.beginBlock(final);
      case "stored":
        return this.copyStored(final);
      case "codes":
        return this.decode(final);
      case "done":
        return false;
    }
  }

  private makeRoom(): void {
    if (this.written + MAX_MATCH <= OUTPUT) return;
    this.output.copyWithin(0, this.written - HISTORY, this.written);
    this.written = HISTORY;
    this.taken = HISTORY;
  }

  private beginBlock(final: boolean): boolean {
    this.giveBackBytes();
    if (this.input.length - this.at < MAX_TABLES && !final) return false;
    this.last = this.read(1) === 1;
    switch (this.read(2)) {
      case 0: {
        this.read(this.bitCount & 7);
        const length = this.read(16);
        if ((length ^ 0xffff) !== this.read(16))
          throw new InflateError("the length of a stored block does not match its check");
        this.giveBackBytes();
        this.storedLeft = length;
        this.stage = "stored";
        return true;
      }
      case 1:
        this.literals = FIXED_LITERALS;
        this.distances = FIXED_DISTANCES;
        break;
      case 2:
        this.readTables();
        break;
      default:
        throw new InflateError("a block has the type that is not used");
    }
    this.stage = "codes";
    return true;
  }

  private copyStored(final: boolean): boolean {
    const count = Math.min(this.storedLeft, this.input.length - this.at, OUTPUT - this.written);
    this.output.set(this.input.subarray(this.at, this.at + count), this.written);
    this.at += count;
    this.written += count;
    this.total += count;
    this.storedLeft -= count;
    if (this.storedLeft === 0) this.endBlock();
    else if (this.at === this.input.length) {
      if (final) throw new InflateError(ENDED);
      return false;
    }
    return true;
  }

  private endBlock(): void {
    this.stage = this.last ? "done" : "block";
  }

  /** Literals and matches, until the block, the input or the room ends. The hot loop: state lives in locals. */
  private decode(final: boolean): boolean {
    const { input, output } = this;
    const literals = this.literals.table;
    const distances = this.distances.table;
    const literalMask = (1 << this.literals.bits) - 1;
    const distanceMask = (1 << this.distances.bits) - 1;
    const inputEnd = input.length;
    const stop = final ? inputEnd + READ_AHEAD : inputEnd - MAX_SYMBOL;
    let { bits, bitCount, at, written } = this;
    const writtenBefore = written;
    let wantsMore = false;
    let wrong = "";
    for (;;) {
      if (written + MAX_MATCH > OUTPUT) break;
      if (at > stop) {
        wantsMore = true;
        break;
      }
      if (bitCount < 16) {
        bits |= ((input[at] as number) | ((input[at + 1] as number) << 8)) << bitCount; // behind the end: 0
        at += 2;
        bitCount += 16;
      }
      let entry = literals[bits & literalMask] as number;
      bits >>>= entry & 15;
      bitCount -= entry & 15;
      const symbol = entry >> 4;
      if (at > inputEnd && at - (bitCount >> 3) > inputEnd) break;
      if (symbol < 256) {
        if (entry === 0) {
          wrong = "a code that stands for nothing";
          break;
        }
        output[written++] = symbol;
        continue;
      }
      if (symbol === 256) {
        this.endBlock();
        break;
      }
      if (symbol > 285) {
        wrong = "a match length that is not used";
        break;
      }
      if (bitCount < 16) {
        bits |= ((input[at] as number) | ((input[at + 1] as number) << 8)) << bitCount;
        at += 2;
        bitCount += 16;
      }
      const lengthExtra = LENGTH_EXTRA[symbol - 257] as number;
      const length = (LENGTH_BASE[symbol - 257] as number) + (bits & ((1 << lengthExtra) - 1));
      bits >>>= lengthExtra;
      bitCount -= lengthExtra;

      if (bitCount < 16) {
        bits |= ((input[at] as number) | ((input[at + 1] as number) << 8)) << bitCount;
        at += 2;
        bitCount += 16;
      }
      entry = distances[bits & distanceMask] as number;
      bits >>>= entry & 15;
      bitCount -= entry & 15;
      const code = entry >> 4;
      if (entry === 0 || code > 29) {
        wrong = "a match distance that is not used";
        break;
      }
      const distanceExtra = DISTANCE_EXTRA[code] as number;
      if (bitCount < 16) {
        bits |= ((input[at] as number) | ((input[at + 1] as number) << 8)) << bitCount;
        at += 2;
        bitCount += 16;
      }
      const distance = (DISTANCE_BASE[code] as number) + (bits & ((1 << distanceExtra) - 1));
      bits >>>= distanceExtra;
      bitCount -= distanceExtra;
      if (at > inputEnd && at - (bitCount >> 3) > inputEnd) break;
      if (distance > HISTORY || distance > this.total + written - writtenBefore) {
        wrong = "a match that begins before the data";
        break;
      }
      let from = written - distance;
      for (const end = written + length; written < end; ) output[written++] = output[from++] as number;
    }
    this.bits = bits;
    this.bitCount = bitCount;
    this.at = at;
    this.written = written;
    this.total += written - writtenBefore;
    if (at - (bitCount >> 3) > inputEnd) throw new InflateError(ENDED);
    if (wrong !== "") throw new InflateError(`there is ${wrong}`);
    return !wantsMore;
  }

  /** The codes of a dynamic block, themselves coded (RFC 1951 §3.2.7). */
  private readTables(): void {
    const literalCount = this.read(5) + 257;
    const distanceCount = this.read(5) + 1;
    const codeCount = this.read(4) + 4;
    const lengths = new Uint8Array(19);
    for (let i = 0; i < codeCount; i++) lengths[CODE_LENGTH_ORDER[i] as number] = this.read(3);
    const codes = new Huffman(lengths);

    const all = new Uint8Array(literalCount + distanceCount);
    for (let i = 0; i < all.length; ) {
      const symbol = this.symbol(codes);
      if (symbol < 16) {
        all[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) throw new InflateError("a table repeats a length before there is one");
      const value = symbol === 16 ? (all[i - 1] as number) : 0;
      const repeat = symbol === 16 ? 3 + this.read(2) : symbol === 17 ? 3 + this.read(3) : 11 + this.read(7);
      if (i + repeat > all.length) throw new InflateError("a table has more lengths than it announced");
      all.fill(value, i, i + repeat);
      i += repeat;
    }
    if (all[256] === 0) throw new InflateError("a block has no code for its end");
    this.literals = new Huffman(all.subarray(0, literalCount));
    this.distances = new Huffman(all.subarray(literalCount));
  }

  private symbol(codes: Huffman): number {
    this.need(codes.bits);
    const entry = codes.table[this.bits & ((1 << codes.bits) - 1)] as number;
    if (entry === 0) throw new InflateError("there is a code that stands for nothing");
    this.drop(entry & 15);
    return entry >> 4;
  }

  private read(count: number): number {
    this.need(count);
    const value = this.bits & ((1 << count) - 1);
    this.drop(count);
    return value;
  }

  /** Behind the end come zeros, for codes shorter than what is looked at; using one of them is an error. */
  private need(count: number): void {
    while (this.bitCount < count) {
      this.bits |= (this.input[this.at++] ?? 0) << this.bitCount;
      this.bitCount += 8;
    }
  }

  private drop(count: number): void {
    this.bits >>>= count;
    this.bitCount -= count;
    if (this.at - (this.bitCount >> 3) > this.input.length) throw new InflateError(ENDED);
  }

  /** Whole bytes read ahead go back to the input; bits of a byte begun stay. */
  private giveBackBytes(): void {
    this.at -= this.bitCount >> 3;
    this.bitCount &= 7;
    this.bits &= (1 << this.bitCount) - 1;
  }
}

/** A Huffman code as one table, indexed by the next `bits` bits; an entry is symbol << 4 | length, 0 for no code. */
class Huffman {
  readonly bits: number;
  readonly table: Uint16Array;

  constructor(lengths: Uint8Array) {
    const counts = new Uint16Array(16);
    for (const length of lengths) counts[length] = (counts[length] as number) + 1;
    counts[0] = 0;
    let bits = 15;
    while (bits > 1 && counts[bits] === 0) bits--;
    this.bits = bits;
    this.table = new Uint16Array(1 << bits);

    const next = new Uint16Array(16);
    let code = 0;
    for (let length = 1; length <= 15; length++) {
      code = (code + (counts[length - 1] as number)) << 1;
      next[length] = code;
      if (code + (counts[length] as number) > 1 << length) throw new InflateError("a table has more codes than fit");
    }
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      const length = lengths[symbol] as number;
      if (length === 0) continue;
      const own = next[length] as number;
      next[length] = own + 1;
      const entry = (symbol << 4) | length;
      for (let i = reverse(own, length); i < this.table.length; i += 1 << length) this.table[i] = entry;
    }
  }
}

/** Codes are packed from their top bit, everything else from the lowest. */
function reverse(code: number, length: number): number {
  let reversed = 0;
  for (let i = 0; i < length; i++) reversed |= ((code >> i) & 1) << (length - 1 - i);
  return reversed;
}

const FIXED_LITERALS = new Huffman(
  Uint8Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8)),
);
const FIXED_DISTANCES = new Huffman(new Uint8Array(32).fill(5));
