// The two ways Linux writes an IPv6 address. A Flow holds RFC 5952 text, which differs from both in rare cases.

/** The eight groups of a textual address; undefined when the text is not IPv6. */
function parseGroups(text: string): number[] | undefined {
  const embedded = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (embedded) {
    const [, front, a, b, c, d] = embedded;
    const high = (Number(a) << 8) | Number(b);
    const low = (Number(c) << 8) | Number(d);
    return parseGroups(`${front}${high.toString(16)}:${low.toString(16)}`);
  }
  const halves = text.split("::");
  const [front = [], back = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - front.length - back.length;
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) return undefined;
  const zeros = Array.from({ length: missing }, () => "0");
  return [...front, ...zeros, ...back].map((group) => Number.parseInt(group, 16));
}

/** `/proc`: eight groups of four digits. Other text, such as IPv4, stays as it is. */
export function expandAddress(text: string): string {
  if (!text.includes(":")) return text;
  return (
    parseGroups(text)
      ?.map((group) => group.toString(16).padStart(4, "0"))
      .join(":") ?? text
  );
}

/**
 * The tools: inet_ntop of the C library. The longest run of zero groups, the first of equals, becomes `::`; when all
 * before the last 32 bits is `::` or `::ffff:`, these are written as IPv4. So RFC 5952's `::5:0` is `::0.5.0.0` here.
 */
export function compressAddress(text: string): string {
  const groups = text.includes(":") ? parseGroups(text) : undefined;
  if (groups === undefined) return text;
  const run = longestZeroRun(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (run.length < 2) return hex(groups);
  if (run.start === 0 && (run.length === 6 || (run.length === 5 && groups[5] === 0xffff))) {
    const bytes = groups.slice(6).flatMap((group) => [group >> 8, group & 255]);
    return `${run.length === 6 ? "::" : "::ffff:"}${bytes.join(".")}`;
  }
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  const longest = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > longest.length) Object.assign(longest, { start, length: end - start });
  }
  return longest;
}
