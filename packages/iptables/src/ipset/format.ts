// Sets as `ipset save` prints them. Elements come in the order in which they were added; the kernel's is that of its hash.
import { formatEntryOptions, formatOptions } from "./options.js";
import type { IpSet } from "./types.js";

export function formatSets(sets: Iterable<IpSet>): string {
  const lines: string[] = [];
  for (const set of sets) {
    lines.push(`create ${set.name} ${set.type} ${formatOptions(set)}`.trimEnd());
    for (const [element, entry] of set.entries)
      lines.push(`add ${set.name} ${element} ${formatEntryOptions(set, entry)}`.trimEnd());
  }
  return lines.map((line) => `${line}\n`).join("");
}
