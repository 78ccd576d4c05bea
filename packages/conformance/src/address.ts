// IP addresses between text and bytes.

/** 4 or 16 bytes of `10.0.0.1` or `2001:db8::1` (also `::ffff:10.0.0.1`). */
export function parseAddress(text: string): Uint8Array {
  return text.includes(":") ? parse6(text) : parse4(text);
}

function parse4(text: string): Uint8Array {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255)))
    throw new Error(`not an address: ${text}`);
  return Uint8Array.from(parts);
}

function parse6(text: string): Uint8Array {
  const [head, tail, ...more] = text.split("::");
  if (more.length > 0) throw new Error(`not an address: ${text}`);
  const left = words(head ?? "");
  const right = tail === undefined ? [] : words(tail);
  const gap = 8 - left.length - right.length;
  if (tail === undefined ? gap !== 0 : gap < 0) throw new Error(`not an address: ${text}`);
  const bytes = new Uint8Array(16);
  [...left, ...Array<number>(gap).fill(0), ...right].forEach((word, i) => {
    bytes[2 * i] = word >> 8;
    bytes[2 * i + 1] = word;
  });
  return bytes;
}

function words(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((part) => {
    if (part.includes(".")) {
      const [a = 0, b = 0, c = 0, d = 0] = parse4(part);
      return [(a << 8) | b, (c << 8) | d];
    }
    if (!/^[0-9a-f]{1,4}$/i.test(part)) throw new Error(`not a part of an address: ${part}`);
    return [Number.parseInt(part, 16)];
  });
}

/** Text of 4 or 16 bytes; IPv6 compressed (RFC 5952). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const parts = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)).toString(16),
  );
  let best = { start: 0, length: 1 }; // a single zero is not compressed
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && parts[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length === 1) return parts.join(":");
  return `${parts.slice(0, best.start).join(":")}::${parts.slice(best.start + best.length).join(":")}`;
}
