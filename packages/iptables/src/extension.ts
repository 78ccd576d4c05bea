import type { Context, GivenOptions, Options } from "./option.js";
import type { Family, Match, Target } from "./ruleset.js";

interface Common {
  name: string;
  /** Where it exists; both unless said. */
  family?: Family;
  /** The kernel takes it only for these protocols. */
  protocols?: readonly number[];
  /** The kernel takes it only in these tables, */
  tables?: readonly string[];
  /** and only in these built-in chains. */
  chains?: readonly string[];
  options: Options;
}

/** `-m NAME`: its options, how they become a Match, and how that is printed (without `-m NAME`). */
export interface MatchExtension extends Common {
  build(given: GivenOptions<Options>, context: Context): Match | null;
  print(match: Match, family: Family): string;
}

/** `-j NAME` */
export interface TargetExtension extends Common {
  build(given: GivenOptions<Options>, context: Context): Target;
  print(target: Target, family: Family): string;
}

type Definition<O extends Options, M> = Omit<Common, "options"> & {
  options: O;
  /** null: a test that iptables forgets. */
  build(given: GivenOptions<O>, context: Context): M | null;
  print(match: M, family: Family): string;
};

export const match = <O extends Options, M extends Match>(definition: Definition<O, M>): MatchExtension =>
  definition as unknown as MatchExtension;

export const target = <O extends Options, T extends Target>(definition: Definition<O, T>): TargetExtension =>
  definition as unknown as TargetExtension;
