// Rulesets as programs write them over real captures, in the kernel and here, every counter equal. RULED_CAPTURES=. runs each
// ruleset over each capture, RULED_CAPTURES=ufw those whose name has it; without it every ruleset gets a share of them all.
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CaptureError, openFile } from "conntrack-capture/node";
import { describe, test } from "vitest";
import { findIp } from "../../conformance/src/link-layers.js";
import { type Duel, duels } from "./duel.js";
import { PROGRAMS } from "./programs.js";
import { SAMPLES } from "./rulesets.js";

const CAPTURES = fileURLToPath(new URL("../../../../shared/captures/", import.meta.url));
const SAMPLE_CAPTURES = fileURLToPath(new URL("../../../samples/", import.meta.url));
const ALL = process.env.RULED_CAPTURES;
/** Packets of a capture, and of a ruleset's share. */
const MOST = ALL ? 400 : 60;
const SHARE = ALL ? 400 : 150;

const STYLES =
  /^(ufw|firewalld|Shorewall|Docker|kube-proxy|example|jump|dropped|state|conntrack|untracked|marks|a workstation|the issue)/;
// What depends on the time between packets is compared by tests that say when each is sent.
const byTime = ({ rules, text = "", times }: Duel) =>
  times !== undefined || /hashlimit|connlimit|--seconds/.test(`${rules}${text}`);
const RULESETS: readonly Duel[] = [...SAMPLES.map((sample): Duel => ({ ...sample, packets: [] })), ...PROGRAMS].filter(
  (duel) => STYLES.test(duel.name) && !byTime(duel),
);

/** The sum of the header's words, checksum included, is 0xffff; offload leaves some out, and the IP layer drops those. */
function isSound(ip: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += ((ip[i] ?? 0) << 8) | (ip[i + 1] ?? 0);
  return (sum & 0xffff) + (sum >>> 16) === 0xffff;
}

/** The packets of IPv4 that a router sends on: unicast, with hops left, whole. */
function isForwarded(ip: Uint8Array): boolean {
  const [src, dst] = [ip[12] ?? 0, ip[16] ?? 0];
  const unicast = (first: number) => first > 0 && first < 224 && first !== 127;
  const fragment = (((ip[6] ?? 0) & 0x3f) << 8) | (ip[7] ?? 0);
  return (
    ip[0] === 0x45 &&
    unicast(src) &&
    unicast(dst) &&
    (ip[8] ?? 0) > 1 &&
    fragment === 0 &&
    ip.length < 60_000 &&
    (((ip[2] ?? 0) << 8) | (ip[3] ?? 0)) <= ip.length && // cut short: the IP layer drops it before any rule
    isSound(ip)
  );
}

async function packetsOf(path: string): Promise<Uint8Array[]> {
  const packets: Uint8Array[] = [];
  try {
    const capture = await openFile(path);
    for await (const { data, length, interface: number } of capture.packets()) {
      const found = findIp(capture.interfaces[number]?.link ?? -1, data);
      if (!("at" in found) || length !== data.length || data.length - found.at < 20) continue;
      const ip = data.slice(found.at);
      if (!isForwarded(ip)) continue;
      packets.push(ip);
      if (packets.length === MOST) break;
    }
    await capture.close();
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error; // all packets before the damage were read
  }
  return packets;
}

async function allCaptures(): Promise<{ name: string; packets: Uint8Array[] }[]> {
  const found = [];
  for (const directory of [SAMPLE_CAPTURES, CAPTURES])
    for (const name of existsSync(directory) ? readdirSync(directory).sort() : []) {
      if (!/\.(pcap|pcapng)(\.gz)?$/.test(name)) continue;
      const packets = await packetsOf(directory + name);
      if (packets.length > 0) found.push({ name, packets });
    }
  return found;
}

const captures = await allCaptures();
const plan: Duel[] = ALL
  ? RULESETS.filter(({ name }) => new RegExp(ALL).test(name)).flatMap((duel) =>
      captures.map(({ name, packets }) => ({ ...duel, name: `${duel.name} × ${name}`, packets })),
    )
  : RULESETS.map((duel, i) => {
      const own = captures.filter(
        (_, k) => k % RULESETS.length === i % captures.length || (k * 7 + i) % RULESETS.length === 0,
      );
      return {
        ...duel,
        name: `${duel.name} × ${own.map(({ name }) => name).join(", ")}`,
        packets: own.flatMap(({ packets }) => packets).slice(0, SHARE),
      };
    });

describe(`captures: ${existsSync(CAPTURES) ? captures.length : `${captures.length}, without those of ../shared/captures`}`, () => {
  test.skipIf(ALL)("at least 20 rulesets have packets", ({ expect }) => {
    expect(plan.filter(({ packets }) => packets.length > 0).length).toBeGreaterThanOrEqual(20);
  });
});
await duels(
  "rulesets over captures in the kernel",
  plan.filter(({ packets }) => packets.length > 0),
);
