// Limits that hold for all network namespaces and are set in the first one only: nf_conntrack_max, nf_conntrack_expect_max.
//
// Whoever tracks connections on this machine lives under them, so they are low for the moment a few packets take. A shell of
// its own puts the old value back: when it is told, when this process ends in whatever way (its end of the pipe closes), and
// after ten seconds at the latest. It holds a lock meanwhile, so that nobody takes our value for the old one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";

const LOCK = "/run/lock/conntrack-conformance";
const pathOf = (name: string) => `/proc/sys/net/netfilter/${name}`;

const SCRIPT = `
exec 9>"$LOCK" && flock -w 90 9 || exit 1
before=$(cat "$SYSCTL") || exit 1
trap 'echo "$before" > "$SYSCTL"' EXIT
trap 'exit 1' HUP INT TERM
echo "$VALUE" > "$SYSCTL" && echo held
timeout 10 cat > /dev/null
`;

/** The machine was so busy that the limit had to be put back before `use` was done. */
export class LimitEnded extends Error {}

/** Runs `use` while the sysctl has this value for the whole machine; throws `LimitEnded` if it did not have it to the end. */
export async function withGlobalLimit<T>(name: string, value: number, use: () => Promise<T>): Promise<T> {
  const env = { ...process.env, LOCK, SYSCTL: pathOf(name), VALUE: String(value) };
  const shell = spawn("/bin/sh", ["-c", SCRIPT], { env, stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(shell, "exit");
  try {
    const [said] = (await Promise.race([once(shell.stdout, "data"), ended])) as [unknown];
    if (!String(said).startsWith("held")) throw new Error(`${name} cannot be set here`);
    const result = await use();
    if (shell.exitCode !== null) throw new LimitEnded(`${name} was put back after ten seconds; is the machine busy?`);
    return result;
  } finally {
    shell.stdin.end();
    await ended;
  }
}

const TRIES = 3;
/** Milliseconds a test under a limit may take: others may hold it, too. */
export const PATIENCE = 240_000;

/** Again if the machine was too busy to send a few packets within ten seconds. */
export async function inTime<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof LimitEnded) || tries === TRIES) throw error;
    }
  }
}

/** Why such a limit cannot be set here; "" when it can. */
export function whyNoGlobalLimit(name: string): string {
  try {
    accessSync(pathOf(name), constants.W_OK);
    return "";
  } catch {
    return `${name} cannot be written: not the first network namespace, or no root`;
  }
}
