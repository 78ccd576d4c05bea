// The engine as the settings want it: sysctls, helpers, rules.
import type { Program } from "conntrack-iptables";
import { Conntrack } from "conntrack-wasm";
import type { RuleSettings, Settings } from "./messages";

const CAPACITY = 262_144;

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
    max: Math.max(max, wanted),
    seed: 0,
    profile: settings.profile,
    trace: true,
    sysctl: settings.sysctl,
    helpers: settings.helpers.map(parseHelper),
    programSize: program?.bytes.length ?? 0,
  });
  if (ignoreChecksums) engine.setSysctl("nf_conntrack_checksum", 0);
  if (program) engine.loadProgram(program.bytes);
  return engine;
}

/** `ftp` or `ftp:2121` */
function parseHelper(text: string): { name: string; port?: number } {
  const [, name, port] = /^([^:\s]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (name === undefined) throw new Error(`helper "${text}": write NAME or NAME:PORT`);
  return port === undefined ? { name } : { name, port: Number(port) };
}
