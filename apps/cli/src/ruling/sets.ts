// Files of `ipset save`: the sets that rules name.
import { type IpSet, parseSets } from "conntrack-iptables";
import { errorText, readText } from "../commands/rules.js";
import { messageOf } from "../exit.js";
import { note } from "../output.js";

/** Reads the files one after the other, as ipset would. Null when one cannot be read or has errors, which are then told. */
export async function readSetFiles(files: readonly string[]): Promise<Map<string, IpSet> | null> {
  const sets = new Map<string, IpSet>();
  let sound = true;
  for (const file of files) {
    try {
      const { errors } = parseSets(await readText(file), sets);
      for (const error of errors) note(errorText(file, error));
      if (errors.length > 0) sound = false;
    } catch (error) {
      note(`ctrack: ${file}: ${messageOf(error)}`);
      sound = false;
    }
  }
  return sound ? sets : null;
}

/** What rules may name. Null, so anything: nobody gave a set, and somebody says what sets answer. */
export function nameable(
  sets: ReadonlyMap<string, IpSet>,
  files: readonly string[],
  assume: readonly string[],
): ReadonlyMap<string, IpSet> | null {
  return files.length === 0 && assume.some((text) => text.startsWith("set=")) ? null : sets;
}
