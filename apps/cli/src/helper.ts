// How a helper and its port are written: `ftp`, or `ftp:2121`.
import type { Conntrack } from "conntrack-wasm";
import { UsageError } from "./exit.js";

/** New connections to the port get the helper. Throws UsageError or ConntrackError with what is wrong with the text. */
export function assignHelper(engine: Conntrack, text: string): void {
  const [, name, port] = /^([^:]+)(?::(\d+))?$/.exec(text) ?? [];
  if (name === undefined) throw new UsageError("write NAME or NAME:PORT");
  engine.assignHelper(name, port === undefined ? undefined : Number(port));
}
