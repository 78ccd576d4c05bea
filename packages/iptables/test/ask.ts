// What iptables itself says of rule lines: each is restored alone into an empty table of a network namespace that exists for
// this one shell only, and what iptables-save then prints is the canonical form.
import { spawnSync } from "node:child_process";
import type { Family } from "../src/index.js";

const SEPARATOR = "@@@@";

export interface Question {
  family: Family;
  table: string;
  rule: string;
}

export interface Answer {
  accepted: boolean;
  canonical: string[];
  error: string;
}

/** Around a rule: what a file needs, with a chain `user` to jump to. */
export const fileOf = ({ table, rule }: Question): string => `*${table}\n:user - [0:0]\n${rule}\nCOMMIT\n`;

/** Why the kernel cannot be asked here, or null. */
export function reasonNotToAsk(): string | null {
  const probe = spawnSync("unshare", ["-n", "iptables-restore", "--test"], {
    input: "*filter\nCOMMIT\n",
    encoding: "utf8",
  });
  if (probe.error) return `no unshare: ${probe.error.message}`;
  if (probe.status !== 0) return `iptables cannot be asked: ${probe.stderr.trim()}`;
  const version = spawnSync("iptables", ["--version"], { encoding: "utf8" }).stdout.trim();
  return version === "iptables v1.8.9 (nf_tables)"
    ? null
    : `this is ${version}, the answers are those of 1.8.9 (nf_tables)`;
}

/** A table of hashlimit stays for a while and takes no other mode under its name: these lines get a namespace each. */
const LEAVES_TRACES = /rate-match/;

/** What is done for one line. */
const ONE = `timeout 10 "$1"-restore < rules > error 2>&1
echo "${SEPARATOR} $?"; cat error; echo; echo "${SEPARATOR} saved"
"$1"-save -t "$2" | grep -a -e '^-A'
`;

/** `before`: shell commands for the namespace in which all are asked. */
export function ask(questions: readonly Question[], before = ""): Answer[] {
  const script = ['cd "$(mktemp -d)" || exit 1', "trap 'rm -rf \"$PWD\"' EXIT", before];
  script.push(`cat > one <<'${SEPARATOR}'`, `${ONE}${SEPARATOR}`);
  for (const question of questions) {
    const tool = question.family === 6 ? "ip6tables" : "iptables";
    script.push(
      `cat > rules <<'${SEPARATOR}'`,
      `${fileOf(question)}${SEPARATOR}`,
      `${LEAVES_TRACES.test(question.rule) ? "unshare -n " : ""}bash one ${tool} ${question.table}`,
    );
  }
  const { stdout, error } = spawnSync("unshare", ["-n", "bash", "-s"], {
    input: script.join("\n"),
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  const parts = stdout.split(`${SEPARATOR} `).slice(1);
  return questions.map((_, i) => {
    const [status, ...message] = (parts[2 * i] ?? "").split("\n");
    const accepted = status === "0";
    const canonical = (parts[2 * i + 1] ?? "").split("\n").slice(1, -1);
    return { accepted, canonical: accepted ? canonical : [], error: message.join("\n").trim() };
  });
}
