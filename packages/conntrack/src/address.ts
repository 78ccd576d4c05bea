// Addresses as text: IPv4 dotted, IPv6 as RFC 5952 §4 (with ::ffff:a.b.c.d as inet_ntop writes it).

export function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

export function ipv6Text(bytes: Uint8Array, at: number): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[at + i] ?? 0) << 8) | (bytes[at + i + 1] ?? 0));
  // the longest run of zero groups, the first of equals, at least two
  let best = 0;
  let bestStart = -1;
  for (let i = 0; i < 8; ) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > best) {
      best = run;
      bestStart = i;
    }
    i += run + 1;
  }
  if (best < 2) return groups.map((group) => group.toString(16)).join(":");
  if (bestStart === 0 && (best === 6 || (best === 5 && groups[5] === 0xffff))) {
    return `${best === 6 ? "::" : "::ffff:"}${ipv4Text(bytes, at + 12)}`;
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  return `${text(groups.slice(0, bestStart))}::${text(groups.slice(bestStart + best))}`;
}
