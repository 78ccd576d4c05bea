// Writes packed encoding rules (X.691, aligned): what the H.323 dialogues are made of.

/** Octets, or something that writes itself. */
export type Part = (w: Per) => void;

export class Per {
  readonly #bytes: number[] = [];
  #free = 0;

  bits(value: number, count: number): this {
    for (let i = count - 1; i >= 0; i--) {
      if (this.#free === 0) {
        this.#bytes.push(0);
        this.#free = 8;
      }
      this.#free--;
      const last = this.#bytes.length - 1;
      this.#bytes[last] = (this.#bytes[last] as number) | (((value >>> i) & 1) << this.#free);
    }
    return this;
  }

  align(): this {
    this.#free = 0;
    return this;
  }

  bytes(bytes: Iterable<number>): this {
    this.align();
    this.#bytes.push(...bytes);
    return this;
  }

  word(value: number): this {
    return this.bytes([value >> 8, value & 255]);
  }

  length(value: number): this {
    return this.bytes(value < 128 ? [value] : [0x80 | (value >> 8), value & 255]);
  }

  put(part: Part | undefined): this {
    part?.(this);
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

export const encode = (part: Part): Uint8Array => new Per().put(part).done();

/** Behind its length. */
export const open =
  (part: Part | Uint8Array): Part =>
  (w) => {
    const bytes = typeof part === "function" ? encode(part) : part;
    w.length(bytes.length).bytes(bytes);
  };

/** SEQUENCE with the extension marker: flags of the optional fields, the fields, and the additions from the first on. */
export const sequence =
  (
    present: readonly boolean[],
    fields: readonly Part[],
    additions: readonly (Part | Uint8Array | undefined)[] = [],
  ): Part =>
  (w) => {
    w.bits(additions.length > 0 ? 1 : 0, 1);
    for (const here of present) w.bits(here ? 1 : 0, 1);
    for (const field of fields) w.put(field);
    if (additions.length === 0) return;
    w.bits(additions.length - 1, 7);
    for (const addition of additions) w.bits(addition ? 1 : 0, 1);
    w.align();
    for (const addition of additions) if (addition) w.put(open(addition));
  };

/** CHOICE with the extension marker; `bits` of its index, or an addition. */
export const choice =
  (bits: number, index: number, part?: Part): Part =>
  (w) =>
    w.bits(0, 1).bits(index, bits).put(part);

export const addition =
  (index: number, part: Part | Uint8Array): Part =>
  (w) =>
    w.bits(1, 1).bits(index, 7).put(open(part));

export const list =
  (items: readonly Part[]): Part =>
  (w) => {
    w.length(items.length);
    for (const item of items) w.put(item);
  };

export const word =
  (value: number): Part =>
  (w) =>
    w.word(value);

export const octets =
  (bytes: Iterable<number>): Part =>
  (w) =>
    w.bytes(bytes);

export const flag =
  (value: boolean): Part =>
  (w) =>
    w.bits(value ? 1 : 0, 1);

/** Number of more than 16 bits: its length in two bits. */
export const long =
  (value: number, lower = 0): Part =>
  (w) => {
    const bytes = [24, 16, 8, 0].map((shift) => ((value - lower) >>> shift) & 255);
    while (bytes.length > 1 && bytes[0] === 0) bytes.shift();
    w.bits(bytes.length - 1, 2).bytes(bytes);
  };

export const oid =
  (...bytes: number[]): Part =>
  (w) =>
    w.length(bytes.length).bytes(bytes);

/** BMPString (1..128). */
export const bmp =
  (text: string): Part =>
  (w) =>
    w.bits(text.length - 1, 7).bytes([...text].flatMap((letter) => [0, letter.charCodeAt(0)]));
