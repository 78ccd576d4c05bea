// What rules name that lies outside of them: sets of ipset, timeout policies; a file or several of each.
import {
  type IpSet,
  type ParseOptions,
  parseSets,
  parseTimeoutPolicies,
  type RuleError,
  type TimeoutPolicy,
} from "conntrack-iptables";
import { errorText, readText } from "../commands/rules.js";
import { messageOf } from "../exit.js";
import { note } from "../output.js";

export interface OutsideOptions {
  readonly ipset: readonly string[];
  readonly timeoutPolicies: readonly string[];
}

export interface Outside {
  readonly sets: ReadonlyMap<string, IpSet>;
  readonly timeoutPolicies: ReadonlyMap<string, TimeoutPolicy>;
}

/** What rules may name, as the parser takes it. */
export type Nameable = Pick<ParseOptions, "sets" | "timeoutPolicies">;

/** Reads the files one after the other. Null when one cannot be read or has errors, which are then told. */
export async function readOutside({ ipset, timeoutPolicies }: OutsideOptions): Promise<Outside | null> {
  const found = { sets: new Map<string, IpSet>(), timeoutPolicies: new Map<string, TimeoutPolicy>() };
  const sound = [
    await readAll(ipset, (text) => parseSets(text, found.sets).errors),
    await readAll(timeoutPolicies, (text) => parseTimeoutPolicies(text, found.timeoutPolicies).errors),
  ];
  return sound.every(Boolean) ? found : null;
}

async function readAll(files: readonly string[], read: (text: string) => readonly RuleError[]): Promise<boolean> {
  let sound = true;
  for (const file of files) {
    try {
      const errors = read(await readText(file));
      for (const error of errors) note(errorText(file, error));
      if (errors.length > 0) sound = false;
    } catch (error) {
      note(`ctrack: ${file}: ${messageOf(error)}`);
      sound = false;
    }
  }
  return sound;
}

/** What rules that run may name. Any set: nobody gave one, and somebody says what sets answer. */
export function nameable(
  { sets, timeoutPolicies }: Outside,
  { ipset, assume }: { readonly ipset: readonly string[]; readonly assume: readonly string[] },
): Nameable {
  const anySet = ipset.length === 0 && assume.some((text) => text.startsWith("set="));
  return { ...(!anySet && { sets }), timeoutPolicies };
}
