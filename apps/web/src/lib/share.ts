// The settings in the address bar, so that what one sees can be passed on.
import { DEFAULT_SETTINGS, type RuleSettings, type Settings } from "../worker/messages";

/** Longer texts are not put there: addresses get cut. */
const LONGEST = 6000;

const isShort = ({ length }: string): boolean => length > 0 && length <= LONGEST;

/** What differs from the defaults, as words. */
export function sharedSettings({ profile, checksum, sysctl, helpers, rules }: Settings): Record<string, string> {
  const sysctls = Object.entries(sysctl).map(([name, value]) => `${name}=${value}`);
  return {
    ...(profile !== DEFAULT_SETTINGS.profile && { profile }),
    ...(checksum !== DEFAULT_SETTINGS.checksum && { checksum }),
    ...(sysctls.length > 0 && { sysctl: sysctls.join(",") }),
    ...(helpers.length > 0 && { helpers: helpers.join(",") }),
    ...(isShort(rules.text) && { rules: rules.text }),
    ...(isShort(rules.sets) && { sets: rules.sets }),
    ...(isShort(rules.timeoutPolicies) && { "timeout-policies": rules.timeoutPolicies }),
    ...(rules.interfaces !== "" && { interfaces: rules.interfaces }),
    ...(rules.hook !== "" && { hook: rules.hook }),
  };
}

export function settingsFrom(parts: URLSearchParams): Settings {
  const list = (name: string) => (parts.get(name) ?? "").split(",").filter(Boolean);
  const hook = (["INPUT", "FORWARD", "OUTPUT"] as const).find((known) => known === parts.get("hook"));
  const rules: RuleSettings = {
    text: parts.get("rules") ?? "",
    interfaces: parts.get("interfaces") ?? "",
    hook: hook ?? "",
    sets: parts.get("sets") ?? "",
    timeoutPolicies: parts.get("timeout-policies") ?? "",
  };
  const settings: Settings = {
    profile: parts.get("profile") === "linux-2.4" ? "linux-2.4" : "linux-6",
    checksum: (["verify", "ignore"] as const).find((known) => known === parts.get("checksum")) ?? "auto",
    sysctl: Object.fromEntries(
      list("sysctl").flatMap((text) => {
        const [, name, value] = /^([\w.]+)=(\d+)$/.exec(text) ?? [];
        return name === undefined ? [] : [[name, Number(value)]];
      }),
    ),
    helpers: list("helpers"),
    rules,
  };
  return Object.keys(sharedSettings(settings)).length === 0 ? DEFAULT_SETTINGS : settings;
}
