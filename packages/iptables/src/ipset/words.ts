// A line of `ipset save` into words, and words into parts.
import { fail, type Word } from "../failure.js";
import { parseBig } from "../number.js";

/** Blanks separate, double quotes keep them; nothing stands for a quote inside of them. */
export function setWords(line: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < line.length) {
    if (/\s/.test(line[at] as string)) {
      at++;
      continue;
    }
    const column = at + 1;
    if (line[at] === '"') {
      const end = line.indexOf('"', at + 1);
      if (end < 0) fail({ text: line.slice(at), column }, 'the quote is not closed; a " is wanted');
      words.push({ text: line.slice(at + 1, end), column });
      at = end + 1;
    } else {
      const end = at + line.slice(at).search(/\s|$/);
      words.push({ text: line.slice(at, end), column });
      at = end;
    }
  }
  return words;
}

/** Pieces between separators, each with its column. */
export function pieces(word: Word, separator: string): Word[] {
  let column = word.column;
  return word.text.split(separator).map((text) => {
    const piece = { text, column };
    column += text.length + separator.length;
    return piece;
  });
}

/** The parts in front of the first separator and behind it. */
export function halves(word: Word, separator: string): [Word, Word] | null {
  const at = word.text.indexOf(separator);
  if (at < 0) return null;
  return [
    { text: word.text.slice(0, at), column: word.column },
    { text: word.text.slice(at + 1), column: word.column + at + 1 },
  ];
}

export const bigOf = (word: Word, max: bigint): bigint =>
  parseBig(word.text, 0n, max) ?? fail(word, `wanted is a number of 0 to ${max}`);
export function numberOf(word: Word, min: number, max: number): number {
  const value = parseBig(word.text, BigInt(min), BigInt(max));
  return value === null ? fail(word, `wanted is a number of ${min} to ${max}`) : Number(value);
}

/** As `0x0a` or `0a`, of at most 32 bits. */
export function hexOf(word: Word, max = 0xffffffff): number {
  const value = /^(0[xX])?[0-9a-fA-F]{1,8}$/.test(word.text) ? Number.parseInt(word.text, 16) : Number.NaN;
  return value <= max ? value : fail(word, `wanted is a hexadecimal number up to ${max.toString(16)}`);
}
