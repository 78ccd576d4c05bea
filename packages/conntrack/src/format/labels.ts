// Connection labels have names only in the user's map (connlabel.conf); the kernel knows bits.

/** true: the numbers of the bits serve as names. A map names bits; the tools leave out bits without a name. */
export type LabelNames = boolean | Readonly<Record<number, string>>;

/** null: nothing to tell. Empty: there are labels, but none has a name, and the tools say so much. */
export function labelNames(bits: readonly number[], names: LabelNames | undefined): string[] | null {
  if (!names || bits.length === 0) return null;
  if (names === true) return bits.map(String);
  return bits.flatMap((bit) => names[bit] ?? []);
}
