// Settings as one writes them in a line, and back: `name=value, name=value` and `ftp, tftp:6969`.
import { findSysctl, HELPERS } from "conntrack-wasm";
import type { Settings } from "../worker/messages";

/** What a line of settings gets wrong; the message names the word and the way out. */
export class SettingsError extends Error {}

/** Settings as the fields of a form hold them. */
export interface SettingsDraft extends Pick<Settings, "profile" | "checksum" | "rules"> {
  readonly sysctl: string;
  readonly helpers: string;
}

const wordsOf = (text: string) => text.split(/[\s,]+/).filter(Boolean);

export function parseSysctls(text: string): Record<string, number> {
  const settings: Record<string, number> = {};
  for (const word of wordsOf(text.replaceAll(/\s*=\s*/g, "="))) {
    const [, name = word, value] = /^([^=]+)=(.*)$/.exec(word) ?? [];
    if (value === undefined) throw new SettingsError(`"${word}": write name=number`);
    const sysctl = findSysctl(name);
    if (!sysctl) throw new SettingsError(`"${name}" is not a sysctl of connection tracking`);
    if (!/^\d+$/.test(value)) throw new SettingsError(`${name}: "${value}" is not a whole number`);
    if (Number(value) < sysctl.min) throw new SettingsError(`${name}: ${value} is less than ${sysctl.min}`);
    if (Number(value) > sysctl.max) throw new SettingsError(`${name}: ${value} is more than ${sysctl.max}`);
    settings[sysctl.name] = Number(value);
  }
  return settings;
}

/** `ftp` or `ftp:2121`, each checked; as text again, since that is what settings hold. */
export function parseHelpers(text: string): string[] {
  return wordsOf(text).map((word) => {
    parseHelper(word);
    return word;
  });
}

export function parseHelper(word: string): { name: string; port?: number } {
  const [, name, port] = /^([^:]+)(?::(\d{1,5}))?$/.exec(word) ?? [];
  if (name === undefined) throw new SettingsError(`helper "${word}": write NAME or NAME:PORT`);
  const helper = HELPERS.find((known) => known.name === name);
  if (helper === undefined) {
    throw new SettingsError(`there is no helper "${name}"; there are ${HELPERS.map((known) => known.name).join(", ")}`);
  }
  const number = port === undefined ? helper.port : Number(port);
  if (number < 1 || number > 65_535) throw new SettingsError(`helper ${name}: write a port from 1 to 65535 behind it`);
  return port === undefined ? { name } : { name, port: number };
}

/** Without what all sysctls begin with. */
export const shortSysctl = (name: string): string => name.replace(/^net\.netfilter\.nf_conntrack_/, "");

export function draftOf({ profile, checksum, rules, sysctl, helpers }: Settings): SettingsDraft {
  const lines = Object.entries(sysctl).map(([name, value]) => `${name.replace(/^net\.netfilter\./, "")}=${value}`);
  return { profile, checksum, rules, sysctl: lines.join(", "), helpers: helpers.join(", ") };
}

/** Throws {@link SettingsError}. */
export function settingsOf({ profile, checksum, rules, sysctl, helpers }: SettingsDraft): Settings {
  return { profile, checksum, rules, sysctl: parseSysctls(sysctl), helpers: parseHelpers(helpers) };
}

export const sameSettings = (a: Settings, b: Settings): boolean =>
  JSON.stringify(draftOf(a)) === JSON.stringify(draftOf(b));
