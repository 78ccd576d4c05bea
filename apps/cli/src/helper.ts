// How a helper and its port are written: `ftp`, or `ftp:2121`.
import type { Conntrack, HelperAssignment } from "conntrack-wasm";
import { UsageError } from "./exit.js";

export function parseHelper(text: string): HelperAssignment {
  const [, name, port] = /^([^:]+)(?::(\d+))?$/.exec(text) ?? [];
  if (name === undefined) throw new UsageError("write NAME or NAME:PORT");
  return port === undefined ? { name } : { name, port: Number(port) };
}

/** New connections to the port get the helper. Throws UsageError or ConntrackError with what is wrong with the text. */
export function assignHelper(engine: Conntrack, text: string): void {
  const { name, port } = parseHelper(text);
  engine.assignHelper(name, port);
}
