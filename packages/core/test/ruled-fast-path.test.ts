// Rules on established connections: the fast path and the exact way, with trees and without, must say and leave behind the same,
// events included.
import { describe, expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import type { FlowEvent } from "../../conntrack/src/index.js";
import { compileRules, readCounters } from "../../iptables/src/compile/index.js";
import { parsePlace } from "../../iptables/src/compile/place.js";
import { loadRules, parseRuleset, parseTimeoutPolicies, type Ruleset } from "../../iptables/src/index.js";
import { recordBlock, type TimedPacket } from "./support/blocks.js";
import { inspect, release } from "./support/builds.js";
import { Random } from "./support/random.js";
import { text } from "./support/run.js";

const COUNT = Number(process.env.ESTABLISHED_RULESETS ?? 24);
const SEED = Number(process.env.ESTABLISHED_SEED ?? 1);
const START = 1_700_000_000_000_000_000n;

const RAW = [
  "-p udp -m udp --dport 53 -j CT --notrack",
  "-p tcp -m tcp --dport 81 -j NOTRACK",
  "-p tcp -m tcp --dport 82 -j CT --zone 7",
  "-p tcp -m tcp --sport 82 -j CT --zone 7",
  "-p tcp -m tcp --dport 82 -j CT --zone-orig 7",
  "-p tcp -m tcp --sport 83 -j CT --zone-reply mark",
  "-p tcp -m tcp --dport 83 -j CT --timeout slow",
  "-p tcp -m tcp --dport 84 -j DROP",
  "-p tcp -m tcp --dport 85 -j CT --helper ftp",
  "-p tcp -m tcp --sport 80 -j CT --zone 0",
  "-m length --length 60:100 -j MARK --set-xmark 0x2/0x2",
  "-m statistic --mode nth --every 7 --packet 3 -j NOTRACK",
  "-m limit --limit 5/sec -j RETURN",
  "-p tcp -m recent --name seen --set",
  "-p tcp -m recent --name seen --rcheck --hitcount 9 -j CT --ctevents new",
  "-m cpu --cpu 3 -j DROP",
  "",
];
const MANGLE = [
  "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff",
  "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff",
  "-m length --length 1000:65535 -j CONNMARK --set-xmark 0x5/0xff",
  "-m conntrack --ctstate NEW -j MARK --set-xmark 0x1/0x1",
  "-m statistic --mode nth --every 5 --packet 0 -j CONNMARK --or-mark 0x100",
  "-m mark --mark 0x1/0x1 -m connlabel --label 9 --set",
  "-m connlabel --label 9 -j MARK --set-xmark 0x8/0x8",
  "-m connbytes --connbytes 5 --connbytes-dir both --connbytes-mode packets -j MARK --set-xmark 0x10/0x10",
  "-m conntrack --ctstatus ASSURED -j TTL --ttl-set 9",
  "-m connmark --mark 0x5/0xff -j ACCEPT",
  "",
];
const FILTER = [
  "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  "-m state --state ESTABLISHED -j a",
  "-m limit --limit 5/sec -j ACCEPT",
  "-m mark --mark 0x8/0x8 -j DROP",
  "-m ttl --ttl-lt 10 -j ACCEPT",
  "-i lan -j ACCEPT",
  "-m conntrack --ctdir REPLY -j RETURN",
  "-m conntrack --ctexpire 0:431990 -j DROP",
  "-p tcp -m tcp --dport 80:85 -j ACCEPT",
  "",
];

function ruleset(random: Random): Ruleset {
  const some = (from: readonly string[]) => Array.from({ length: random.below(6) }, () => random.pick(from));
  const rules = (chain: string, from: readonly string[]) => some(from).map((rule) => `-A ${chain} ${rule}`.trim());
  const tables = [
    ...(random.chance(0.5) ? ["*raw", ":PREROUTING ACCEPT", ...rules("PREROUTING", RAW), "COMMIT"] : []),
    ...(random.chance(0.6) ? ["*mangle", ...rules("PREROUTING", MANGLE), ...rules("FORWARD", MANGLE), "COMMIT"] : []),
    "*filter",
    `:FORWARD ${random.pick(["ACCEPT", "DROP"])}`,
    ":a -",
    ...rules("FORWARD", FILTER),
    ...rules("a", ["-m mark --mark 0x2/0x2 -j DROP", "-j ACCEPT", "-p tcp -m tcp --sport 80", ""]),
    "COMMIT",
    "",
  ];
  const { ruleset, errors } = parseRuleset(tables.join("\n"), { family: 4 });
  expect(errors).toEqual([]);
  return ruleset;
}

/** Handshakes, then data, ACKs and repetitions both ways; names asked for in between. */
function traffic(random: Random): TimedPacket[] {
  const connections = Array.from({ length: 8 }, (_, i) => ({
    sport: 1024 + i,
    dport: 80 + (i % 6),
    step: 0,
    next: [1, 1],
  }));
  let time = START;
  return Array.from({ length: 400 }, () => {
    time += BigInt(random.below(random.chance(0.05) ? 20e9 : 50e6));
    const connection = random.pick(connections);
    const back = connection.step < 3 ? connection.step === 1 : random.chance(0.5);
    const [mine, other] = back ? ([1, 0] as const) : ([0, 1] as const);
    const { sport, dport, next } = connection;
    const [src, dst] = back ? ["10.0.0.2", "10.0.0.1"] : ["10.0.0.1", "10.0.0.2"];
    const ports = back ? { sport: dport, dport: sport } : { sport, dport };
    const begins = connection.step < 2;
    const payload = begins || connection.step === 2 ? 0 : random.pick([0, 30, 1200]);
    const flags = connection.step === 0 ? "S" : connection.step === 1 ? "SA" : "A";
    const fields = {
      ...ports,
      flags,
      seq: next[mine] as number,
      ack: flags === "S" ? 0 : (next[other] as number),
      payload,
    };
    connection.step++;
    next[mine] = (next[mine] as number) + (begins ? 1 : payload);
    const udp = { ...ports, dport: 53, payload: 8 };
    const ip = packet({ src: src as string, dst: dst as string, ...(random.chance(0.05) ? { udp } : { tcp: fields }) });
    return { time, link: 1, data: Uint8Array.from([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, ...ip]) };
  });
}

/** Packets in a block: a long one leaves decoded packets behind the end of the next. */
const UNEVEN = [60, 7, 1, 33];

const SLOW = parseTimeoutPolicies("add timeout slow inet tcp established 9").policies;
const place = parsePlace(["lan=10.0.0.99/32", "wan"]);

function run(
  rules: Ruleset,
  packets: ReturnType<typeof traffic>,
  options: { fast: boolean; optimise: boolean; sizes?: readonly number[] },
): string[] {
  const { fast, optimise, sizes = [1] } = options;
  const program = compileRules(rules, { place, hook: "FORWARD", optimise, timeoutPolicies: SLOW });
  const settings = { seed: 1, max: 100, events: true, programSize: program.bytes.length };
  const { engine, core } = inspect(release, { ...settings, sysctl: { nf_conntrack_checksum: 0 } });
  loadRules(engine, program);
  core.setFastPath(fast);
  const seen: string[] = [];
  const events: FlowEvent[] = [];
  for (let at = 0, turn = 0; at < packets.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    for (const results of engine.trackBlock(recordBlock(packets.slice(at, at + size)))) {
      for (let i = 0; i < results.count; i++)
        seen.push(
          `${seen.length}: ${results.verdict(i)} ${results.state(i)} ${results.direction(i)} ${results.conn(i)} ${results.rule(i)}`,
        );
      events.push(...engine.takeEvents());
    }
    at += size;
  }
  const counters = readCounters(program, engine.programBytes);
  return [
    ...seen,
    ...events.map(text),
    text(counters),
    text([...engine.flows()]),
    text([engine.totals(), engine.stats()]),
  ];
}

describe("established connections under rules, on the fast path and off it", () => {
  test.each(Array.from({ length: COUNT }, (_, i) => i))("ruleset %i", (i) => {
    const random = new Random(SEED * 100_000 + i);
    const rules = ruleset(random);
    const packets = traffic(random);
    const exact = run(rules, packets, { fast: false, optimise: false });
    expect(run(rules, packets, { fast: true, optimise: true })).toEqual(exact);
    expect(run(rules, packets, { fast: true, optimise: false })).toEqual(exact);
    expect(run(rules, packets, { fast: true, optimise: true, sizes: UNEVEN })).toEqual(exact);
  });

  test("a mark that changes on the fast path is an event", () => {
    const rule = "-A FORWARD -m length --length 1000:65535 -j CONNMARK --set-xmark 0x5/0xff";
    const { ruleset } = parseRuleset(`*mangle\n${rule}\nCOMMIT\n`, { family: 4 });
    const packets = traffic(new Random(3));
    const lines = run(ruleset, packets, { fast: true, optimise: true });
    expect(
      lines.filter((line) => /"mark":5/.test(line) && /ESTABLISHED/.test(line) && /"update"/i.test(line)).length,
    ).toBeGreaterThan(0);
  });
});
