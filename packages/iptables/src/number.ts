// Numbers as C's strtoul reads them with base 0: 10, 0x0a and 012 are ten.

const U64 = 1n << 64n;

export interface Prefix {
  /** null: larger than 64 bits. */
  value: bigint | null;
  rest: string;
}

/** The number in front of a text, or null if there is none. A negative number wraps around, as it does in C. */
export function numberPrefix(text: string): Prefix | null {
  const [, sign = "", digits = "", rest = ""] =
    /^[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)(.*)$/s.exec(text) ?? [];
  if (digits === "") return null;
  const octal = /^0[0-7]/.test(digits);
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  if (value >= U64) return { value: null, rest };
  return { value: sign === "-" ? (U64 - value) % U64 : value, rest };
}

/** The whole text as a number in these bounds, or null. */
export function parseBig(text: string, min: bigint, max: bigint): bigint | null {
  const found = numberPrefix(text);
  if (found?.rest !== "" || found.value === null || /^\s*-/.test(text)) return null;
  return found.value >= min && found.value <= max ? found.value : null;
}

export function parseNumber(text: string, min: number, max: number): number | null {
  if (/^(0|[1-9]\d{0,8})$/.test(text)) {
    const value = Number(text);
    return value >= min && value <= max ? value : null;
  }
  const value = parseBig(text, BigInt(min), BigInt(max));
  return value === null ? null : Number(value);
}

export const U8 = 0xff;
export const U16 = 0xffff;
export const U32 = 0xffffffff;

export const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
export const hex2 = (value: number): string => value.toString(16).padStart(2, "0");
