// The engine as the settings want it: sysctls, helpers, rules.
import type { Program } from "conntrack-iptables";
import { Conntrack } from "conntrack-wasm";
import { parseHelper } from "../lib/settings-text";
import type { RuleSettings, Settings } from "./messages";

const CAPACITY = 262_144;
/** More than a wasm memory holds. */
const MOST = 28_000_000;

/** The rules as a program, null without; the reader of rules is loaded when there are some. */
export async function programOf(rules: RuleSettings): Promise<Program | null> {
  if (rules.text.trim() === "") return null;
  const { compileText } = await import("../lib/rules");
  return compileText(rules);
}

export async function openEngine(
  settings: Settings,
  ignoreChecksums: boolean,
  program: Program | null,
  max = CAPACITY,
): Promise<Conntrack> {
  const wanted = settings.sysctl["net.netfilter.nf_conntrack_max"] ?? 0;
  const engine = await Conntrack.open({
    max: Math.max(max, Math.min(wanted, MOST)),
    seed: 0,
    profile: settings.profile,
    trace: true,
    sysctl: settings.sysctl,
    helpers: settings.helpers.map(parseHelper),
    programSize: program?.bytes.length ?? 0,
  });
  if (ignoreChecksums) {
    engine.setSysctl("nf_conntrack_checksum", 0);
    engine.setSysctl("capture.offload", 1);
  }
  if (program) (await import("../lib/rules")).loadRules(engine, program);
  return engine;
}
