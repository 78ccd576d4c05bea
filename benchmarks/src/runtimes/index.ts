// The same questions in every runtime there is, one after the other.
import type { PortableSettings } from "../portable.js";
import type { Row } from "../row.js";
import { CHROMIUM, FIREFOX, inBrowser } from "./browser.js";
import { inProcess } from "./process.js";

export type Say = (text: string) => void;

/** Rows of all runtimes. What is not there, or fails, is said with the way to get it. */
export async function* everywhere(settings: PortableSettings, say: Say): AsyncGenerator<Row, void> {
  yield* inProcess("node", [process.execPath], settings, say);
  yield* inProcess("bun", ["bun"], settings, say);
  yield* inProcess("deno", ["deno", "run", "--allow-all"], settings, say);
  yield* inBrowser(CHROMIUM, settings, say);
  yield* inBrowser(FIREFOX, settings, say);
}
