// The portable questions, wherever there is WebAssembly: bundled into one file with the module beside it, for Node, Bun,
// Deno and pages alike.
import type { Row } from "./row.js";
import { PORTABLE } from "./suite.js";

export interface PortableSettings {
  readonly full: boolean;
  readonly budget: number;
  readonly only: string | null;
}

/** Asks the questions and hands over each row; a question that fails is told as well, and the rest goes on. */
export async function askPortable(
  { full, budget, only }: PortableSettings,
  takeRow: (row: Row) => unknown,
  takeFailure: (text: string) => unknown,
): Promise<void> {
  for (const [name, question] of Object.entries(PORTABLE)) {
    if (only !== null && !name.includes(only)) continue;
    try {
      for await (const row of question({ full, budget, against: null })) await takeRow(row);
    } catch (error) {
      await takeFailure(`${name}: ${(error as Error).stack ?? error}`);
    }
  }
}
