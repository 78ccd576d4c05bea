// The numbers of the rule program, for those who compile one: packages/core/assembly/filter/numbers.ts draws the layout.
import * as numbers from "@conntrack-wasm/core/filter";

export const program = { ...numbers };
