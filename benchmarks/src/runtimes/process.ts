// Node, Bun and Deno: a process each, rows on its standard output.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { PortableSettings } from "../portable.js";
import type { Row } from "../row.js";
import type { Say } from "./index.js";

const SCRIPT = fileURLToPath(new URL("./portable-main.js", import.meta.url));

/** Asks the questions with a command that runs a script. */
export async function* inProcess(
  name: string,
  [command = "", ...args]: readonly string[],
  settings: PortableSettings,
  say: Say,
): AsyncGenerator<Row, void> {
  const child = spawn(command, [...args, SCRIPT, JSON.stringify(settings)], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close").catch((error: Error) => error);
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line) as Row;
  const end = await ended;
  if (end instanceof Error)
    say(`${name}: left out: ${end.message}; \`npx -p ${name} npm run bench -- …\` brings it along`);
  else if (end[0] !== 0) say(`${name}: ended with ${end[0] ?? end[1]}; rows may be missing`);
}
