// The numbers of the rule program, for those who compile one: packages/core/assembly/filter/numbers.ts draws the layout.
import * as numbers from "@conntrack-wasm/core/filter";

export const program = { ...numbers };

/** What is wrong with a program, by FAULT_* of packages/core/assembly/filter/fault.ts. */
export const PROGRAM_FAULTS: readonly string[] = [
  "nothing",
  "its header does not fit it",
  "the place of the box is not one",
  "a rule is cut off or has no number",
  "a match is none, or has not the arguments it needs",
  "a target is none, or has not the arguments it needs",
  "a chain does not end with its policy",
  "an entry of a chain leads nowhere, or back",
  "a tree leads nowhere, or back",
  "a table of remembered addresses is damaged",
  "its chains call one another too often",
  "a set does not fit its table, or a list holds what is no set",
];
