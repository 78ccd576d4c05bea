// Run by Node, Bun and Deno alike: settings as JSON in the first argument, a row as JSON on each line.
import { askPortable, type PortableSettings } from "./portable.js";

const settings = JSON.parse(process.argv[2] ?? "{}") as PortableSettings;
await askPortable(
  settings,
  (row) => console.log(JSON.stringify(row)),
  (text) => console.error(text),
);
