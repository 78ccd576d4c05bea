// The words rules are made of, for editors that offer them.
import { MATCHES } from "./match/index.js";
import type { Family } from "./ruleset.js";
import { TARGETS } from "./target/index.js";

export interface Vocabulary {
  /** Names after `-m`, each with its options. */
  readonly matches: Readonly<Record<string, readonly string[]>>;
  /** Names after `-j`, each with its options. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
}

export function vocabulary(family: Family): Vocabulary {
  const words = (extensions: typeof MATCHES | typeof TARGETS) =>
    Object.fromEntries(
      extensions
        .filter((extension) => (extension.family ?? family) === family)
        .map(({ name, options }) => [name, Object.values(options).map(({ names: [first = ""] }) => `--${first}`)]),
    );
  return { matches: words(MATCHES), targets: words(TARGETS) };
}
