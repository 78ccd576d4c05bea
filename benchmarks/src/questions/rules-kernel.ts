// The kernel beside the question about rules: the same rulesets in ip_tables and in nf_tables (as iptables-nft fills it), and what a
// packet costs that none of them matches. A sender in one network namespace, the rules in INPUT of another, a veth pair
// between; the sender's own processor time is counted, which on a veth holds the receiver's softirq. Whatever else a packet
// costs on its way is what it costs without rules.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { percentiles } from "../percentiles.js";
import type { Row } from "../row.js";
import { rulesetText } from "../ruleset.js";
import type { Settings } from "./common.js";

const SIZES = [0, 10, 100, 1_000];
const LARGEST = 10_000;
const TABLES = [
  ["ip_tables", "iptables-legacy-restore"],
  ["nf_tables", "iptables-nft-restore"],
] as const;
const ROUNDS = 9;
const SENDER = fileURLToPath(new URL("../src/kernel/send.c", import.meta.url));

export async function* rulesKernel({ full }: Settings): AsyncGenerator<Row, void> {
  const missing = whatIsMissing();
  if (missing !== null) {
    console.error(`rules-kernel: left out: ${missing}`);
    return;
  }
  const scratch = mkdtempSync(join(tmpdir(), "conntrack-bench-"));
  const places = TABLES.map(([name, restore], i) => new Place(name, restore, i));
  const remove = () => {
    for (const place of places) place.remove();
    rmSync(scratch, { recursive: true, force: true });
  };
  const leave = () => {
    remove();
    process.exit(130);
  };
  process.once("SIGINT", leave).once("SIGTERM", leave);
  try {
    const sender = join(scratch, "send");
    execFileSync("cc", ["-O2", "-o", sender, SENDER]);
    for (const place of places) place.make();
    for (const size of full ? [...SIZES, LARGEST] : SIZES) {
      for (const place of places) place.load(size);
      const times = places.map((): number[] => []);
      for (let round = 0; round < ROUNDS; round++)
        for (const [i, place] of places.entries()) times[i]?.push(place.send(sender, size < 1_000 ? 20_000 : 2_000));
      const rounds = times.map((own) => percentiles(own));
      yield* places.map(({ name }, i): Row => {
        const ns = rounds[i] as (typeof rounds)[number];
        const ratio = ns.p50 / (rounds[0] as typeof ns).p50;
        const question = `kernel, ${size} rules`;
        const runtime = `linux ${execFileSync("uname", ["-r"], { encoding: "utf8" }).trim()}`;
        return {
          question,
          contender: name,
          flows: 0,
          nsPerPacket: ns,
          bytesPerFlow: null,
          runtime,
          per: "packet",
          ratio,
          variant: false,
        };
      });
    }
  } finally {
    process.off("SIGINT", leave).off("SIGTERM", leave);
    remove();
  }
}

function whatIsMissing(): string | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need root, on Linux";
  for (const tool of ["ip", "cc", "uname", ...TABLES.map(([, restore]) => restore)])
    if (spawnSync("which", [tool]).status !== 0) return `${tool} is not installed`;
  return null;
}

/** Two namespaces with a cable between them. */
class Place {
  readonly #from: string;
  readonly #to: string;

  constructor(
    readonly name: string,
    private readonly restore: string,
    number: number,
  ) {
    this.#from = `bench-${process.pid}-${number}a`;
    this.#to = `bench-${process.pid}-${number}b`;
  }

  make(): void {
    const [from, to] = [this.#from, this.#to];
    for (const name of [from, to]) run("netns", "add", name);
    run("-n", from, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", to);
    for (const [name, address] of [
      [from, "10.9.0.1/24"],
      [to, "10.9.0.2/24"],
    ] as const) {
      run("-n", name, "addr", "add", address, "dev", "cable");
      run("-n", name, "link", "set", "cable", "up");
    }
  }

  load(size: number): void {
    const input = rulesetText(size, false).replaceAll("FORWARD", "INPUT").replace(":INPUT ACCEPT [0:0]\n", "");
    execFileSync("ip", ["netns", "exec", this.#to, this.restore], { input });
  }

  /** Nanoseconds a packet. */
  send(sender: string, packets: number): number {
    const args = ["netns", "exec", this.#from, sender, "10.9.0.2", String(packets)];
    return Number(execFileSync("ip", args, { encoding: "utf8" }));
  }

  remove(): void {
    for (const name of [this.#from, this.#to]) spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  }
}

function run(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
