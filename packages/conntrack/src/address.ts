// Addresses as text: IPv4 dotted, IPv6 as RFC 5952 §4 (with ::ffff:a.b.c.d as inet_ntop writes it).

export function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

// Bytes in hexadecimal, as they begin a group and as they end one. Numbers turned to text one by one took a microsecond an address.
const LEADING = Array.from({ length: 256 }, (_, byte) => byte.toString(16));
const TRAILING = LEADING.map((text) => text.padStart(2, "0"));

function groupText(bytes: Uint8Array, at: number): string {
  const high = bytes[at] as number;
  const low = bytes[at + 1] as number;
  return high === 0 ? (LEADING[low] as string) : (LEADING[high] as string) + (TRAILING[low] as string);
}

// Groups from the `from`-th up to the `to`-th of the address at `at`.
function groupsText(bytes: Uint8Array, at: number, from: number, to: number): string {
  let text = from < to ? groupText(bytes, at + 2 * from) : "";
  for (let i = from + 1; i < to; i++) text += `:${groupText(bytes, at + 2 * i)}`;
  return text;
}

export function ipv6Text(bytes: Uint8Array, at: number): string {
  // the longest run of zero groups, the first of equals, at least two
  let best = 0;
  let bestStart = -1;
  for (let i = 0; i < 8; ) {
    let run = 0;
    while (i + run < 8 && bytes[at + 2 * (i + run)] === 0 && bytes[at + 2 * (i + run) + 1] === 0) run++;
    if (run > best) {
      best = run;
      bestStart = i;
    }
    i += run + 1;
  }
  if (best < 2) return groupsText(bytes, at, 0, 8);
  const mapped = best === 5 && bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
  if (bestStart === 0 && (best === 6 || mapped)) {
    return `${mapped ? "::ffff:" : "::"}${ipv4Text(bytes, at + 12)}`;
  }
  return `${groupsText(bytes, at, 0, bestStart)}::${groupsText(bytes, at, bestStart + best, 8)}`;
}
