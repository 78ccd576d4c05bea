// The kernel's side: a namespace in which conntrack(8) listens in every form while packets pass, and prints everything at
// the moments the script names.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kernel } from "../kernel.js";
import { RULED } from "../ruled.js";
import { EVENT_FORMS, EXPECT_EVENT_FORMS, READINGS } from "./forms.js";
import type { OutputScript, Step } from "./script.js";

/** Everything the kernel and its tool said; times are nanoseconds since the epoch, as text. */
export interface Printed {
  readonly steps: readonly PrintedStep[];
  /** By the form's name: all of standard output. */
  readonly events: Readonly<Record<string, string>>;
}

export interface PrintedStep {
  /** Of packets: when each was sent. Of a flush: before and after it. Of the rest: one moment. */
  readonly times: readonly string[];
  /** Of readings, in their order. */
  readonly readings?: readonly PrintedReading[];
}

/** Printed between two moments. */
export interface PrintedReading {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

const LISTENERS = [...EVENT_FORMS, ...EXPECT_EVENT_FORMS].map(({ name }) => name);
const STAT = READINGS.filter(({ name }) => name === "stat");
/** Seconds a listener lives at most, should we die. */
const LIFE = 60;
/** Bytes of a listener's socket: many events come at once. The tool leaves that of expectations as it is. */
const BUFFER = 8 << 20;
/** Milliseconds between the last packet and what is printed: more than the kernel's tick. */
const SETTLE = 20;

export async function askOutputs(script: OutputScript): Promise<Printed> {
  const { sysctls = {}, iptables, ip6tables } = script;
  const rules = script.ruled ? RULED : { ...(iptables && { iptables }), ...(ip6tables && { ip6tables }) };
  const folder = mkdtempSync(join(tmpdir(), "outputs-"));
  let kernel: Kernel | null = null;
  try {
    kernel = await Kernel.open({ sysctls, ...rules });
    return await new Asked(kernel, folder, script).run();
  } finally {
    await kernel?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

class Asked {
  #sent = 0;
  #zero = 0n;

  constructor(
    readonly kernel: Kernel,
    readonly folder: string,
    readonly script: OutputScript,
  ) {}

  async run(): Promise<Printed> {
    const { kernel, folder, script } = this;
    const { oracle } = kernel;
    writeFileSync(join(folder, "connlabel.conf"), labelFile(script));
    const pids = (await this.#shell(listenScript(folder))).trim();
    const steps: PrintedStep[] = [];
    try {
      await kernel.reset();
      this.#zero = await kernel.startClock();
      steps.push({ times: [], readings: await this.#read(STAT) });
      for (const step of script.steps) steps.push(await this.#step(step));
    } finally {
      await oracle.script(endScript(pids));
    }
    const events = LISTENERS.map((name, i) => [name, readFileSync(join(folder, `${i}`), "utf8")]);
    return { steps, events: Object.fromEntries(events) };
  }

  async #step(step: Step): Promise<PrintedStep> {
    const { kernel } = this;
    if (step.kind === "packets") {
      const decisions = await kernel.track(step.packets, { realtime: true, after: false, times: true }, this.#sent);
      this.#sent += step.packets.length;
      return { times: decisions.map(({ t = 0 }) => `${this.#zero + BigInt(Math.round(t * 1e6)) * 1000n}`) };
    }
    await sleep(step.kind === "wait" ? Number((this.#zero - wallClock()) / 1_000_000n) + step.until : SETTLE);
    if (step.kind === "wait") return { times: [`${wallClock()}`] };
    if (step.kind === "flush") {
      const moments = await kernel.oracle.script("date +%s%N; conntrack -F 2>/dev/null; date +%s%N");
      return { times: moments.trim().split("\n") };
    }
    const readings = await this.#read(READINGS);
    return { times: [readings[0]?.from as string], readings };
  }

  async #read(readings: typeof READINGS): Promise<PrintedReading[]> {
    const lines = ["export TZ=UTC", "mark() { printf '\\001%s\\n' \"$(date +%s%N)\"; }", "mark"];
    for (const { command } of readings) lines.push(command, "mark");
    const text = await this.#shell(`${lines.join("\n")}\n`);
    const parts = text.split("\x01").slice(1);
    return readings.map((_, i) => {
      const [from = "", ...printed] = (parts[i] as string).split("\n");
      return { from, to: (parts[i + 1] as string).split("\n", 1)[0] as string, text: printed.join("\n") };
    });
  }

  /** Runs a script where the tool finds the names of labels: in /etc/xtables only, so it gets an /etc of its own. */
  async #shell(text: string): Promise<string> {
    const { folder, script, kernel } = this;
    if (!script.labels) return kernel.oracle.script(text);
    writeFileSync(join(folder, "script"), text);
    return kernel.oracle.script(`unshare -m sh -ec '
      mkdir -p ${folder}/etc
      mount -t tmpfs none ${folder}/etc
      mkdir -p ${folder}/etc/up/xtables ${folder}/etc/work
      cp ${folder}/connlabel.conf ${folder}/etc/up/xtables
      mount -t overlay overlay -o lowerdir=/etc,upperdir=${folder}/etc/up,workdir=${folder}/etc/work /etc
      sh ${folder}/script'`);
  }
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));

/** Nanoseconds since the epoch, to the microsecond. */
const wallClock = (): bigint => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;

/** Starts the listeners, waits until all have their socket, and prints their process ids. */
function listenScript(folder: string): string {
  const started = LISTENERS.map(
    (name, i) =>
      `timeout ${LIFE} conntrack ${name}${name.startsWith("-E expect") ? "" : ` -b ${BUFFER}`} >${folder}/${i} 2>/dev/null & printf '%s ' $!`,
  );
  return `export TZ=UTC
${started.join("\n")}
n=0
while [ $(awk '$2 == 12 && $4 != "00000000"' /proc/net/netlink | wc -l) -lt ${LISTENERS.length + 1} ]; do
  n=$((n + 1)); [ $n -lt 500 ] || exit 1
  sleep 0.01
done
`;
}

/** Lets them read what is left, ends them and waits for their last line. */
function endScript(pids: string): string {
  return `sleep 0.1
kill -TERM ${pids} 2>/dev/null
n=0
for pid in ${pids}; do
  while kill -0 $pid 2>/dev/null && [ $n -lt 500 ]; do n=$((n + 1)); sleep 0.01; done
done
`;
}

const labelFile = ({ labels = {} }: OutputScript): string =>
  Object.entries(labels)
    .map(([bit, name]) => `${bit}\t${name}\n`)
    .join("");
