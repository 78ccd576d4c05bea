// Connection labels have names only in the user's map (connlabel.conf); the kernel knows bits.

/** true: the numbers of the bits serve as names. A map names bits; the tools leave out bits without a name. */
export type LabelNames = boolean | Readonly<Record<number, string>>;

export function labelNames(bits: readonly number[], names: LabelNames | undefined): string[] {
  if (!names) return [];
  if (names === true) return bits.map(String);
  return bits.flatMap((bit) => names[bit] ?? []);
}
